//! What an executor runs, and what the program finds: the container contract as data.
//!
//! A built-in algorithm, a user's script and a user's image are the same thing here. Everything a
//! program may know stands in its [`Workload`], so that it can be written down and sent elsewhere.

use std::{fs::File, path::PathBuf, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use types::Id;

/// A piece of an object that can be read in place. Pinned against the sweeper until dropped.
#[derive(Clone, Debug)]
pub enum Part {
    /// The bytes themselves, for objects that live in the index.
    Inline(Bytes),
    /// A range of a file that is open for reading.
    Blob {
        /// Open read-only.
        file: Arc<File>,
        /// Where the range begins, bytes.
        offset: u64,
        /// How long it is, bytes.
        len: u64,
    },
}

/// One object of a channel, before it is handed to an executor.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// Relative to the channel's folder, `/` between components, none of them `.` or `..`.
    pub name: String,
    /// In order; a row may span two.
    pub parts: Vec<Part>,
}

/// The data of one channel, before it is handed to an executor.
#[derive(Clone, Debug)]
pub struct Input {
    /// The channel's name.
    pub name: String,
    /// As the request spelled it; `csv` and `text/csv` both occur.
    pub content_type: Option<String>,
    /// In the order of their keys.
    pub files: Vec<InputFile>,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// A hidden sub-command of our own binary, which reads its channels in place.
    BuiltIn {
        /// Its arguments, the sub-command first.
        arguments: Vec<String>,
    },
}

/// A folder below `/opt/ml` that becomes one archive when the program has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// `model`, `output/data`.
    pub folder: String,
    /// The archive's name among the outputs: `model.tar.gz`.
    pub archive: String,
}

/// What the program may use. What the executor cannot hold it reports, and does not skip.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Resident bytes.
    pub memory_bytes: Option<u64>,
    /// Open descriptors.
    pub open_files: Option<u64>,
    /// Threads that CPU-bound work should use.
    pub threads: u32,
}

/// A program with all it needs, to be run once on each of its hosts.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The record's id: submitting it again changes nothing.
    pub id: Id,
    /// The job's name, for people who look at processes.
    pub name: String,
    /// What runs.
    pub program: Program,
    /// `algo-1`, `algo-2`, …: one process each.
    pub hosts: Vec<String>,
    /// What the program sees beside its own. Names that the executor or the dynamic loader own
    /// (`SAGEWRIGHT_…`, `LD_…`) are left out, so that a request cannot steer our own programs.
    pub environment: Vec<(String, String)>,
    /// Files below `/opt/ml`, by path: `input/config/hyperparameters.json`.
    pub files: Vec<(String, Bytes)>,
    /// The channels.
    pub inputs: Vec<Input>,
    /// What is packed at the end.
    pub packs: Vec<Pack>,
    /// What it may use.
    pub limits: Limits,
}

/// Where a built-in finds its channels: the executor writes it to `input/channels.json` below the
/// program's `/opt/ml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channels {
    /// In the order of the request.
    pub channels: Vec<Channel>,
}

/// One channel, as a built-in reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// As the request spelled it.
    pub content_type: Option<String>,
    /// In the order of their keys.
    pub files: Vec<ChannelFile>,
}

/// One object of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelFile {
    /// Relative to the channel.
    pub name: String,
    /// In order.
    pub spans: Vec<Span>,
}

/// A range of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Absolute.
    pub path: PathBuf,
    /// Bytes.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
}

impl Channels {
    /// Where it lies below `/opt/ml`.
    pub const PATH: &'static str = "input/channels.json";
}

/// The variable that tells a program which folder is its `/opt/ml`.
pub const OPT_ML: &str = "SAGEWRIGHT_OPT_ML";

/// The variable that tells a program on which of its workload's hosts it runs.
pub const HOST: &str = "SAGEWRIGHT_HOST";
