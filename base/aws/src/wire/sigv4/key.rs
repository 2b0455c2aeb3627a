//! Signing keys: a secret narrowed to a day, a region and a service.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Claim, HexDigest, TERMINATOR};

/// A derived key, ready to sign. Useless a day later or for another service.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Narrows `secret`. `date` is `yyyymmdd`.
    #[must_use]
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> Self {
        Self(keyed(&derived(secret, date, region, service)))
    }

    /// The signature of a text, which is given in parts.
    pub(crate) fn sign(&self, text: &[&str]) -> HexDigest {
        let mut mac = self.0.clone();
        for part in text {
            mac.update(part.as_bytes());
        }
        HexDigest::from(<[u8; 32]>::from(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

fn derived(secret: &str, date: &str, region: &str, service: &str) -> [u8; 32] {
    let whole = hmac(format!("AWS4{secret}").as_bytes(), date);
    [region, service, TERMINATOR].iter().fold(whole, |key, part| hmac(&key, part))
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = keyed(key);
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("any length is a key")
}

/// How many derived keys are kept. A busy server sees one per key, region, service and day.
const KEPT: usize = 1_024;

struct Derived {
    secret: Arc<str>,
    key: SigningKey,
}

/// Keys derived lately, by the credential that names them; bounded, shared by all connections, which
/// do not wait for each other to find one.
#[derive(Default)]
pub struct SigningKeys(RwLock<HashMap<String, Derived>>);

impl SigningKeys {
    /// The key that signs `claim`, derived from `secret` unless it was lately. A secret that
    /// changed under the same access key is noticed.
    #[must_use]
    pub fn get(&self, claim: &Claim<'_>, secret: &Arc<str>) -> SigningKey {
        self.kept(claim, secret).unwrap_or_else(|| {
            let key = SigningKey::derive(secret, claim.date(), claim.region(), claim.service());
            self.keep(claim, Derived { secret: secret.clone(), key: key.clone() });
            key
        })
    }

    fn kept(&self, claim: &Claim<'_>, secret: &Arc<str>) -> Option<SigningKey> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let derived = kept.get(claim.credential())?;
        let same = Arc::ptr_eq(&derived.secret, secret)
            || bool::from(derived.secret.as_bytes().ct_eq(secret.as_bytes()));
        same.then(|| derived.key.clone())
    }

    fn keep(&self, claim: &Claim<'_>, derived: Derived) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            // Deriving again costs microseconds: not worth an order of eviction.
            kept.clear();
        }
        kept.insert(claim.credential().to_owned(), derived);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of AWS's "Deriving a signing key" page.
    #[test]
    fn the_published_example_derives_to_the_published_key() {
        let key =
            derived("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam");
        assert_eq!(
            hex::encode(key),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }
}
