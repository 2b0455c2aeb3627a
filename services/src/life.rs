//! The life of a job that is one workload (training, transform), as plain data.
//!
//! [`Life::step`] decides and does nothing else: no I/O, no clock. The driver saves what it decides
//! and only then acts, so every action is safe to repeat. The statuses on the wire are derived from
//! the phase. What a family keeps of its jobs beside their lives (a model, metrics) is its own.

use std::time::Duration;

use api::{Fault, What};
use platform::executor::Exit;
use serde::{Deserialize, Serialize};
use types::Timestamp;

mod hands;

pub use hands::{Hands, refusal};

/// How long a job may take to save its work once it has been told to stop (semantics 1.1).
const GRACE: Duration = Duration::from_mins(2);

/// When to look again at what should have moved on by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// A job's `FailureReason` holds so many characters (semantics 1.1).
const LONGEST_REASON: usize = 1_024;

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
    /// When its process began.
    pub started: Option<Timestamp>,
    /// When its process ended.
    pub ended: Option<Timestamp>,
}

/// What is seen of a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen<K> {
    /// No process, and none was begun.
    Nothing,
    /// It cannot be run, for this reason.
    Refused(String),
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
        /// One per host.
        exits: Vec<Exit>,
        /// What the program left in `/opt/ml/output/failure`.
        failure: Option<String>,
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
        };
        life.enter(Phase::Pending, now);
        life
    }

    /// Takes on a phase, and writes down what that changed on the wire.
    fn enter(&mut self, phase: Phase, now: Timestamp) {
        self.phase = phase;
        let status = self.phase.secondary_status();
        let last = self.transitions.last_mut();
        if last.as_ref().is_some_and(|last| last.status == status) {
            return;
        }
        if let Some(last) = last {
            last.end = Some(now);
        }
        let end = matches!(self.phase, Phase::Ended { .. }).then_some(now);
        self.transitions.push(Transition { status: status.to_owned(), start: now, end });
    }

    /// Notes that the job shall end, unless it has.
    pub fn ask_to_stop(&mut self, kind: &'static str) -> Result<(), Fault> {
        if self.has_ended() {
            let (what, status) = (kind.replace('-', " "), self.phase.status());
            let message =
                format!("The request was rejected because the {what} is in status {status}.");
            return Err(Fault::new(What::InUse, kind, message));
        }
        self.stop_asked = true;
        Ok(())
    }

    /// Whether nothing more happens.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
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

impl Phase {
    /// The status of `List*`, the same for every family.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            Self::Pending
            | Self::Downloading
            | Self::Running { .. }
            | Self::Finishing { outcome: Outcome::Completed | Outcome::Failed(_) } => "InProgress",
            Self::Stopping { .. } | Self::Finishing { outcome: Outcome::Stopped(_) } => "Stopping",
            Self::Ended { outcome: Outcome::Completed } => "Completed",
            Self::Ended { outcome: Outcome::Stopped(_) } => "Stopped",
            Self::Ended { outcome: Outcome::Failed(_) } => "Failed",
        }
    }

    /// `SecondaryStatus`, as training jobs show it.
    #[must_use]
    pub fn secondary_status(&self) -> &'static str {
        match self {
            Self::Pending => "Starting",
            Self::Downloading => "Downloading",
            Self::Running { .. } | Self::Finishing { outcome: Outcome::Failed(_) } => "Training",
            Self::Stopping { .. } => "Stopping",
            Self::Finishing { outcome: Outcome::Completed | Outcome::Stopped(_) } => "Uploading",
            Self::Ended { outcome: Outcome::Completed } => "Completed",
            Self::Ended { outcome: Outcome::Stopped(StopReason::Asked) } => "Stopped",
            Self::Ended { outcome: Outcome::Stopped(StopReason::TimeLimit) } => {
                "MaxRuntimeExceeded"
            }
            Self::Ended { outcome: Outcome::Failed(_) } => "Failed",
        }
    }
}

impl Life {
    /// When to look again in any case; `None` once it has ended.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<Timestamp> {
        match self.phase {
            Phase::Pending => Some(now),
            Phase::Downloading | Phase::Finishing { .. } => Some(now + PATIENCE),
            Phase::Running { deadline } => Some(deadline),
            Phase::Stopping { kill_at, .. } if kill_at > now => Some(kill_at),
            Phase::Stopping { .. } => Some(now + PATIENCE),
            Phase::Ended { .. } => None,
        }
    }

    /// Decides what becomes of a job, from where it stands and what is seen of it.
    #[must_use]
    pub fn step<K>(mut self, seen: &Seen<K>, now: Timestamp) -> (Self, Option<Action>) {
        self.note_times(seen);
        let (phase, action) = decide(&self, seen, now);
        if phase != self.phase {
            self.enter(phase, now);
        }
        (self, action)
    }

    /// When the process began and ended, whichever observation tells it first.
    fn note_times<K>(&mut self, seen: &Seen<K>) {
        match seen {
            Seen::Running { since } => self.started = self.started.or(Some(*since)),
            Seen::Exited { started, at, .. } => {
                self.started = self.started.or(*started);
                self.ended = self.ended.or(Some(*at));
            }
            Seen::Nothing | Seen::Refused(_) | Seen::Starting | Seen::Kept { .. } => {}
        }
    }
}

