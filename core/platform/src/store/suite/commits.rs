//! What a commit promises: all or nothing, one winner, limits kept, events beside it.

use types::{GLOBAL, Id, Owner};

use super::{arn, create, create_as, created, delete, key, owner, state, stored, update};
use crate::store::{Conflict, Counter, Key, Required, State, Store, Write};

pub(super) async fn run<S: Store, F: AsyncFn() -> S>(fresh: &F) {
    a_name_is_taken_only_once(fresh().await).await;
    a_name_is_another_in_another_account_region_or_kind(fresh().await).await;
    the_slower_of_two_writers_loses(fresh().await).await;
    of_many_who_create_at_once_one_wins(fresh().await).await;
    what_does_not_exist_is_neither_updated_nor_deleted(fresh().await).await;
    a_commit_that_fails_in_its_last_part_writes_nothing(fresh().await).await;
    the_parts_of_a_commit_see_each_other_in_order(fresh().await).await;
    a_counter_never_passes_its_limit(fresh().await).await;
    a_counter_is_never_below_zero(fresh().await).await;
    a_sum_too_large_to_count_is_over_the_limit(fresh().await).await;
    a_requirement_that_does_not_hold_stops_the_commit(fresh().await).await;
    a_version_never_comes_back(fresh().await).await;
    tags_are_set_replaced_and_taken_off(fresh().await).await;
    tags_go_with_their_resource(fresh().await).await;
    every_change_of_a_status_writes_one_event(fresh().await).await;
    a_commit_that_fails_writes_no_event(fresh().await).await;
    events_are_read_on_from_a_cursor(fresh().await).await;
    a_commit_wakes_who_waits(fresh().await).await;
}

async fn a_name_is_taken_only_once(store: impl Store) {
    store.commit(vec![create("a")]).await.unwrap();
    let again = store.commit(vec![create("a")]).await;
    assert!(matches!(again, Err(Conflict::Taken(taken)) if taken == key("a")));
    store.commit(vec![create("A")]).await.unwrap();
}

async fn a_name_is_another_in_another_account_region_or_kind(store: impl Store) {
    let elsewhere = [
        Key::new(&Owner::new("210987654321", "us-east-1", "x"), super::KIND, "a"),
        Key::new(&Owner::new("123456789012", GLOBAL, "x"), super::KIND, "a"),
        Key::new(&owner(), "model", "a"),
    ];
    store.commit(vec![create("a")]).await.unwrap();
    for key in elsewhere {
        assert_eq!(store.get(&key).await.unwrap(), None);
        let (id, state) = (Id::random(), state("InProgress"));
        let (arn, owner) = (String::new(), owner());
        let write = Write::Create { id, key: key.clone(), arn, owner, parent: None, state };
        assert_eq!(created(&store, write).await.key, key);
    }
}

async fn the_slower_of_two_writers_loses(store: impl Store) {
    let record = created(&store, create("a")).await;
    store.commit(vec![update(&record, "Completed")]).await.unwrap();
    let slower = store.commit(vec![update(&record, "Stopped")]).await;
    assert!(matches!(slower, Err(Conflict::Stale(stale)) if stale == key("a")));
    let slower = store.commit(vec![delete(&record)]).await;
    assert!(matches!(slower, Err(Conflict::Stale(_))));

    let after = stored(&store, "a").await;
    assert_eq!(after.status, "Completed");
    assert!(after.version > record.version);
    assert!(after.modified >= record.modified);
    assert_eq!((after.id, after.created), (record.id, record.created));
}

async fn of_many_who_create_at_once_one_wins(store: impl Store) {
    let one = || async { store.commit(vec![create("a")]).await.is_ok() };
    let won = futures_util::future::join_all((0..16).map(|_| one())).await;
    assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
}

async fn what_does_not_exist_is_neither_updated_nor_deleted(store: impl Store) {
    let record = created(&store, create("a")).await;
    store.commit(vec![delete(&record)]).await.unwrap();
    for write in [update(&record, "Completed"), delete(&record)] {
        assert!(matches!(store.commit(vec![write]).await, Err(Conflict::Stale(_))));
    }
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
}

