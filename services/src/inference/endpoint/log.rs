//! What endpoints write to CloudWatch Logs. A log that cannot be written stops nothing.

use std::sync::Arc;

use platform::{
    store::Record,
    telemetry::{Append, LogEvent, Logs, StreamName},
};
use tracing::warn;
use types::Timestamp;

use super::life::Serving;

/// Where endpoints log.
const ENDPOINTS: &str = "/aws/sagemaker/Endpoints";

/// The log group of an endpoint. It exists from CreateEndpoint on: SDK v2 waits for it.
#[must_use]
pub fn log_group(endpoint: &str) -> String {
    format!("{ENDPOINTS}/{endpoint}")
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
        let now = Timestamp::now();
        // What stands for an instance here: the endpoint's id, the same at every start.
        let instance = format!("i-{}", &record.id.to_string()[..17]);
        let append = Append {
            owner: record.owner.clone(),
            stream: StreamName {
                group: log_group(&record.key.name),
                stream: format!("{variant}/{instance}"),
            },
            events: vec![LogEvent {
                at: now,
                ingested: now,
                message: format!("[{config}] {line}"),
            }],
            cursor: u64::try_from(now.micros()).unwrap_or_default(),
        };
        if let Err(error) = self.0.append(vec![append]).await {
            warn!(endpoint = %record.key, error = ?error, "a line of an endpoint's log is lost");
        }
    }
}
