//! What stands on the pickle machine's stack.

use std::borrow::Cow;

/// The names that a booster's pickle needs. Nothing is ever looked up by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    /// The class of boosters.
    Booster,
    /// `object`, the base that protocols 0 and 1 name.
    Object,
    /// Makes an object of a class: protocols 0 and 1.
    Reconstructor,
    /// The same in protocol 2.
    NewObject,
    /// The class of the model's bytes.
    ByteArray,
    /// Makes bytes of a text: protocols 0 to 2.
    Encode,
}

impl Global {
    /// By module, whichever Python named it, and name.
    pub(super) fn named(module: &[u8], name: &[u8]) -> Option<Self> {
        Some(match (module, name) {
            (b"xgboost.core", b"Booster") => Self::Booster,
            (b"builtins" | b"__builtin__", b"object") => Self::Object,
            (b"builtins" | b"__builtin__", b"bytearray") => Self::ByteArray,
            (b"copyreg" | b"copy_reg", b"_reconstructor") => Self::Reconstructor,
            (b"copyreg" | b"copy_reg", b"__newobj__") => Self::NewObject,
            (b"_codecs", b"encode") => Self::Encode,
            _ => return None,
        })
    }
}

/// The texts that may be fetched again from the memo: names, keys, the encoding.
const WORDS: [&[u8]; 16] = [
    b"xgboost.core",
    b"Booster",
    b"builtins",
    b"__builtin__",
    b"object",
    b"bytearray",
    b"copyreg",
    b"copy_reg",
    b"_reconstructor",
    b"__newobj__",
    b"_codecs",
    b"encode",
    b"latin1",
    b"latin-1",
    HANDLE,
    LIMIT,
];

/// The state's key of the model.
pub(super) const HANDLE: &[u8] = b"handle";
/// The state's key of the number of trees for each output.
pub(super) const LIMIT: &[u8] = b"best_ntree_limit";

/// A text as the pickle spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text<'a> {
    /// UTF-8.
    Plain(&'a [u8]),
    /// Latin-1 with `\u0000` for what would break a line.
    Escaped(&'a [u8]),
}

impl<'a> Text<'a> {
    pub(super) fn spelled(self) -> &'a [u8] {
        match self {
            Self::Plain(bytes) | Self::Escaped(bytes) => bytes,
        }
    }

    pub(super) fn is_word(self) -> bool {
        WORDS.contains(&self.spelled())
    }

    pub(super) fn names_latin1(self) -> bool {
        matches!(self.spelled(), b"latin1" | b"latin-1")
    }

    /// Its characters as bytes, if all of them are bytes.
    pub(super) fn latin1(self) -> Option<Vec<u8>> {
        match self {
            Self::Plain(bytes) => {
                let text = std::str::from_utf8(bytes).ok()?;
                text.chars().map(|c| u8::try_from(c).ok()).collect()
            }
            Self::Escaped(bytes) => unescaped(bytes),
        }
    }
}

fn unescaped(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.len());
    while let Some((first, rest)) = bytes.split_first() {
        bytes = rest;
        match bytes.split_first_chunk::<5>() {
            Some(([b'u', digits @ ..], rest)) if *first == b'\\' => {
                let code = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                text.push(u8::try_from(code).ok()?);
                bytes = rest;
            }
            _ => text.push(*first),
        }
    }
    Some(text)
}

/// What is known of a booster's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State<'a> {
    /// The model.
    pub(super) handle: Option<Cow<'a, [u8]>>,
    /// Trees for each output; 0 for all.
    pub(super) limit: usize,
}

impl<'a> State<'a> {
    pub(super) fn set(&mut self, key: &Value<'a>, value: Value<'a>) {
        let Value::Text(key) = key else { return };
        match (key.spelled(), value) {
            (HANDLE, Value::Bytes(bytes)) => self.handle = Some(bytes),
            (LIMIT, Value::Count(count)) => self.limit = count,
            _ => {}
        }
    }
}

/// A value on the stack. Texts and bytes stay in the file where they can.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// What cannot hold a model.
    Inert,
    /// Where a list of values begins.
    Mark,
    /// A small number that is not negative.
    Count(usize),
    /// A text.
    Text(Text<'a>),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// Arguments: at most [`ARGUMENTS`], of which none is a tuple again.
    Tuple(Vec<Value<'a>>),
    /// A dictionary.
    State(State<'a>),
    /// A class or function.
    Global(Global),
    /// A booster, before it has its state.
    Bare,
    /// A booster.
    Booster(State<'a>),
}

/// The most that anything here is called with.
pub(super) const ARGUMENTS: usize = 3;

impl Value<'_> {
    /// A tuple, if it may be arguments.
    pub(super) fn tuple(mut items: Vec<Self>) -> Self {
        if items.len() > ARGUMENTS {
            return Self::Inert;
        }
        for item in &mut items {
            if matches!(item, Self::Tuple(_)) {
                *item = Self::Inert;
            }
        }
        Self::Tuple(items)
    }

    /// What one of [`Global`]'s makes of arguments, if it is one of the calls that are known.
    pub(super) fn made(callee: &Self, arguments: Self) -> Option<Self> {
        let (Self::Global(callee), Self::Tuple(arguments)) = (callee, arguments) else {
            return None;
        };
        let bytes = |text: Text<'_>| Some(Self::Bytes(Cow::Owned(text.latin1()?)));
        match (callee, &arguments[..]) {
            (
                Global::Reconstructor,
                [Self::Global(Global::Booster), Self::Global(Global::Object), Self::Inert],
            )
            | (Global::NewObject, [Self::Global(Global::Booster)])
            | (Global::Booster, []) => Some(Self::Bare),
            (Global::ByteArray | Global::Encode, [Self::Text(text), Self::Text(encoding)])
                if encoding.names_latin1() =>
            {
                bytes(*text)
            }
            (Global::ByteArray, [Self::Bytes(bytes)]) => Some(Self::Bytes(bytes.clone())),
            _ => None,
        }
    }
}