fn decide<K>(life: &Life, seen: &Seen<K>, now: Timestamp) -> (Phase, Option<Action>) {
    let stopping = |why| Phase::Stopping { why, kill_at: now + GRACE };
    let keep = |outcome| (Phase::Finishing { outcome }, Some(Action::Keep));
    let ended = |outcome| (Phase::Ended { outcome }, Some(Action::Release));

    match (life.phase.clone(), seen) {
        (phase @ Phase::Ended { .. }, _) => (phase, None),

        (Phase::Finishing { outcome }, Seen::Kept { failure, .. }) => match (outcome, failure) {
            (Outcome::Failed(reason), _) => ended(Outcome::Failed(reason)),
            (_, Some(reason)) => ended(Outcome::Failed(cut(reason))),
            (outcome, None) => ended(outcome),
        },
        (Phase::Finishing { outcome }, _) => keep(outcome),

        (_, Seen::Refused(reason)) => ended(Outcome::Failed(cut(reason))),

        (Phase::Pending, Seen::Nothing) if life.stop_asked => {
            ended(Outcome::Stopped(StopReason::Asked))
        }
        (Phase::Pending, _) => (Phase::Downloading, Some(Action::Launch)),

        (Phase::Stopping { why, .. }, Seen::Nothing | Seen::Exited { .. }) => {
            keep(Outcome::Stopped(why))
        }
        (phase @ Phase::Stopping { kill_at, .. }, _) => {
            let action = if now >= kill_at { Action::Kill } else { Action::Interrupt };
            (phase, Some(action))
        }

        (_, Seen::Exited { exits, failure, .. }) => keep(outcome(exits, failure.as_deref())),

        (Phase::Downloading, Seen::Nothing) if life.stop_asked => {
            ended(Outcome::Stopped(StopReason::Asked))
        }
        (_, Seen::Starting | Seen::Running { .. }) if life.stop_asked => {
            (stopping(StopReason::Asked), Some(Action::Interrupt))
        }

        (Phase::Downloading, Seen::Nothing) => (Phase::Downloading, Some(Action::Launch)),
        (Phase::Downloading, Seen::Running { since }) => {
            let deadline = *since + Duration::from_secs(life.max_runtime);
            (Phase::Running { deadline }, None)
        }
        (phase @ Phase::Downloading, Seen::Starting | Seen::Kept { .. }) => (phase, None),

        (Phase::Running { .. }, Seen::Nothing) => {
            let reason = "InternalServerError: We encountered an internal error. Please try again.";
            keep(Outcome::Failed(reason.to_owned()))
        }
        (Phase::Running { deadline }, Seen::Running { .. }) if now >= deadline => {
            (stopping(StopReason::TimeLimit), Some(Action::Interrupt))
        }
        (
            phase @ Phase::Running { .. },
            Seen::Starting | Seen::Running { .. } | Seen::Kept { .. },
        ) => (phase, None),
    }
}

/// What the exits of all hosts amount to.
fn outcome(exits: &[Exit], failure: Option<&str>) -> Outcome {
    let Some(bad) = exits.iter().find(|exit| **exit != Exit::Code(0)) else {
        return Outcome::Completed;
    };
    let code = match bad {
        Exit::Code(code) => *code,
        // As a shell tells it, and with it AWS.
        Exit::Signal(signal) => 128 + signal,
    };
    let reason = match failure.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) if has_class(text) => format!("{text}, exit code: {code}"),
        Some(text) => format!("AlgorithmError: {text}, exit code: {code}"),
        None => format!("AlgorithmError: , exit code: {code}"),
    };
    Outcome::Failed(cut(&reason))
}

/// Whether a program said itself whose fault it is.
fn has_class(text: &str) -> bool {
    ["ClientError:", "AlgorithmError:", "InternalServerError:", "PlatformError:"]
        .iter()
        .any(|class| text.starts_with(class))
}

