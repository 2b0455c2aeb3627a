//! JSON as XGBoost writes it: with `NaN`, `Infinity` and `-Infinity` beside the numbers of the
//! standard.
//!
//! A number is rounded from its text straight to `f32`. Going through `f64`, as general readers do,
//! rounds twice and can differ from XGBoost in the last bit.

use std::str;

use super::{MAX_NESTING, Malformed, Text, Token, Tokens, allowance};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    Object,
    Array,
}

/// What may stand at this place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    FirstItem,
    FirstKey,
    /// A comma or the container's end.
    More,
}

/// A JSON text being read.
pub(crate) struct Json<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Vec<Container>,
    expect: Expect,
    allowance: usize,
}

impl<'a> Json<'a> {
    /// Begins to read.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let allowance = allowance(bytes.len());
        Self { bytes, at: 0, open: Vec::new(), expect: Expect::Value, allowance }
    }

    fn peek(&mut self) -> Result<u8, Malformed> {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                _ => return Ok(*byte),
            }
        }
        Err(self.malformed("the text ends early"))
    }

    fn start(&mut self, container: Container) -> Result<Token<'a>, Malformed> {
        if self.open.len() == MAX_NESTING {
            return Err(self.malformed("nested too deep"));
        }
        self.at += 1;
        self.open.push(container);
        Ok(match container {
            Container::Object => {
                self.expect = Expect::FirstKey;
                Token::ObjectStart
            }
            Container::Array => {
                self.expect = Expect::FirstItem;
                Token::ArrayStart
            }
        })
    }

    fn end(&mut self, container: Container) -> Result<Token<'a>, Malformed> {
        if self.open.pop() != Some(container) {
            return Err(self.malformed("a bracket closes what is not open"));
        }
        self.at += 1;
        self.expect = Expect::More;
        Ok(match container {
            Container::Object => Token::ObjectEnd,
            Container::Array => Token::ArrayEnd,
        })
    }

    fn key(&mut self) -> Result<Token<'a>, Malformed> {
        if self.peek()? != b'"' {
            return Err(self.malformed("expected a key"));
        }
        let key = self.string()?;
        if self.peek()? != b':' {
            return Err(self.malformed("expected a colon"));
        }
        self.at += 1;
        self.expect = Expect::Value;
        Ok(Token::Text(key))
    }

    fn value(&mut self) -> Result<Token<'a>, Malformed> {
        match self.peek()? {
            b'{' => return self.start(Container::Object),
            b'[' => return self.start(Container::Array),
            _ => self.expect = Expect::More,
        }
        if self.peek()? == b'"' { self.string().map(Token::Text) } else { self.word() }
    }

    fn string(&mut self) -> Result<Text<'a>, Malformed> {
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += 1;
            match self.bytes.get(self.at) {
                None => return Err(self.malformed("a text does not end")),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                }
                Some(_) => {}
            }
        }
        self.at += 1;
        let quoted = &self.bytes[start..self.at];
        if escaped {
            return Ok(Text::Quoted(quoted));
        }
        Ok(Text::Plain(&quoted[1..quoted.len() - 1]))
    }

    fn word(&mut self) -> Result<Token<'a>, Malformed> {
        let rest = &self.bytes[self.at..];
        let length = rest
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte))
            .unwrap_or(rest.len());
        let token = match &rest[..length] {
            b"true" => Token::Bool(true),
            b"false" => Token::Bool(false),
            b"null" => Token::Null,
            b"NaN" => Token::Float(f32::NAN),
            b"Infinity" => Token::Float(f32::INFINITY),
            b"-Infinity" => Token::Float(f32::NEG_INFINITY),
            number => number_token(number).ok_or_else(|| self.malformed("expected a value"))?,
        };
        self.at += length;
        Ok(token)
    }
}

/// `-0` stays a float, so that its sign is kept.
fn number_token<'a>(number: &[u8]) -> Option<Token<'a>> {
    let text = str::from_utf8(number).ok()?;
    if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    match text.parse::<i64>() {
        Ok(0) | Err(_) => match text.parse().ok()? {
            0.0 if text == "0" => Some(Token::Integer(0)),
            value => Some(Token::Float(value)),
        },
        Ok(value) => Some(Token::Integer(value)),
    }
}

