//! The suite against SQLite, and what the suite cannot ask: what is there after a crash.

use std::fs;

use bytes::Bytes;
use platform::objects::{
    BucketSettings, ObjectInfo,
    index::{Content, suite},
    keys,
};
use types::Timestamp;

use super::*;

fn bucket(name: &str) -> Bucket {
    Bucket {
        name: name.to_owned(),
        account: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        created: Timestamp::now(),
        settings: BucketSettings::default(),
    }
}

fn small(key: &str) -> Entry {
    let info = ObjectInfo {
        key: key.to_owned(),
        size: 1,
        etag: "e".to_owned(),
        modified: Timestamp::now(),
        ..ObjectInfo::default()
    };
    Entry { info, upload: None, seal: None, content: Content::Inline(Bytes::from_static(b"x")) }
}

/// An index, and the folder that it needs.
fn placed() -> (tempfile::TempDir, SqliteIndex) {
    let place = tempfile::tempdir().unwrap();
    let index = SqliteIndex::open(place.path().join("index.db")).unwrap();
    (place, index)
}

#[tokio::test]
async fn sqlite_keeps_what_an_index_promises() {
    let places = std::sync::Mutex::new(Vec::new());
    suite::all(async || {
        let (place, index) = placed();
        places.lock().unwrap().push(place);
        index
    })
    .await;
}

#[tokio::test]
async fn sqlite_keeps_what_a_shelf_of_keys_promises() {
    let places = std::sync::Mutex::new(Vec::new());
    keys::suite::all(async || {
        let (place, index) = placed();
        places.lock().unwrap().push(place);
        index
    })
    .await;
}

#[tokio::test]
async fn what_was_acknowledged_is_in_the_files_of_a_process_that_never_closed_them() {
    let (place, index) = placed();
    index.create_bucket(bucket("data")).await.unwrap();
    for n in 0..50 {
        index.put("data", small(&format!("key-{n}")), Guard::Any).await.unwrap();
    }
    let gone = ObjectName::current("data", "key-7");
    index.delete(gone, &DeleteIf::default(), Timestamp::now()).await.unwrap();
    let after = tempfile::tempdir().unwrap();
    for file in ["index.db", "index.db-wal"] {
        fs::copy(place.path().join(file), after.path().join(file)).unwrap();
    }
    let reopened = SqliteIndex::open(after.path().join("index.db")).unwrap();
    assert!(reopened.bucket("data").await.unwrap().is_some());
    for n in 0..50 {
        let found = reopened.get(ObjectName::current("data", &format!("key-{n}"))).await.unwrap();
        assert_eq!(found.is_some(), n != 7);
    }
}

#[tokio::test]
async fn readers_see_a_write_as_soon_as_it_is_acknowledged() {
    let (_place, index) = placed();
    index.create_bucket(bucket("data")).await.unwrap();
    for n in 0..200 {
        let key = format!("key-{n}");
        index.put("data", small(&key), Guard::Any).await.unwrap();
        assert!(index.get(ObjectName::current("data", &key)).await.unwrap().is_some());
    }
}
