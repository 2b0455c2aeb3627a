//! The port to the named keys that data keys are wrapped with.
//!
//! A shelf never sees a key: what it keeps is wrapped by the master key, which it does not have. A
//! key is never changed and never removed, for what was sealed with it would be lost.

#[cfg(any(test, feature = "testkit"))]
pub mod memory;
#[cfg(any(test, feature = "testkit"))]
pub mod suite;

use async_trait::async_trait;
use types::Timestamp;

use super::index::IndexError;

/// A named key, wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKey {
    /// Whose it is.
    pub account: String,
    /// What ARNs call it, unique in its account: a UUID, or what its first user called it.
    pub id: String,
    /// `alias/…`, unique in its account too. No id begins so.
    pub alias: Option<String>,
    /// The key under the master key.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created: Timestamp,
}

/// Where named keys are kept.
#[async_trait]
pub trait KeyShelf: Send + Sync {
    /// The account's key of that id or alias.
    async fn find(&self, account: &str, name: &str) -> Result<Option<NamedKey>, IndexError>;

    /// Adds a key, durable when it returns. Where there is one of that id or alias already, that one
    /// is the answer, and nothing was added.
    async fn add(&self, key: NamedKey) -> Result<NamedKey, IndexError>;
}
