//! The two documents that XGBoost writes a model as, read as one stream of tokens.
//!
//! JSON and UBJSON differ in spelling only, so each has a tokenizer and the model has one reader
//! ([`crate::booster`]). Tokenizers are hostile-proof: they nest at most [`MAX_NESTING`] deep, hold
//! no recursion, never allocate by a length that the document claims, and every token costs at
//! least one byte of the document. Texts stay in the document until they are asked for, and what is
//! kept of it has one [allowance](Tokens::allowance).

pub(crate) mod json;
pub(crate) mod ubjson;

use std::{borrow::Cow, str};

/// How deep a document may nest. XGBoost's own models nest 10 deep.
pub(crate) const MAX_NESTING: usize = 64;
/// How many values an array may have in the smallest document.
const FEW: usize = 4096;
/// Times its bytes that what is read of a document may take: with the document itself that is the
/// bound of four.
const TIMES: usize = 3;
/// Bytes that may be taken of any document.
const ANYWAY: usize = 512 << 10;
/// By which part of itself an array grows, at least by so many values: doubling would take twice
/// what is there.
const GROWTH: usize = 4;
const FIRST: usize = 16;
/// Bytes of a name that is looked for or kept; XGBoost's longest has 25.
pub(crate) const LONGEST_NAME: usize = 256;

/// Why bytes are no document of that kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {what}")]
pub(crate) struct Malformed {
    /// Where, bytes from the beginning.
    pub(crate) at: usize,
    /// What was wrong there.
    pub(crate) what: &'static str,
}

/// One piece of a document. The key of a member is a [`Token::Text`] before its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// `{`
    ObjectStart,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// A text, or a key.
    Text(Text<'a>),
    /// A number without a fraction.
    Integer(i64),
    /// Any other number, rounded once to the precision that XGBoost computes in.
    Float(f32),
    /// `true`, `false`
    Bool(bool),
    /// `null`
    Null,
}

/// A text as the document spells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Text<'a> {
    /// As it is.
    Plain(&'a [u8]),
    /// In JSON's quotes, with escapes.
    Quoted(&'a [u8]),
}

impl<'a> Text<'a> {
    /// What it says, where that is UTF-8.
    pub(crate) fn read(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Plain(bytes) => str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Quoted(quoted) => serde_json::from_slice(quoted).ok().map(Cow::Owned),
        }
    }

    /// The key of a member. One that is not short and of UTF-8 is none that is looked for.
    pub(crate) fn key(self) -> Cow<'a, str> {
        let (Self::Plain(bytes) | Self::Quoted(bytes)) = self;
        if bytes.len() > LONGEST_NAME {
            return Cow::Borrowed("");
        }
        self.read().unwrap_or_default()
    }
}

/// How many bytes may be taken for what is read of a document of that size.
fn allowance(size: usize) -> usize {
    size.saturating_mul(TIMES).saturating_add(ANYWAY)
}

/// A document being read. Brackets are balanced and keys are texts, or it is an error.
pub(crate) trait Tokens<'a> {
    /// The next token; an error after the document's end.
    fn next(&mut self) -> Result<Token<'a>, Malformed>;

    /// Where it stands, for messages.
    fn at(&self) -> usize;

    /// Bytes of the document.
    fn size(&self) -> usize;

    /// How many of something there may be that takes so many bytes each, at the least.
    fn room(&self, bytes: usize) -> usize {
        (self.size() / bytes).max(FEW)
    }

    /// Bytes that may still be taken for what is read.
    fn allowance(&mut self) -> &mut usize;

    /// Takes so many bytes of the allowance.
    fn charge(&mut self, bytes: usize) -> Result<(), Malformed> {
        let left = self.allowance().checked_sub(bytes);
        *self.allowance() =
            left.ok_or_else(|| self.malformed("it holds more than a model of this size"))?;
        Ok(())
    }

    /// An error at this place.
    fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { at: self.at(), what }
    }
}

