//! The bytes of objects, made again from a few numbers whenever they are looked at.
//!
//! No two places of any two of them have eight bytes in common, so a torn object cannot pass for a
//! whole one.

use bytes::Bytes;
use md5::{Digest as _, Md5};

use crate::chance::Chance;

/// Bytes that were sent in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// From which its bytes are drawn.
    pub seed: u64,
    /// How many.
    pub len: usize,
}

impl Piece {
    /// One of its own, of that length.
    pub fn new(chance: &mut Chance, len: usize) -> Self {
        Self { seed: chance.next(), len }
    }

    /// Its bytes.
    pub fn bytes(self) -> Bytes {
        let mut from = Chance::seeded(self.seed);
        let mut bytes = Vec::with_capacity(self.len + 8);
        while bytes.len() < self.len {
            bytes.extend_from_slice(&from.next().to_le_bytes());
        }
        bytes.truncate(self.len);
        bytes.into()
    }

    /// Its MD5 in hexadecimal, which is a part's ETag.
    pub fn etag(self) -> String {
        hex::encode(Md5::digest(self.bytes()))
    }
}

/// An object's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// Sent in one request.
    Whole(Piece),
    /// Sent in parts.
    Parts(Vec<Piece>),
}

impl Object {
    fn pieces(&self) -> &[Piece] {
        match self {
            Self::Whole(piece) => std::slice::from_ref(piece),
            Self::Parts(pieces) => pieces,
        }
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.pieces().iter().map(|piece| piece.len).sum()
    }

    /// As S3 computes it.
    pub fn etag(&self) -> String {
        match self {
            Self::Whole(piece) => piece.etag(),
            Self::Parts(pieces) => {
                let mut all = Md5::new();
                for piece in pieces {
                    all.update(Md5::digest(piece.bytes()));
                }
                format!("{}-{}", hex::encode(all.finalize()), pieces.len())
            }
        }
    }

    /// Whether these are its bytes.
    pub fn is(&self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        let fits = self.pieces().iter().all(|piece| {
            let Some((front, back)) = rest.split_at_checked(piece.len) else { return false };
            rest = back;
            front == piece.bytes()
        });
        fits && rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_knows_its_own_bytes_and_no_mixture() {
        let mut chance = Chance::seeded(3);
        let (one, two) = (Piece::new(&mut chance, 1_001), Piece::new(&mut chance, 1_001));
        let object = Object::Parts(vec![one, two]);
        let bytes = [one.bytes(), two.bytes()].concat();
        assert!(object.is(&bytes) && object.len() == 2_002);
        assert!(!object.is(&bytes[1..]) && !object.is(&[&bytes[..], b"x"].concat()));
        let mixed = [&one.bytes()[..500], &two.bytes()[500..]].concat();
        assert!(!Object::Whole(one).is(&mixed) && !Object::Whole(two).is(&mixed));
    }

    #[test]
    fn etags_are_those_of_s3() {
        let nothing = Piece { seed: 0, len: 0 };
        assert_eq!(nothing.etag(), "d41d8cd98f00b204e9800998ecf8427e");
        let parts = Object::Parts(vec![nothing]);
        assert_eq!(parts.etag(), "59adb24ef3cdbe0297f05b395827453f-1");
    }
}
