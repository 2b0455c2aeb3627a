//! The decision: from where a job stands and what is seen of it to where it stands next.

use std::time::Duration;

use platform::executor::Exit;
use types::Timestamp;

use super::{Action, Life, Loss, Outcome, Phase, Seen, StopReason};

/// How long a job may take to save its work once it has been told to stop (semantics 1.1).
const GRACE: Duration = Duration::from_mins(2);

/// How long to wait before the second run. The pause doubles with every run that is lost, so that a
/// machine that takes every run away (one without enough memory, say) is not kept busy with it.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The failure of a job that could not go on by our own fault: AWS's sentence.
pub const INTERNAL: &str =
    "InternalServerError: We encountered an internal error. Please try again.";

/// For how long a launch is tried that fails by our own fault.
const LAUNCH_TRIES: Duration = Duration::from_mins(30);

/// For how long it is tried to keep what a job made: whoever runs this machine has a day to mend
/// it, for with the job's end its folder goes.
const KEEP_TRIES: Duration = Duration::from_hours(24);

/// The same of a job that was told to end, or waited too long to begin again.
const KEEP_TRIES_OF_STOPPED: Duration = Duration::from_mins(30);

/// A job's `FailureReason` holds so many characters (semantics 1.1).
pub const LONGEST_REASON: usize = 1_024;

/// What becomes of a job, and what to do about it.
pub fn decide<K>(life: &Life, seen: &Seen<K>, now: Timestamp) -> Decided {
    match (life.phase.clone(), seen) {
        (phase @ Phase::Ended { .. }, _) => (phase, None),
        (phase, Seen::Hindered(reason)) => hindered(life, phase, reason, now),
        (Phase::Finishing { outcome }, _) => finish(life, outcome, seen, now),
        (_, Seen::Refused(reason)) => ended(Outcome::Failed(cut(reason))),
        (Phase::Lost { by, again_at }, _) => wait(life, by, again_at, seen, now),
        (Phase::Pending, Seen::Nothing) if life.stop_asked => {
            ended(Outcome::Stopped(StopReason::Asked))
        }
        (Phase::Pending, Seen::Nothing) if life.has_waited_out(now) => {
            ended(Outcome::Stopped(StopReason::WaitLimit))
        }
        (Phase::Pending, _) => (Phase::Downloading, Some(Action::Launch)),
        (Phase::Stopping { why, .. }, Seen::Nothing | Seen::Exited { .. }) => {
            keep(Outcome::Stopped(why))
        }
        (phase @ Phase::Stopping { kill_at, .. }, _) => {
            let action = if now >= kill_at { Action::Kill } else { Action::Interrupt };
            (phase, Some(action))
        }
        (phase @ (Phase::Downloading | Phase::Running { .. }), _) => go_on(life, phase, seen, now),
    }
}

/// The next phase, and what to do about it.
type Decided = (Phase, Option<Action>);

fn keep(outcome: Outcome) -> Decided {
    (Phase::Finishing { outcome }, Some(Action::Keep))
}

fn ended(outcome: Outcome) -> Decided {
    (Phase::Ended { outcome }, Some(Action::Release))
}

/// What becomes of a job that cannot go on by our own fault.
fn hindered(life: &Life, phase: Phase, reason: &str, now: Timestamp) -> Decided {
    let most = match phase {
        Phase::Downloading => LAUNCH_TRIES,
        Phase::Lost { .. } | Phase::Finishing { .. } if life.stop_asked => KEEP_TRIES_OF_STOPPED,
        Phase::Lost { .. } if life.has_waited_out(now) => KEEP_TRIES_OF_STOPPED,
        Phase::Lost { .. } | Phase::Finishing { .. } => KEEP_TRIES,
        // Nothing is tried here.
        Phase::Pending | Phase::Running { .. } | Phase::Stopping { .. } | Phase::Ended { .. } => {
            return (phase, None);
        }
    };
    if life.hindrance.is_none_or(|hindrance| hindrance.lasted < most) {
        return (phase, None);
    }
    match phase {
        Phase::Finishing { outcome: failed @ Outcome::Failed(_) } => ended(failed),
        _ => ended(Outcome::Failed(cut(reason))),
    }
}

/// What becomes of a job whose process has ended.
fn finish<K>(life: &Life, outcome: Outcome, seen: &Seen<K>, now: Timestamp) -> Decided {
    let Seen::Kept { failure, .. } = seen else {
        let tried_just_now = life.rests_until(now).is_some();
        return if tried_just_now { (Phase::Finishing { outcome }, None) } else { keep(outcome) };
    };
    match (outcome, failure) {
        (Outcome::Failed(reason), _) => ended(Outcome::Failed(reason)),
        (_, Some(reason)) => ended(Outcome::Failed(cut(reason))),
        (outcome, None) => ended(outcome),
    }
}

