//! The name that S3 and bucket policies have for an account.
//!
//! It is drawn once for each account and says nothing about it: whoever sees an owner's canonical
//! id cannot tell the account's twelve digits from it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Id;

/// 256 random bits, written as 64 lower-case hexadecimal digits. S3 shows it as `Owner.ID`, and
/// policies name it as `CanonicalUser`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalId([u128; 2]);

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACanonicalId;

impl CanonicalId {
    /// Draws one from the operating system.
    #[must_use]
    pub fn random() -> Self {
        Self([Id::random().bits(), Id::random().bits()])
    }
}

impl fmt::Display for CanonicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [high, low] = self.0;
        write!(f, "{high:032x}{low:032x}")
    }
}

impl fmt::Display for NotACanonicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a canonical id is 64 lower-case hexadecimal digits")
    }
}

impl std::error::Error for NotACanonicalId {}

impl FromStr for CanonicalId {
    type Err = NotACanonicalId;

    fn from_str(text: &str) -> Result<Self, NotACanonicalId> {
        let digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 64 || !text.bytes().all(digit) {
            return Err(NotACanonicalId);
        }
        let half = |text| u128::from_str_radix(text, 16).map_err(|_| NotACanonicalId);
        let (high, low) = text.split_at(32);
        Ok(Self([half(high)?, half(low)?]))
    }
}

impl Serialize for CanonicalId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CanonicalId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canonical_id_survives_being_written_down_and_nothing_else_is_one() {
        let id = CanonicalId::random();
        let text = id.to_string();
        assert_eq!((text.len(), text.parse()), (64, Ok(id)));
        for other in [&text[1..], &text.replace(|_| true, "A"), &format!("{text}0"), "", "é"] {
            assert_eq!(other.parse::<CanonicalId>(), Err(NotACanonicalId), "{other}");
        }
    }
}
