//! The life of a job that is one workload (training, transform), as plain data.
//!
//! [`Life::step`] decides and does nothing else: no I/O, no clock. The driver saves what it decides
//! and only then acts, so every action is safe to repeat. The statuses on the wire are derived from
//! the phase. What a family keeps of its jobs beside their lives (a model, metrics) is its own.
//!
//! A job may have several *runs*: on spot, a run whose machine was taken away from under it is
//! followed by another; so is one that failed by our own fault, where the job asks for retries. What
//! a run has left is kept, and the executor made to forget it, before the next one begins.

use std::time::Duration;

use api::{Fault, What};
use platform::executor::Exit;
use serde::{Deserialize, Serialize};
use types::Timestamp;

mod decide;
mod hands;
mod share;
mod status;
mod step;

pub use decide::INTERNAL;
pub use hands::{Hands, refusal};
pub use share::share;

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Accepted.
    Pending,
    /// Its input is being gathered and its process laid out.
    Downloading,
    /// Its process runs.
    Running {
        /// When it must end.
        deadline: Timestamp,
    },
    /// Its run was lost. What that has left is being kept; then it begins again.
    Lost {
        /// By what.
        by: Loss,
        /// Not before.
        again_at: Timestamp,
    },
    /// It was told to end.
    Stopping {
        /// By whom.
        why: StopReason,
        /// When patience ends.
        kill_at: Timestamp,
    },
    /// Its process has ended; log and model are being kept.
    Finishing {
        /// How it will end, if that succeeds.
        outcome: Outcome,
    },
    /// Nothing more happens.
    Ended {
        /// How it ended.
        outcome: Outcome,
    },
}

/// Who ended a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// StopTrainingJob.
    Asked,
    /// MaxRuntimeInSeconds.
    TimeLimit,
    /// MaxWaitTimeInSeconds.
    WaitLimit,
}

/// What a run was lost by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Its machine was taken away: its processes vanished, or were killed by a signal that is not
    /// ours.
    Interruption,
    /// It failed by our own fault.
    InternalError,
}

/// A stretch of time in which a job's process ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// By what it was lost.
    pub by: Loss,
}

/// What a job may go through before it has to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endurance {
    /// On spot, how long it may take in all, waiting included, seconds.
    pub max_wait: Option<u64>,
    /// How often it begins again after a failure of ours.
    pub retries: u32,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its program succeeded and its model is kept.
    Completed,
    /// It was told to end; what it had saved is kept.
    Stopped(StopReason),
    /// With this `FailureReason`.
    Failed(String),
}

/// For how long a job could not go on, by our own fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hindrance {
    /// So long in all. Time in which nobody tried, because the server was away, counts for little.
    pub lasted: Duration,
    /// When it was last tried.
    pub last: Timestamp,
}

/// A stretch of a job's secondary status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The secondary status.
    pub status: String,
    /// Since when.
    pub start: Timestamp,
    /// Until when.
    pub end: Option<Timestamp>,
}

/// Where a job stands, how it came there, and what it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Where it stands.
    pub phase: Phase,
    /// It was told to end. Never taken back.
    pub stop_asked: bool,
    /// How long its process may run, seconds.
    pub max_runtime: u64,
    /// Every secondary status it had.
    pub transitions: Vec<Transition>,
    /// When the process of its last run began.
    pub started: Option<Timestamp>,
    /// When that process ended.
    pub ended: Option<Timestamp>,
    /// What it may go through. Of older jobs: nothing.
    #[serde(default)]
    pub endurance: Endurance,
    /// The runs before the last one.
    #[serde(default)]
    pub lost: Vec<Run>,
    /// What keeps it in its phase, if anything does.
    #[serde(default)]
    pub hindrance: Option<Hindrance>,
}

/// What is seen of a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen<K> {
    /// No process, and none was begun.
    Nothing,
    /// It cannot be run, for this reason.
    Refused(String),
    /// What was to be done about it failed by our own fault, and may succeed the next time. The
    /// reason is the job's if it never does.
    Hindered(String),
    /// Its process is being laid out.
    Starting,
    /// Its process runs.
    Running {
        /// Since when.
        since: Timestamp,
    },
    /// Its processes have ended.
    Exited {
        /// When the first one began.
        started: Option<Timestamp>,
        /// When the last one did.
        at: Timestamp,
        /// One per host, or that of the host which failed first.
        exits: Vec<Exit>,
        /// What the program left in `/opt/ml/output/failure`.
        failure: Option<String>,
        /// Nobody saw how it ended: what watched over it was killed, or the machine restarted.
        settled: bool,
    },
    /// Its log is whole, and what it made is where it was to be.
    Kept {
        /// What the family writes down of it.
        kept: K,
        /// Why it could not be kept.
        failure: Option<String>,
    },
}

