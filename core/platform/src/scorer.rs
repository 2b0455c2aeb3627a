//! The port to loaded models: bytes in, predictions out, by the serving container's contract.

use std::{borrow::Cow, collections::BTreeMap, io::Read, sync::Arc, time::Duration};

/// One `POST /invocations`.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// `Content-Type`, as sent.
    pub content_type: Option<&'a str>,
    /// `Accept`, as sent.
    pub accept: Option<&'a str>,
    /// The payload.
    pub body: &'a [u8],
}

/// What the container would answer with 200 or 204.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status: 200, or 204 for an empty payload.
    pub status: u16,
    /// Of the body.
    pub content_type: Cow<'static, str>,
    /// The predictions.
    pub body: Vec<u8>,
}

/// What the container would answer otherwise. `InvokeEndpoint` tells it as `ModelError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// HTTP status of the container: 400, 406, 415, 500.
    pub status: u16,
    /// Its body.
    pub message: String,
}

impl Rejection {
    /// What a model that panicked answers: the same as a container that fails.
    #[must_use]
    pub fn panicked() -> Self {
        Self { status: 500, message: "Internal Server Error".to_owned() }
    }
}

/// Why a model cannot be served. The text becomes part of an endpoint's `FailureReason`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub String);

/// What a call will take, reckoned on the dear side from what its payload looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Of one core.
    pub time: Duration,
    /// Bytes of the reply. More are never made: such a call is rejected.
    pub reply: usize,
}

/// A loaded model. Calls may come from many threads at once.
pub trait Scorer: Send + Sync {
    /// Answers one call. Bounded by what [`Scorer::estimate`] says; never blocks on anything else.
    fn invoke(&self, call: Invocation<'_>) -> Result<Reply, Rejection>;

    /// What such a payload will take. A short one is told in nanoseconds, a long one about as fast
    /// as memory is read. Unless a model says otherwise: a nanosecond for each byte, and a reply
    /// that is no longer than the payload.
    fn estimate(&self, body: &[u8]) -> Estimate {
        let time = Duration::from_nanos(u64::try_from(body.len()).unwrap_or(u64::MAX));
        Estimate { time, reply: body.len() }
    }
}

/// Turns a model's archive into a scorer.
pub trait LoadModel: Send + Sync {
    /// Whether an image's models can be loaded here.
    fn serves(&self, image: &str) -> bool;

    /// Reads `model.tar.gz`. The archive is hostile until proven otherwise: bytes, entries, trees
    /// and nodes are bounded. `environment` is the container's, which chooses among formats.
    fn load(
        &self,
        image: &str,
        archive: &mut dyn Read,
        environment: &BTreeMap<String, String>,
    ) -> Result<Arc<dyn Scorer>, LoadError>;
}