async fn a_commit_that_fails_in_its_last_part_writes_nothing(store: impl Store) {
    let record = created(&store, create("a")).await;
    let writes = vec![
        create("b"),
        update(&record, "Completed"),
        Write::Reserve { counter: counter(), amount: 1, limit: 4 },
        Write::Tag { arn: arn("a"), key: "k".into(), value: "v".into() },
        create("a"),
    ];
    assert!(matches!(store.commit(writes).await, Err(Conflict::Taken(_))));

    assert_eq!(store.get(&key("b")).await.unwrap(), None);
    assert_eq!(stored(&store, "a").await, record);
    assert_eq!(store.used(&counter()).await.unwrap(), 0);
    assert_eq!(store.tags(&arn("a")).await.unwrap(), []);
}

async fn the_parts_of_a_commit_see_each_other_in_order(store: impl Store) {
    let first = created(&store, create("a")).await;
    store.commit(vec![delete(&first), create("a")]).await.unwrap();
    assert_ne!(stored(&store, "a").await.id, first.id);

    let absent = Write::Require { key: key("b"), state: Required::Absent };
    store.commit(vec![absent.clone(), create("b")]).await.unwrap();
    let late = store.commit(vec![create("c"), create("c")]).await;
    assert!(matches!(late, Err(Conflict::Taken(_))));
}

fn counter() -> Counter {
    Counter::new(&owner(), "ml.m4.xlarge for training job usage")
}

async fn a_counter_never_passes_its_limit(store: impl Store) {
    let reserve = |amount| Write::Reserve { counter: counter(), amount, limit: 4 };
    store.commit(vec![create("a"), reserve(3)]).await.unwrap();

    let second = store.commit(vec![create("b"), reserve(2)]).await;
    assert!(matches!(second, Err(Conflict::Limit { used: 3, limit: 4, asked: 2, .. })));
    assert_eq!(store.get(&key("b")).await.unwrap(), None);

    store.commit(vec![Write::Release { counter: counter(), amount: 3 }]).await.unwrap();
    store.commit(vec![create("b"), reserve(4)]).await.unwrap();
    assert_eq!(store.used(&counter()).await.unwrap(), 4);
    let other = Counter::new(&owner(), "ml.m5.large for training job usage");
    assert_eq!(store.used(&other).await.unwrap(), 0);
}

async fn a_counter_is_never_below_zero(store: impl Store) {
    let release = Write::Release { counter: counter(), amount: 3 };
    let reserve = Write::Reserve { counter: counter(), amount: 2, limit: 2 };
    store.commit(vec![release.clone()]).await.unwrap();
    store.commit(vec![reserve.clone(), release.clone()]).await.unwrap();
    assert_eq!(store.used(&counter()).await.unwrap(), 0);
    store.commit(vec![reserve]).await.unwrap();
    assert_eq!(store.used(&counter()).await.unwrap(), 2);
}

async fn a_sum_too_large_to_count_is_over_the_limit(store: impl Store) {
    let reserve = |amount| Write::Reserve { counter: counter(), amount, limit: u64::MAX };
    store.commit(vec![reserve(1)]).await.unwrap();
    let second = store.commit(vec![reserve(u64::MAX)]).await;
    assert!(matches!(second, Err(Conflict::Limit { used: 1, .. })));
}

async fn a_requirement_that_does_not_hold_stops_the_commit(store: impl Store) {
    let record = created(&store, create("a")).await;
    let require = |name: &str, state| Write::Require { key: key(name), state };
    let held = [
        require("a", Required::Present),
        require("a", Required::Version(record.version)),
        require("b", Required::Absent),
    ];
    store.commit(held.to_vec()).await.unwrap();

    let broken = [
        require("b", Required::Present),
        require("a", Required::Version(record.version + 1)),
        require("b", Required::Version(record.version)),
        require("a", Required::Absent),
    ];
    for write in broken {
        let Write::Require { key: broken, .. } = &write else { unreachable!() };
        let broken = broken.clone();
        let answer = store.commit(vec![create("c"), write]).await;
        assert!(matches!(answer, Err(Conflict::Unmet(unmet)) if unmet == broken));
    }
    assert_eq!(store.get(&key("c")).await.unwrap(), None);
}

