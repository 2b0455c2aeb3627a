//! Who may read what lies sealed: data keys, and the keys that they are kept under.
//!
//! An object's bytes are encrypted with its own data key ([`platform::sealed`]); what is stored is
//! that key, wrapped by one of three: the store's own key, a named key of an account, a customer's
//! key. The first two are kept on a shelf, wrapped in turn by the master key, which only this
//! process has. A wrapped data key is bound to its object's bucket and key and to its encryption
//! context, so that a row of the index that was moved opens nothing.
//!
//! A customer's key is not kept, nor anything that it could be recognised by: that it is the right
//! one is seen by its opening the data key.

mod asked;
mod names;
pub(super) mod pieces;
mod store;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use platform::{
    objects::{
        Encryption, ObjectError, Seal,
        index::IndexError,
        keys::{KeyShelf, NamedKey},
    },
    sealed::Secret,
};
use types::{Id, Timestamp};

pub(super) use asked::Method;
use names::KeyName;
pub(super) use store::Keys;

/// Whose the store's own keys are; no account is called so.
const STORE: &str = "store";
/// The key of SSE-S3, by which a wrong master key is recognised too.
const OWN: &str = "sse-s3";
/// Named keys that are held open; more than any installation uses at once.
const OPEN_KEYS: usize = 1_024;

/// Why the vault does not open.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The keys of this store were made with another master key.
    #[error(
        "the master key does not open the keys of this object store, which were made with another \
         one: put that one back, for without it nothing that is encrypted can be read"
    )]
    WrongMaster,
    /// The shelf cannot be read.
    #[error("the keys of the object store cannot be read")]
    Shelf(#[from] IndexError),
    /// No key can be made.
    #[error("no key can be made")]
    Randomness(#[from] io::Error),
}

/// Makes, wraps and opens data keys.
pub struct Vault {
    shelf: Arc<dyn KeyShelf>,
    master: Secret,
    own: Secret,
    open: Mutex<HashMap<(String, String), Named>>,
}

/// A named key, opened.
#[derive(Clone)]
struct Named {
    id: String,
    key: Secret,
}

/// Where an object lies. Its data key opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
}

/// A data key, and what is stored of it.
#[derive(Clone, Debug)]
pub(super) struct Sealing {
    pub(super) seal: Seal,
    pub(super) data: Secret,
}

impl Vault {
    /// Opens the keys of a store, and makes its own key where it is new.
    pub async fn open(shelf: Arc<dyn KeyShelf>, master: Secret) -> Result<Self, VaultError> {
        let kept = match shelf.find(STORE, OWN).await? {
            Some(kept) => kept,
            None => shelf.add(new_key(&master, STORE, OWN.to_owned(), None)?).await?,
        };
        let own = open_key(&master, &kept).ok_or(VaultError::WrongMaster)?;
        Ok(Self { shelf, master, own, open: Mutex::default() })
    }

    /// Whether no master key was used yet, so that a new one loses nothing.
    pub async fn is_new(shelf: &dyn KeyShelf) -> Result<bool, IndexError> {
        Ok(shelf.find(STORE, OWN).await?.is_none())
    }

    /// A new data key for an object.
    pub(super) async fn new_data_key(
        &self,
        place: Place<'_>,
        method: Method,
    ) -> Result<Sealing, ObjectError> {
        let data = Secret::random().map_err(ObjectError::internal)?;
        self.wrap(place, method, data).await
    }

    /// Wraps a data key for the object that lies there.
    pub(super) async fn wrap(
        &self,
        place: Place<'_>,
        method: Method,
        data: Secret,
    ) -> Result<Sealing, ObjectError> {
        let (encryption, outer) = match method {
            Method::Own => (Encryption::S3, self.own.clone()),
            Method::Customer(key) => (Encryption::Customer, key),
            Method::Named { key, bucket_key, context } => {
                let named = self.named(place, names::parse(key.as_deref(), place)?).await?;
                let key = names::arn(place, &named.id);
                (Encryption::Kms { key, bucket_key, context }, named.key)
            }
        };
        let wrapped = outer.wrap(&data, &bound(place, &encryption));
        let wrapped = wrapped.map_err(ObjectError::internal)?;
        Ok(Sealing { seal: Seal { encryption, wrapped }, data })
    }

