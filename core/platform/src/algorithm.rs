//! The port to what we train natively: which image is which algorithm.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A metric that is read from the log, as `AlgorithmSpecification.MetricDefinitions` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricDefinition {
    /// `validation:rmse`.
    pub name: String,
    /// Its first group is the number. Matched on the line with tabs written as `#011`.
    pub regex: String,
}

/// An algorithm of ours, found by its image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithm {
    /// `xgboost`.
    pub name: &'static str,
    /// The version that the tag promises: `0.72`, `1.7-1`, `3.2-0`.
    pub version: String,
    /// The arguments of our own binary that train it.
    pub train: Vec<String>,
    /// What every job of it reports without being told.
    pub metrics: Vec<MetricDefinition>,
}

/// Why an image that is ours cannot train this job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(pub String);

/// Knows our algorithms.
pub trait Algorithms: Send + Sync {
    /// The algorithm behind an image URI, recognised by repository and tag whatever the account
    /// and region; `None` where it is none of ours.
    fn find(&self, image: &str) -> Option<Algorithm>;

    /// Refuses, before anything starts, a job that we know we cannot run (script mode).
    fn check(
        &self,
        algorithm: &Algorithm,
        hyperparameters: &BTreeMap<String, String>,
    ) -> Result<(), Unsupported>;
}
