//! Accounts and their keys, in `keys/accounts.json`: written whole or not at all, mode 0600.
//!
//! Only the command line and a first start write the file. A server reads it when it starts and
//! when it is told to, so a change is in force once both have happened: `command::order`.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use platform::access::Account;
use serde::{Deserialize, Serialize};
use services::accounts::{EXECUTION_ROLE, Key, assumed_role, user};
use types::{CanonicalId, Timestamp};

use crate::{
    data::{Data, write_private},
    keys::{Secrets, letters, lock, random},
};

/// The version of the file's form. A newer one is refused.
const FORMAT: u32 = 1;

/// The session that a first key presents itself as.
const SESSION: &str = "admin";

/// Digits of an account's id.
const DIGITS: usize = 12;

/// Everybody who may call. There is always a first account.
#[derive(Clone, Serialize, Deserialize)]
pub struct Roster {
    format: u32,
    /// In the order they were made.
    pub accounts: Vec<AccountEntry>,
    /// In the order they were made.
    pub keys: Vec<KeyEntry>,
}

/// An account, as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountEntry {
    /// Twelve digits.
    pub id: String,
    /// Drawn when it was made.
    pub canonical_id: CanonicalId,
    /// For people.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
}

/// A key, as stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeyEntry {
    /// The key.
    #[serde(flatten)]
    pub key: Key,
    /// When it was made.
    pub created: Timestamp,
}

/// Whose a new key is.
pub enum Holder {
    /// The account's administrator, in a session of this name.
    Administrator(String),
    /// The IAM user of this name.
    User(String),
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such account.
    #[error("there is no account {0}; sagewright accounts ls shows those that are there")]
    NoAccount(String),
    /// There is no such key.
    #[error("there is no key {0}; sagewright keys ls shows those that are there")]
    NoKey(String),
    /// The account was made before.
    #[error("there is an account {0} already")]
    AccountTaken(String),
    /// Nobody could administer the installation any more.
    #[error(
        "{key} is the last administrator's key of the first account, which this command line \
         signs with; make another first: sagewright keys add --account {account} --admin"
    )]
    LastKey {
        /// The key.
        key: String,
        /// The first account.
        account: String,
    },
}

impl KeyEntry {
    fn new(account: &str, holder: &Holder) -> Result<Self> {
        let principal = match holder {
            Holder::Administrator(session) => assumed_role(account, EXECUTION_ROLE, session),
            Holder::User(name) => user(account, name),
        };
        let key = Key {
            access_key: format!("AKIA{}", letters(16)?),
            secret: letters(40)?,
            account: account.to_owned(),
            principal,
        };
        Ok(Self { key, created: Timestamp::now() })
    }

    /// Whether it is the account's administrator's, and no user's.
    pub fn is_administrators(&self) -> bool {
        self.key.principal.contains(":assumed-role/")
    }
}

impl AccountEntry {
    fn new(id: String, name: Option<String>) -> Self {
        let name = name.unwrap_or_else(|| id.clone());
        Self { id, canonical_id: CanonicalId::random(), name, created: Timestamp::now() }
    }

    /// The account, as the server knows it.
    pub fn account(&self) -> Account {
        Account {
            id: self.id.as_str().into(),
            canonical_id: self.canonical_id,
            name: self.name.as_str().into(),
        }
    }
}

impl Roster {
    /// That of the data folder; where there is none yet, one of `account` and its first key.
    pub fn open(data: &Data, account: &str) -> Result<Self> {
        let _lock = lock(data)?;
        Self::opened(data, account)
    }

    /// Makes a change that is whole or not at all, and durable when this returns.
    pub fn change<T>(
        data: &Data,
        account: &str,
        change: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let _lock = lock(data)?;
        let mut roster = Self::opened(data, account)?;
        let result = change(&mut roster)?;
        roster.write(data)?;
        Ok(result)
    }

    /// That of the data folder.
    pub fn read(data: &Data) -> Result<Self> {
        let path = path(data);
        let text = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let roster: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not what it should be", path.display()))?;
        if roster.format > FORMAT {
            let (path, found) = (path.display(), roster.format);
            bail!("{path} is of format {found}, and this program knows {FORMAT}: use a newer one");
        }
        Ok(roster)
    }

    fn opened(data: &Data, account: &str) -> Result<Self> {
        let mut secrets = Secrets::open(data)?;
        if !path(data).try_exists()? {
            Self::first(secrets.first_key(), account)?.write(data)?;
        }
        secrets.forget_first_key(data)?;
        let mut roster = Self::read(data)?;
        if roster.administrators().next().is_none() {
            roster.add_administrator()?;
            roster.write(data)?;
        }
        Ok(roster)
    }

