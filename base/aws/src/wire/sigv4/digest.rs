//! A SHA-256 as signatures write it.

use std::fmt;

use sha2::{Digest, Sha256};

/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HexDigest([u8; DIGITS]);

impl HexDigest {
    /// The hash of a body.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self::from(Sha256::new_with_prefix(body))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl From<Sha256> for HexDigest {
    fn from(hash: Sha256) -> Self {
        Self::from(<[u8; 32]>::from(hash.finalize()))
    }
}

impl From<[u8; 32]> for HexDigest {
    fn from(bytes: [u8; 32]) -> Self {
        let mut digits = [b'0'; DIGITS];
        // Two digits for each byte, which is as long as it is.
        let _ = hex::encode_to_slice(bytes, &mut digits);
        Self(digits)
    }
}

impl fmt::Debug for HexDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_nothing_is_the_published_one() {
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(HexDigest::of(b"").as_str(), nothing);
    }
}
