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
mod status;

pub use hands::{Hands, refusal};

/// When to look again at what should have moved on by itself.
const PATIENCE: Duration = Duration::from_secs(10);

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
        /// One per host, or that of the host which failed first.
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

impl Life {
    /// When to look again in any case; `None` once it has ended.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let due = match self.phase {
            Phase::Pending => now,
            Phase::Downloading | Phase::Finishing { .. } => now + PATIENCE,
            Phase::Running { deadline } => deadline,
            Phase::Lost { again_at, .. } if again_at > now => again_at,
            Phase::Stopping { kill_at, .. } if kill_at > now => kill_at,
            Phase::Lost { .. } | Phase::Stopping { .. } => now + PATIENCE,
            Phase::Ended { .. } => return None,
        };
        let patience_ends = self.patience_ends().filter(|end| *end > now);
        Some(patience_ends.map_or(due, |end| due.min(end)))
    }

    /// Decides what becomes of a job, from where it stands and what is seen of it.
    #[must_use]
    pub fn step<K>(mut self, seen: &Seen<K>, now: Timestamp) -> (Self, Option<Action>) {
        self.note_times(seen);
        let (phase, action) = decide::decide(&self, seen, now);
        if phase != self.phase {
            self.enter(phase, now);
        }
        (self, action)
    }

    /// When the process began and ended, whichever observation tells it first.
    fn note_times<K>(&mut self, seen: &Seen<K>) {
        // A lost run's are noted already.
        if let Phase::Lost { .. } = self.phase {
            return;
        }
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

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::{
        decide::{LONGEST_REASON, outcome},
        *,
    };

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

    fn on_spot() -> Life {
        job().enduring(Endurance { max_wait: Some(100), retries: 0 })
    }

    fn up_since(second: i64) -> Seen<()> {
        Seen::Running { since: at(second) }
    }

    fn killed(second: i64) -> Seen<()> {
        let exits = vec![Exit::Signal(9)];
        Seen::Exited { started: None, at: at(second), exits, failure: None }
    }

    #[test]
    fn a_job_on_spot_whose_machine_is_taken_away_begins_again() {
        let script = [
            (0, Seen::Nothing),
            (5, up()),
            (9, killed(9)),
            (9, killed(9)),
            (9, Seen::Nothing),
            (10, Seen::Nothing),
            (10, Seen::Nothing),
            (12, up_since(12)),
            (
                20,
                Seen::Exited {
                    started: None,
                    at: at(20),
                    exits: vec![Exit::Code(0)],
                    failure: None,
                },
            ),
            (21, kept()),
        ];
        assert_eq!(
            play(on_spot(), &script),
            "   0s Downloading        Launch\n   \
                5s Training           -\n   \
                9s Interrupted        Salvage\n   \
                9s Interrupted        Salvage\n   \
                9s Interrupted        -\n  \
               10s Starting           -\n  \
               10s Downloading        Launch\n  \
               12s Training           -\n  \
               20s Uploading          Keep\n  \
               21s Completed          Release\n"
        );
        let done = after(on_spot(), &script);
        assert_eq!((done.first_started(), done.last_started()), (Some(at(5)), Some(at(12))));
        assert_eq!((done.ran(), done.run()), (Some(Duration::from_secs(12)), 1));
    }

    /// The same script's end, as a job.
    fn after(mut job: Life, script: &[(i64, Seen<()>)]) -> Life {
        for (second, seen) in script {
            job = job.step(seen, at(*second)).0;
        }
        job
    }

    #[test]
    fn a_job_on_spot_that_waits_too_long_is_stopped() {
        let lost = [(0, Seen::Nothing), (5, up()), (9, killed(9)), (99, Seen::Nothing)];
        let waiting = Life {
            phase: Phase::Lost { by: Loss::Interruption, again_at: at(999) },
            ..after(on_spot(), &lost)
        };
        assert_eq!(waiting.due(at(99)), Some(at(100)));
        let script = [(99, Seen::Nothing), (100, Seen::Nothing)];
        assert_eq!(
            play(waiting, &script),
            "  99s Interrupted        -\n \
              100s MaxWaitTimeExceeded Release\n"
        );
        let long = Life { max_runtime: 1_000, ..on_spot() };
        let script =
            [(0, Seen::Nothing), (5, up()), (100, up()), (101, killed(101)), (102, kept())];
        assert_eq!(
            play(long, &script),
            "   0s Downloading        Launch\n   \
                5s Training           -\n \
              100s Stopping           Interrupt\n \
              101s Uploading          Keep\n \
              102s MaxWaitTimeExceeded Release\n"
        );
    }

    #[test]
    fn only_a_job_on_spot_is_interrupted_and_only_by_a_signal_from_outside() {
        let ended = |life: Life, exits: Vec<Exit>| {
            let exited = Seen::<()>::Exited { started: None, at: at(9), exits, failure: None };
            after(life, &[(0, Seen::Nothing), (5, up()), (9, exited)]).phase.secondary_status()
        };
        assert_eq!(ended(job(), vec![Exit::Signal(9)]), "Training");
        for signal in [9, 15] {
            assert_eq!(ended(on_spot(), vec![Exit::Code(0), Exit::Signal(signal)]), "Interrupted");
        }
        for exit in [Exit::Code(1), Exit::Code(137), Exit::Signal(11), Exit::Signal(6)] {
            assert_eq!(ended(on_spot(), vec![Exit::Signal(9), exit]), "Training", "{exit:?}");
        }
        let vanished = [(0, Seen::Nothing), (5, up()), (9, Seen::Nothing)];
        assert_eq!(after(on_spot(), &vanished).phase.secondary_status(), "Interrupted");
        let running = after(on_spot(), &[(0, Seen::Nothing), (5, up())]);
        let asked = after(Life { stop_asked: true, ..running }, &[(9, killed(9))]);
        assert_eq!(asked.lost, [], "who was told to end is not begun again");
    }

    #[test]
    fn the_time_limit_is_that_of_all_runs_together() {
        let script = [
            (0, Seen::Nothing),
            (5, up()),
            (45, killed(45)),
            (46, Seen::Nothing),
            (46, Seen::Nothing),
            (50, up_since(50)),
        ];
        assert_eq!(after(on_spot(), &script).phase, Phase::Running { deadline: at(50 + 60 - 40) });
    }

    #[test]
    fn the_pause_between_runs_doubles_up_to_five_minutes() {
        let mut life = on_spot().enduring(Endurance { max_wait: Some(1_000_000), retries: 0 });
        let mut pauses = Vec::new();
        for _ in 0..12 {
            life = life
                .step(&Seen::<()>::Nothing, at(0))
                .0
                .step(&up(), at(5))
                .0
                .step(&killed(9), at(9))
                .0;
            let Phase::Lost { again_at, .. } = life.phase else { panic!("{:?}", life.phase) };
            pauses.push(again_at.since(at(9)).as_millis());
            life = life.step(&Seen::<()>::Nothing, again_at).0;
        }
        assert_eq!(
            pauses,
            [
                500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000,
                300_000
            ]
        );
    }

    #[test]
    fn a_failure_of_ours_is_tried_again_as_often_as_the_job_asks() {
        let retrying = job().enduring(Endurance { max_wait: None, retries: 1 });
        let fails = |says: &str| Seen::<()>::Exited {
            started: None,
            at: at(9),
            exits: vec![Exit::Code(1)],
            failure: Some(says.to_owned()),
        };
        let ours = || fails("InternalServerError: the disk");
        let script = [
            (0, Seen::Nothing),
            (5, up()),
            (9, ours()),
            (10, Seen::Nothing),
            (10, Seen::Nothing),
            (12, up_since(12)),
            (13, ours()),
            (14, kept()),
        ];
        assert_eq!(
            play(retrying.clone(), &script),
            "   0s Downloading        Launch\n   \
                5s Training           -\n   \
                9s Restarting         Salvage\n  \
               10s Starting           -\n  \
               10s Downloading        Launch\n  \
               12s Training           -\n  \
               13s Training           Keep\n  \
               14s Failed             Release\n"
        );
        let theirs = [(0, Seen::Nothing), (5, up()), (9, fails("ClientError: no"))];
        assert_eq!(after(retrying, &theirs).lost, []);
    }

    #[test]
    fn a_life_that_an_older_program_wrote_goes_on() {
        let old = r#"{"phase":{"phase":"running","deadline":60000000},"stop_asked":false,
            "max_runtime":60,"transitions":[],"started":5000000,"ended":null}"#;
        let life: Life = serde_json::from_str(old).unwrap();
        assert_eq!((life.endurance, life.run()), (Endurance::default(), 0));
        let (life, action) = life.step(&killed(9), at(9));
        assert_eq!((life.phase.secondary_status(), action), ("Training", Some(Action::Keep)));
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
            Phase::Lost { by: Loss::Interruption, again_at: at(9) },
        ];
        phases.extend(outcomes.iter().map(|o| Phase::Finishing { outcome: o.clone() }));
        phases.extend(outcomes.iter().map(|o| Phase::Ended { outcome: o.clone() }));
        phases
    }

    fn observations() -> Vec<Seen<()>> {
        let refused = Seen::Refused("ClientError: no".into());
        vec![Seen::Nothing, refused, Seen::Starting, up(), exited(0), exited(1), killed(9), kept()]
    }

    /// A job in this phase, on spot, whose earlier runs are counted as its phase has it.
    fn spot_in(phase: &Phase) -> Life {
        let run = Run { started: Some(at(1)), ended: Some(at(2)), by: Loss::Interruption };
        Life { phase: phase.clone(), lost: vec![run], ..on_spot() }
    }

    #[test]
    fn whatever_is_seen_a_run_is_lost_only_while_it_is_begun_or_runs() {
        for phase in phases() {
            for seen in observations() {
                let (next, action) = spot_in(&phase).step(&seen, at(9));
                let is_lost = matches!(next.phase, Phase::Lost { .. });
                let may_be = matches!(
                    phase,
                    Phase::Downloading | Phase::Running { .. } | Phase::Lost { .. }
                );
                assert!(!is_lost || may_be, "{phase:?} + {seen:?}");
                assert_eq!(
                    next.lost.len(),
                    1 + usize::from(is_lost && !matches!(phase, Phase::Lost { .. })),
                    "{phase:?} + {seen:?}"
                );
                assert!(action != Some(Action::Salvage) || is_lost, "{phase:?} + {seen:?}");
            }
        }
    }

    #[test]
    fn whatever_is_seen_the_next_run_begins_only_when_the_executor_knows_of_none() {
        let lost = Phase::Lost { by: Loss::Interruption, again_at: at(9) };
        for seen in observations() {
            let (next, action) = spot_in(&lost).step(&seen, at(9));
            assert_eq!(next.phase == Phase::Pending, seen == Seen::Nothing, "{seen:?}");
            assert!(action != Some(Action::Launch), "{seen:?}");
        }
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
