//! The port to what is durable: records, their counters, tags and events.
//!
//! A [`Store`] decides by itself what would otherwise be a look before a write: whether a name is
//! free, whether somebody wrote in between, whether a limit allows one more. All writes of a
//! commit happen, or none.

pub mod mark;
#[cfg(any(test, feature = "testkit"))]
pub mod memory;
#[cfg(any(test, feature = "testkit"))]
pub mod suite;

use std::{borrow::Cow, fmt, sync::Arc};

use async_trait::async_trait;
use tokio::sync::watch;
use types::{Id, Owner, Timestamp};

/// What a record is called. Unique per account, region and kind; compared exactly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Twelve digits.
    pub account: Arc<str>,
    /// A region's name, or [`types::GLOBAL`].
    pub region: Arc<str>,
    /// `training-job`, `endpoint-config`: the word that stands in the ARN where there is one.
    pub kind: Cow<'static, str>,
    /// As the client spelled it.
    pub name: String,
}

impl Key {
    /// The key of `name` among `owner`'s resources of a kind.
    pub fn new(owner: &Owner, kind: &'static str, name: impl Into<String>) -> Self {
        let Owner { account, region, .. } = owner.clone();
        Self { account, region, kind: Cow::Borrowed(kind), name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, region, kind, name } = self;
        write!(f, "{kind} {name} of {account} in {region}")
    }
}

/// A stored resource, as far as the store must know it. What it means is in `body`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Drawn at Create. Whatever stands outside the store (folders, processes, events) refers to
    /// this, never to the name.
    pub id: Id,
    /// What it is called.
    pub key: Key,
    /// Its ARN.
    pub arn: String,
    /// Whose it is, and as whom its work is done.
    pub owner: Owner,
    /// The name of what it belongs to (a tuning job's child has its tuning job), for lists.
    pub parent: Option<String>,
    /// The word that `List*` filters by, derived from the phase.
    pub status: String,
    /// When it was created.
    pub created: Timestamp,
    /// When its last write happened.
    pub modified: Timestamp,
    /// When the driver must look at it again; `None` once nothing is left to do.
    pub due: Option<Timestamp>,
    /// Drawn from one sequence for the whole store, so that it never comes back, not even under a
    /// name that was deleted and made again.
    pub version: u64,
    /// JSON with a format version, the service's own.
    pub body: String,
}

/// What changes with every write of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// See [`Record::status`].
    pub status: String,
    /// See [`Record::due`].
    pub due: Option<Timestamp>,
    /// See [`Record::body`].
    pub body: String,
    /// Stands in the event that a changed status writes: a reason, a message; may be empty.
    pub detail: String,
}

/// A sum that a limit is about: instances of a type in use, users of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// Twelve digits.
    pub account: Arc<str>,
    /// A region's name.
    pub region: Arc<str>,
    /// `ml.m4.xlarge for training job usage`.
    pub name: String,
}

impl Counter {
    /// A counter of `owner`'s account in its region.
    pub fn new(owner: &Owner, name: impl Into<String>) -> Self {
        let Owner { account, region, .. } = owner.clone();
        Self { account, region, name: name.into() }
    }
}

/// The mark of one claim. A write that carries it fails once somebody else has claimed the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(pub Id);

/// What a commit may take for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// It exists, in whatever version.
    Present,
    /// It exists and nobody wrote it since this version was read.
    Version(u64),
    /// There is none of that name.
    Absent,
}

/// One part of a commit.
#[derive(Clone, Debug)]
pub enum Write {
    /// The name must be free.
    Create {
        /// Its id for good.
        id: Id,
        /// Its name.
        key: Key,
        /// Its ARN.
        arn: String,
        /// Whose it is.
        owner: Owner,
        /// See [`Record::parent`].
        parent: Option<String>,
        /// How it begins.
        state: State,
    },
    /// The record must still be at `version`; with a `token`, its claim must still be that one.
    /// The claim ends with the update.
    Update {
        /// Which record.
        key: Key,
        /// The version that was read.
        version: u64,
        /// The driver's claim, where a driver writes.
        token: Option<Token>,
        /// What it becomes.
        state: State,
    },
    /// The record must still be at `version`. Its tags go with it.
    Delete {
        /// Which record.
        key: Key,
        /// The version that was read.
        version: u64,
    },
    /// Writes nothing; the commit fails where it does not hold.
    Require {
        /// Which record.
        key: Key,
        /// What must hold.
        state: Required,
    },
    /// Adds to a counter, which must stay within `limit`.
    Reserve {
        /// Which sum.
        counter: Counter,
        /// How much is taken.
        amount: u64,
        /// The most that the sum may be afterwards.
        limit: u64,
    },
    /// Gives back what was reserved; never below zero.
    Release {
        /// Which sum.
        counter: Counter,
        /// How much is given back.
        amount: u64,
    },
    /// Sets a tag of the resource with this ARN.
    Tag {
        /// The resource.
        arn: String,
        /// The tag's key.
        key: String,
        /// The tag's value.
        value: String,
    },
    /// Takes a tag off, where there is one.
    Untag {
        /// The resource.
        arn: String,
        /// The tag's key.
        key: String,
    },
}

