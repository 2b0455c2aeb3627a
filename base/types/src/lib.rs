//! The words every floor shares: whose a thing is, what names it, when it happened.
//!
//! Nothing here does I/O but drawing random ids. A type says what was checked, so that no one checks
//! twice.

mod caller;
mod canonical;
mod id;
mod time;

pub use caller::{Caller, Owner};
pub use canonical::{CanonicalId, NotACanonicalId};
pub use id::{Id, NotAnId};
pub use time::Timestamp;

/// A JSON object as a client sent it: member order kept. Timestamps are epoch seconds and blobs
/// base64 text on every protocol; the codecs convert at the edge.
pub type Document = serde_json::Map<String, serde_json::Value>;

/// The region of resources that have none (IAM, the names of buckets).
pub const GLOBAL: &str = "aws-global";
