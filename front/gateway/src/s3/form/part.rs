//! The head of one part of a form: how its field is called.
//!
//! Browsers write what they like into names: only quotation marks are escaped by all of them, and
//! some put a whole path with plain backslashes where a file's name is wanted.

use super::fault::FormFault;

/// What a part is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The field's name, as it came.
    pub(super) name: String,
    /// The file's name, as it came.
    pub(super) filename: Option<String>,
}

impl Part {
    /// Reads header lines, which a line end may precede and follow.
    pub(super) fn read(head: &[u8]) -> Result<Self, FormFault> {
        let text = std::str::from_utf8(head).map_err(|_| FormFault::Malformed)?;
        let mut disposition = None;
        for line in text.split("\r\n").filter(|line| !line.is_empty()) {
            let (name, value) = header(line).ok_or(FormFault::Malformed)?;
            if name.eq_ignore_ascii_case("content-disposition")
                && disposition.replace(value).is_some()
            {
                return Err(FormFault::Malformed);
            }
        }
        disposition.and_then(Self::of).ok_or(FormFault::Malformed)
    }

    fn of(disposition: &str) -> Option<Self> {
        let (mut name, mut filename) = (None, None);
        for (parameter, value) in parameters(disposition, "form-data")? {
            let twice = match parameter.as_str() {
                "name" => name.replace(value).is_some(),
                "filename" => filename.replace(value).is_some(),
                _ => false,
            };
            if twice {
                return None;
            }
        }
        Some(Self { name: name?, filename })
    }

    /// Whether this is the file.
    pub(super) fn is_file(&self) -> bool {
        self.name.eq_ignore_ascii_case("file")
    }
}

/// Name and value of one line. A line that goes on with the one before has no name.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let plain = !line.chars().any(|character| character.is_control() && character != '\t');
    let named = !name.is_empty() && !name.contains([' ', '\t']);
    (plain && named).then_some((name, value))
}

/// The parameters of a header's value that begins with `kind`, names in lower case.
pub(super) fn parameters(text: &str, kind: &str) -> Option<Vec<(String, String)>> {
    let text = text.trim();
    let mut rest = text.get(kind.len()..)?.trim_start();
    if !text[..kind.len()].eq_ignore_ascii_case(kind) {
        return None;
    }
    let mut parameters = Vec::new();
    while !rest.is_empty() {
        rest = rest.strip_prefix(';')?.trim_start();
        if rest.is_empty() {
            break;
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = value(after.trim_start())?;
        parameters.push((name.trim_end().to_ascii_lowercase(), value));
        rest = after.trim_start();
    }
    Some(parameters)
}

/// A value and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => {
                let escaped = characters.next_if(|(_, next)| matches!(next, '"' | '\\'));
                value.push(escaped.map_or('\\', |(_, escaped)| escaped));
            }
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(head: &str) -> Result<(String, Option<String>), FormFault> {
        Part::read(head.as_bytes()).map(|part| (part.name, part.filename))
    }

    fn named(parameters: &str) -> Result<(String, Option<String>), FormFault> {
        read(&format!("\r\nContent-Disposition: form-data{parameters}\r\n"))
    }

    #[test]
    fn names_are_read_as_browsers_write_them() {
        for (parameters, name, filename) in [
            ("; name=\"key\"", "key", None),
            (";name=key ; filename=a.txt", "key", Some("a.txt")),
            ("; NAME=\"a;b=c\"; x=y;", "a;b=c", None),
            ("; name=\"file\"; filename=\"C:\\docs\\a b.txt\"", "file", Some("C:\\docs\\a b.txt")),
            ("; name=\"file\"; filename=\"say \\\"hi\\\".txt\"", "file", Some("say \"hi\".txt")),
            ("; name=\"file\"; filename=\"ü.txt\"", "file", Some("ü.txt")),
        ] {
            let wanted = (name.to_owned(), filename.map(str::to_owned));
            assert_eq!(named(parameters), Ok(wanted), "{parameters}");
        }
    }

    #[test]
    fn other_headers_are_not_looked_at() {
        let head = "Content-Type: text/plain\r\ncontent-disposition:form-data;name=a\r\nX-Y: z";
        assert_eq!(read(head), Ok(("a".to_owned(), None)));
    }

    #[test]
    fn heads_that_can_be_read_in_two_ways_are_refused() {
        for parameters in
            ["", "; filename=a", "; name=\"a", "; name", "; name=a; name=b", " name=a"]
        {
            assert_eq!(named(parameters), Err(FormFault::Malformed), "{parameters}");
        }
        for head in [
            "",
            "Content-Type: text/plain",
            "Content-Disposition: attachment; name=a",
            "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b",
            "Content-Disposition: form-data;\r\n name=a",
            "Content-Disposition : form-data; name=a",
            "Content-Disposition: form-data; name=a\nX: y",
            "Content-Disposition: form-data; name=\"a\0\"",
            "no header",
        ] {
            assert_eq!(read(head), Err(FormFault::Malformed), "{head:?}");
        }
        assert_eq!(Part::read(b"\xff: x"), Err(FormFault::Malformed));
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in "[^\\p{Cc}]{0,20}", filename in "[^\\p{Cc}]{0,20}") {
            let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("; name=\"{}\"; filename=\"{}\"", quoted(&name), quoted(&filename));
            prop_assert_eq!(named(&text), Ok((name, Some(filename))));
        }

        #[test]
        fn no_bytes_break_the_reader(bytes: Vec<u8>, text in ".*") {
            let _ = Part::read(&bytes);
            let _ = named(&text);
            let _ = parameters(&text, "form-data");
        }
    }
}