/// Why nothing of a commit was written.
#[derive(Debug, thiserror::Error)]
pub enum Conflict {
    /// A record of that name exists.
    #[error("{0} exists")]
    Taken(Key),
    /// Somebody else wrote it first, claimed it, or deleted it.
    #[error("{0} was changed by somebody else")]
    Stale(Key),
    /// A [`Write::Require`] did not hold.
    #[error("{0} is not as the commit requires it")]
    Unmet(Key),
    /// A counter would pass its limit.
    #[error("`{counter}` stands at {used} of {limit}, and {asked} more were asked for")]
    Limit {
        /// The counter's name.
        counter: String,
        /// Where it stands.
        used: u64,
        /// The most it may be.
        limit: u64,
        /// What was asked for.
        asked: u64,
    },
    /// The store failed. Whether the commit happened is not known.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// The store itself failed, or holds what it cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the store failed")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps what went wrong below.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// What a list is sorted by. Equal values are told apart by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// By name, in binary order.
    Name,
    /// By creation, the default of AWS's lists.
    #[default]
    Created,
    /// By last write.
    Modified,
    /// By status.
    Status,
}

/// The arguments that all `List*` share. Bounds on times are exclusive.
#[derive(Clone, Debug)]
pub struct Query {
    /// Twelve digits.
    pub account: Arc<str>,
    /// A region's name.
    pub region: Arc<str>,
    /// One kind at a time.
    pub kind: Cow<'static, str>,
    /// Only names that contain this.
    pub name_contains: Option<String>,
    /// Only this status.
    pub status: Option<String>,
    /// Only children of this.
    pub parent: Option<String>,
    /// Only what was created after.
    pub created_after: Option<Timestamp>,
    /// Only what was created before.
    pub created_before: Option<Timestamp>,
    /// Only what was written after.
    pub modified_after: Option<Timestamp>,
    /// Only what was written before.
    pub modified_before: Option<Timestamp>,
    /// The order.
    pub sort_by: SortBy,
    /// Largest first.
    pub descending: bool,
    /// At most so many records.
    pub limit: usize,
    /// Where the last page ended: a [`Page::next`].
    pub after: Option<String>,
}

impl Query {
    /// All of `owner`'s resources of a kind, newest first, 100 a page.
    #[must_use]
    pub fn all(owner: &Owner, kind: &'static str) -> Self {
        Self {
            account: owner.account.clone(),
            region: owner.region.clone(),
            kind: Cow::Borrowed(kind),
            name_contains: None,
            status: None,
            parent: None,
            created_after: None,
            created_before: None,
            modified_after: None,
            modified_before: None,
            sort_by: SortBy::Created,
            descending: true,
            limit: 100,
            after: None,
        }
    }
}

/// One page of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// In the order asked for.
    pub records: Vec<Record>,
    /// What the next page's [`Query::after`] must be; `None` at the end. Opaque text.
    pub next: Option<String>,
}

/// A record and the right to move it on, for a while.
#[derive(Clone, Debug)]
pub struct Claim {
    /// As it stood when it was claimed.
    pub record: Record,
    /// To be carried by the update.
    pub token: Token,
}

/// A status that changed, in the order it happened. At least once, in order per id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Grows with every event of the store.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Of what.
    pub id: Id,
    /// Its name at that time.
    pub key: Key,
    /// The new status; empty for a deletion.
    pub status: String,
    /// See [`State::detail`].
    pub detail: String,
}

/// Where everything durable stands but objects, logs and metrics.
#[async_trait]
pub trait Store: Send + Sync {
    /// All of it or nothing, and durable when it returns `Ok`. Every change of a status writes its
    /// event in the same transaction.
    async fn commit(&self, writes: Vec<Write>) -> Result<(), Conflict>;

    /// The record of that name.
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError>;

    /// The record with that id.
    async fn find(&self, id: Id) -> Result<Option<Record>, StoreError>;

    /// The record with that ARN.
    async fn by_arn(&self, arn: &str) -> Result<Option<Record>, StoreError>;

    /// A page of a list. An `after` that this store did not write is [`Page::default`].
    async fn list(&self, query: &Query) -> Result<Page, StoreError>;

    /// Every record of these kinds, of every owner: for what must be rebuilt at start.
    async fn scan(&self, kinds: &[&'static str]) -> Result<Vec<Record>, StoreError>;

    /// Claims what is due by `due` and not claimed, or claimed by somebody whose time is over at
    /// `now`. The claims hold until `until`.
    async fn claim_due(
        &self,
        kinds: &[&'static str],
        due: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Claim>, StoreError>;

    /// Makes a record due now and ends any claim on it, without a new version: for who knows that
    /// something happened outside.
    async fn touch(&self, id: Id, now: Timestamp) -> Result<(), StoreError>;

    /// When the next record of these kinds falls due, claimed or not.
    async fn next_due(&self, kinds: &[&'static str]) -> Result<Option<Timestamp>, StoreError>;

    /// The tags of a resource, by key.
    async fn tags(&self, arn: &str) -> Result<Vec<(String, String)>, StoreError>;

    /// What a counter stands at.
    async fn used(&self, counter: &Counter) -> Result<u64, StoreError>;

    /// Events after `seq`, at most `limit`.
    async fn events(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError>;

    /// Changes whenever something was committed; the value says only that.
    fn changed(&self) -> watch::Receiver<u64>;
}
