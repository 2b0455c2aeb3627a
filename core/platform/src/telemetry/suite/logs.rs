//! What logs promise: nothing twice, everything in order, and a place to read on from.

use types::Timestamp;

use super::{at, owner, stranger};
use crate::telemetry::{Append, EventQuery, Events, LogEvent, Logs, StreamName};

pub(super) async fn run<S: Logs, F: AsyncFn() -> S>(fresh: &F) {
    a_group_is_made_once_and_removed_once(fresh().await).await;
    an_append_makes_group_and_stream(fresh().await).await;
    an_append_without_events_makes_the_stream_and_moves_the_cursor(fresh().await).await;
    a_repeated_append_is_dropped(fresh().await).await;
    many_streams_are_written_in_one_append(fresh().await).await;
    a_stream_tells_its_first_and_last_times(fresh().await).await;
    a_group_tells_what_it_weighs(fresh().await).await;
    groups_and_streams_are_listed_by_name(fresh().await).await;
    events_are_read_from_the_head_and_from_the_tail(fresh().await).await;
    events_are_read_on_in_both_directions(fresh().await).await;
    events_are_chosen_by_time(fresh().await).await;
    an_empty_page_says_where_the_next_event_would_be(fresh().await).await;
    a_removed_group_begins_anew(fresh().await).await;
}

const GROUP: &str = "/aws/sagemaker/TrainingJobs";

fn stream(name: &str) -> StreamName {
    StreamName { group: GROUP.into(), stream: name.into() }
}

fn event(number: i64) -> LogEvent {
    LogEvent {
        at: at(number), ingested: at(number + 100), message: format!("line {number} – é")
    }
}

fn append(name: &str, events: impl IntoIterator<Item = i64>, cursor: u64) -> Append {
    let events = events.into_iter().map(event).collect();
    Append { owner: owner(), stream: stream(name), events, cursor }
}

fn tail(limit: usize) -> EventQuery {
    EventQuery { from_head: false, ..EventQuery::first(limit) }
}

fn page(numbers: std::ops::RangeInclusive<i64>) -> Events {
    let position = |number: &i64| u64::try_from(*number).unwrap();
    let (first, last) = (position(numbers.start()), position(numbers.end()));
    Events { events: numbers.map(event).collect(), first, last }
}

fn nothing_after(last: u64) -> Events {
    Events { events: Vec::new(), first: last + 1, last }
}

async fn read(store: &impl Logs, name: &str, query: &EventQuery) -> Events {
    store.events(&owner(), &stream(name), query).await.unwrap().unwrap()
}

async fn a_group_is_made_once_and_removed_once(store: impl Logs) {
    assert!(store.create_group(&owner(), GROUP).await.unwrap());
    assert!(!store.create_group(&owner(), GROUP).await.unwrap());
    assert!(!store.delete_group(&stranger(), GROUP).await.unwrap());
    assert!(store.delete_group(&owner(), GROUP).await.unwrap());
    assert!(!store.delete_group(&owner(), GROUP).await.unwrap());
}

async fn an_append_makes_group_and_stream(store: impl Logs) {
    let of = |name: &str| stream(name);
    assert_eq!(store.events(&owner(), &of("a"), &EventQuery::first(9)).await.unwrap(), None);
    assert_eq!(store.streams(&owner(), GROUP, "", None, 9).await.unwrap(), None);
    let before = Timestamp::now();
    store.append(vec![append("a", 1..=2, 20)]).await.unwrap();

    assert_eq!(read(&store, "a", &EventQuery::first(9)).await, page(1..=2));
    assert_eq!(store.events(&owner(), &of("b"), &EventQuery::first(9)).await.unwrap(), None);
    assert_eq!(store.events(&stranger(), &of("a"), &EventQuery::first(9)).await.unwrap(), None);
    let groups = store.groups(&owner(), "", None, 9).await.unwrap();
    assert_eq!(groups.len(), 1);
    assert!(groups[0].created >= before);
    assert!(!store.create_group(&owner(), GROUP).await.unwrap());
}