/// Reads an object, handing each key to `member`, which must consume the value.
pub(crate) fn object<'a, T: Tokens<'a>, E: From<Malformed>>(
    tokens: &mut T,
    mut member: impl FnMut(&str, &mut T) -> Result<(), E>,
) -> Result<(), E> {
    if tokens.next()? != Token::ObjectStart {
        return Err(tokens.malformed("expected an object").into());
    }
    loop {
        match tokens.next()? {
            Token::ObjectEnd => return Ok(()),
            Token::Text(key) => member(&key.key(), tokens)?,
            _ => return Err(tokens.malformed("expected a key").into()),
        }
    }
}

/// Reads an array of scalars, each converted by `convert`. XGBoost writes no document of less than
/// so many `bytes` for each; an array beyond that would only be there to take memory.
fn scalars<'a, T: Tokens<'a>, V>(
    tokens: &mut T,
    bytes: usize,
    what: &'static str,
    convert: impl Fn(&Token<'a>) -> Option<V>,
) -> Result<Vec<V>, Malformed> {
    if tokens.next()? != Token::ArrayStart {
        return Err(tokens.malformed("expected an array"));
    }
    let (room, mut values) = (tokens.room(bytes), Vec::new());
    loop {
        match tokens.next()? {
            Token::ArrayEnd => return Ok(values),
            _ if values.len() == room => {
                return Err(tokens.malformed("an array has more than a model of this size"));
            }
            token => {
                if values.len() == values.capacity() {
                    let more = (values.len() / GROWTH).max(FIRST);
                    tokens.charge(more * size_of::<V>())?;
                    values.reserve_exact(more);
                }
                values.push(convert(&token).ok_or_else(|| tokens.malformed(what))?);
            }
        }
    }
}

/// Reads an array of floats, for each of which the document has so many bytes.
pub(crate) fn floats<'a, T: Tokens<'a>>(
    tokens: &mut T,
    bytes: usize,
) -> Result<Vec<f32>, Malformed> {
    scalars(tokens, bytes, "expected a number", |token| match token {
        Token::Float(value) => Some(*value),
        #[expect(clippy::cast_precision_loss, reason = "rounds once, as reading its text would")]
        Token::Integer(value) => Some(*value as f32),
        _ => None,
    })
}

/// Reads an array of integers that fit `V`. Booleans count as 0 and 1: XGBoost 1.x wrote
/// `default_left` so.
pub(crate) fn integers<'a, T: Tokens<'a>, V: TryFrom<i64>>(
    tokens: &mut T,
    bytes: usize,
) -> Result<Vec<V>, Malformed> {
    scalars(tokens, bytes, "expected an integer in range", |token| match token {
        Token::Integer(value) => V::try_from(*value).ok(),
        Token::Bool(value) => V::try_from(i64::from(*value)).ok(),
        _ => None,
    })
}

/// Reads an array of integers, of which those that no `u32` holds become its largest.
pub(crate) fn saturated<'a, T: Tokens<'a>>(
    tokens: &mut T,
    bytes: usize,
) -> Result<Vec<u32>, Malformed> {
    scalars(tokens, bytes, "expected an integer", |token| match token {
        Token::Integer(value) => Some(u32::try_from(*value).unwrap_or(u32::MAX)),
        _ => None,
    })
}

/// Reads a text.
pub(crate) fn text<'a, T: Tokens<'a>>(tokens: &mut T) -> Result<Cow<'a, str>, Malformed> {
    match tokens.next()? {
        Token::Text(text) => {
            text.read().ok_or_else(|| tokens.malformed("a text is no UTF-8, or badly escaped"))
        }
        _ => Err(tokens.malformed("expected a text")),
    }
}

/// Reads a text that is kept.
pub(crate) fn name<'a, T: Tokens<'a>>(tokens: &mut T) -> Result<String, Malformed> {
    let name = text(tokens)?;
    if name.len() > LONGEST_NAME {
        return Err(tokens.malformed("a name is too long"));
    }
    Ok(name.into_owned())
}

/// Passes over a value.
pub(crate) fn skip<'a, T: Tokens<'a>>(tokens: &mut T) -> Result<(), Malformed> {
    let mut open = 0usize;
    loop {
        match tokens.next()? {
            Token::ObjectStart | Token::ArrayStart => open += 1,
            Token::ObjectEnd | Token::ArrayEnd => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return Ok(());
        }
    }
}
