//! The port to identities: whose key signed, and whether its holder may.

use std::sync::Arc;

use types::{Caller, CanonicalId, Owner};

/// What a key's holder proved to have, once the signature is right.
#[derive(Clone)]
pub struct Identity {
    /// The secret to verify with. Never logged: it has no `Debug`.
    pub secret: Arc<str>,
    /// The account that the key belongs to.
    pub account: Arc<str>,
    /// As whom it acts: an assumed role's ARN.
    pub principal: Arc<str>,
}

/// An account, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: Arc<str>,
    /// What S3 shows as an owner's `ID`, and policies name as `CanonicalUser`.
    pub canonical_id: CanonicalId,
    /// What S3 shows as an owner's `DisplayName`.
    pub name: Arc<str>,
}

/// Why a key identifies nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unidentified {
    /// No such key.
    UnknownKey,
    /// The session token does not belong to the key.
    BadToken,
    /// The temporary credentials are over.
    Expired,
}

/// The caller may not do this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("User: {principal} is not authorized to perform: {action} on resource: {resource}")]
pub struct Denied {
    /// Who asked.
    pub principal: String,
    /// For what: `s3:GetObject`.
    pub action: String,
    /// On what, as an ARN.
    pub resource: String,
}

/// Knows keys and rights. Called for every request, so it answers from memory.
pub trait Access: Send + Sync {
    /// Whose key this is. Temporary keys (`ASIA…`) come with their session token.
    fn identify(&self, key: &str, token: Option<&str>) -> Result<Identity, Unidentified>;

    /// Whether the caller may do `action` on `resource` (an ARN) of `owner`'s account.
    fn allow(
        &self,
        caller: &Caller,
        action: &str,
        resource: &str,
        owner: &Owner,
    ) -> Result<(), Denied>;

    /// The account with these twelve digits. Nobody is known where no accounts are kept.
    fn account(&self, _id: &str) -> Option<Arc<Account>> {
        None
    }

    /// The account with this canonical id.
    fn account_of(&self, _canonical_id: &CanonicalId) -> Option<Arc<Account>> {
        None
    }
}