async fn an_append_without_events_makes_the_stream_and_moves_the_cursor(store: impl Logs) {
    store.append(vec![append("a", [], 0)]).await.unwrap();
    assert_eq!(read(&store, "a", &EventQuery::first(9)).await, nothing_after(0));
    assert_eq!(store.cursor(&owner(), &stream("a")).await.unwrap(), 0);
    store.append(vec![append("a", [], 7)]).await.unwrap();
    assert_eq!(store.cursor(&owner(), &stream("a")).await.unwrap(), 7);
    assert_eq!(store.cursor(&owner(), &stream("b")).await.unwrap(), 0);
    assert_eq!(store.cursor(&stranger(), &stream("a")).await.unwrap(), 0);
}

async fn a_repeated_append_is_dropped(store: impl Logs) {
    let first = append("a", 1..=2, 20);
    store.append(vec![first.clone(), first.clone()]).await.unwrap();
    store.append(vec![first, append("a", 3..=3, 30)]).await.unwrap();
    store.append(vec![append("a", 9..=9, 25)]).await.unwrap();
    assert_eq!(read(&store, "a", &EventQuery::first(9)).await, page(1..=3));
    assert_eq!(store.cursor(&owner(), &stream("a")).await.unwrap(), 30);
}

async fn many_streams_are_written_in_one_append(store: impl Logs) {
    let elsewhere = Append { owner: stranger(), ..append("a", 5..=6, 1) };
    store.append(vec![append("a", 1..=1, 1), append("b", 1..=3, 1), elsewhere]).await.unwrap();
    assert_eq!(read(&store, "a", &EventQuery::first(9)).await, page(1..=1));
    assert_eq!(read(&store, "b", &EventQuery::first(9)).await, page(1..=3));
    let theirs =
        store.events(&stranger(), &stream("a"), &EventQuery::first(9)).await.unwrap().unwrap();
    assert_eq!(theirs.events, [event(5), event(6)]);
}

async fn a_stream_tells_its_first_and_last_times(store: impl Logs) {
    store.append(vec![append("a", 3..=5, 1), append("b", [], 1)]).await.unwrap();
    store.append(vec![append("a", 6..=7, 2)]).await.unwrap();
    store.append(vec![append("a", [], 3)]).await.unwrap();
    let streams = store.streams(&owner(), GROUP, "", None, 9).await.unwrap().unwrap();
    let times: Vec<_> =
        streams.iter().map(|s| (s.first_event, s.last_event, s.last_ingestion)).collect();
    let full = (Some(at(3)), Some(at(7)), Some(at(107)));
    assert_eq!(times, [full, (None, None, None)]);
}

async fn a_group_tells_what_it_weighs(store: impl Logs) {
    store.create_group(&owner(), GROUP).await.unwrap();
    store.append(vec![append("a", 1..=2, 1), append("b", 3..=3, 1)]).await.unwrap();
    store.append(vec![append("a", 1..=2, 1)]).await.unwrap();
    let groups = store.groups(&owner(), "", None, 9).await.unwrap();
    assert_eq!(groups[0].stored_bytes, (1..=3).map(|number| event(number).weight()).sum::<u64>());
}

async fn groups_and_streams_are_listed_by_name(store: impl Logs) {
    for group in ["/aws/b", "/aws/a", "/aws/%", "/b", "/aws"] {
        store.create_group(&owner(), group).await.unwrap();
    }
    store.create_group(&stranger(), "/aws/c").await.unwrap();
    let groups = async |prefix: &str, after: Option<&str>, limit| -> Vec<String> {
        let groups = store.groups(&owner(), prefix, after, limit).await.unwrap();
        groups.into_iter().map(|group| group.name).collect()
    };
    assert_eq!(groups("/aws/", None, 9).await, ["/aws/%", "/aws/a", "/aws/b"]);
    assert_eq!(groups("/aws/", Some("/aws/%"), 1).await, ["/aws/a"]);
    assert_eq!(groups("/aws/", Some("/aws/b"), 9).await, [""; 0]);
    assert_eq!(groups("", Some("/aws/b"), 9).await, ["/b"]);

    let appends = ["b/1", "a/2", "a/1", "a_1"].map(|name| append(name, [], 1));
    store.append(appends.to_vec()).await.unwrap();
    let streams = async |prefix: &str, after: Option<&str>, limit| -> Vec<String> {
        let streams = store.streams(&owner(), GROUP, prefix, after, limit).await.unwrap();
        streams.unwrap().into_iter().map(|stream| stream.name).collect()
    };
    assert_eq!(streams("a/", None, 9).await, ["a/1", "a/2"]);
    assert_eq!(streams("a/", Some("a/1"), 9).await, ["a/2"]);
    assert_eq!(streams("", None, 2).await, ["a/1", "a/2"]);
}