    /// Gives the first account a key where none is left: a backup without keys was restored.
    fn add_administrator(&mut self) -> Result<()> {
        let first = self.accounts.first().context("there is no account")?.id.clone();
        self.add_key(&first, &Holder::Administrator(SESSION.to_owned())).map(drop)
    }

    /// The accounts alone, as a backup without secrets has them.
    pub fn without_keys(self) -> Self {
        Self { keys: Vec::new(), ..self }
    }

    fn first(key: Option<&Key>, account: &str) -> Result<Self> {
        let key = match key.cloned() {
            Some(key) => KeyEntry { key, created: Timestamp::now() },
            None => KeyEntry::new(account, &Holder::Administrator(SESSION.to_owned()))?,
        };
        let account = AccountEntry::new(key.key.account.clone(), None);
        Ok(Self { format: FORMAT, accounts: vec![account], keys: vec![key] })
    }

    fn write(&self, data: &Data) -> Result<()> {
        Ok(write_private(&path(data), &serde_json::to_vec_pretty(self)?)?)
    }

    /// The key that the command line signs with: an administrator's of the first account.
    pub fn administrator(&self) -> Result<&Key> {
        self.administrators().next().map(|entry| &entry.key).context("there is no key to sign with")
    }

    fn administrators(&self) -> impl Iterator<Item = &KeyEntry> {
        let first = self.accounts.first().map(|account| &*account.id);
        self.keys
            .iter()
            .filter(move |entry| Some(&*entry.key.account) == first && entry.is_administrators())
    }

    fn knows(&self, account: &str) -> bool {
        self.accounts.iter().any(|known| known.id == account)
    }

    /// Adds an account; with no id, one that nobody has.
    pub fn add_account(
        &mut self,
        id: Option<String>,
        name: Option<String>,
    ) -> Result<AccountEntry> {
        let id = match id {
            Some(id) if self.knows(&id) => return Err(Refused::AccountTaken(id).into()),
            Some(id) => id,
            None => self.free_id()?,
        };
        let account = AccountEntry::new(id, name);
        self.accounts.push(account.clone());
        Ok(account)
    }

    fn free_id(&self) -> Result<String> {
        loop {
            let digits = u64::from_be_bytes(random()?) % 10_u64.pow(12);
            let id = format!("{digits:0DIGITS$}");
            if !self.knows(&id) {
                return Ok(id);
            }
        }
    }

    /// Adds a key.
    pub fn add_key(&mut self, account: &str, holder: &Holder) -> Result<KeyEntry> {
        if !self.knows(account) {
            return Err(Refused::NoAccount(account.to_owned()).into());
        }
        let key = KeyEntry::new(account, holder)?;
        self.keys.push(key.clone());
        Ok(key)
    }

    /// Removes a key.
    pub fn remove_key(&mut self, access_key: &str) -> Result<()> {
        let at = self.keys.iter().position(|entry| entry.key.access_key == access_key);
        let at = at.ok_or_else(|| Refused::NoKey(access_key.to_owned()))?;
        if self.administrators().all(|entry| entry.key.access_key == access_key) {
            let account = self.keys[at].key.account.clone();
            return Err(Refused::LastKey { key: access_key.to_owned(), account }.into());
        }
        self.keys.remove(at);
        Ok(())
    }
}

fn path(data: &Data) -> PathBuf {
    data.join("keys").join("accounts.json")
}

/// An account's id, as the command line takes it.
pub fn account_id(text: &str) -> Result<String, &'static str> {
    let digits = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.to_owned()).ok_or("an account's id is twelve digits")
}

/// An account's name: 1 to 50 printable ASCII characters (Organizations API reference, Account).
pub fn account_name(text: &str) -> Result<String, &'static str> {
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let fits = (1..=50).contains(&text.len()) && printable;
    fits.then(|| text.to_owned()).ok_or("an account's name is 1 to 50 printable ASCII characters")
}

