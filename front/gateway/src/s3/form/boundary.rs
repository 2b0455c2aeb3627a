//! What stands between the parts of a form, and where.
//!
//! A delimiter is a line end, two hyphens, the boundary, and then a line end or two hyphens more
//! (the last one). Anything else after the boundary makes it contents: another form's boundary may
//! begin like ours. RFC 2046 would let blanks follow; no client sends them.

use http::HeaderValue;
use memchr::memmem::Finder;

use super::part::parameters;

/// The longest boundary, bytes (RFC 2046, 5.1.1).
const LONGEST: usize = 70;

/// Bytes that follow a boundary and say whether it is the last.
const MARK: usize = 2;

/// A form's boundary.
pub(super) struct Boundary(Finder<'static>);

/// Where the next delimiter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There; the last one ends the form.
    Delimiter { at: usize, last: bool },
    /// None begins before that place, and whether one begins there is told by what follows.
    NotBefore(usize),
}

impl Boundary {
    /// The boundary that a `Content-Type` names.
    pub(super) fn of(content_type: &HeaderValue) -> Option<Self> {
        let parameters = parameters(content_type.to_str().ok()?, "multipart/form-data")?;
        let mut named = parameters.into_iter().filter(|(name, _)| name == "boundary");
        match (named.next(), named.next()) {
            (Some((_, boundary)), None) => Self::new(&boundary),
            _ => None,
        }
    }

    pub(super) fn new(boundary: &str) -> Option<Self> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
        let well_formed = (1..=LONGEST).contains(&boundary.len())
            && boundary.bytes().all(known)
            && !boundary.ends_with(' ');
        let delimiter = format!("\r\n--{boundary}");
        well_formed.then(|| Self(Finder::new(&delimiter).into_owned()))
    }

    /// Bytes of a delimiter, up to what says whether it is the last.
    pub(super) fn len(&self) -> usize {
        self.0.needle().len()
    }

    /// Whether anything in `bytes` begins like a delimiter.
    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        self.0.find(bytes).is_some()
    }

    /// The first delimiter in `bytes` that does not begin before `from`.
    pub(super) fn find(&self, bytes: &[u8], mut from: usize) -> Found {
        while let Some(found) = self.0.find(&bytes[from..]) {
            let at = from + found;
            let end = at + self.len();
            match bytes.get(end..end + MARK) {
                Some(b"--") => return Found::Delimiter { at, last: true },
                Some(b"\r\n") => return Found::Delimiter { at, last: false },
                Some(_) => from = end,
                None => return Found::NotBefore(at),
            }
        }
        let tail = bytes.len().saturating_sub(self.len() - 1).max(from);
        let begun = (tail..bytes.len()).find(|at| self.0.needle().starts_with(&bytes[*at..]));
        Found::NotBefore(begun.unwrap_or(bytes.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, from: usize) -> Found {
        Boundary::new("ab").unwrap().find(text.as_bytes(), from)
    }

    #[test]
    fn a_delimiter_is_known_by_what_follows() {
        assert_eq!(find("x\r\n--ab\r\n", 0), Found::Delimiter { at: 1, last: false });
        assert_eq!(find("x\r\n--ab--", 0), Found::Delimiter { at: 1, last: true });
        assert_eq!(find("x\r\n--abc\r\n--ab--", 0), Found::Delimiter { at: 8, last: true });
        for contents in ["\r\n--abcz", "\n--ab\r\nz", "\r\n-ab--z", "--ab--z", "\r\n--ab \r\nz"] {
            assert_eq!(find(contents, 0), Found::NotBefore(contents.len()), "{contents:?}");
        }
    }

    #[test]
    fn what_may_become_a_delimiter_is_not_given_away() {
        for (text, kept) in
            [("x\r", 1), ("x\r\n-", 1), ("x\r\n--ab", 1), ("x\r\n--ab-", 1), ("\r\r", 1), ("", 0)]
        {
            assert_eq!(find(text, 0), Found::NotBefore(kept), "{text:?}");
        }
        assert_eq!(find("\r\n--ab", 1), Found::NotBefore(6));
    }

    #[test]
    fn boundaries_are_bounded() {
        let of = |value: &str| Boundary::of(&HeaderValue::from_str(value).unwrap()).is_some();
        for good in ["boundary=x", "BOUNDARY=\"a b\"", "charset=utf-8; boundary=x"] {
            assert!(of(&format!("Multipart/Form-Data; {good}")), "{good}");
        }
        let longest = "x".repeat(LONGEST);
        assert!(of(&format!("multipart/form-data; boundary={longest}")));
        let longer = format!("boundary=x{longest}");
        for bad in
            ["", "boundary=", "boundary=\"x \"", "boundary=x*y", "boundary=x;boundary=y", &longer]
        {
            assert!(!of(&format!("multipart/form-data; {bad}")), "{bad}");
        }
        assert!(!of("multipart/mixed; boundary=x"));
    }
}
