//! Texts of a file that anybody may have made, as they may stand in a message and in a line of a log.

/// Bytes that are shown of a text.
const LONGEST: usize = 80;

/// The beginning of a text, with what is no letter written out: no text of a file breaks a line.
pub(crate) fn readable(text: impl AsRef<[u8]>) -> String {
    let text = text.as_ref();
    let shown = String::from_utf8_lossy(&text[..text.len().min(LONGEST)]);
    let more = if text.len() > LONGEST { "…" } else { "" };
    format!("{}{more}", shown.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_short_and_of_one_line_whatever_is_in_it() {
        assert_eq!(readable("reg:cubed"), "reg:cubed");
        assert_eq!(readable("x\nERROR \u{1b}[31m"), "x\\nERROR \\u{1b}[31m");
        assert!(readable(vec![0xff; 1 << 20]).len() <= 4 * LONGEST);
        assert!(readable("A".repeat(100)).ends_with("A…"));
    }
}
