//! Stories: observations are played to a job, and the whole transcript compared. Sweeps: every phase
//! with every observation, a law each.

use std::fmt::Write;

use super::{
    decide::{LONGEST_REASON, outcome},
    *,
};

mod ours;
mod wire;

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
    Seen::Exited {
        started: None,
        at: at(9),
        exits: vec![Exit::Code(code)],
        failure: None,
        settled: false,
    }
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
        writeln!(log, "{second:>4}s {:<18} {action}", job.secondary_status()).unwrap();
    }
    log
}

#[test]
fn a_job_runs_from_its_start_to_its_model() {
    let script = [(0, Seen::Nothing), (1, Seen::Starting), (5, up()), (9, exited(0)), (10, kept())];
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
    Seen::Exited { started: None, at: at(second), exits, failure: None, settled: false }
}

/// Its machine went down at this time.
fn settled(second: i64) -> Seen<()> {
    let exits = vec![Exit::Signal(9)];
    let started = Some(at(5));
    Seen::Exited { started, at: at(second), exits, failure: None, settled: true }
}

fn hindered() -> Seen<()> {
    Seen::Hindered("InternalServerError: the disk is full".into())
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
                settled: false,
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
    let script = [(0, Seen::Nothing), (5, up()), (100, up()), (101, killed(101)), (102, kept())];
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
        let exited =
            Seen::<()>::Exited { started: None, at: at(9), exits, failure: None, settled: false };
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
        life =
            life.step(&Seen::<()>::Nothing, at(0)).0.step(&up(), at(5)).0.step(&killed(9), at(9)).0;
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
    vec![
        Seen::Nothing,
        refused,
        hindered(),
        Seen::Starting,
        up(),
        exited(0),
        exited(1),
        killed(9),
        settled(9),
        kept(),
    ]
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
            let may_be =
                matches!(phase, Phase::Downloading | Phase::Running { .. } | Phase::Lost { .. });
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
            // Neither is seen of a job of which nothing was tried.
            let may_rest = seen == kept() || seen == hindered();
            assert!(!resting || may_rest, "{phase:?} + {seen:?} = {:?}", next.phase);
            assert!(
                action != Some(Action::Launch) || phase == Phase::Pending,
                "{phase:?} + {seen:?}"
            );
        }
    }
}

#[test]
fn past_the_time_that_it_may_wait_nothing_begins() {
    let late = at(101);
    for phase in phases() {
        for seen in observations() {
            let (next, action) = spot_in(&phase).step(&seen, late);
            // One that was launched and is not known to be is launched, which changes nothing there.
            let known = phase != Phase::Pending || seen == Seen::Nothing;
            assert!(action != Some(Action::Launch) || !known, "{phase:?} + {seen:?}");
            let begins = matches!(next.phase, Phase::Pending | Phase::Downloading);
            assert!(!begins || seen != Seen::Nothing, "{phase:?} + {seen:?} = {:?}", next.phase);
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
