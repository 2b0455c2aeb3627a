//! How a record is found again.

use types::{Id, Owner, Timestamp};

use super::{KIND, arn, create, created, delete, key, owner, stored, update};
use crate::store::{Key, State, Store, Write};

pub(super) async fn run<S: Store, F: AsyncFn() -> S>(fresh: &F) {
    what_was_created_is_read_back_whole(fresh().await).await;
    a_record_is_found_by_id_and_by_arn(fresh().await).await;
    a_scan_sees_the_kinds_of_every_owner(fresh().await).await;
}

async fn what_was_created_is_read_back_whole(store: impl Store) {
    let before = Timestamp::now();
    let due = Some(Timestamp::from_micros(5));
    let (status, detail) = ("InProgress".to_owned(), "said at once".to_owned());
    let body = r#"{"v":1,"text":"a\u0000b – ü"}"#.to_owned();
    let state = State { status: status.clone(), due, body: body.clone(), detail };
    let (id, parent) = (Id::random(), Some("tuning-1".to_owned()));
    let (key, arn) = (key("a"), arn("a"));
    let write = Write::Create {
        id,
        key: key.clone(),
        arn: arn.clone(),
        owner: owner(),
        parent: parent.clone(),
        state,
    };
    let record = created(&store, write).await;

    assert_eq!((record.id, record.key, record.arn), (id, key, arn));
    assert_eq!((record.owner, record.parent), (owner(), parent));
    assert_eq!((record.status, record.due, record.body), (status, due, body));
    assert!(record.created >= before && record.created <= Timestamp::now());
    assert_eq!(record.modified, record.created);
}

async fn a_record_is_found_by_id_and_by_arn(store: impl Store) {
    let record = created(&store, create("a")).await;
    store.commit(vec![create("b")]).await.unwrap();
    assert_eq!(store.find(record.id).await.unwrap(), Some(record.clone()));
    assert_eq!(store.by_arn(&arn("a")).await.unwrap(), Some(record.clone()));
    assert_eq!(store.find(Id::random()).await.unwrap(), None);
    assert_eq!(store.by_arn(&arn("c")).await.unwrap(), None);

    store.commit(vec![update(&record, "Completed")]).await.unwrap();
    let record = stored(&store, "a").await;
    assert_eq!(store.find(record.id).await.unwrap(), Some(record.clone()));
    store.commit(vec![delete(&record)]).await.unwrap();
    assert_eq!(store.find(record.id).await.unwrap(), None);
    assert_eq!(store.by_arn(&arn("a")).await.unwrap(), None);
}

async fn a_scan_sees_the_kinds_of_every_owner(store: impl Store) {
    let other = Owner::new("210987654321", "eu-west-1", "x");
    for (owner, kind) in [(&owner(), KIND), (&other, KIND), (&other, "model"), (&other, "user")] {
        let (id, key) = (Id::random(), Key::new(owner, kind, "a"));
        let (arn, owner, state) = (String::new(), owner.clone(), super::state("InService"));
        let write = Write::Create { id, key, arn, owner, parent: None, state };
        store.commit(vec![write]).await.unwrap();
    }
    let seen = store.scan(&[KIND, "model"]).await.unwrap();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|record| record.key.kind != "user"));
    assert_eq!(store.scan(&[]).await.unwrap(), []);
    assert_eq!(store.scan(&["pipeline"]).await.unwrap(), []);
}