/// The name of a user or a session: 2 to 64 of what both may hold (IAM and STS API references).
pub fn holder_name(text: &str) -> Result<String, &'static str> {
    let fits = (2..=64).contains(&text.len());
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (fits && text.bytes().all(allowed))
        .then(|| text.to_owned())
        .ok_or("a name is 2 to 64 letters, digits and _+=,.@-")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ACCOUNT: &str = "123456789012";

    fn folder() -> (tempfile::TempDir, Data) {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::at(Some(folder.path().join("data"))).unwrap();
        data.prepare().unwrap();
        (folder, data)
    }

    fn administrator() -> Holder {
        Holder::Administrator("admin".into())
    }

    #[test]
    fn a_folder_from_before_there_were_accounts_keeps_its_key_and_its_sessions() {
        let (_folder, data) = folder();
        let root = data.join("keys").join("root.json");
        fs::write(&root, include_str!("../fixtures/root-0.json")).unwrap();
        let seal = Secrets::read(&data).unwrap().seal().unwrap();

        let roster = Roster::open(&data, "999999999999").unwrap();
        let key = roster.administrator().unwrap();
        assert_eq!(key.access_key, "AKIAEXAMPLEEXAMPLE22");
        assert_eq!((&*key.account, &*roster.accounts[0].id), (ACCOUNT, ACCOUNT));
        assert!(!fs::read_to_string(&root).unwrap().contains("AKIA"), "it stands in one place");
        assert_eq!(Secrets::read(&data).unwrap().seal().unwrap(), seal);

        let again = Roster::open(&data, "999999999999").unwrap();
        assert_eq!(again.accounts[0].canonical_id, roster.accounts[0].canonical_id);
        assert_eq!(again.keys.len(), 1);
    }

    #[test]
    fn a_file_of_the_first_format_is_read_and_a_newer_one_is_refused() {
        let (_folder, data) = folder();
        let text = include_str!("../fixtures/accounts-1.json");
        fs::write(path(&data), text).unwrap();
        let roster = Roster::read(&data).unwrap();
        assert_eq!(roster.accounts[1].name, "Research");
        assert_eq!(roster.keys[1].key.principal, "arn:aws:iam::210987654321:user/ada");
        fs::write(path(&data), text.replace(r#""format": 1"#, r#""format": 2"#)).unwrap();
        assert!(Roster::read(&data).err().unwrap().to_string().contains("newer"));
    }

    #[test]
    fn what_was_added_is_there_for_the_next_who_opens_and_for_the_owner_alone() {
        let (_folder, data) = folder();
        let first = Roster::open(&data, ACCOUNT).unwrap();
        let added = Roster::change(&data, ACCOUNT, |roster| {
            let account = roster.add_account(None, Some("Research".into()))?;
            roster.add_key(&account.id, &Holder::User("ada".into()))
        });
        let added = added.unwrap();
        let roster = Roster::open(&data, ACCOUNT).unwrap();
        assert_eq!(roster.administrator().unwrap().secret, first.administrator().unwrap().secret);
        assert_eq!(roster.keys[1].key.secret, added.key.secret);
        assert!(!added.is_administrators() && added.key.account == roster.accounts[1].id);
        let mode = fs::metadata(path(&data)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_change_that_is_refused_changes_nothing() {
        let (_folder, data) = folder();
        let refused = Roster::change(&data, ACCOUNT, |roster| {
            roster.add_account(Some("210987654321".into()), None)?;
            roster.add_account(Some(ACCOUNT.into()), None)
        });
        assert!(matches!(refused.unwrap_err().downcast_ref(), Some(Refused::AccountTaken(_))));
        assert_eq!(Roster::read(&data).unwrap().accounts.len(), 1);
    }

    #[test]
    fn the_last_administrators_key_of_the_first_account_stays() {
        let (_folder, data) = folder();
        let mut roster = Roster::open(&data, ACCOUNT).unwrap();
        let first = roster.administrator().unwrap().access_key.clone();
        roster.add_account(Some("210987654321".into()), None).unwrap();
        let other = roster.add_key("210987654321", &administrator()).unwrap();
        roster.add_key(ACCOUNT, &Holder::User("ada".into())).unwrap();

        let refused = roster.remove_key(&first).unwrap_err();
        assert!(matches!(refused.downcast_ref(), Some(Refused::LastKey { .. })), "{refused}");
        roster.remove_key(&other.key.access_key).unwrap();
        let missing = roster.remove_key(&other.key.access_key).unwrap_err();
        assert!(matches!(missing.downcast_ref(), Some(Refused::NoKey(_))));

        let second = roster.add_key(ACCOUNT, &administrator()).unwrap();
        roster.remove_key(&first).unwrap();
        assert_eq!(roster.administrator().unwrap().access_key, second.key.access_key);
    }

    #[test]
    fn accounts_without_keys_get_one_for_their_administrator() {
        let (_folder, data) = folder();
        let before = Roster::open(&data, ACCOUNT).unwrap();
        before.clone().without_keys().write(&data).unwrap();
        let after = Roster::open(&data, "999999999999").unwrap();
        assert_eq!(after.accounts[0].canonical_id, before.accounts[0].canonical_id);
        let key = after.administrator().unwrap();
        assert_eq!(key.account, ACCOUNT);
        assert_ne!(key.access_key, before.administrator().unwrap().access_key);
    }

    #[test]
    fn names_and_ids_are_what_aws_takes() {
        assert!(account_id("012345678901").is_ok() && account_id("12345678901a").is_err());
        assert!(account_id("٠١٢٣٤٥").is_err());
        assert!(account_name("Research & more").is_ok() && account_name("").is_err());
        assert!(holder_name("ada@x.org").is_ok());
        assert!(["a/b", "a", "ada lovelace", "ü2"].iter().all(|name| holder_name(name).is_err()));
    }
}