impl<'a> Tokens<'a> for Json<'a> {
    fn next(&mut self) -> Result<Token<'a>, Malformed> {
        match (self.expect, self.peek()?) {
            (Expect::FirstItem | Expect::More, b']') => self.end(Container::Array),
            (Expect::FirstKey | Expect::More, b'}') => self.end(Container::Object),
            (Expect::Value | Expect::FirstItem, _) => self.value(),
            (Expect::FirstKey, _) => self.key(),
            (Expect::More, b',') => {
                self.at += 1;
                match self.open.last() {
                    Some(Container::Object) => self.key(),
                    Some(Container::Array) => self.value(),
                    None => Err(self.malformed("expected nothing more")),
                }
            }
            (Expect::More, _) => Err(self.malformed("expected a comma")),
        }
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

    fn all(text: &[u8]) -> Result<Vec<Token<'_>>, Malformed> {
        let mut json = Json::new(text);
        let mut tokens = vec![json.next()?];
        while !json.open.is_empty() {
            tokens.push(json.next()?);
        }
        Ok(tokens)
    }

    #[test]
    fn a_document_is_read_token_by_token() {
        let tokens = all(br#" {"a" : [1, -2.5E-1, true, null, "x\n"], "b": {}} "#).unwrap();
        assert_eq!(
            tokens,
            [
                Token::ObjectStart,
                Token::Text(Text::Plain(b"a")),
                Token::ArrayStart,
                Token::Integer(1),
                Token::Float(-0.25),
                Token::Bool(true),
                Token::Null,
                Token::Text(Text::Quoted(br#""x\n""#)),
                Token::ArrayEnd,
                Token::Text(Text::Plain(b"b")),
                Token::ObjectStart,
                Token::ObjectEnd,
                Token::ObjectEnd,
            ]
        );
    }

    #[test]
    fn a_text_is_read_when_it_is_asked_for() {
        let text = |json: &'static str| crate::format::text(&mut Json::new(json.as_bytes()));
        assert_eq!(text(r#""x\n\u00e9""#).unwrap(), "x\né");
        assert_eq!(text(r#""\x""#).unwrap_err().what, "a text is no UTF-8, or badly escaped");
        assert!(crate::format::text(&mut Json::new(b"\"\xff\"")).is_err());
        let mut skipped = Json::new(b"[\"\xff\",\"\\x\"]");
        assert_eq!(crate::format::skip(&mut skipped), Ok(()));
        let long = format!("\"{}\"", "a".repeat(257));
        let name = crate::format::name(&mut Json::new(long.as_bytes()));
        assert_eq!(name.unwrap_err().what, "a name is too long");
    }

    #[test]
    fn the_numbers_outside_the_standard_are_read() {
        let tokens = all(b"[NaN,Infinity,-Infinity,-0]").unwrap();
        assert!(matches!(tokens[1], Token::Float(value) if value.is_nan()));
        assert_eq!(tokens[2..4], [Token::Float(f32::INFINITY), Token::Float(f32::NEG_INFINITY)]);
        assert!(matches!(tokens[4], Token::Float(value) if value.to_bits() == 1 << 31));
    }

    #[test]
    fn a_number_is_rounded_once() {
        // Just above the midpoint of 1 and the next float: through f64 it would round to even, 1.
        let tokens = all(b"1.000000059604644775390626").unwrap();
        assert_eq!(tokens, [Token::Float(1.000_000_1)]);
    }

    #[test]
    fn what_is_no_json_is_an_error_and_says_where() {
        for text in ["", "[1 2]", "[1,]", "{1:2}", "{\"a\" 1}", "[}", "nan", "\"abc", "[--1]"] {
            assert!(all(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(all(b"[1 2]").unwrap_err().to_string(), "byte 3: expected a comma");
        assert!(all("[".repeat(MAX_NESTING + 1).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes in "[\\[\\]{}\",:0-9eE.\\\\a-]{0,60}") {
            let _ = all(bytes.as_bytes());
        }

        #[test]
        fn any_raw_bytes_end_without_a_panic(bytes: Vec<u8>) {
            let _ = all(&bytes);
        }

        #[test]
        fn every_float_is_read_back_to_the_bit(value: f32) {
            prop_assume!(value.is_finite());
            let text = format!("[{value:e}]");
            let read = crate::format::floats(&mut Json::new(text.as_bytes()), 1).unwrap();
            prop_assert_eq!(read[0].to_bits(), value.to_bits());
        }
    }
}
