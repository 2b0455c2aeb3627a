//! The keys that requests are signed with, and the rule that calls are allowed by.
//!
//! Temporary keys need no look-up: key and session token carry what is needed, sealed with a secret
//! of the installation, from which the temporary secret is derived too.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use platform::access::{Access, Account, Denied, Identity, Unidentified};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use types::{Caller, CanonicalId, Id, Owner, Timestamp};

/// A long-term key.
#[derive(Clone, Serialize, Deserialize)]
pub struct Key {
    /// `AKIA…`, twenty characters.
    pub access_key: String,
    /// Forty characters.
    pub secret: String,
    /// The account it belongs to.
    pub account: String,
    /// As whom it acts: an assumed role's ARN, or an IAM user's.
    pub principal: String,
}

/// Temporary credentials.
pub struct Temporary {
    /// `ASIA…`.
    pub access_key: String,
    /// Forty characters and more.
    pub secret: String,
    /// To be sent with every request.
    pub token: String,
}

/// What a session token says, sealed.
#[derive(Serialize, Deserialize)]
struct Session {
    key: String,
    account: String,
    principal: String,
    /// Microseconds since 1970.
    expires: Timestamp,
}

/// All accounts and keys of an installation.
pub struct Keyring {
    /// Replaced whole, so that a request sees the keys of one moment and waits for nobody.
    known: ArcSwap<Known>,
    /// Seals session tokens. 32 random bytes of this installation.
    seal: [u8; 32],
}

/// Who is known.
#[derive(Default)]
struct Known {
    keys: HashMap<String, Identity>,
    accounts: HashMap<Arc<str>, Arc<Account>>,
    canonical_ids: HashMap<CanonicalId, Arc<Account>>,
}

impl Keyring {
    /// A ring that knows nobody yet, and those who hold a session token sealed with `seal`.
    #[must_use]
    pub fn new(seal: [u8; 32]) -> Self {
        Self { known: ArcSwap::default(), seal }
    }

    /// From now on these are known, and nobody else.
    pub fn replace(
        &self,
        accounts: impl IntoIterator<Item = Account>,
        keys: impl IntoIterator<Item = Key>,
    ) {
        let accounts: Vec<_> = accounts.into_iter().map(Arc::new).collect();
        let by_canonical_id = |account: &Arc<Account>| (account.canonical_id, account.clone());
        self.known.store(Arc::new(Known {
            keys: keys.into_iter().map(identified).collect(),
            canonical_ids: accounts.iter().map(by_canonical_id).collect(),
            accounts: accounts.into_iter().map(|account| (account.id.clone(), account)).collect(),
        }));
    }

    /// Credentials for `principal` until `expires`.
    pub fn issue(
        &self,
        account: &str,
        principal: &str,
        expires: Timestamp,
    ) -> Result<Temporary, serde_json::Error> {
        let digits = Id::random().to_string().to_uppercase();
        let key = format!("ASIA{}", &digits[..16]);
        let (account, principal) = (account.to_owned(), principal.to_owned());
        let session = Session { key: key.clone(), account, principal, expires };
        let body = serde_json::to_vec(&session)?;
        let token = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(&body),
            URL_SAFE_NO_PAD.encode(self.sealed(b"token", &body).finalize().into_bytes())
        );
        Ok(Temporary { secret: self.secret_of(&key), access_key: key, token })
    }

    fn secret_of(&self, key: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.sealed(b"secret", key.as_bytes()).finalize().into_bytes())
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn sealed(&self, purpose: &[u8], body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::new_from_slice(&self.seal).expect("HMAC takes keys of any length");
        mac.update(purpose);
        mac.update(&[0]);
        mac.update(body);
        mac
    }

    fn opened(&self, token: &str) -> Option<Session> {
        let (body, mac) = token.split_once('.')?;
        let body = URL_SAFE_NO_PAD.decode(body).ok()?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        self.sealed(b"token", &body).verify_slice(&mac).ok()?;
        serde_json::from_slice(&body).ok()
    }
}

/// Whom an access key identifies.
fn identified(key: Key) -> (String, Identity) {
    let Key { access_key, secret, account, principal } = key;
    let (secret, account, principal) = (secret.into(), account.into(), principal.into());
    (access_key, Identity { secret, account, principal })
}

