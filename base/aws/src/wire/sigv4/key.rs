//! Signing keys: a secret narrowed to a day, a region and a service.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Claim, TERMINATOR};

/// A derived key. Useless a day later or for another service.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// Narrows `secret`. `date` is `yyyymmdd`.
    #[must_use]
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> Self {
        let whole = hmac(format!("AWS4{secret}").as_bytes(), date);
        Self([region, service, TERMINATOR].iter().fold(whole, |key, part| hmac(&key, part)))
    }

    /// The signature of `text`: 64 lower-case hexadecimal digits.
    pub(crate) fn sign(&self, text: &str) -> String {
        hex::encode(hmac(&self.0, text))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// How many derived keys are kept. A busy server sees one per key, region, service and day.
const KEPT: usize = 1_024;

#[derive(PartialEq, Eq, Hash)]
struct Scope {
    access_key: String,
    date: String,
    region: String,
    service: String,
}

struct Derived {
    secret: String,
    key: SigningKey,
}

/// Keys derived lately, bounded, shared by all connections.
#[derive(Default)]
pub struct SigningKeys(Mutex<HashMap<Scope, Derived>>);

impl SigningKeys {
    /// The key that signs `claim`, derived from `secret` unless it was lately. A secret that
    /// changed under the same access key is noticed.
    #[must_use]
    pub fn get(&self, claim: &Claim, secret: &str) -> SigningKey {
        let scope = Scope {
            access_key: claim.access_key.clone(),
            date: claim.date.clone(),
            region: claim.region.clone(),
            service: claim.service.clone(),
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(derived) = kept.get(&scope)
            && bool::from(derived.secret.as_bytes().ct_eq(secret.as_bytes()))
        {
            return derived.key.clone();
        }
        let key = SigningKey::derive(secret, &claim.date, &claim.region, &claim.service);
        if kept.len() >= KEPT {
            // Deriving again costs microseconds: not worth an order of eviction.
            kept.clear();
        }
        kept.insert(scope, Derived { secret: secret.to_owned(), key: key.clone() });
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of AWS's "Deriving a signing key" page.
    #[test]
    fn the_published_example_derives_to_the_published_key() {
        let key = SigningKey::derive(
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "20150830",
            "us-east-1",
            "iam",
        );
        assert_eq!(
            hex::encode(key.0),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }
}