    /// The data key of the object that lies there. `customer` is the key that came along.
    pub(super) async fn unwrap(
        &self,
        place: Place<'_>,
        seal: &Seal,
        customer: Option<&Secret>,
    ) -> Result<Secret, ObjectError> {
        let opened = |outer: &Secret| outer.unwrap(&seal.wrapped, &bound(place, &seal.encryption));
        match (&seal.encryption, customer) {
            (Encryption::Customer, Some(key)) => opened(key).ok_or(ObjectError::WrongCustomerKey),
            (Encryption::Customer, None) => Err(ObjectError::CustomerKeyNeeded),
            (Encryption::S3 | Encryption::Kms { .. }, Some(_)) => {
                Err(ObjectError::CustomerKeyNotApplicable)
            }
            (Encryption::S3, None) => opened(&self.own).ok_or_else(damaged),
            (Encryption::Kms { key, .. }, None) => {
                let (account, id) = names::of_arn(key).ok_or_else(damaged)?;
                let named = self.find(account, id).await?.ok_or_else(damaged)?;
                opened(&named.key).ok_or_else(damaged)
            }
        }
    }

    /// The account's key of that name, made where it is the first time.
    async fn named(&self, place: Place<'_>, name: KeyName) -> Result<Named, ObjectError> {
        if let Some(named) = self.find(place.account, name.text()).await? {
            return Ok(named);
        }
        let (id, alias) = match name {
            KeyName::Id(id) => (id, None),
            KeyName::Alias(alias) => (names::uuid(Id::random()), Some(alias)),
        };
        let key = new_key(&self.master, place.account, id, alias);
        let kept = self.shelf.add(key.map_err(ObjectError::internal)?).await.map_err(failed)?;
        self.opened(&kept)
    }

    async fn find(&self, account: &str, name: &str) -> Result<Option<Named>, ObjectError> {
        let asked = (account.to_owned(), name.to_owned());
        let known = self.held_open().get(&asked).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(kept) = self.shelf.find(account, name).await.map_err(failed)? else {
            return Ok(None);
        };
        let named = self.opened(&kept)?;
        let mut open = self.held_open();
        if open.len() >= OPEN_KEYS {
            open.clear();
        }
        open.insert(asked, named.clone());
        Ok(Some(named))
    }

    fn opened(&self, kept: &NamedKey) -> Result<Named, ObjectError> {
        let key = open_key(&self.master, kept).ok_or_else(damaged)?;
        Ok(Named { id: kept.id.clone(), key })
    }

    fn held_open(&self) -> MutexGuard<'_, HashMap<(String, String), Named>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_key(
    master: &Secret,
    account: &str,
    id: String,
    alias: Option<String>,
) -> io::Result<NamedKey> {
    let wrapped = master.wrap(&Secret::random()?, &bytes_of(&[account, &id]))?;
    Ok(NamedKey { account: account.to_owned(), id, alias, wrapped, created: Timestamp::now() })
}

fn open_key(master: &Secret, kept: &NamedKey) -> Option<Secret> {
    master.unwrap(&kept.wrapped, &bytes_of(&[&kept.account, &kept.id]))
}

/// What a data key is bound to.
fn bound(place: Place<'_>, encryption: &Encryption) -> Vec<u8> {
    let (how, context) = match encryption {
        Encryption::S3 => ("s3", None),
        Encryption::Kms { context, .. } => ("kms", context.as_deref()),
        Encryption::Customer => ("customer", None),
    };
    bytes_of(&[how, place.bucket, place.key, context.unwrap_or_default()])
}

/// The texts, each with its length before it, so that no two lists are alike.
fn bytes_of(texts: &[&str]) -> Vec<u8> {
    let lengths = texts.iter().map(|text| (text.len() as u64).to_be_bytes());
    lengths.zip(texts).flat_map(|(length, text)| [&length, text.as_bytes()].concat()).collect()
}

fn failed(error: IndexError) -> ObjectError {
    ObjectError::internal(error)
}

fn damaged() -> ObjectError {
    ObjectError::internal("the key of an encrypted object is damaged")
}