async fn events_are_read_from_the_head_and_from_the_tail(store: impl Logs) {
    store.append(vec![append("a", 1..=5, 1)]).await.unwrap();
    assert_eq!(read(&store, "a", &EventQuery::first(2)).await, page(1..=2));
    assert_eq!(read(&store, "a", &tail(2)).await, page(4..=5));
    assert_eq!(read(&store, "a", &EventQuery::first(99)).await, page(1..=5));
    assert_eq!(read(&store, "a", &tail(99)).await, page(1..=5));
}

async fn events_are_read_on_in_both_directions(store: impl Logs) {
    store.append(vec![append("a", 1..=5, 1)]).await.unwrap();
    let first = read(&store, "a", &EventQuery::first(2)).await;
    let second =
        read(&store, "a", &EventQuery { after: Some(first.last), ..EventQuery::first(2) }).await;
    assert_eq!(second, page(3..=4));
    let back = read(&store, "a", &EventQuery { before: Some(second.first), ..tail(1) }).await;
    assert_eq!(back, page(2..=2));
    let between = EventQuery { after: Some(1), before: Some(5), ..EventQuery::first(9) };
    assert_eq!(read(&store, "a", &between).await, page(2..=4));

    let end = EventQuery { after: Some(5), ..EventQuery::first(9) };
    assert_eq!(read(&store, "a", &end).await, nothing_after(5));
    store.append(vec![append("a", 6..=6, 2)]).await.unwrap();
    assert_eq!(read(&store, "a", &end).await, page(6..=6));
}

async fn events_are_chosen_by_time(store: impl Logs) {
    store.append(vec![append("a", 1..=5, 1)]).await.unwrap();
    let from = EventQuery { from: Some(at(2)), ..EventQuery::first(9) };
    assert_eq!(read(&store, "a", &from).await, page(2..=5));
    let until = EventQuery { until: Some(at(4)), ..from };
    assert_eq!(read(&store, "a", &until).await, page(2..=3));
    assert_eq!(read(&store, "a", &EventQuery { limit: 1, ..until.clone() }).await, page(2..=2));
    let last = EventQuery { limit: 1, from_head: false, ..until };
    assert_eq!(read(&store, "a", &last).await, page(3..=3));
}

async fn an_empty_page_says_where_the_next_event_would_be(store: impl Logs) {
    store.append(vec![append("a", 1..=5, 1)]).await.unwrap();
    let later = EventQuery { from: Some(at(9)), ..EventQuery::first(9) };
    assert_eq!(read(&store, "a", &later).await, nothing_after(5));
    let later = EventQuery { from_head: false, ..later };
    assert_eq!(read(&store, "a", &later).await, nothing_after(5));
    let earlier = EventQuery { until: Some(at(1)), ..EventQuery::first(9) };
    assert_eq!(read(&store, "a", &earlier).await, nothing_after(0));
    let before_all = EventQuery { before: Some(1), ..tail(9) };
    assert_eq!(read(&store, "a", &before_all).await, nothing_after(0));
    let gap = EventQuery { from: Some(at(9)), before: Some(4), after: Some(1), ..tail(9) };
    assert_eq!(read(&store, "a", &gap).await, nothing_after(3));
}

async fn a_removed_group_begins_anew(store: impl Logs) {
    store.append(vec![append("a", 1..=5, 50)]).await.unwrap();
    store.delete_group(&owner(), GROUP).await.unwrap();
    assert_eq!(store.events(&owner(), &stream("a"), &EventQuery::first(9)).await.unwrap(), None);
    assert_eq!(store.cursor(&owner(), &stream("a")).await.unwrap(), 0);
    store.append(vec![append("a", 1..=1, 1)]).await.unwrap();
    assert_eq!(read(&store, "a", &EventQuery::first(9)).await, page(1..=1));
    let groups = store.groups(&owner(), "", None, 9).await.unwrap();
    assert_eq!(groups[0].stored_bytes, event(1).weight());
}
