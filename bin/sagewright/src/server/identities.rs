//! Accounts and keys in force: those of the data folder, as they were when they were last read.

use std::sync::Arc;

use anyhow::Result;
use platform::store::Store;
use services::accounts::{EXECUTION_ROLE, Keyring, assumed_role, seed_role};
use types::{GLOBAL, Owner};

use crate::{
    data::Data,
    roster::{AccountEntry, Roster},
};

/// As whom the server makes what every account has.
const SESSION: &str = "sagewright";

/// What the ring is filled from.
pub struct Identities {
    /// Where the accounts and keys stand.
    pub data: Data,
    /// Where roles are kept.
    pub store: Arc<dyn Store>,
    /// Whom requests are verified with.
    pub keyring: Arc<Keyring>,
}

impl Identities {
    /// Reads them again. Every account's role is there before its keys are: whoever can call finds
    /// it.
    pub async fn reload(&self) -> Result<()> {
        let roster = Roster::read(&self.data)?;
        for AccountEntry { id, .. } in &roster.accounts {
            let principal = assumed_role(id, EXECUTION_ROLE, SESSION);
            seed_role(&*self.store, &Owner::new(id.as_str(), GLOBAL, principal)).await?;
        }
        let accounts = roster.accounts.iter().map(AccountEntry::account);
        self.keyring.replace(accounts, roster.keys.into_iter().map(|entry| entry.key));
        Ok(())
    }
}
