//! The port to loaded models: bytes in, predictions out, by the serving container's contract.

use std::{collections::BTreeMap, io::Read, sync::Arc};

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
    pub content_type: String,
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

/// Why a model cannot be served. The text becomes part of an endpoint's `FailureReason`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub String);

/// A loaded model. Calls may come from many threads at once.
pub trait Scorer: Send + Sync {
    /// Answers one call. Bounded by the payload's size; never blocks on anything else.
    fn invoke(&self, call: Invocation<'_>) -> Result<Reply, Rejection>;
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
