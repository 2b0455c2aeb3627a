//! The questions for every shelf of keys. They panic with what was not as promised.
#![expect(clippy::expect_used, reason = "a suite reports by panicking")]

use futures_util::future::join_all;
use types::Timestamp;

use super::{KeyShelf, NamedKey};

/// Every question, each on a fresh instance.
pub async fn all<S: KeyShelf>(fresh: impl AsyncFn() -> S) {
    a_key_is_found_by_id_and_by_alias(&fresh().await).await;
    an_account_sees_only_its_own_keys(&fresh().await).await;
    the_first_of_many_makes_the_key(&fresh().await).await;
}

fn key(account: &str, id: &str, alias: Option<&str>, byte: u8) -> NamedKey {
    NamedKey {
        account: account.to_owned(),
        id: id.to_owned(),
        alias: alias.map(ToOwned::to_owned),
        wrapped: vec![byte; 80],
        created: Timestamp::from_micros(1_700_000_000_000_001),
    }
}

async fn find(shelf: &dyn KeyShelf, account: &str, name: &str) -> Option<NamedKey> {
    shelf.find(account, name).await.expect("answered")
}

async fn a_key_is_found_by_id_and_by_alias(shelf: &dyn KeyShelf) {
    let (named, plain) = (key("1", "id-1", Some("alias/mine"), 1), key("1", "id-2", None, 2));
    for key in [&named, &plain] {
        assert_eq!(&shelf.add(key.clone()).await.expect("added"), key);
    }
    assert_eq!(find(shelf, "1", "id-1").await, Some(named.clone()));
    assert_eq!(find(shelf, "1", "alias/mine").await, Some(named));
    assert_eq!(find(shelf, "1", "id-2").await, Some(plain));
    assert_eq!(find(shelf, "1", "ID-2").await, None);
}

async fn an_account_sees_only_its_own_keys(shelf: &dyn KeyShelf) {
    let (one, two) = (key("1", "id", Some("alias/a"), 1), key("2", "id", Some("alias/a"), 2));
    for key in [&one, &two] {
        assert_eq!(&shelf.add(key.clone()).await.expect("added"), key);
    }
    assert_eq!(find(shelf, "2", "alias/a").await, Some(two));
    assert_eq!(find(shelf, "3", "id").await, None);
}

async fn the_first_of_many_makes_the_key(shelf: &dyn KeyShelf) {
    let add = |n: u8| shelf.add(key("1", &format!("id-{n}"), Some("alias/a"), n));
    let added: Vec<_> = join_all((0..8).map(add)).await;
    let first = find(shelf, "1", "alias/a").await.expect("one was made");
    assert!(added.into_iter().all(|key| key.expect("added") == first));
    let by_id = shelf.add(key("1", &first.id, Some("alias/other"), 9)).await.expect("added");
    assert_eq!(by_id, first);
    assert_eq!(find(shelf, "1", "alias/other").await, None);
}
