//! A transform job, as stored: its request, the model as it was then, and its life.

use api::Document;
use platform::store::State;
use serde::{Deserialize, Serialize};
use types::Timestamp;

use super::super::endpoint::Variant;
use crate::{life::Life, record::Kind};

/// How long a transform may run, seconds: AWS names no limit, so that of a training job (28 days,
/// semantics 1.1).
const LONGEST: u64 = 28 * 86_400;

/// A transform job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransformJob {
    /// The version of this form.
    pub format: u32,
    /// As the client sent it.
    pub request: Document,
    /// The model when the job was created.
    pub model: Variant,
    /// The model's `ExecutionRoleArn`, which reads the data. Of older jobs: not known.
    #[serde(default)]
    pub role: Option<String>,
    /// Where it stands.
    pub life: Life,
}

impl TransformJob {
    /// A job that was just accepted.
    pub fn new(request: Document, model: Variant, role: Option<String>, now: Timestamp) -> Self {
        Self { format: 1, request, model, role, life: Life::new(LONGEST, now) }
    }
}

impl jobs::Job for TransformJob {
    fn status(&self) -> &'static str {
        self.life.status()
    }

    fn detail(&self) -> String {
        self.life.failure().unwrap_or_default().to_owned()
    }

    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        self.life.due(now)
    }
}

impl Kind for TransformJob {
    const KIND: &'static str = "transform-job";

    fn missing(_: &str) -> String {
        "Requested resource not found.".to_owned()
    }

    fn taken(arn: &str) -> String {
        format!(
            "Transform job names must be unique within an AWS account and region, and a transform \
             job with this name already exists ({arn})"
        )
    }

    fn state(&self, now: Timestamp) -> Result<State, serde_json::Error> {
        jobs::Job::state(self, now)
    }
}
