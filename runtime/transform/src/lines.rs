//! Lines, as editors count them: each has a number, and one of white space alone is no record.

use std::borrow::Cow;

use memchr::memchr;

/// All lines with their ends; the last one needs none.
pub fn whole(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, behind) = rest.split_at(end);
        rest = behind;
        (!line.is_empty()).then_some(line)
    })
}

/// Whether a line, or several, are no record.
pub fn is_blank(text: &[u8]) -> bool {
    text.trim_ascii().is_empty()
}

/// The lines that are not blank, without their ends, each with its number among all, from 0.
pub fn filled(text: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let lines = (0..).zip(whole(text)).filter(|(_, line)| !is_blank(line));
    lines.map(|(number, line)| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        (number, line.strip_suffix(b"\r").unwrap_or(line))
    })
}

/// The text without its blank lines; copied only where there are some.
pub fn without_blank(text: &[u8]) -> Cow<'_, [u8]> {
    if !whole(text).any(is_blank) {
        return Cow::Borrowed(text);
    }
    let mut kept = Vec::with_capacity(text.len());
    whole(text).filter(|line| !is_blank(line)).for_each(|line| kept.extend_from_slice(line));
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_have_numbers_and_are_left_out() {
        let text = b"\na\r\n \t\r\n\nb,\n\nc";
        let lines: Vec<_> = filled(text).collect();
        assert_eq!(lines, [(1, &b"a"[..]), (4, b"b,"), (6, b"c")]);
        assert_eq!(&*without_blank(text), b"a\r\nb,\nc");
        assert!(matches!(without_blank(b"a\nb"), Cow::Borrowed(b"a\nb")));
        assert_eq!(&*without_blank(b"\n\n"), b"");
    }
}
