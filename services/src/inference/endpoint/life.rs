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
    /// The ETag of the data that was loaded; `None` until then. What lies there later is another
    /// model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

impl Variant {
    /// Whether another variant is served by the same loaded model.
    pub fn same_model(&self, other: &Self) -> bool {
        self.image == other.image
            && self.data == other.data
            && self.environment == other.environment
            && self.etag == other.etag
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

impl Serving {
    /// The variant of that name.
    pub fn named(&self, name: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.name == name)
    }
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
    /// It was in service, and its models must be loaded again before it is.
    Resuming,
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
    /// What it shall serve is published, as it was loaded.
    Published(Serving),
    /// A model cannot be served, for this reason.
    Refused(String),
}

/// What to do about an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Load these models, and publish them in one swap.
    Publish(Serving),
    /// Let go of whatever it serves no more.
    Release,
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
        let release = Some(Action::Release);
        match (phase, seen) {
            (phase @ (Phase::Creating | Phase::Resuming), Seen::Otherwise) => {
                let action = Action::Publish(serving.clone());
                (to(phase, serving, failure), Some(action))
            }
            (Phase::Creating, Seen::Published(loaded)) => {
                (to(Phase::InService, loaded, None), release)
            }
            (Phase::Creating | Phase::Resuming, Seen::Refused(why)) => {
                (to(Phase::Failed, serving, Some(why)), release)
            }
            // An update may have failed before.
            (Phase::Resuming, Seen::Published(loaded)) => {
                (to(Phase::InService, loaded, failure), release)
            }

            (Phase::Updating { next }, Seen::Otherwise) => {
                let action = Action::Publish(next.clone());
                (to(Phase::Updating { next }, serving, failure), Some(action))
            }
            (Phase::Updating { .. }, Seen::Published(loaded)) => {
                (to(Phase::InService, loaded, None), release)
            }
            // What it served before, it serves still, unless the server was started meanwhile.
            (Phase::Updating { .. }, Seen::Refused(why)) => {
                (to(Phase::Resuming, serving, Some(why)), None)
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
            Phase::Resuming => "SystemUpdating",
            Phase::Failed => "Failed",
        }
    }

    /// What it shall serve.
    pub fn target(&self) -> &Serving {
        match &self.phase {
            Phase::Updating { next } => next,
            Phase::Creating | Phase::InService | Phase::Resuming | Phase::Failed => &self.serving,
        }
    }

    /// Whether it serves this data or may come to.
    pub fn needs(&self, etag: &str) -> bool {
        let within = |serving: &Serving| {
            serving.variants.iter().any(|variant| variant.etag.as_deref() == Some(etag))
        };
        match &self.phase {
            // What they load is told once it is published.
            Phase::Creating | Phase::Updating { .. } | Phase::Resuming => true,
            Phase::InService => within(&self.serving),
            Phase::Failed => false,
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
            Phase::Creating | Phase::Updating { .. } | Phase::Resuming => Some(now + PATIENCE),
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
        let (endpoint, action) = endpoint.step(Seen::Published(serving("a")));
        assert_eq!((endpoint.on_the_wire(), action), ("InService", Some(Action::Release)));
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
        let (kept, _) = kept.step(Seen::Published(serving("a")));
        assert_eq!((kept.on_the_wire(), &*kept.serving.config), ("InService", "a"));
        assert_eq!(kept.failure.as_deref(), Some("no model"));
        let (moved, _) = endpoint.step(Seen::Published(serving("b")));
        assert_eq!((moved.on_the_wire(), &*moved.serving.config), ("InService", "b"));
    }

    #[test]
    fn an_update_that_fails_after_a_start_loads_what_was_served_before() {
        let phase = Phase::Updating { next: serving("b") };
        let endpoint = Endpoint { phase, ..Endpoint::new(serving("a")) };
        let (resuming, _) = endpoint.step(Seen::Refused("no model".into()));
        let (resuming, action) = resuming.step(Seen::Otherwise);
        assert_eq!(action, Some(Action::Publish(serving("a"))));
        let (failed, _) = resuming.step(Seen::Refused("gone".into()));
        assert_eq!((failed.on_the_wire(), failed.failure.as_deref()), ("Failed", Some("gone")));
    }

    fn phases() -> [Phase; 5] {
        let next = serving("b");
        let updating = Phase::Updating { next };
        [Phase::Creating, Phase::InService, updating, Phase::Resuming, Phase::Failed]
    }

    #[test]
    fn only_what_must_still_move_is_looked_at_again() {
        for phase in phases() {
            let moves = !matches!(phase, Phase::InService | Phase::Failed);
            let endpoint = Endpoint { phase, ..Endpoint::new(serving("a")) };
            let due = jobs::Job::due(&endpoint, Timestamp::from_micros(0));
            assert_eq!(due.is_some(), moves, "{:?}", endpoint.phase);
        }
    }

    #[test]
    fn what_settles_lets_go_of_what_it_serves_no_more() {
        for phase in phases() {
            for seen in
                [Seen::Otherwise, Seen::Published(serving("c")), Seen::Refused("no model".into())]
            {
                let endpoint = Endpoint { phase: phase.clone(), ..Endpoint::new(serving("a")) };
                let moved = jobs::Job::due(&endpoint, Timestamp::from_micros(0)).is_some();
                let (after, action) = endpoint.step(seen);
                let settled = jobs::Job::due(&after, Timestamp::from_micros(0)).is_none();
                assert_eq!(action == Some(Action::Release), moved && settled, "{:?}", after.phase);
            }
        }
    }

    #[test]
    fn what_an_earlier_version_wrote_is_read() {
        let body = r#"{"format":1,"phase":{"phase":"in_service"},"serving":{"config":"c",
            "variants":[{"name":"v","weight":1.0,"model":"m","image":"i","data":"s3://b/k",
            "environment":{},"instance_count":1}]},"failure":null}"#;
        let endpoint: Endpoint = serde_json::from_str(body).unwrap();
        assert_eq!(
            (endpoint.on_the_wire(), &endpoint.serving.variants[0].etag),
            ("InService", &None)
        );
    }
}
