//! The port to whoever carries a workload's output into log streams and metrics.

use async_trait::async_trait;
use serde::{Deserialize, Deserializer, Serialize};
use types::{Id, Owner, Timestamp};

use crate::{
    algorithm::MetricDefinition,
    store::StoreError,
    telemetry::{MetricName, StreamName},
};

/// What is followed: the output of one host of a workload.
#[derive(Clone, Debug)]
pub struct Source {
    /// The workload.
    pub id: Id,
    /// One of its hosts.
    pub host: String,
    /// Whose log it is.
    pub owner: Owner,
    /// Where its lines go.
    pub stream: StreamName,
    /// What is read from its lines.
    pub metrics: Vec<MetricDefinition>,
    /// Namespace and dimensions of those metrics; the name is the definition's.
    pub series: MetricName,
}

/// The last value of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinalMetric {
    /// The definition's name.
    pub name: String,
    /// Its last value. Earlier programs wrote down `nan` and infinities too, which JSON has as `null`.
    #[serde(deserialize_with = "number_or_nan")]
    pub value: f64,
    /// When that was logged.
    pub at: Timestamp,
}

fn number_or_nan<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

/// Follows workloads. Where it stopped is durable, so that following again loses and repeats
/// nothing.
#[async_trait]
pub trait Follow: Send + Sync {
    /// Follows from now on; nothing happens where it does already. Makes the stream at once.
    async fn follow(&self, source: Source) -> Result<(), StoreError>;

    /// Reads a workload's output to its end, stops following it, and tells its metrics. For after
    /// its processes have ended.
    async fn drain(&self, sources: &[Source]) -> Result<Vec<FinalMetric>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_no_number_can_still_be_read() {
        let value = |text| serde_json::from_str::<FinalMetric>(text).unwrap().value;
        assert!(value(r#"{"name":"validation:auc","value":null,"at":1}"#).is_nan());
        assert!(
            (value(r#"{"name":"validation:auc","value":0.5,"at":1}"#) - 0.5).abs() < f64::EPSILON
        );
    }
}
