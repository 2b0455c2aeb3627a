//! The fields of a form, up to the file.
//!
//! It does no I/O: bytes are pushed, items are taken, and how the bytes were cut makes no
//! difference. What is held is one field at most, beside the piece that came last.

use bytes::{Buf, BytesMut};
use memchr::memmem;

use super::{
    boundary::{Boundary, Found},
    fault::FormFault,
    file::FileReader,
    part::Part,
};

/// The most bytes of one field's value, and of what precedes the first part.
const FIELD_LIMIT: usize = 64 * 1024;

/// The most bytes of a part's head: field names and file names are shorter.
const HEAD_LIMIT: usize = 16 * 1024;

/// The most bytes before the file, heads and delimiters counted (AWS: 20 KB).
pub(super) const FORM_LIMIT: usize = 1024 * 1024;

/// The most parts before the file.
const PARTS_LIMIT: usize = 1_000;

/// The line end that heads of parts end in, twice.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A form on its way to its file.
pub(super) struct FieldReader {
    boundary: Boundary,
    /// What came and was not read. A delimiter's line end still stands before a head.
    buffer: BytesMut,
    /// What is looked for does not begin before this place of the buffer.
    searched: usize,
    state: State,
    read: usize,
    parts: usize,
}

enum State {
    /// Before the first part, where anything may stand.
    Preamble,
    Head,
    Value(String),
}

/// What a form consists of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A field, its name as it came.
    Field { name: String, value: Vec<u8> },
    /// The file, which begins here; its name as it came.
    File { name: Option<String> },
}

impl FieldReader {
    pub(super) fn new(boundary: Boundary) -> Self {
        // The first delimiter may have nothing before it, not even the line end of others.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        Self { boundary, buffer, searched: 0, state: State::Preamble, read: 0, parts: 0 }
    }

    /// Takes bytes as they came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next item; nothing where more bytes are needed. Not to be called after the file.
    pub(super) fn item(&mut self) -> Result<Option<Item>, FormFault> {
        loop {
            match &mut self.state {
                State::Preamble => {
                    // So much before the first part is no form, or one of another boundary.
                    let preamble = self.value().map_err(|fault| match fault {
                        FormFault::FieldsTooLarge => FormFault::Malformed,
                        other => other,
                    });
                    if preamble?.is_none() {
                        return Ok(None);
                    }
                    self.state = State::Head;
                }
                State::Head => match self.head()? {
                    None => return Ok(None),
                    Some(part) if part.is_file() => {
                        return Ok(Some(Item::File { name: part.filename }));
                    }
                    Some(part) => self.state = State::Value(part.name),
                },
                State::Value(name) => {
                    let name = std::mem::take(name);
                    let Some(value) = self.value()? else {
                        self.state = State::Value(name);
                        return Ok(None);
                    };
                    self.state = State::Head;
                    return Ok(Some(Item::Field { name, value }));
                }
            }
        }
    }

    /// The file, of which some may have come already.
    pub(super) fn into_file(self) -> FileReader {
        FileReader::new(self.boundary, self.buffer.freeze())
    }

    /// What stands before the next delimiter, which is read too.
    fn value(&mut self) -> Result<Option<Vec<u8>>, FormFault> {
        let found = self.boundary.find(&self.buffer, self.searched);
        let (Found::Delimiter { at, .. } | Found::NotBefore(at)) = found;
        if at > FIELD_LIMIT {
            return Err(FormFault::FieldsTooLarge);
        }
        match found {
            Found::NotBefore(at) => {
                self.searched = at;
                Ok(None)
            }
            Found::Delimiter { last: true, .. } => Err(FormFault::NoFile),
            Found::Delimiter { at, last: false } => {
                let value = self.buffer[..at].to_vec();
                self.advance(at + self.boundary.len())?;
                self.parts += 1;
                if self.parts > PARTS_LIMIT {
                    return Err(FormFault::FieldsTooLarge);
                }
                Ok(Some(value))
            }
        }
    }

    /// The head of a part, which is read with the empty line after it.
    fn head(&mut self) -> Result<Option<Part>, FormFault> {
        let found = memmem::find(&self.buffer[self.searched..], HEAD_END);
        let end = found.map_or(self.buffer.len(), |found| self.searched + found);
        if end > HEAD_LIMIT {
            return Err(FormFault::FieldsTooLarge);
        }
        if found.is_none() {
            self.searched = end.saturating_sub(HEAD_END.len() - 1);
            return Ok(None);
        }
        let head = &self.buffer[..end];
        if self.boundary.is_in(head) {
            return Err(FormFault::Malformed);
        }
        let part = Part::read(head)?;
        self.advance(end + HEAD_END.len())?;
        Ok(Some(part))
    }

