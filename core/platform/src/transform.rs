//! What a batch transform's process is told, and what it leaves: the contract between the service
//! that launches it and the program that runs.

mod outputs;
mod path;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use outputs::{FailedObject, Line, OUTPUTS, Output, Outputs, shortened};
pub use path::{Format, JsonPath, OutOfRange, PathError, Span, Step};

/// The channel that holds `model.tar.gz`, one file.
pub const MODEL_CHANNEL: &str = "model";
/// The channel that holds the objects to transform.
pub const DATA_CHANNEL: &str = "data";
/// `MaxPayloadInMB` where neither request nor container say it (CreateTransformJob's reference).
pub const DEFAULT_PAYLOAD_MB: u64 = 6;
/// The most that `MaxPayloadInMB`, and it times `MaxConcurrentTransforms`, may be.
pub const MOST_PAYLOAD_MB: u64 = 100;
/// A payload is counted in these, bytes.
pub const MB: usize = 1 << 20;
/// A request that may be of any length is refused beyond this, bytes: it is held in memory.
const LONGEST_STREAM: usize = 1 << 30;

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
    /// What messages put before an object's name: its bucket, and its key up to the name.
    pub location: String,
    /// Whether objects are compressed by gzip.
    pub gzip: bool,
    /// Where an object may be cut into requests.
    pub split: Split,
    /// How many records a request carries.
    pub strategy: Strategy,
    /// The largest request, MB; 0 for requests of any length.
    pub max_payload_mb: u64,
    /// The same in bytes, where it is the container's own limit: that is a number of bytes.
    #[serde(default)]
    pub container_limit: Option<usize>,
    /// How many requests are answered at once; as many as there are cores where it is not said.
    pub max_concurrent: Option<usize>,
    /// Whether every answer is ended with a line end.
    pub assemble_lines: bool,
    /// What is done to records before and after; nothing where there is none.
    pub processing: Option<Processing>,
    /// The objects that could not be opened, by name, and why.
    #[serde(default)]
    pub unopened: BTreeMap<String, String>,
}

/// `SplitType`: what a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Split {
    /// The whole object.
    None,
    /// A line.
    Line,
    /// A frame of RecordIO.
    #[serde(rename = "RecordIO")]
    RecordIo,
    /// A frame of TensorFlow's records.
    #[serde(rename = "TFRecord")]
    TfRecord,
}

/// `BatchStrategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// As many records as fit.
    MultiRecord,
    /// One.
    SingleRecord,
}

impl Strategy {
    /// As containers and AWS's log spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MultiRecord => "MULTI_RECORD",
            Self::SingleRecord => "SINGLE_RECORD",
        }
    }
}

/// `DataProcessing`: filters and joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processing {
    /// Of input and output.
    pub format: Format,
    /// What of a record is sent to the model.
    pub input: JsonPath,
    /// What of an answer, or of the record joined with it, is kept.
    pub output: JsonPath,
    /// Whether answers are joined with their records.
    pub join: bool,
}

impl Processing {
    /// Whether answers are kept otherwise than as they come.
    #[must_use]
    pub fn touches_output(&self) -> bool {
        self.join || !self.output.is_root()
    }
}

impl Settings {
    /// Where it lies below `/opt/ml`.
    pub const PATH: &'static str = "input/config/transform.json";

    /// How long a request may be, bytes. What may be of any length is still cut between records,
    /// where there are some, for the answers to its pieces are the answer to the whole.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        match self.max_payload_mb {
            0 if self.is_streamed() => LONGEST_STREAM,
            0 => megabytes(DEFAULT_PAYLOAD_MB),
            limit => self.container_limit.unwrap_or(megabytes(limit)),
        }
    }

    /// Whether a request is an object, whatever its length.
    #[must_use]
    pub fn is_streamed(&self) -> bool {
        self.max_payload_mb == 0 && self.split == Split::None
    }
}

fn megabytes(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(MB)
}