impl Access for Keyring {
    fn identify(&self, key: &str, token: Option<&str>) -> Result<Identity, Unidentified> {
        let Some(token) = token else {
            return self.known.load().keys.get(key).cloned().ok_or(Unidentified::UnknownKey);
        };
        let session = self.opened(token).ok_or(Unidentified::BadToken)?;
        if session.key != key {
            return Err(Unidentified::BadToken);
        }
        if session.expires <= Timestamp::now() {
            return Err(Unidentified::Expired);
        }
        let Session { account, principal, .. } = session;
        let secret = self.secret_of(key).into();
        Ok(Identity { secret, account: account.into(), principal: principal.into() })
    }

    /// Everything inside the caller's account and nothing outside it.
    fn allow(
        &self,
        caller: &Caller,
        action: &str,
        resource: &str,
        owner: &Owner,
    ) -> Result<(), Denied> {
        if caller.owner().account == owner.account {
            return Ok(());
        }
        let principal = caller.owner().principal.to_string();
        Err(Denied { principal, action: action.to_owned(), resource: resource.to_owned() })
    }

    fn account(&self, id: &str) -> Option<Arc<Account>> {
        self.known.load().accounts.get(id).cloned()
    }

    fn account_of(&self, canonical_id: &CanonicalId) -> Option<Arc<Account>> {
        self.known.load().canonical_ids.get(canonical_id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PRINCIPAL: &str = "arn:aws:sts::123456789012:assumed-role/R/s";

    fn ring() -> Keyring {
        Keyring::new([7; 32])
    }

    #[test]
    fn temporary_credentials_identify_their_holder_until_they_expire() {
        let issue = |expires| ring().issue("123456789012", PRINCIPAL, expires).unwrap();

        let valid = issue(Timestamp::now() + Duration::from_mins(1));
        let identity = ring().identify(&valid.access_key, Some(&valid.token)).ok().unwrap();
        assert_eq!(*identity.secret, valid.secret);
        assert_eq!(&*identity.principal, PRINCIPAL);

        let over = issue(Timestamp::from_micros(0));
        let refused = ring().identify(&over.access_key, Some(&over.token)).err();
        assert_eq!(refused, Some(Unidentified::Expired));
    }

    #[test]
    fn a_token_that_was_changed_or_belongs_to_another_key_is_refused() {
        let expires = Timestamp::now() + Duration::from_mins(1);
        let mine = ring().issue("123456789012", PRINCIPAL, expires).unwrap();
        let other = ring().issue("123456789012", PRINCIPAL, expires).unwrap();
        let mut changed = mine.token.clone().into_bytes();
        changed[5] ^= 1;
        let changed = String::from_utf8_lossy(&changed).into_owned();
        for token in [&*other.token, &*changed, "", ".", "a.b"] {
            let refused = ring().identify(&mine.access_key, Some(token)).err();
            assert_eq!(refused, Some(Unidentified::BadToken), "{token}");
        }
        assert_eq!(ring().identify(&mine.access_key, None).err(), Some(Unidentified::UnknownKey));
    }

    #[test]
    fn who_is_no_longer_on_the_ring_is_no_longer_known() {
        let ring = ring();
        let account = |id: &str| Account {
            id: id.into(),
            canonical_id: CanonicalId::random(),
            name: "a".into(),
        };
        let key = |access_key: &str| Key {
            access_key: access_key.into(),
            secret: "s".into(),
            account: "123456789012".into(),
            principal: PRINCIPAL.into(),
        };
        let (first, second) = (account("123456789012"), account("210987654321"));
        ring.replace([first.clone(), second], [key("A"), key("B")]);
        ring.replace([first.clone()], [key("B")]);
        assert_eq!(ring.account_of(&first.canonical_id).as_deref(), Some(&first));
        assert_eq!(ring.account("210987654321"), None);
        assert_eq!(ring.identify("A", None).err(), Some(Unidentified::UnknownKey));
        assert_eq!(ring.identify("B", None).ok().unwrap().principal, PRINCIPAL.into());
    }

    #[test]
    fn another_account_is_not_allowed() {
        let owner = |account: &str| Owner::new(account, "us-east-1", PRINCIPAL);
        let caller = Caller::on_behalf_of(&owner("123456789012"));
        let allow = |account| ring().allow(&caller, "s3:GetObject", "arn", &owner(account));
        assert!(allow("123456789012").is_ok() && allow("210987654321").is_err());
    }
}