fn cut(reason: &str) -> String {
    reason.chars().take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn job() -> Life {
        Life::new(60, at(0))
    }

    fn up() -> Seen<()> {
        Seen::Running { since: at(5) }
    }

    fn exited(code: i32) -> Seen<()> {
        Seen::Exited { started: None, at: at(9), exits: vec![Exit::Code(code)], failure: None }
    }

    fn kept() -> Seen<()> {
        Seen::Kept { kept: (), failure: None }
    }

    /// Plays observations to a job and writes down what became of it, a line each.
    fn play(mut job: Life, script: &[(i64, Seen<()>)]) -> String {
        let mut log = String::new();
        for (second, seen) in script {
            let (next, action) = job.step(seen, at(*second));
            job = next;
            let action = action.map_or("-".to_owned(), |action| format!("{action:?}"));
            writeln!(log, "{second:>4}s {:<18} {action}", job.phase.secondary_status()).unwrap();
        }
        log
    }

    #[test]
    fn a_job_runs_from_its_start_to_its_model() {
        let script =
            [(0, Seen::Nothing), (1, Seen::Starting), (5, up()), (9, exited(0)), (10, kept())];
        assert_eq!(
            play(job(), &script),
            "   0s Downloading        Launch\n   \
                1s Downloading        -\n   \
                5s Training           -\n   \
                9s Uploading          Keep\n  \
               10s Completed          Release\n"
        );
    }

    #[test]
    fn a_job_past_its_time_limit_is_interrupted_and_then_killed_and_its_model_kept() {
        let script = [
            (0, Seen::Nothing),
            (6, up()),
            (65, up()),
            (100, up()),
            (185, up()),
            (186, exited(137)),
            (187, kept()),
        ];
        assert_eq!(
            play(job(), &script),
            "   0s Downloading        Launch\n   \
                6s Training           -\n  \
               65s Stopping           Interrupt\n \
              100s Stopping           Interrupt\n \
              185s Stopping           Kill\n \
              186s Uploading          Keep\n \
              187s MaxRuntimeExceeded Release\n"
        );
    }

    #[test]
    fn a_job_that_cannot_be_run_fails_with_the_reason() {
        let refused = Seen::<()>::Refused("ClientError: no data".into());
        let (job, action) = job().step(&refused, at(1));
        assert_eq!((job.failure(), action), (Some("ClientError: no data"), Some(Action::Release)));
    }

    #[test]
    fn the_programs_own_words_become_the_reason() {
        let says = |text: &str| match outcome(&[Exit::Code(1)], Some(text)) {
            Outcome::Failed(reason) => reason,
            other => format!("{other:?}"),
        };
        assert_eq!(says("ClientError: bad csv"), "ClientError: bad csv, exit code: 1");
        assert_eq!(says("boom\n"), "AlgorithmError: boom, exit code: 1");
        assert_eq!(says(&"x".repeat(5_000)).chars().count(), LONGEST_REASON);
        let killed = outcome(&[Exit::Code(0), Exit::Signal(9)], None);
        assert_eq!(killed, Outcome::Failed("AlgorithmError: , exit code: 137".into()));
    }

    fn phases() -> Vec<Phase> {
        let outcomes = [
            Outcome::Completed,
            Outcome::Stopped(StopReason::Asked),
            Outcome::Failed("AlgorithmError: x".into()),
        ];
        let mut phases = vec![
            Phase::Pending,
            Phase::Downloading,
            Phase::Running { deadline: at(60) },
            Phase::Stopping { why: StopReason::Asked, kill_at: at(120) },
        ];
        phases.extend(outcomes.iter().map(|o| Phase::Finishing { outcome: o.clone() }));
        phases.extend(outcomes.iter().map(|o| Phase::Ended { outcome: o.clone() }));
        phases
    }

    fn observations() -> Vec<Seen<()>> {
        let refused = Seen::Refused("ClientError: no".into());
        vec![Seen::Nothing, refused, Seen::Starting, up(), exited(0), exited(1), kept()]
    }

    #[test]
    fn what_has_ended_never_moves_again() {
        for phase in phases() {
            let over = Life { phase, ..job() };
            if !over.has_ended() {
                continue;
            }
            for seen in observations() {
                let (next, action) = over.clone().step(&seen, at(999));
                assert_eq!((&next.phase, action), (&over.phase, None), "{seen:?}");
            }
        }
    }

    #[test]
    fn whatever_is_seen_a_job_told_to_stop_is_on_its_way_to_its_end() {
        for phase in phases() {
            for seen in observations() {
                let asked = Life { phase: phase.clone(), stop_asked: true, ..job() };
                let (next, action) = asked.step(&seen, at(9));
                let resting = matches!(next.phase, Phase::Pending | Phase::Running { .. });
                assert!(!resting || seen == kept(), "{phase:?} + {seen:?} = {:?}", next.phase);
                assert!(
                    action != Some(Action::Launch) || phase == Phase::Pending,
                    "{phase:?} + {seen:?}"
                );
            }
        }
    }

    #[test]
    fn every_open_phase_is_looked_at_again() {
        for phase in phases() {
            let job = Life { phase, ..job() };
            assert_eq!(job.due(at(9)).is_none(), job.has_ended(), "{:?}", job.phase);
        }
    }

    #[test]
    fn transitions_are_seamless() {
        let mut job = job();
        for (second, seen) in [(0, Seen::Nothing), (5, up()), (9, exited(0)), (10, kept())] {
            job = job.step(&seen, at(second)).0;
        }
        let ends: Vec<_> = job.transitions.iter().map(|t| t.end).collect();
        let starts: Vec<_> = job.transitions.iter().skip(1).map(|t| Some(t.start)).collect();
        assert_eq!(ends[..ends.len() - 1], starts[..]);
        assert_eq!(ends.last(), Some(&Some(at(10))));
    }
}
