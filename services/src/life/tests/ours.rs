//! Failures that are ours: tried again, counted, and ended at last.

use platform::executor::ExecutorError;

use super::{super::hands::reason, *};

#[test]
fn a_failure_of_ours_is_tried_again_as_often_as_the_job_asks() {
    let retrying = job().enduring(Endurance { max_wait: None, retries: 1 });
    let fails = |says: &str| Seen::<()>::Exited {
        started: None,
        at: at(9),
        exits: vec![Exit::Code(1)],
        failure: Some(says.to_owned()),
        settled: false,
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
fn a_machine_that_went_down_is_a_failure_of_ours_and_on_spot_an_interruption() {
    let script = [(0, Seen::Nothing), (5, up()), (9, settled(9))];
    assert_eq!(after(on_spot(), &script).phase.secondary_status(), "Interrupted");
    let retrying = job().enduring(Endurance { max_wait: None, retries: 1 });
    assert_eq!(after(retrying, &script).phase.secondary_status(), "Restarting");
    let failed = after(after(job(), &script), &[(10, kept())]);
    assert_eq!(failed.failure(), Some(INTERNAL));
}

#[test]
fn a_run_that_vanished_is_counted_and_its_output_is_not_followed_any_more() {
    let running = after(on_spot(), &[(0, Seen::Nothing), (5, up())]);
    let (lost, action) = running.step(&Seen::<()>::Nothing, at(9));
    assert_eq!((lost.ran(), action), (Some(Duration::from_secs(4)), Some(Action::Salvage)));
}

/// Plays a failure of ours again and again, whenever the job is due, and tells when it ended.
fn in_vain(mut job: Life, seen: &Seen<()>, action: Action, mut now: Timestamp) -> (Life, Duration) {
    let began = now;
    while !job.has_ended() {
        let (next, done) = job.step(seen, now);
        assert!(done.is_none_or(|done| done == action), "{done:?}");
        job = match done {
            Some(_) => next.step(&hindered(), now).0,
            None => next,
        };
        now = job.due(now).unwrap_or(now);
    }
    (job, now.since(began))
}

#[test]
fn a_launch_that_fails_by_our_own_fault_is_tried_again_for_half_an_hour() {
    let (job, took) = in_vain(job(), &Seen::Nothing, Action::Launch, at(0));
    assert_eq!(job.failure(), Some("InternalServerError: the disk is full"));
    assert_eq!(took, Duration::from_mins(30));
}

#[test]
fn what_cannot_be_kept_is_tried_again_for_a_day_and_after_a_stop_for_half_an_hour() {
    let done = after(job(), &[(0, Seen::Nothing), (5, up()), (9, exited(0))]);
    let (failed, took) = in_vain(done.clone(), &exited(0), Action::Keep, at(9));
    assert_eq!(failed.failure(), Some("InternalServerError: the disk is full"));
    assert_eq!(took, Duration::from_hours(24));
    let asked = Life { stop_asked: true, ..done };
    assert_eq!(in_vain(asked, &exited(0), Action::Keep, at(9)).1, Duration::from_mins(30));
    let bad = after(job(), &[(0, Seen::Nothing), (5, up()), (9, exited(1))]);
    let (failed, _) = in_vain(bad, &exited(1), Action::Keep, at(9));
    assert_eq!(failed.failure(), Some("AlgorithmError: , exit code: 1"), "its own reason stays");
}

#[test]
fn what_a_lost_run_left_holds_a_job_up_no_longer_than_that() {
    let lost = after(on_spot(), &[(0, Seen::Nothing), (5, up()), (9, killed(9))]);
    let (failed, took) = in_vain(lost, &killed(9), Action::Salvage, at(9));
    assert_eq!(failed.failure(), Some("InternalServerError: the disk is full"));
    let half_an_hour = Duration::from_mins(30)..Duration::from_mins(31);
    assert!(half_an_hour.contains(&took), "{took:?}");
}

#[test]
fn while_what_failed_rests_nothing_is_tried_and_an_outage_counts_for_little() {
    let launched = after(job(), &[(0, Seen::Nothing), (0, hindered())]);
    assert_eq!(launched.due(at(1)), Some(at(10)));
    assert_eq!(launched.clone().step(&Seen::<()>::Nothing, at(9)), (launched.clone(), None));
    let (launched, action) = launched.step(&Seen::<()>::Nothing, at(9_000));
    assert_eq!(action, Some(Action::Launch));
    let launched = launched.step(&hindered(), at(9_000)).0;
    assert_eq!(launched.secondary_status(), "Downloading");
    let running = after(launched, &[(9_010, up_since(9_010))]);
    assert_eq!(running.hindrance, None);
}

#[test]
fn a_full_disk_has_a_sentence_of_its_own() {
    let fault = |error: ExecutorError| Fault::internal(error);
    let full = fault(ExecutorError::Full(std::io::ErrorKind::StorageFull.into()));
    assert!(reason(&full).starts_with("InternalServerError: The disk of the machine"));
    let other = fault(ExecutorError::Io(std::io::ErrorKind::NotFound.into()));
    assert_eq!(reason(&other), INTERNAL);
}
