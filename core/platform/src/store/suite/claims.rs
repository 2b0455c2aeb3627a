//! What a claim promises to a driver: one holder at a time, and no write by who lost it.

use std::time::Duration;

use types::{Id, Timestamp};

use super::{KIND, create, create_as, created, due_at, state, stored, update};
use crate::store::{Claim, Conflict, State, Store, Token, Write};

pub(super) async fn run<S: Store, F: AsyncFn() -> S>(fresh: &F) {
    only_what_is_due_is_claimed(fresh().await).await;
    only_the_kinds_asked_for_are_claimed(fresh().await).await;
    a_claim_holds_until_its_time_is_over(fresh().await).await;
    what_is_due_later_is_claimed_where_that_is_asked_for(fresh().await).await;
    of_many_who_claim_at_once_one_gets_it(fresh().await).await;
    an_update_needs_the_claim_that_it_carries(fresh().await).await;
    an_update_ends_the_claim(fresh().await).await;
    a_write_from_outside_makes_the_drivers_write_fail(fresh().await).await;
    a_touch_makes_a_record_due_and_ends_its_claim(fresh().await).await;
    the_next_due_is_told_claimed_or_not(fresh().await).await;
}

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

async fn claimed(store: &impl Store, now: Timestamp) -> Vec<Claim> {
    store.claim_due(&[KIND], now, now, now + 10 * SECOND).await.unwrap()
}

async fn the_claim(store: &impl Store, now: Timestamp) -> Claim {
    let mut claims = claimed(store, now).await;
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}

fn carried(claim: &Claim, state: State) -> Write {
    let (key, version) = (claim.record.key.clone(), claim.record.version);
    Write::Update { key, version, token: Some(claim.token), state }
}

async fn only_what_is_due_is_claimed(store: impl Store) {
    let writes = vec![create_as("a", due_at(at(5))), create_as("b", due_at(at(7))), create("c")];
    store.commit(writes).await.unwrap();
    assert_eq!(claimed(&store, at(4)).await.len(), 0);
    let claim = the_claim(&store, at(5)).await;
    assert_eq!(claim.record, stored(&store, "a").await, "a claim is no new version");
    assert_eq!(the_claim(&store, at(7)).await.record.key.name, "b");
}

async fn only_the_kinds_asked_for_are_claimed(store: impl Store) {
    store.commit(vec![create_as("a", due_at(at(5)))]).await.unwrap();
    let until = at(60);
    assert!(store.claim_due(&["model"], at(6), at(6), until).await.unwrap().is_empty());
    assert!(store.claim_due(&[], at(6), at(6), until).await.unwrap().is_empty());
    assert_eq!(store.claim_due(&["model", KIND], at(6), at(6), until).await.unwrap().len(), 1);
}

async fn a_claim_holds_until_its_time_is_over(store: impl Store) {
    store.commit(vec![create_as("a", due_at(at(5)))]).await.unwrap();
    let first = the_claim(&store, at(5)).await;
    assert_eq!(claimed(&store, at(14)).await.len(), 0);
    let second = the_claim(&store, at(15)).await;
    assert_ne!(first.token, second.token);

    let late = store.commit(vec![carried(&first, state("Completed"))]).await;
    assert!(matches!(late, Err(Conflict::Stale(_))));
    store.commit(vec![carried(&second, state("Completed"))]).await.unwrap();
}

async fn what_is_due_later_is_claimed_where_that_is_asked_for(store: impl Store) {
    store
        .commit(vec![create_as("a", due_at(at(5))), create_as("b", due_at(at(50)))])
        .await
        .unwrap();
    the_claim(&store, at(5)).await;
    let everything =
        store.claim_due(&[KIND], at(i64::MAX / 1_000_000), at(6), at(16)).await.unwrap();
    let names: Vec<_> = everything.iter().map(|claim| &*claim.record.key.name).collect();
    assert_eq!(names, ["b"], "and what is claimed stays so");
}

async fn of_many_who_claim_at_once_one_gets_it(store: impl Store) {
    store.commit(vec![create_as("a", due_at(at(5)))]).await.unwrap();
    let all = futures_util::future::join_all((0..8).map(|_| claimed(&store, at(5)))).await;
    assert_eq!(all.iter().map(Vec::len).sum::<usize>(), 1);
}

async fn an_update_needs_the_claim_that_it_carries(store: impl Store) {
    let record = created(&store, create_as("a", due_at(at(5)))).await;
    let unclaimed = Claim { record, token: Token(Id::random()) };
    let answer = store.commit(vec![carried(&unclaimed, state("Failed"))]).await;
    assert!(matches!(answer, Err(Conflict::Stale(_))));

    let claim = the_claim(&store, at(5)).await;
    let forged = Claim { token: Token(Id::random()), ..claim.clone() };
    let answer = store.commit(vec![carried(&forged, state("Failed"))]).await;
    assert!(matches!(answer, Err(Conflict::Stale(_))));
    store.commit(vec![carried(&claim, state("Completed"))]).await.unwrap();
    assert_eq!(stored(&store, "a").await.status, "Completed");
}

async fn an_update_ends_the_claim(store: impl Store) {
    store.commit(vec![create_as("a", due_at(at(5)))]).await.unwrap();
    let claim = the_claim(&store, at(5)).await;
    store.commit(vec![carried(&claim, due_at(at(6)))]).await.unwrap();
    let again = the_claim(&store, at(6)).await;
    assert!(again.record.version > claim.record.version);
    store.commit(vec![carried(&again, state("Completed"))]).await.unwrap();
    assert_eq!(claimed(&store, at(60)).await.len(), 0);
}

async fn a_write_from_outside_makes_the_drivers_write_fail(store: impl Store) {
    let record = created(&store, create_as("a", due_at(at(5)))).await;
    let claim = the_claim(&store, at(5)).await;
    store.commit(vec![update(&record, "Stopping")]).await.unwrap();
    let answer = store.commit(vec![carried(&claim, state("Completed"))]).await;
    assert!(matches!(answer, Err(Conflict::Stale(_))));
    assert_eq!(stored(&store, "a").await.status, "Stopping");
}

async fn a_touch_makes_a_record_due_and_ends_its_claim(store: impl Store) {
    let record = created(&store, create_as("a", due_at(at(5)))).await;
    let claim = the_claim(&store, at(5)).await;
    let mut changed = store.changed();
    store.touch(record.id, at(6)).await.unwrap();
    assert!(changed.has_changed().unwrap());
    changed.mark_unchanged();

    let answer = store.commit(vec![carried(&claim, state("Completed"))]).await;
    assert!(matches!(answer, Err(Conflict::Stale(_))));
    let again = the_claim(&store, at(6)).await;
    assert_eq!((again.record.version, again.record.due), (record.version, Some(at(6))));
    store.touch(Id::random(), at(6)).await.unwrap();
}

async fn the_next_due_is_told_claimed_or_not(store: impl Store) {
    assert_eq!(store.next_due(&[KIND]).await.unwrap(), None);
    let writes = vec![create_as("a", due_at(at(7))), create_as("b", due_at(at(5))), create("c")];
    store.commit(writes).await.unwrap();
    assert_eq!(store.next_due(&[KIND]).await.unwrap(), Some(at(5)));
    claimed(&store, at(5)).await;
    assert_eq!(store.next_due(&["model", KIND]).await.unwrap(), Some(at(5)));
    assert_eq!(store.next_due(&["model"]).await.unwrap(), None);
    assert_eq!(store.next_due(&[]).await.unwrap(), None);
}
