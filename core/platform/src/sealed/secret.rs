//! Keys: how they are made, derived, and kept under each other. None of them is ever shown.

use std::{fmt, io};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac,
};
use types::Id;
use zeroize::Zeroizing;

use super::TAG;

/// Bytes of every key (AES-256).
pub const KEY_BYTES: usize = 32;
/// Random bytes of which the key of one wrapping is derived: so many that two are never alike.
const SALT: usize = 32;
/// What a wrapped key is at rest, bytes.
const WRAPPED: usize = SALT + KEY_BYTES + TAG;

/// What keys are derived for; one never serves two purposes.
const FOR_BLOB: &[u8] = b"sagewright blob v1";
const FOR_INLINE: &[u8] = b"sagewright inline v1";
const FOR_WRAPPING: &[u8] = b"sagewright wrap v1";
const FOR_MARKS: &[u8] = b"sagewright mark v1";

/// A key that others are derived of or kept under. Wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; KEY_BYTES]>);

/// The key of one run of sealed bytes.
#[derive(Clone)]
pub struct BlobKey(Zeroizing<[u8; KEY_BYTES]>);

impl Secret {
    /// A new key from the operating system's randomness.
    pub fn random() -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(&mut *bytes).map_err(io::Error::other)?;
        Ok(Self(bytes))
    }

    /// The key that these bytes are.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key of a blob of the object whose data key this is.
    #[must_use]
    pub fn of_blob(&self, blob: Id) -> BlobKey {
        BlobKey(self.derive(FOR_BLOB, &blob.bits().to_be_bytes()))
    }

    /// The key of the bytes that stand in the index. There is one such run for each data key.
    #[must_use]
    pub fn of_inline(&self) -> BlobKey {
        BlobKey(self.derive(FOR_INLINE, &[]))
    }

    /// Sixteen bytes that are always the same of the same text, and tell nothing of it to who does
    /// not have the key.
    #[must_use]
    pub fn mark(&self, text: &[u8]) -> [u8; 16] {
        let derived = self.derive(FOR_MARKS, text);
        let mut mark = [0; 16];
        mark.copy_from_slice(&derived[..16]);
        mark
    }

    /// `key` as it may be kept: unreadable without this one, and only together with `bound`.
    pub fn wrap(&self, key: &Self, bound: &[u8]) -> io::Result<Vec<u8>> {
        let mut wrapped = vec![0; SALT];
        getrandom::fill(&mut wrapped).map_err(io::Error::other)?;
        let cipher = self.wrapping(&wrapped)?;
        let mut sealed = key.0.clone();
        let tag = cipher.seal_in_place_separate_tag(once(), Aad::from(bound), &mut *sealed);
        wrapped.extend_from_slice(&*sealed);
        wrapped.extend_from_slice(tag.map_err(|_| io::Error::other("cannot wrap a key"))?.as_ref());
        Ok(wrapped)
    }

    /// The key that was wrapped so; `None` where this key or what it was bound to is another.
    #[must_use]
    pub fn unwrap(&self, wrapped: &[u8], bound: &[u8]) -> Option<Self> {
        let (salt, sealed) = wrapped.split_at_checked(SALT)?;
        let mut sealed = Zeroizing::new(<[u8; WRAPPED - SALT]>::try_from(sealed).ok()?);
        let cipher = self.wrapping(salt).ok()?;
        let opened = cipher.open_in_place(once(), Aad::from(bound), &mut *sealed).ok()?;
        Some(Self::from_bytes(<[u8; KEY_BYTES]>::try_from(&*opened).ok()?))
    }

    /// Each wrapping has a key of its own, so no number of them wears this one out.
    fn wrapping(&self, salt: &[u8]) -> io::Result<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, &*self.derive(FOR_WRAPPING, salt));
        key.map(LessSafeKey::new).map_err(|_| io::Error::other("a key must be of 32 bytes"))
    }

    fn derive(&self, purpose: &[u8], of: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &*self.0));
        context.update(purpose);
        context.update(of);
        let mut derived = Zeroizing::new([0; KEY_BYTES]);
        derived.copy_from_slice(context.sign().as_ref());
        derived
    }
}

impl BlobKey {
    /// The key that these bytes are: for a job's process, to which it is handed.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes, for handing it to a job's process. They belong into no file, argument or log.
    #[must_use]
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

/// The nonce of a key that seals once.
fn once() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Debug for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobKey(..)")
    }
}

impl PartialEq for BlobKey {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for BlobKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_unwrapped_only_by_what_wrapped_it_and_where_it_belongs() {
        let (outer, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        let key = Secret::random().unwrap();
        let wrapped = outer.wrap(&key, b"bucket/key").unwrap();
        assert_eq!(wrapped.len(), WRAPPED);
        assert!(outer.unwrap(&wrapped, b"bucket/key").is_some_and(|found| found.0 == key.0));
        assert!(outer.unwrap(&wrapped, b"bucket/other").is_none());
        assert!(other.unwrap(&wrapped, b"bucket/key").is_none());
        assert!(outer.unwrap(&wrapped[..WRAPPED - 1], b"bucket/key").is_none());
        assert!(outer.unwrap(&[], b"").is_none());
        for byte in 0..WRAPPED {
            let mut changed = wrapped.clone();
            changed[byte] ^= 1;
            assert!(outer.unwrap(&changed, b"bucket/key").is_none(), "byte {byte}");
        }
    }

    #[test]
    fn no_two_keys_that_are_derived_are_alike() {
        let secret = Secret::random().unwrap();
        let keys = [
            secret.of_blob(Id::from_bits(1)),
            secret.of_blob(Id::from_bits(2)),
            secret.of_inline(),
            Secret::random().unwrap().of_blob(Id::from_bits(1)),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key));
        }
        assert_eq!(secret.of_blob(Id::from_bits(1)), keys[0]);
    }

    #[test]
    fn a_mark_is_the_same_for_the_same_text_and_key_alone() {
        let (one, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_eq!(one.mark(b"text"), one.mark(b"text"));
        assert_ne!(one.mark(b"text"), one.mark(b"other"));
        assert_ne!(one.mark(b"text"), other.mark(b"text"));
    }

    #[test]
    fn no_key_is_shown() {
        let secret = Secret::from_bytes([7; KEY_BYTES]);
        let shown = format!("{secret:?} {:?}", secret.of_inline());
        assert_eq!(shown, "Secret(..) BlobKey(..)");
    }
}
