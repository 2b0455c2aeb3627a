//! The eyes and hands that all such jobs share: their executor.

use std::sync::Arc;

use api::{Fault, What};
use platform::{
    executor::{self, Ending, Executor, ExecutorError, Exit, Stop},
    store::{Record, Store},
    workload::Workload,
};
use tokio::io::AsyncReadExt;
use tracing::warn;
use types::Timestamp;

use super::{
    INTERNAL, Seen,
    decide::{SIGKILL, SIGTERM},
};

/// The longest text that is read from a failure file, bytes: more than `FailureReason` holds.
const FAILURE: u64 = 4_096;

/// The failure of a job for which the disk has had no room for long.
const FULL: &str = "InternalServerError: The disk of the machine that runs jobs is full. Make room on \
                    it and try again.";

/// Looks and acts by an executor.
#[derive(Clone)]
pub struct Hands(pub Arc<dyn Executor>);

impl Hands {
    /// What the executor sees of a job. The host that failed first is the one whose words count,
    /// or `host` where that is not known.
    pub async fn observe<K>(&self, record: &Record, host: &str) -> Option<Seen<K>> {
        match self.look(record, host).await {
            Ok(seen) => seen,
            Err(error) => {
                warn!(job = %record.key, error = ?error, "a job could not be observed");
                None
            }
        }
    }

    async fn look<K>(&self, record: &Record, host: &str) -> Result<Option<Seen<K>>, ExecutorError> {
        Ok(match self.0.observe(record.id).await? {
            executor::Seen::Absent => Some(Seen::Nothing),
            executor::Seen::Queued | executor::Seen::Starting => Some(Seen::Starting),
            executor::Seen::Running { since } => Some(Seen::Running { since }),
            executor::Seen::Ended { at, exits } => Some(self.end(record, host, at, exits).await?),
            executor::Seen::Unknown => None,
        })
    }

    /// How a job ended, and in whose words.
    async fn end<K>(
        &self,
        record: &Record,
        host: &str,
        at: Timestamp,
        exits: Vec<Exit>,
    ) -> Result<Seen<K>, ExecutorError> {
        let endings = self.0.endings(record.id).await?;
        let started = endings.iter().map(|ending| ending.started).min();
        let failed = endings.iter().filter(|ending| ending.exit != Exit::Code(0));
        let first = failed.min_by_key(|ending| (Part::of(ending), ending.ended));
        let mut failure = self.failure(record, first.map_or(host, |first| &first.host)).await?;
        if let Some(first) = first.filter(|_| endings.len() > 1 && failure.is_none()) {
            failure = without_a_word(first);
        }
        let settled = first.is_some_and(|first| first.settled);
        // The others ended because of it.
        let exits = first.map_or(exits, |first| vec![first.exit]);
        Ok(Seen::Exited { started, at, exits, failure, settled })
    }

    /// Begins a job's processes.
    pub async fn submit(&self, workload: &Workload, kind: &'static str) -> Result<(), Fault> {
        self.0.submit(workload).await.map_err(|error| match error {
            ExecutorError::Unsupported(message) => Fault::new(What::Unsupported, kind, message),
            other => Fault::internal(other),
        })
    }

    /// Tells a job's processes to end.
    pub async fn stop(&self, record: &Record, how: Stop) {
        if let Err(error) = self.0.stop(record.id, how).await {
            warn!(job = %record.key, error = ?error, "a job could not be told to end");
        }
    }

    /// After a start: ends and removes whatever no open record names.
    pub async fn release_orphans(&self, store: &dyn Store) -> Result<(), ExecutorError> {
        for id in self.0.list().await? {
            let open = match store.find(id).await {
                Ok(record) => record.is_some_and(|record| record.due.is_some()),
                Err(error) => {
                    warn!(%id, error = ?error, "a workload could not be looked up");
                    continue;
                }
            };
            if open {
                continue;
            }
            self.0.stop(id, Stop::Kill).await?;
            match self.0.forget(id).await {
                Ok(()) => {}
                // Killed just now; its folder goes with the next start.
                Err(ExecutorError::StillRunning(_)) => warn!(%id, "an orphan was killed"),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes what the executor still holds of a job.
    pub async fn forget(&self, record: &Record) {
        if let Err(error) = self.0.forget(record.id).await {
            warn!(job = %record.key, error = ?error, "a job's folder is left for the next start");
        }
    }

    /// What the program on a host said in `/opt/ml/output/failure`.
    async fn failure(&self, record: &Record, host: &str) -> Result<Option<String>, ExecutorError> {
        let Some(file) = self.0.output(record.id, host, "failure").await? else { return Ok(None) };
        let mut text = Vec::new();
        tokio::fs::File::from_std(file).take(FAILURE).read_to_end(&mut text).await?;
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    }
}

/// The part that a host had in the failure of its job. The first is the one whose failure it is,
/// whenever the others ended: who has lost another may give up before that one's end is known.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Its machine was taken away, or its program was killed by nobody of ours.
    TakenAway,
    /// Its program failed.
    Failed,
    /// It was told to end.
    Told,
}

impl Part {
    fn of(ending: &Ending) -> Self {
        match ending.exit {
            _ if ending.settled => Self::TakenAway,
            _ if ending.told => Self::Told,
            Exit::Signal(SIGTERM | SIGKILL) => Self::TakenAway,
            Exit::Signal(_) | Exit::Code(_) => Self::Failed,
        }
    }
}

/// What is said for a program that was killed before it could say anything.
fn without_a_word(ending: &Ending) -> Option<String> {
    match ending.exit {
        Exit::Signal(signal) => Some(format!("{} was killed by signal {signal}", ending.host)),
        Exit::Code(_) => None,
    }
}

/// What a failed launch means for the job.
pub fn refusal<K>(record: &Record, fault: &Fault) -> Seen<K> {
    match fault.what {
        What::Internal | What::NotReady => {
            warn!(job = %record.key, error = ?fault, "a job could not be started yet");
            Seen::Hindered(reason(fault).to_owned())
        }
        What::Missing
        | What::Taken
        | What::InUse
        | What::Limit
        | What::Refused
        | What::Invalid
        | What::Unsupported => Seen::Refused(format!("ClientError: {fault}")),
    }
}

/// Why a job fails that can never be started by this fault of ours.
pub(super) fn reason(fault: &Fault) -> &'static str {
    let cause = fault.cause.as_deref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(ExecutorError::Full(_)) => FULL,
        Some(_) | None => INTERNAL,
    }
}
