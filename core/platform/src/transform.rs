//! What a batch transform's process is told, and what it leaves: the contract between the service
//! that launches it and the program that runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The channel that holds `model.tar.gz`, one file.
pub const MODEL_CHANNEL: &str = "model";
/// The channel that holds the objects to transform.
pub const DATA_CHANNEL: &str = "data";

/// How to transform; lies at [`Settings::PATH`] below `/opt/ml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The model's image, which chooses the loader.
    pub image: String,
    /// What the model's container would see.
    pub environment: BTreeMap<String, String>,
    /// Of the input.
    pub content_type: Option<String>,
    /// What the container is asked for.
    pub accept: Option<String>,
    /// Whether an object is cut into lines.
    pub split_lines: bool,
    /// Whether a request carries as many lines as fit, or one.
    pub many_records: bool,
    /// The largest request, bytes.
    pub max_payload: usize,
    /// Whether every answer is ended with a line end.
    pub assemble_lines: bool,
}

impl Settings {
    /// Where it lies below `/opt/ml`.
    pub const PATH: &'static str = "input/config/transform.json";
}

/// What was made; lies at [`Outputs::PATH`] below `/opt/ml/output`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs {
    /// One for each input object, in order.
    pub outputs: Vec<Output>,
}

/// The predictions for one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The input's name below its prefix.
    pub input: String,
    /// Below `/opt/ml/output`.
    pub file: String,
    /// Of the predictions.
    pub content_type: String,
}

impl Outputs {
    /// Where it lies below `/opt/ml/output`.
    pub const PATH: &'static str = "outputs.json";
}