async fn a_version_never_comes_back(store: impl Store) {
    let mut last = 0;
    for _ in 0..3 {
        let record = created(&store, create("a")).await;
        assert!(record.version > last);
        store.commit(vec![update(&record, "Completed")]).await.unwrap();
        let updated = stored(&store, "a").await;
        assert!(updated.version > record.version);
        last = updated.version;
        store.commit(vec![delete(&updated)]).await.unwrap();
    }
}

fn tag(name: &str, key: &str, value: &str) -> Write {
    Write::Tag { arn: arn(name), key: key.into(), value: value.into() }
}

async fn tags_are_set_replaced_and_taken_off(store: impl Store) {
    store.commit(vec![create("a"), tag("a", "b", "1"), tag("a", "B", "2")]).await.unwrap();
    store.commit(vec![tag("a", "b", "3"), tag("a", "a", ""), tag("x", "b", "9")]).await.unwrap();
    let off = |key: &str| Write::Untag { arn: arn("a"), key: key.into() };
    store.commit(vec![off("B"), off("never set")]).await.unwrap();

    let tags = store.tags(&arn("a")).await.unwrap();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(tags, [pair("a", ""), pair("b", "3")]);
}

async fn tags_go_with_their_resource(store: impl Store) {
    let record = created(&store, create("a")).await;
    store.commit(vec![tag("a", "k", "v"), tag("b", "k", "v")]).await.unwrap();
    store.commit(vec![delete(&record), create("a")]).await.unwrap();
    assert_eq!(store.tags(&arn("a")).await.unwrap(), []);
    assert_eq!(store.tags(&arn("b")).await.unwrap().len(), 1);
}

async fn every_change_of_a_status_writes_one_event(store: impl Store) {
    let record = created(&store, create("a")).await;
    store.commit(vec![update(&record, "InProgress")]).await.unwrap();
    let same = stored(&store, "a").await;
    let failed = State { detail: "out of disk".into(), ..state("Failed") };
    let (key, version) = (same.key.clone(), same.version);
    store.commit(vec![Write::Update { key, version, token: None, state: failed }]).await.unwrap();
    let failed = stored(&store, "a").await;
    store.commit(vec![delete(&failed)]).await.unwrap();

    let events = store.events(0, 10).await.unwrap();
    let told: Vec<_> = events.iter().map(|e| (e.status.as_str(), e.detail.as_str())).collect();
    assert_eq!(told, [("InProgress", ""), ("Failed", "out of disk"), ("", "")]);
    assert!(events.iter().all(|event| (event.id, &event.key) == (record.id, &record.key)));
    assert_eq!(events[1].at, failed.modified);
}

async fn a_commit_that_fails_writes_no_event(store: impl Store) {
    store.commit(vec![create("a")]).await.unwrap();
    assert!(store.commit(vec![create("b"), create("a")]).await.is_err());
    assert_eq!(store.events(0, 10).await.unwrap().len(), 1);
}

async fn events_are_read_on_from_a_cursor(store: impl Store) {
    for name in ["a", "b", "c", "d", "e"] {
        store.commit(vec![create_as(name, state("InProgress"))]).await.unwrap();
    }
    let (mut cursor, mut names) = (0, Vec::new());
    loop {
        let events = store.events(cursor, 2).await.unwrap();
        assert_eq!(events, store.events(cursor, 2).await.unwrap(), "asked again, told again");
        let Some(last) = events.last() else { break };
        assert!(events.iter().all(|event| event.seq > cursor));
        cursor = last.seq;
        names.extend(events.into_iter().map(|event| event.key.name));
    }
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    assert_eq!(store.events(u64::MAX, 2).await.unwrap(), []);
}

async fn a_commit_wakes_who_waits(store: impl Store) {
    let mut changed = store.changed();
    assert!(!changed.has_changed().unwrap());
    let record = created(&store, create("a")).await;
    assert!(changed.has_changed().unwrap());
    changed.mark_unchanged();
    assert!(store.commit(vec![create("a")]).await.is_err());
    assert!(!changed.has_changed().unwrap());
    store.commit(vec![update(&record, "Completed")]).await.unwrap();
    changed.changed().await.unwrap();
}
