//! The ports to log events and metric points, which are counted in millions and so have tables of
//! their own.

#[cfg(any(test, feature = "testkit"))]
pub mod memory;
#[cfg(any(test, feature = "testkit"))]
pub mod suite;

use async_trait::async_trait;
use types::{Owner, Timestamp};

use crate::store::StoreError;

/// One line of a log, as CloudWatch Logs shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Non-decreasing within a stream.
    pub at: Timestamp,
    /// When we took it in.
    pub ingested: Timestamp,
    /// Without its line end; tabs written as `#011`.
    pub message: String,
}

/// What an event weighs beside its message, bytes: how CloudWatch Logs counts (its limits page,
/// PutLogEvents).
const EVENT_OVERHEAD: u64 = 26;

impl LogEvent {
    /// What it adds to [`LogGroup::stored_bytes`].
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.message.len() as u64 + EVENT_OVERHEAD
    }
}

/// Where a line belongs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName {
    /// `/aws/sagemaker/TrainingJobs`.
    pub group: String,
    /// `churn-1/algo-1-1700000000`.
    pub stream: String,
}

/// A group, as DescribeLogGroups shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroup {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// What its events weigh, bytes.
    pub stored_bytes: u64,
}

/// A stream, as DescribeLogStreams shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its first event.
    pub first_event: Option<Timestamp>,
    /// Its last event.
    pub last_event: Option<Timestamp>,
    /// When its last event came in.
    pub last_ingestion: Option<Timestamp>,
}

/// Lines for one stream, and how far the source was read for them.
#[derive(Clone, Debug)]
pub struct Append {
    /// Whose.
    pub owner: Owner,
    /// Where to. Made where it does not exist.
    pub stream: StreamName,
    /// In order; may be empty, to make the stream or to move the cursor.
    pub events: Vec<LogEvent>,
    /// The source's position after these lines, saved with them; see [`Logs::cursor`].
    pub cursor: u64,
}

/// Which events to read, in the order of their arrival.
#[derive(Clone, Debug)]
pub struct EventQuery {
    /// Not before, inclusive.
    pub from: Option<Timestamp>,
    /// Before, exclusive.
    pub until: Option<Timestamp>,
    /// The first `limit` of what matches, or the last.
    pub from_head: bool,
    /// Only after this position (exclusive); see [`Events::last`].
    pub after: Option<u64>,
    /// Only before this position (exclusive).
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

impl EventQuery {
    /// The first events of a stream.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { from: None, until: None, from_head: true, after: None, before: None, limit }
    }
}

/// A page of events in order of arrival. Positions count a stream's events from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// In order.
    pub events: Vec<LogEvent>,
    /// The position of the first one; of where it would be if there is none: behind all that is
    /// in reach (after `after`, before `before`) and older than `from`.
    pub first: u64,
    /// The position of the last one; of what stands before where it would be if there is none.
    pub last: u64,
}

/// The port to log events. Groups and streams belong to an account and a region.
#[async_trait]
pub trait Logs: Send + Sync {
    /// Makes a group; nothing happens where it exists. `true` where it was made.
    async fn create_group(&self, owner: &Owner, group: &str) -> Result<bool, StoreError>;

    /// Removes a group with its streams. `true` where there was one.
    async fn delete_group(&self, owner: &Owner, group: &str) -> Result<bool, StoreError>;

    /// Appends to many streams in one commit; durable when it returns. An append whose cursor is
    /// not beyond the saved one is dropped, so that repeating it is safe.
    async fn append(&self, appends: Vec<Append>) -> Result<(), StoreError>;

    /// How far the source of a stream was read; 0 for a new one.
    async fn cursor(&self, owner: &Owner, stream: &StreamName) -> Result<u64, StoreError>;

    /// Groups by name, after `after`, at most `limit`.
    async fn groups(
        &self,
        owner: &Owner,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LogGroup>, StoreError>;

    /// A group's streams by name, after `after`, at most `limit`. `None` where there is no group.
    async fn streams(
        &self,
        owner: &Owner,
        group: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Vec<LogStream>>, StoreError>;

    /// A page of a stream's events. `None` where there is no such stream.
    async fn events(
        &self,
        owner: &Owner,
        stream: &StreamName,
        query: &EventQuery,
    ) -> Result<Option<Events>, StoreError>;
}

/// One number of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// When it was measured.
    pub at: Timestamp,
    /// The sum of what was measured; the value itself where `count` is 1.
    pub sum: f64,
    /// How many values it stands for.
    pub count: f64,
    /// The smallest of them.
    pub min: f64,
    /// The largest of them.
    pub max: f64,
}

impl Point {
    /// A single value.
    #[must_use]
    pub fn single(at: Timestamp, value: f64) -> Self {
        Self { at, sum: value, count: 1.0, min: value, max: value }
    }
}

/// A metric's name: namespace, name and dimensions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricName {
    /// `/aws/sagemaker/TrainingJobs`.
    pub namespace: String,
    /// `validation:rmse`.
    pub name: String,
    /// Sorted by name.
    pub dimensions: Vec<(String, String)>,
}

/// The port to metric points. Metrics belong to an account and a region.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// Adds points, all in one commit.
    async fn put(&self, owner: &Owner, points: Vec<(MetricName, Point)>) -> Result<(), StoreError>;

    /// A metric's points from `from` (inclusive) to `until` (exclusive), by time.
    async fn points(
        &self,
        owner: &Owner,
        metric: &MetricName,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Point>, StoreError>;

    /// The metrics of a namespace (all of them where it is `None`), sorted, after `after`.
    async fn list(
        &self,
        owner: &Owner,
        namespace: Option<&str>,
        after: Option<&MetricName>,
        limit: usize,
    ) -> Result<Vec<MetricName>, StoreError>;
}
