//! 128 random bits, drawn once, that name a thing for good.

use std::{cell::RefCell, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An id that is never drawn twice. Written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u128);

/// The text is not 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

impl Id {
    /// Draws an id from the operating system.
    ///
    /// # Panics
    /// Where the operating system has no randomness to give, for then nothing can be trusted.
    #[must_use]
    pub fn random() -> Self {
        let [id] = Self::random_many();
        id
    }

    #[expect(clippy::expect_used, reason = "without randomness no key, id or token is safe")]
    fn random_many<const COUNT: usize>() -> [Self; COUNT] {
        let mut bytes = [[0; 16]; COUNT];
        getrandom::fill(bytes.as_flattened_mut()).expect("the operating system gives random bytes");
        bytes.map(|bytes| Self(u128::from_be_bytes(bytes)))
    }

    /// Draws an id that no more than names something, such as a request: out of random bytes that
    /// this thread had from the operating system before, so that few draws ask it.
    ///
    /// # Panics
    /// As [`Id::random`].
    #[must_use]
    pub fn drawn_ahead() -> Self {
        AHEAD.with_borrow_mut(|ahead| {
            ahead.pop().unwrap_or_else(|| {
                ahead.extend(Self::random_many::<DRAWN_AHEAD>());
                Self::random()
            })
        })
    }

    /// An id with these bits, for tests that write one down.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Its bits, for stores that keep 16 bytes.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// The form of AWS's request ids: `8-4-4-4-12` hexadecimal digits.
    #[must_use]
    pub fn hyphenated(self) -> String {
        self.hyphens().as_str().to_owned()
    }

    /// The same, in place.
    #[must_use]
    pub fn hyphens(self) -> Hyphenated {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; HYPHENATED];
        let mut at = 0;
        for byte in self.0.to_be_bytes() {
            at += usize::from(HYPHENS.contains(&at));
            text[at] = DIGITS[usize::from(byte >> 4)];
            text[at + 1] = DIGITS[usize::from(byte & 0xf)];
            at += 2;
        }
        Hyphenated(text)
    }
}

/// How many ids are drawn ahead.
const DRAWN_AHEAD: usize = 64;

thread_local! {
    static AHEAD: RefCell<Vec<Id>> = const { RefCell::new(Vec::new()) };
}

/// Characters of a hyphenated id, and where its hyphens stand.
const HYPHENATED: usize = 36;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// An id as [`Id::hyphenated`] writes it.
#[derive(Clone, Copy)]
pub struct Hyphenated([u8; HYPHENATED]);

impl Hyphenated {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 32 hexadecimal digits")
    }
}

impl std::error::Error for NotAnId {}

impl FromStr for Id {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !digits {
            return Err(NotAnId);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| NotAnId)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hyphenated_id_has_its_digits_in_order() {
        let id = Id::from_bits(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        assert_eq!(id.hyphenated(), "01234567-89ab-cdef-0011-223344556677");
    }

    #[test]
    fn ids_drawn_ahead_are_never_drawn_twice() {
        let drawn: std::collections::HashSet<Id> = (0..1_000).map(|_| Id::drawn_ahead()).collect();
        assert_eq!(drawn.len(), 1_000);
    }

    #[test]
    fn an_id_survives_being_written_down() {
        let id = Id::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("+0000000000000000000000000000001".parse::<Id>(), Err(NotAnId));
    }
}
