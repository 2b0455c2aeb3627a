//! What a caller is told when a call fails.
//!
//! A service says *what happened*. Which code and status that is on the wire differs from one AWS
//! service family to the next, so each family has its table, and nothing else chooses a code.

use std::{error::Error as StdError, fmt};

/// What happened, in the house's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// There is no such thing.
    Missing,
    /// The name is in use by another.
    Taken,
    /// It cannot be changed or removed while others use it, or in the state it is in.
    InUse,
    /// A quota would be passed.
    Limit,
    /// The caller may not.
    Refused,
    /// The request cannot be meant.
    Invalid,
    /// Known to AWS and not built here.
    Unsupported,
    /// Not ready yet: the same call may succeed later.
    NotReady,
    /// Our fault.
    Internal,
}

/// A failed call. `message` is for the caller; the cause is for our log and never leaves the house.
#[derive(Debug)]
pub struct Fault {
    /// What happened.
    pub what: What,
    /// The kind of resource it happened to, as in its ARN: `training-job`.
    pub kind: &'static str,
    /// For the caller.
    pub message: String,
    /// For the log.
    pub cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Fault {
    /// A failure that the caller can do something about.
    pub fn new(what: What, kind: &'static str, message: impl fmt::Display) -> Self {
        Self { what, kind, message: message.to_string(), cause: None }
    }

    /// A failure of ours.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let message = "The request processing has failed because of an unknown error, exception \
                       or failure.";
        let cause = Some(cause.into());
        Self { what: What::Internal, kind: "", message: message.to_owned(), cause }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Fault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}