/// What becomes of a job that was launched, and that nobody told to end yet.
fn go_on<K>(life: &Life, phase: Phase, seen: &Seen<K>, now: Timestamp) -> Decided {
    let stopping = |why| (Phase::Stopping { why, kill_at: now + GRACE }, Some(Action::Interrupt));
    match (phase, seen) {
        (_, Seen::Exited { exits, failure, settled, .. }) => {
            let ours = settled.then(|| Outcome::Failed(INTERNAL.to_owned()));
            let outcome = ours.unwrap_or_else(|| outcome(exits, failure.as_deref()));
            match lost(life, exits, &outcome) {
                Some(by) => (again(life, by, now), Some(Action::Salvage)),
                None => keep(outcome),
            }
        }
        (Phase::Downloading, Seen::Nothing) if life.stop_asked => {
            ended(Outcome::Stopped(StopReason::Asked))
        }
        (Phase::Downloading, Seen::Nothing) if life.has_waited_out(now) => {
            ended(Outcome::Stopped(StopReason::WaitLimit))
        }
        (Phase::Downloading, Seen::Nothing) if life.rests_until(now).is_some() => {
            (Phase::Downloading, None)
        }
        (Phase::Downloading, Seen::Nothing) => (Phase::Downloading, Some(Action::Launch)),
        (_, Seen::Nothing) => {
            let outcome = Outcome::Failed(INTERNAL.to_owned());
            match lost(life, &[], &outcome) {
                Some(by) => (again(life, by, now), Some(Action::Salvage)),
                None => keep(outcome),
            }
        }
        (_, Seen::Starting | Seen::Running { .. }) if life.stop_asked => {
            stopping(StopReason::Asked)
        }
        (_, Seen::Starting | Seen::Running { .. }) if life.has_waited_out(now) => {
            stopping(StopReason::WaitLimit)
        }
        (Phase::Downloading, Seen::Running { since }) => {
            let left = Duration::from_secs(life.max_runtime).saturating_sub(life.lost_time());
            (Phase::Running { deadline: *since + left }, None)
        }
        (Phase::Running { deadline }, Seen::Running { .. }) if now >= deadline => {
            stopping(StopReason::TimeLimit)
        }
        (
            phase,
            Seen::Starting
            | Seen::Running { .. }
            | Seen::Kept { .. }
            | Seen::Refused(_)
            | Seen::Hindered(_),
        ) => (phase, None),
    }
}

/// What becomes of a job whose run was lost, until it begins again.
fn wait<K>(life: &Life, by: Loss, again_at: Timestamp, seen: &Seen<K>, now: Timestamp) -> Decided {
    let waiting = Phase::Lost { by, again_at };
    let stopped = |why| ended(Outcome::Stopped(why));
    match seen {
        Seen::Exited { .. } if life.rests_until(now).is_some() => (waiting, None),
        Seen::Exited { .. } => (waiting, Some(Action::Salvage)),
        // It was seen to have ended, so this is none of ours.
        Seen::Starting | Seen::Running { .. } => (waiting, Some(Action::Kill)),
        Seen::Nothing if life.stop_asked => stopped(StopReason::Asked),
        Seen::Nothing if life.has_waited_out(now) => stopped(StopReason::WaitLimit),
        Seen::Nothing if now >= again_at => (Phase::Pending, None),
        Seen::Nothing | Seen::Kept { .. } | Seen::Refused(_) | Seen::Hindered(_) => (waiting, None),
    }
}

/// What a run was lost by, if the job is to begin again after it. A program that returned a code
/// was not taken away.
fn lost(life: &Life, exits: &[Exit], outcome: &Outcome) -> Option<Loss> {
    let Outcome::Failed(reason) = outcome else { return None };
    let taken_away = |exit: &Exit| matches!(exit, Exit::Code(0) | Exit::Signal(SIGTERM | SIGKILL));
    if life.stop_asked {
        None
    } else if life.endurance.max_wait.is_some() && exits.iter().all(taken_away) {
        Some(Loss::Interruption)
    } else if reason.starts_with("InternalServerError") && life.retries_left() > 0 {
        Some(Loss::InternalError)
    } else {
        None
    }
}

/// How a machine that goes down ends its processes.
pub const SIGTERM: i32 = 15;
/// How the rest of them is ended, and how the executor tells of those that went with the machine.
pub const SIGKILL: i32 = 9;

/// The run is lost; the next one begins after a pause.
fn again(life: &Life, by: Loss, now: Timestamp) -> Phase {
    let doubled = 2_u32.checked_pow(u32::try_from(life.lost.len()).unwrap_or(u32::MAX));
    let pause = PAUSE.saturating_mul(doubled.unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
    Phase::Lost { by, again_at: now + pause }
}

/// What the exits of all hosts amount to.
pub fn outcome(exits: &[Exit], failure: Option<&str>) -> Outcome {
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
