//! What endpoints write to CloudWatch Logs. A log that cannot be written stops nothing.

use std::sync::Arc;

use platform::{
    routes::Refusals,
    scorer::Rejection,
    store::Record,
    telemetry::{Append, LogEvent, Logs, StreamName},
};
use tracing::warn;
use types::{Id, Owner, Timestamp};

use super::life::Serving;

/// Where endpoints log.
const ENDPOINTS: &str = "/aws/sagemaker/Endpoints";

/// The log group of an endpoint. It exists from CreateEndpoint on: SDK v2 waits for it.
#[must_use]
pub fn log_group(endpoint: &str) -> String {
    format!("{ENDPOINTS}/{endpoint}")
}

/// Where a variant of an endpoint logs.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Whose endpoint.
    pub owner: &'a Owner,
    /// Its name.
    pub endpoint: &'a str,
    /// Its id.
    pub id: Id,
    /// The variant's name.
    pub variant: &'a str,
}

impl Place<'_> {
    fn stream(&self) -> StreamName {
        // What stands for an instance here: the endpoint's id, the same at every start.
        let instance = format!("i-{}", &self.id.to_string()[..17]);
        StreamName {
            group: log_group(self.endpoint),
            stream: format!("{}/{instance}", self.variant),
        }
    }
}

/// Writes the logs of endpoints.
pub struct EndpointLog(pub Arc<dyn Logs>);

impl EndpointLog {
    /// A line about the whole endpoint stands in its first variant's stream.
    pub async fn endpoint(&self, record: &Record, serving: &Serving, line: &str) {
        if let Some(variant) = serving.variants.first() {
            self.variant(record, &serving.config, &variant.name, line).await;
        }
    }

    /// Writes a line to a variant's stream.
    pub async fn variant(&self, record: &Record, config: &str, variant: &str, line: &str) {
        let Record { owner, key, id, .. } = record;
        let place = Place { owner, endpoint: &key.name, id: *id, variant };
        self.append(place, vec![format!("[{config}] {line}")]).await;
    }

    /// Writes down what a variant's model refused, as a container's access log tells it.
    pub async fn refusals(&self, place: Place<'_>, refusals: Refusals) {
        let Refusals { first, more } = refusals;
        if first.is_empty() {
            return;
        }
        let line = |Rejection { status, message }| {
            format!("\"POST /invocations HTTP/1.1\" {status}: {message}")
        };
        let more = (more > 0).then(|| format!("… and {more} more were refused within a second"));
        self.append(place, first.into_iter().map(line).chain(more).collect()).await;
    }

    async fn append(&self, place: Place<'_>, lines: Vec<String>) {
        let now = Timestamp::now();
        let event = |message| LogEvent { at: now, ingested: now, message };
        let append = Append {
            owner: place.owner.clone(),
            stream: place.stream(),
            events: lines.into_iter().map(event).collect(),
            cursor: u64::try_from(now.micros()).unwrap_or_default(),
        };
        if let Err(error) = self.0.append(vec![append]).await {
            let endpoint = place.endpoint;
            warn!(%endpoint, error = ?error, "lines of an endpoint's log are lost");
        }
    }
}
