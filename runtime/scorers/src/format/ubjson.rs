//! UBJSON (draft 12), what XGBoost writes a model as since 2.1 where no `.json` is asked for.
//!
//! Numbers are big-endian. Arrays of numbers are typed (`[$d#L…`): their items have no marker, and
//! the array has no closing bracket. A typed array whose items take no bytes (`[$T#`) is refused: a
//! few bytes could claim any number of items.

use super::{MAX_NESTING, Malformed, Text, Token, Tokens, allowance};

/// An open container.
struct Frame {
    object: bool,
    /// The marker that all items share.
    kind: Option<u8>,
    /// Items to come, where the container said how many.
    left: Option<u64>,
    /// A key was read, its value not yet.
    keyed: bool,
}

/// A UBJSON document being read.
pub(crate) struct Ubjson<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Vec<Frame>,
    begun: bool,
    allowance: usize,
}

impl<'a> Ubjson<'a> {
    /// Begins to read.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let allowance = allowance(bytes.len());
        Self { bytes, at: 0, open: Vec::new(), begun: false, allowance }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.malformed("the document ends early"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// The next marker; no-ops are passed over.
    fn marker(&mut self) -> Result<u8, Malformed> {
        loop {
            match self.fixed::<1>()?[0] {
                b'N' => {}
                marker => return Ok(marker),
            }
        }
    }

    /// The next byte, where it is `wanted`.
    fn eat(&mut self, wanted: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn integer(&mut self, marker: u8) -> Result<i64, Malformed> {
        Ok(match marker {
            b'i' => i64::from(i8::from_be_bytes(self.fixed()?)),
            b'U' => i64::from(self.fixed::<1>()?[0]),
            b'I' => i64::from(i16::from_be_bytes(self.fixed()?)),
            b'l' => i64::from(i32::from_be_bytes(self.fixed()?)),
            b'L' => i64::from_be_bytes(self.fixed()?),
            _ => return Err(self.malformed("expected an integer")),
        })
    }

    fn length(&mut self) -> Result<u64, Malformed> {
        let marker = self.marker()?;
        let length = self.integer(marker)?;
        u64::try_from(length).map_err(|_| self.malformed("a length is negative"))
    }

    fn string(&mut self) -> Result<Text<'a>, Malformed> {
        let length = self.length()?;
        let length =
            usize::try_from(length).map_err(|_| self.malformed("the document ends early"))?;
        self.take(length).map(Text::Plain)
    }

    fn start(&mut self, object: bool) -> Result<Token<'a>, Malformed> {
        if self.open.len() == MAX_NESTING {
            return Err(self.malformed("nested too deep"));
        }
        let kind = if self.eat(b'$') { Some(self.fixed::<1>()?[0]) } else { None };
        let left = if self.eat(b'#') { Some(self.length()?) } else { None };
        match kind {
            Some(_) if left.is_none() => return Err(self.malformed("a type without a count")),
            Some(b'N' | b'T' | b'F' | b'Z') => {
                return Err(self.malformed("a typed container of items without bytes"));
            }
            Some(_) | None => {}
        }
        self.open.push(Frame { object, kind, left, keyed: false });
        Ok(if object { Token::ObjectStart } else { Token::ArrayStart })
    }