    fn advance(&mut self, bytes: usize) -> Result<(), FormFault> {
        self.buffer.advance(bytes);
        self.searched = 0;
        self.read += bytes;
        if self.read > FORM_LIMIT { Err(FormFault::FieldsTooLarge) } else { Ok(()) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A part of a form.
    pub(in crate::s3::form) fn part(name: &str, value: &[u8]) -> Vec<u8> {
        let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        [head.as_bytes(), value, b"\r\n"].concat()
    }

    /// Field by field, and the bytes that the file begins with.
    type Form = (Vec<(String, Vec<u8>)>, Vec<u8>);

    fn read(pieces: &[&[u8]]) -> Result<Form, FormFault> {
        let mut reader = FieldReader::new(Boundary::new("x").unwrap());
        let mut fields = Vec::new();
        let mut pieces = pieces.iter();
        loop {
            match reader.item()? {
                Some(Item::Field { name, value }) => fields.push((name, value)),
                Some(Item::File { .. }) => {
                    let rest = reader.buffer.iter().chain(pieces.copied().flatten());
                    return Ok((fields, rest.copied().collect()));
                }
                None => reader.push(pieces.next().ok_or(FormFault::Malformed)?),
            }
        }
    }

    fn fault(form: &[u8]) -> FormFault {
        read(&[form]).unwrap_err()
    }

    #[test]
    fn fields_come_before_the_file_and_what_precedes_them_is_nothing() {
        let form = [b"hello\r\n".to_vec(), part("a", b"1"), part("File", b"data")].concat();
        let (fields, file) = read(&[&form]).unwrap();
        assert_eq!(fields, [("a".to_owned(), b"1".to_vec())]);
        assert_eq!(file, b"data\r\n");
    }

    #[test]
    fn a_form_that_ends_has_no_file_and_one_that_breaks_off_is_none() {
        assert_eq!(fault(b"--x--"), FormFault::NoFile);
        assert_eq!(fault(&[part("a", b"1"), b"--x--\r\n".to_vec()].concat()), FormFault::NoFile);
        for whole in [part("a", b"1"), b"--x".to_vec(), b"--x\r\nContent-".to_vec(), Vec::new()] {
            assert_eq!(fault(&whole), FormFault::Malformed);
        }
    }

    #[test]
    fn a_head_without_its_empty_line_does_not_swallow_the_next_part() {
        let broken = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n".to_vec();
        assert_eq!(fault(&[broken, part("file", b"1")].concat()), FormFault::Malformed);
        let empty = [b"--x\r\n\r\n".to_vec(), part("file", b"1")].concat();
        assert_eq!(fault(&empty), FormFault::Malformed);
    }

    #[test]
    fn line_ends_of_other_systems_are_no_line_ends() {
        let form = [part("a", b"1"), part("file", b"2"), b"--x--\r\n".to_vec()].concat();
        for other in ["\n", "\r", "\n\r"] {
            let text = String::from_utf8(form.clone()).unwrap().replace("\r\n", other);
            assert_eq!(fault(text.as_bytes()), FormFault::Malformed, "{other:?}");
        }
        let mixed = String::from_utf8(form).unwrap().replace("\"a\"\r\n\r\n", "\"a\"\n\n");
        assert_eq!(fault(mixed.as_bytes()), FormFault::Malformed);
    }

    #[test]
    fn the_boundary_of_another_form_is_contents() {
        let inner = b"--xy\r\n\r\n--xy--\r\n--X--";
        let form = [part("a", inner), part("file", b"")].concat();
        assert_eq!(read(&[&form]).unwrap().0, [("a".to_owned(), inner.to_vec())]);
    }

    #[test]
    fn fields_are_bounded_one_by_one_and_together() {
        let file = part("file", b"");
        let field = |len| part("a", &vec![b'v'; len]);
        assert!(read(&[&[field(FIELD_LIMIT), file.clone()].concat()]).is_ok());
        assert_eq!(fault(&field(FIELD_LIMIT + 1)), FormFault::FieldsTooLarge);
        // It need not end to be too large.
        assert_eq!(
            fault(&field(FIELD_LIMIT + 100)[..FIELD_LIMIT + 100]),
            FormFault::FieldsTooLarge
        );
        let full = FORM_LIMIT / (FIELD_LIMIT + 100);
        let many = |count| [field(FIELD_LIMIT).repeat(count), file.clone()].concat();
        assert!(read(&[&many(full)]).is_ok());
        assert_eq!(fault(&many(full + 2)), FormFault::FieldsTooLarge);
        let parts = |count| [part("a", b"").repeat(count), file.clone()].concat();
        assert!(read(&[&parts(PARTS_LIMIT - 1)]).is_ok());
        assert_eq!(fault(&parts(PARTS_LIMIT)), FormFault::FieldsTooLarge);
    }

    #[test]
    fn heads_and_preambles_are_bounded() {
        let head = format!("--x\r\nX: {}", "y".repeat(HEAD_LIMIT));
        assert_eq!(fault(head.as_bytes()), FormFault::FieldsTooLarge);
        assert_eq!(fault(&vec![b'-'; FIELD_LIMIT + 100]), FormFault::Malformed);
    }

    /// Contents that look like delimiters more often than by chance.
    pub(in crate::s3::form) fn contents() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"\r\n--x".to_vec()),
            Just(b"\r\n--".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"--x--".to_vec()),
            prop::collection::vec(any::<u8>(), 0..9),
        ];
        let joined = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
        joined.prop_filter("no delimiter of ours", |contents| {
            let lined = [b"\r\n", &contents[..], b"\r\n--x--"].concat();
            let found = Boundary::new("x").unwrap().find(&lined, 1);
            found == Found::Delimiter { at: contents.len() + 2, last: true }
        })
    }

    /// Bytes cut at places that are drawn.
    pub(in crate::s3::form) fn cut<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
        let mut places: Vec<usize> = places.iter().map(|at| at % (bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
    }

    proptest! {
        #[test]
        fn however_a_form_is_cut_its_fields_are_the_same(
            fields in prop::collection::vec(("[a-e]{1,5}", contents()), 0..5),
            file in contents(),
            places: Vec<usize>,
        ) {
            let mut form: Vec<u8> =
                fields.iter().flat_map(|(name, value)| part(name, value)).collect();
            form.extend(part("file", &file));
            let (read, begun) = read(&cut(&form, &places)).unwrap();
            prop_assert_eq!(read, fields);
            prop_assert_eq!(begun, [&file[..], b"\r\n"].concat());
        }

        #[test]
        fn no_bytes_break_the_reader(pieces: Vec<Vec<u8>>) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let _ = read(&pieces);
            let _ = read(&[b"--x\r\n", &pieces.concat()]);
        }
    }
}
