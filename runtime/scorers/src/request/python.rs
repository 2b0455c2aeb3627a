//! Python's words and readings, which clients of the container see: numbers, exceptions, `repr`.

/// A Python exception that the container would have met: its class and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raised {
    /// `ValueError`
    pub(super) class: &'static str,
    /// What `str()` of it says.
    pub(super) text: String,
}

impl Raised {
    pub(super) fn value_error(text: impl Into<String>) -> Self {
        Self { class: "ValueError", text: text.into() }
    }

    /// What XGBoost says of ±∞, which it takes for a mistake.
    pub(super) fn infinite() -> Self {
        let text = "Check failed: valid: Input data contains `inf` or a value too large, while \
                    `missing` is not set to `inf`";
        Self { class: "xgboost.core.XGBoostError", text: text.into() }
    }
}

/// The payload without the white space around it, as UTF-8.
pub(super) fn text(body: &[u8]) -> Result<&str, Raised> {
    let body = trimmed(body);
    std::str::from_utf8(body).map_err(|error| {
        let start = error.valid_up_to();
        let end = error.error_len().map_or(body.len(), |length| start + length);
        let which = match body[start..end] {
            [byte] => format!("byte {byte:#04x} in position {start}"),
            _ => format!("bytes in position {start}-{}", end - 1),
        };
        let what = match error.error_len() {
            None => "unexpected end of data",
            Some(_) if matches!(body[start], 0xC2..=0xF4) => "invalid continuation byte",
            Some(_) => "invalid start byte",
        };
        let text = format!("'utf-8' codec can't decode {which}: {what}");
        Raised { class: "UnicodeDecodeError", text }
    })
}

/// Python's `bytes.strip()`.
fn trimmed(body: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = body.iter().position(|byte| !space(byte)).unwrap_or(body.len());
    let end = body.iter().rposition(|byte| !space(byte)).map_or(start, |last| last + 1);
    &body[start..end]
}

/// Python's `float(text)` of a text in a NumPy array, as far as ASCII goes: the nearest `f64`, white
/// space around it and underscores between digits allowed, zero bytes behind it forgotten.
pub(super) fn number(cell: &str) -> Result<f64, Raised> {
    if let Ok(number) = cell.trim().parse() {
        return Ok(number);
    }
    let cell = cell.trim_end_matches('\0');
    ungrouped(cell).parse().map_err(|_| {
        Raised::value_error(format!("could not convert string to float: np.str_({})", quoted(cell)))
    })
}

/// The text of a number without white space around it and underscores between its digits.
pub(super) fn ungrouped(text: &str) -> String {
    let text = text.trim();
    let parts: Vec<_> = text.split('_').collect();
    let digits = |pair: &[&str]| {
        pair[0].ends_with(|last: char| last.is_ascii_digit())
            && pair[1].starts_with(|first: char| first.is_ascii_digit())
    };
    if parts.windows(2).all(digits) { parts.concat() } else { text.to_owned() }
}

/// Python's `repr` of a short text: long ones are cut, for they are echoed to the sender.
pub(super) fn quoted(cell: &str) -> String {
    const SHOWN: usize = 80;
    let quote = if cell.contains('\'') && !cell.contains('"') { '"' } else { '\'' };
    let shown: String = cell.chars().take(SHOWN).map(|char| escaped(char, quote)).collect();
    format!("{quote}{shown}{quote}")
}

fn escaped(char: char, quote: char) -> String {
    // Behind a letter, where a combining mark can be seen.
    let shown: String = String::from_iter(['a', char]).escape_debug().skip(1).collect();
    let hidden = shown.starts_with("\\u") || char == '\0';
    match u32::from(char) {
        _ if char == quote => format!("\\{quote}"),
        _ if matches!(char, '\'' | '"') => char.to_string(),
        code @ ..0x100 if hidden => format!("\\x{code:02x}"),
        code @ ..0x1_0000 if hidden => format!("\\u{code:04x}"),
        code if hidden => format!("\\U{code:08x}"),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_python_takes_for_one() {
        let read = |cell| number(cell).ok();
        for (cell, value) in
            [(" 1_0.5 ", 10.5), ("1e1_0", 1e10), ("2\0\0", 2.0), ("+.5", 0.5), ("5.", 5.0)]
        {
            assert_eq!(read(cell), Some(value), "{cell}");
        }
        for cell in ["1__0", "_1", "1_", "1_.5", "", "\0", "1 0", "0x10", "--1", "e5", "nan(1)"] {
            assert_eq!(read(cell), None, "{cell}");
        }
    }

    #[test]
    fn what_is_echoed_is_written_as_python_writes_it() {
        for (text, written) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("a'b\"c", "'a\\'b\"c'"),
            ("\"", "'\"'"),
            ("a\\b\t", "'a\\\\b\\t'"),
            ("\0\u{1c}\u{85}", "'\\x00\\x1c\\x85'"),
            ("\u{feff}\u{e0001}é\u{301}", "'\\ufeff\\U000e0001é\u{301}'"),
        ] {
            assert_eq!(quoted(text), written);
        }
        assert_eq!(quoted(&"x".repeat(100)).len(), 82);
    }
}