    fn value(&mut self, marker: u8) -> Result<Token<'a>, Malformed> {
        Ok(match marker {
            b'{' => return self.start(true),
            b'[' => return self.start(false),
            b'Z' => Token::Null,
            b'T' => Token::Bool(true),
            b'F' => Token::Bool(false),
            b'd' => Token::Float(f32::from_be_bytes(self.fixed()?)),
            #[expect(clippy::cast_possible_truncation, reason = "XGBoost computes in f32")]
            b'D' => Token::Float(f64::from_be_bytes(self.fixed()?) as f32),
            b'S' => Token::Text(self.string()?),
            b'C' => Token::Text(Text::Plain(self.take(1)?)),
            b'H' => return Err(self.malformed("numbers of any precision are not supported")),
            _ => Token::Integer(self.integer(marker)?),
        })
    }

    fn end(&mut self, object: bool) -> Token<'a> {
        self.open.pop();
        if object { Token::ObjectEnd } else { Token::ArrayEnd }
    }

    /// A value of a kind that its container told, or else its marker.
    fn value_of(&mut self, kind: Option<u8>) -> Result<Token<'a>, Malformed> {
        let marker = match kind {
            Some(kind) => kind,
            None => self.marker()?,
        };
        self.value(marker)
    }

    /// The next item of the innermost container, or its end.
    fn item(&mut self) -> Result<Token<'a>, Malformed> {
        let Some(frame) = self.open.last_mut() else {
            return Err(self.malformed("expected nothing more"));
        };
        let (object, kind) = (frame.object, frame.kind);
        if frame.keyed {
            frame.keyed = false;
            return self.value_of(kind);
        }
        match &mut frame.left {
            Some(0) => return Ok(self.end(object)),
            Some(left) => *left -= 1,
            None => {
                while self.eat(b'N') {}
                if self.eat(if object { b'}' } else { b']' }) {
                    return Ok(self.end(object));
                }
            }
        }
        if object {
            let key = self.string()?;
            if let Some(frame) = self.open.last_mut() {
                frame.keyed = true;
            }
            return Ok(Token::Text(key));
        }
        self.value_of(kind)
    }
}

impl<'a> Tokens<'a> for Ubjson<'a> {
    fn next(&mut self) -> Result<Token<'a>, Malformed> {
        if self.begun {
            return self.item();
        }
        self.begun = true;
        self.value_of(None)
    }

    fn at(&self) -> usize {
        self.at
    }

    fn size(&self) -> usize {
        self.bytes.len()
    }

    fn allowance(&mut self) -> &mut usize {
        &mut self.allowance
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Token<'_>>, Malformed> {
        let mut document = Ubjson::new(bytes);
        let mut tokens = vec![document.next()?];
        while !document.open.is_empty() {
            tokens.push(document.next()?);
        }
        Ok(tokens)
    }

    #[test]
    fn a_typed_array_has_no_markers_and_no_end() {
        let tokens = all(b"{i\x01a[$U#i\x02\x07\x09i\x01bSi\x02hi}").unwrap();
        assert_eq!(
            tokens,
            [
                Token::ObjectStart,
                Token::Text(Text::Plain(b"a")),
                Token::ArrayStart,
                Token::Integer(7),
                Token::Integer(9),
                Token::ArrayEnd,
                Token::Text(Text::Plain(b"b")),
                Token::Text(Text::Plain(b"hi")),
                Token::ObjectEnd,
            ]
        );
    }

    #[test]
    fn every_kind_of_number_is_read() {
        let mut bytes = b"[i\xffU\xffI\x01\x00l\x00\x01\x00\x00L".to_vec();
        bytes.extend(5i64.to_be_bytes());
        bytes.push(b'd');
        bytes.extend(0.5f32.to_be_bytes());
        bytes.push(b'D');
        bytes.extend(0.25f64.to_be_bytes());
        bytes.extend(b"NTFZ]");
        let tokens = all(&bytes).unwrap();
        let integers = [-1, 255, 256, 65536, 5].map(Token::Integer);
        assert_eq!(tokens[1..6], integers);
        assert_eq!(tokens[6..8], [Token::Float(0.5), Token::Float(0.25)]);
        assert_eq!(tokens[8..11], [Token::Bool(true), Token::Bool(false), Token::Null]);
    }

    #[test]
    fn lengths_that_lie_are_errors_and_allocate_nothing() {
        for bytes in [
            &b"Sl\x7f\xff\xff\xffx"[..],
            b"SL\xff\xff\xff\xff\xff\xff\xff\xff",
            b"[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff",
            b"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff",
            b"[$d]",
            b"{i\x01a",
            b"q",
            b"",
        ] {
            assert!(all(bytes).is_err(), "{bytes:?}");
        }
        assert!(all(&b"[".repeat(MAX_NESTING + 1)).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            let _ = all(&bytes);
        }

        #[test]
        fn bytes_that_look_like_ubjson_end_without_a_panic(
            bytes in "[\\[\\]{}$#iUIlLdDSCTFZN\u{0}-\u{4}]{0,60}"
        ) {
            let _ = all(bytes.as_bytes());
        }
    }
}
