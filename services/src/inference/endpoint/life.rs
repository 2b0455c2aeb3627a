//! The life of an endpoint, as plain data.
//!
//! An endpoint keeps what it serves, not only the name of its configuration: SDKs delete the
//! configuration and the models while the endpoint still serves them.

use std::collections::BTreeMap;

use platform::store::State;
use serde::{Deserialize, Serialize};
use types::Timestamp;

use crate::record::Kind;

/// When to look again at what should have moved on by itself.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// One variant, with all that is needed to serve it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// Its share is this over the sum of all.
    pub weight: f32,
    /// The model's name.
    pub model: String,
    /// The model's image.
    pub image: String,
    /// Where the model is: `s3://…`.
    pub data: String,
    /// The container's environment.
    pub environment: BTreeMap<String, String>,
    /// As the configuration has it.
    pub instance_count: Option<u64>,
}

impl Variant {
    /// Whether another variant is served by the same loaded model.
    pub fn same_model(&self, other: &Self) -> bool {
        self.image == other.image
            && self.data == other.data
            && self.environment == other.environment
    }
}

/// A configuration that is served, or shall be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Serving {
    /// The configuration's name.
    pub config: String,
    /// In its order.
    pub variants: Vec<Variant>,
}

/// Where an endpoint stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Its models are being loaded for the first time.
    Creating,
    /// It serves.
    InService,
    /// It serves, and the models of another configuration are being loaded.
    Updating {
        /// What it shall serve.
        next: Serving,
    },
    /// It cannot serve.
    Failed,
}

/// An endpoint, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The version of this form.
    pub format: u32,
    /// Where it stands.
    pub phase: Phase,
    /// What it serves, or tries to.
    pub serving: Serving,
    /// Why its creation or its last update failed.
    pub failure: Option<String>,
}

/// What is seen of an endpoint's models.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// They are not what it shall serve.
    Otherwise,
    /// What it shall serve is published.
    Published,
    /// A model cannot be served, for this reason.
    Refused(String),
}

/// What to do about an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Load these models, and publish them in one swap.
    Publish(Serving),
}

impl Endpoint {
    /// An endpoint that was just accepted.
    pub fn new(serving: Serving) -> Self {
        Self { format: 1, phase: Phase::Creating, serving, failure: None }
    }

    /// Decides what becomes of the endpoint.
    pub fn step(self, seen: Seen) -> (Self, Option<Action>) {
        let Self { format, phase, serving, failure } = self;
        let to = |phase, serving, failure| Self { format, phase, serving, failure };
        match (phase, seen) {
            (Phase::Creating, Seen::Otherwise) => {
                let action = Action::Publish(serving.clone());
                (to(Phase::Creating, serving, failure), Some(action))
            }
            (Phase::Creating, Seen::Published) => (to(Phase::InService, serving, None), None),
            (Phase::Creating, Seen::Refused(why)) => (to(Phase::Failed, serving, Some(why)), None),

            (Phase::Updating { next }, Seen::Otherwise) => {
                let action = Action::Publish(next.clone());
                (to(Phase::Updating { next }, serving, failure), Some(action))
            }
            (Phase::Updating { next }, Seen::Published) => (to(Phase::InService, next, None), None),
            // What it served before, it serves still.
            (Phase::Updating { .. }, Seen::Refused(why)) => {
                (to(Phase::InService, serving, Some(why)), None)
            }

            (phase @ (Phase::InService | Phase::Failed), _) => (to(phase, serving, failure), None),
        }
    }

    /// `EndpointStatus`.
    pub fn on_the_wire(&self) -> &'static str {
        match self.phase {
            Phase::Creating => "Creating",
            Phase::InService => "InService",
            Phase::Updating { .. } => "Updating",
            Phase::Failed => "Failed",
        }
    }

    /// What it shall serve.
    pub fn target(&self) -> &Serving {
        match &self.phase {
            Phase::Updating { next } => next,
            Phase::Creating | Phase::InService | Phase::Failed => &self.serving,
        }
    }
}

impl jobs::Job for Endpoint {
    fn status(&self) -> &'static str {
        self.on_the_wire()
    }

    fn detail(&self) -> String {
        self.failure.clone().unwrap_or_default()
    }

    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        match self.phase {
            Phase::Creating | Phase::Updating { .. } => Some(now + PATIENCE),
            Phase::InService | Phase::Failed => None,
        }
    }
}

impl Kind for Endpoint {
    const KIND: &'static str = "endpoint";

    fn missing(arn: &str) -> String {
        format!("Could not find endpoint \"{arn}\".")
    }

    fn taken(arn: &str) -> String {
        format!("Cannot create already existing endpoint \"{arn}\".")
    }

    fn state(&self, now: Timestamp) -> Result<State, serde_json::Error> {
        jobs::Job::state(self, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serving(config: &str) -> Serving {
        Serving { config: config.to_owned(), variants: Vec::new() }
    }

    #[test]
    fn an_endpoint_is_in_service_once_its_models_are_published() {
        let (endpoint, action) = Endpoint::new(serving("a")).step(Seen::Otherwise);
        assert_eq!(action, Some(Action::Publish(serving("a"))));
        let (endpoint, action) = endpoint.step(Seen::Published);
        assert_eq!((endpoint.on_the_wire(), action), ("InService", None));
    }

    #[test]
    fn a_model_that_cannot_be_served_fails_a_creation_with_the_reason() {
        let (endpoint, _) = Endpoint::new(serving("a")).step(Seen::Refused("no model".into()));
        assert_eq!(endpoint.on_the_wire(), "Failed");
        assert_eq!(endpoint.failure.as_deref(), Some("no model"));
    }

    #[test]
    fn an_update_that_fails_leaves_what_was_served_in_service() {
        let phase = Phase::Updating { next: serving("b") };
        let endpoint = Endpoint { phase, ..Endpoint::new(serving("a")) };
        let (kept, _) = endpoint.clone().step(Seen::Refused("no model".into()));
        assert_eq!((kept.on_the_wire(), &*kept.serving.config), ("InService", "a"));
        let (moved, _) = endpoint.step(Seen::Published);
        assert_eq!((moved.on_the_wire(), &*moved.serving.config), ("InService", "b"));
    }

    #[test]
    fn only_what_must_still_move_is_looked_at_again() {
        let phases = [
            Phase::Creating,
            Phase::InService,
            Phase::Updating { next: serving("b") },
            Phase::Failed,
        ];
        for phase in phases {
            let moves = matches!(phase, Phase::Creating | Phase::Updating { .. });
            let endpoint = Endpoint { phase, ..Endpoint::new(serving("a")) };
            let due = jobs::Job::due(&endpoint, Timestamp::from_micros(0));
            assert_eq!(due.is_some(), moves, "{:?}", endpoint.phase);
        }
    }
}