/// What to do about a job. Each is safe to repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Gather the input and begin the process.
    Launch,
    /// `SIGTERM`.
    Interrupt,
    /// `SIGKILL`.
    Kill,
    /// Read the log of a lost run to its end, keep what the next run goes on with, and remove what
    /// the executor still holds.
    Salvage,
    /// Read the log to its end, and keep what the job made.
    Keep,
    /// Remove what the executor still holds.
    Release,
}

impl Life {
    /// A life that begins now. `max_runtime` is in seconds.
    #[must_use]
    pub fn new(max_runtime: u64, now: Timestamp) -> Self {
        let mut life = Self {
            phase: Phase::Pending,
            stop_asked: false,
            max_runtime,
            transitions: Vec::new(),
            started: None,
            ended: None,
            endurance: Endurance::default(),
            lost: Vec::new(),
            hindrance: None,
        };
        life.enter(Phase::Pending, now);
        life
    }

    /// The same, of a job that may go through this.
    #[must_use]
    pub fn enduring(self, endurance: Endurance) -> Self {
        Self { endurance, ..self }
    }

    /// Takes on a phase, and writes down what that changed on the wire.
    fn enter(&mut self, phase: Phase, now: Timestamp) {
        if let Phase::Lost { by, .. } = phase {
            self.lost.push(Run { started: self.started.take(), ended: self.ended.take(), by });
        }
        self.phase = phase;
        self.hindrance = None;
        self.show(self.secondary_status(), now);
    }

    /// Writes down what is shown on the wire from now on.
    fn show(&mut self, status: &str, now: Timestamp) {
        let last = self.transitions.last_mut();
        if last.as_ref().is_some_and(|last| last.status == status) {
            return;
        }
        let mut start = now;
        if let Some(last) = last {
            start = start.max(last.start);
            last.end = Some(start);
        }
        let end = self.has_ended().then_some(start);
        self.transitions.push(Transition { status: status.to_owned(), start, end });
    }

    /// Notes that the job shall end, unless it has.
    pub fn ask_to_stop(&mut self, kind: &'static str, now: Timestamp) -> Result<(), Fault> {
        if self.has_ended() {
            let (what, status) = (kind.replace('-', " "), self.status());
            let message =
                format!("The request was rejected because the {what} is in status {status}.");
            return Err(Fault::new(What::InUse, kind, message));
        }
        self.stop_asked = true;
        self.show(self.secondary_status(), now);
        Ok(())
    }

    /// Whether nothing more happens.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    /// Which run the executor knows of, counted from 0.
    #[must_use]
    pub fn run(&self) -> usize {
        let lost = matches!(self.phase, Phase::Lost { .. });
        self.lost.len() - usize::from(lost)
    }

    /// When the process of its first run began.
    #[must_use]
    pub fn first_started(&self) -> Option<Timestamp> {
        self.lost.iter().map(|run| run.started).chain([self.started]).flatten().next()
    }

    /// When the process of its last run began.
    #[must_use]
    pub fn last_started(&self) -> Option<Timestamp> {
        self.started.or_else(|| self.lost.last()?.started)
    }

    /// How long its processes ran, over all runs that have ended; `None` where none has.
    #[must_use]
    pub fn ran(&self) -> Option<Duration> {
        let last = self.ended.zip(self.started).map(|(ended, started)| ended.since(started));
        let any = last.is_some() || !self.lost.is_empty();
        any.then(|| self.lost_time() + last.unwrap_or_default())
    }

    /// How long the runs took that were lost.
    fn lost_time(&self) -> Duration {
        let length = |run: &Run| Some(run.ended?.since(run.started?));
        self.lost.iter().filter_map(length).sum()
    }

    /// How often it may still begin again after a failure of ours.
    fn retries_left(&self) -> usize {
        let used = self.lost.iter().filter(|run| run.by == Loss::InternalError).count();
        usize::try_from(self.endurance.retries).unwrap_or(usize::MAX).saturating_sub(used)
    }

    /// When it has taken so long that it must end, waiting included.
    fn patience_ends(&self) -> Option<Timestamp> {
        let created = self.transitions.first()?.start;
        Some(created + Duration::from_secs(self.endurance.max_wait?))
    }

    /// Whether it has waited too long.
    fn has_waited_out(&self, now: Timestamp) -> bool {
        self.patience_ends().is_some_and(|end| now >= end)
    }

    /// When it came to its end on the wire.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.transitions.last().filter(|_| self.has_ended()).map(|last| last.start)
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match &self.phase {
            Phase::Ended { outcome: Outcome::Failed(reason) } => Some(reason),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
