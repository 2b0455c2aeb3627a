//! A training job, as stored: its request, its life, and what it made.

use platform::{follow::FinalMetric, store::State};
use serde::{Deserialize, Serialize};
use types::{Document, Timestamp};

use crate::{
    life::{Action, Life, Seen as SeenOf},
    record::Kind,
};

/// A training job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingJob {
    /// The version of this form.
    pub format: u32,
    /// As the client sent it.
    pub request: Document,
    /// Where it stands.
    pub life: Life,
    /// What it made, once that is kept.
    pub made: Made,
}

/// What a training job leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The last value of each metric.
    pub metrics: Vec<FinalMetric>,
    /// Where its model is.
    pub artifact: Option<String>,
}

/// What is seen of a training job.
pub type Seen = SeenOf<Made>;

impl TrainingJob {
    /// A job that was just accepted. `max_runtime` is in seconds.
    pub fn new(request: Document, max_runtime: u64, now: Timestamp) -> Self {
        Self { format: 1, request, life: Life::new(max_runtime, now), made: Made::default() }
    }

    /// Decides what becomes of the job.
    pub fn step(mut self, seen: &Seen, now: Timestamp) -> (Self, Option<Action>) {
        let (life, action) = self.life.step(seen, now);
        self.life = life;
        if let Seen::Kept { kept, .. } = seen {
            self.made = kept.clone();
        }
        (self, action)
    }
}

impl jobs::Job for TrainingJob {
    fn status(&self) -> &'static str {
        self.life.phase.status()
    }

    fn detail(&self) -> String {
        self.life.failure().unwrap_or_default().to_owned()
    }

    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        self.life.due(now)
    }
}

impl Kind for TrainingJob {
    const KIND: &'static str = "training-job";

    fn missing(_: &str) -> String {
        "Requested resource not found.".to_owned()
    }

    fn taken(arn: &str) -> String {
        format!(
            "Training job names must be unique within an AWS account and region, and a training \
             job with this name already exists ({arn})"
        )
    }

    fn state(&self, now: Timestamp) -> Result<State, serde_json::Error> {
        jobs::Job::state(self, now)
    }
}
