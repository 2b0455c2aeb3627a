//! What is shown of a life on the wire.

use super::*;

#[test]
fn a_process_that_was_first_seen_at_its_end_was_training() {
    let statuses = |seen: Seen<()>| {
        let life = after(on_spot(), &[(0, Seen::Nothing), (9, seen)]);
        let told = |t: &Transition| (t.status.clone(), t.start);
        life.transitions.iter().map(told).skip(1).collect::<Vec<_>>()
    };
    let ended = |started: Option<Timestamp>| {
        let (at, exits) = (at(8), vec![Exit::Code(0)]);
        Seen::<()>::Exited { started, at, exits, failure: None, settled: false }
    };
    let told = |statuses: &[(&str, i64)]| -> Vec<_> {
        statuses.iter().map(|(status, second)| ((*status).to_owned(), at(*second))).collect()
    };
    let expected = told(&[("Downloading", 0), ("Training", 5), ("Uploading", 9)]);
    assert_eq!(statuses(ended(Some(at(5)))), expected);
    let expected = told(&[("Downloading", 0), ("Training", 5), ("Interrupted", 9)]);
    assert_eq!(statuses(settled(8)), expected);
    assert_eq!(statuses(ended(None)), told(&[("Downloading", 0), ("Uploading", 9)]));
}

#[test]
fn a_job_that_is_told_to_stop_is_stopping_wherever_it_stands() {
    let pending = [];
    let downloading = [(0, Seen::Nothing)];
    let running = [(0, Seen::Nothing), (5, up())];
    let interrupted = [(0, Seen::Nothing), (5, up()), (9, killed(9))];
    for script in [&pending[..], &downloading, &running, &interrupted] {
        let mut asked = after(on_spot(), script);
        asked.ask_to_stop("training-job", at(10)).unwrap();
        assert_eq!((asked.status(), asked.secondary_status()), ("Stopping", "Stopping"));
        let once = asked.clone();
        asked.ask_to_stop("training-job", at(11)).unwrap();
        assert_eq!(asked, once, "asking again changes nothing");
        let last = asked.transitions.last().unwrap();
        assert_eq!((last.status.as_str(), last.start), ("Stopping", at(10)));
        let next = asked.step(&Seen::<()>::Nothing, at(12)).0;
        assert!(matches!(next.status(), "Stopping" | "Stopped"), "{:?}", next.phase);
    }
    let mut kept = after(job(), &[(0, Seen::Nothing), (5, up()), (9, exited(0))]);
    kept.ask_to_stop("training-job", at(10)).unwrap();
    assert_eq!((kept.status(), kept.secondary_status()), ("Stopping", "Uploading"));
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
