//! The port to whatever runs programs: this machine, a container engine, a cluster.

use std::{fs::File, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use types::{Id, Timestamp};

use crate::workload::Workload;

#[cfg(any(test, feature = "testkit"))]
pub mod fake;
#[cfg(any(test, feature = "testkit"))]
pub mod suite;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// What is seen of a workload. *Unknown is never ended.*
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Never submitted here, or forgotten.
    Absent,
    /// Accepted; waits for room.
    Queued,
    /// Being laid out.
    Starting,
    /// All its processes run.
    Running {
        /// Since when the last of them does.
        since: Timestamp,
    },
    /// All its processes have ended, their logs are whole and their archives packed.
    Ended {
        /// When the last one did.
        at: Timestamp,
        /// One per host, in the workload's order.
        exits: Vec<Exit>,
    },
    /// The executor cannot tell now.
    Unknown,
}

/// How to end a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// `SIGTERM`: it may save its work.
    Interrupt,
    /// `SIGKILL`.
    Kill,
}

/// A piece of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// What was written, in order; may end inside a line.
    pub bytes: Bytes,
    /// Where the next piece begins.
    pub next: u64,
}

/// A file that a program keeps in a folder of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderFile {
    /// Below the folder, `/` between components.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Timestamp,
    /// Another one whenever the file is another, or was written.
    pub version: String,
}

/// What is known of one host's program once it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Where it ran.
    pub host: String,
    /// How it ended.
    pub exit: Exit,
    /// Nobody saw it end: what watched over it was killed, or the machine restarted. `exit` says how
    /// that was most likely, `ended` when it was last known to live, and nothing was packed.
    pub settled: bool,
    /// It had been told to end: because the workload was, or because another host had failed.
    pub told: bool,
    /// When it was started.
    pub started: Timestamp,
    /// When it, and all that it had started, was gone. Packing comes after.
    pub ended: Timestamp,
    /// The most memory that one of its processes held, bytes; 0 where that is not known.
    pub max_resident_bytes: u64,
    /// Processor time of all its processes; 0 where that is not known.
    pub cpu: Duration,
    /// What of its log or its archives could not be kept, as a sentence.
    pub trouble: Option<String>,
    /// The archives that should be among the outputs and could not be made.
    pub unpacked: Vec<Unpacked>,
}

/// An archive that could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpacked {
    /// Its name in the workload.
    pub archive: String,
    /// What went wrong, as a sentence without its end.
    pub why: String,
}

/// Why the executor could not do it.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// There is no such workload here.
    #[error("no workload {0} is known here")]
    Absent(Id),
    /// The workload asks for what this executor does not have; the sentence says what to do.
    #[error("{0}")]
    Unsupported(String),
    /// It has not ended, so it cannot be forgotten.
    #[error("workload {0} still runs; stop it and wait for its end first")]
    StillRunning(Id),
    /// The disk has no room for it. It may have some the next time.
    #[error("the disk is full")]
    Full(#[source] std::io::Error),
    /// The operating system refused.
    #[error("the workload could not be run")]
    Io(#[from] std::io::Error),
}

/// The most files that [`Executor::files`] tells of. What is no file counts too, towards a bound of
/// the executor's own.
pub const MOST_FILES: usize = 10_000;

/// Runs workloads, and goes on running them while the server is away. The hosts of one workload are
/// in it together: where the program of one fails, those of the others are killed, unless the
/// workload was told to end.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Starts a workload on all its hosts or on none. Submitting an id again changes nothing.
    async fn submit(&self, workload: &Workload) -> Result<(), ExecutorError>;

    /// What is seen of it now.
    async fn observe(&self, id: Id) -> Result<Seen, ExecutorError>;

    /// Asks its processes to end. Repeating it is safe; so is stopping what has ended.
    async fn stop(&self, id: Id, how: Stop) -> Result<(), ExecutorError>;

    /// What `host` wrote, from byte `from`, at most `limit` bytes; empty where nothing is new.
    async fn log(
        &self,
        id: Id,
        host: &str,
        from: u64,
        limit: usize,
    ) -> Result<LogChunk, ExecutorError>;

    /// Opens an output of `host` by its path below `/opt/ml/output`, or a packed archive by its
    /// name. `None` where there is none. Links are not followed.
    async fn output(&self, id: Id, host: &str, path: &str) -> Result<Option<File>, ExecutorError>;

    /// The files in a folder of `host` below `/opt/ml` and in its folders, by path; none where there
    /// is no such folder. What is no regular file, or has a name that is not UTF-8, is left out;
    /// links are not followed. A folder of more than [`MOST_FILES`] is refused
    /// ([`ExecutorError::Unsupported`]), as is one of folders that are nested too deep.
    async fn files(
        &self,
        id: Id,
        host: &str,
        folder: &str,
    ) -> Result<Vec<FolderFile>, ExecutorError>;

    /// Opens one of them by its path below the folder. `None` where there is none, or no more.
    async fn file(
        &self,
        id: Id,
        host: &str,
        folder: &str,
        path: &str,
    ) -> Result<Option<File>, ExecutorError>;

    /// How the hosts that have ended did so, in the workload's order. An executor that does not
    /// know answers with an empty list.
    async fn endings(&self, _id: Id) -> Result<Vec<Ending>, ExecutorError> {
        Ok(Vec::new())
    }

    /// Removes everything of a workload that has ended. Repeating it is safe.
    async fn forget(&self, id: Id) -> Result<(), ExecutorError>;

    /// Every workload that is not forgotten.
    async fn list(&self) -> Result<Vec<Id>, ExecutorError>;

    /// Changes whenever something may be seen differently; the value says only that.
    fn changed(&self) -> watch::Receiver<u64>;
}
