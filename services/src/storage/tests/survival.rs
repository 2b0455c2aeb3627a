//! What is there after a crash, and what the sweeper may take.

use std::{fs, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use super::*;

/// What another process would find if this one were killed now.
fn copied(place: &Path) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let after = tempfile::tempdir().unwrap();
    copy(place, after.path());
    after
}

#[tokio::test]
async fn after_a_kill_all_that_was_acknowledged_is_there_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let store = Arc::new(on_disk(place.path(), false).await);
    store.create_bucket(&owner(), BUCKET).await.unwrap();
    put(&store, "small", "small").await;
    put(&store, "large", bytes(200_000)).await;
    put(&store, "replaced", bytes(30_000)).await;
    put(&store, "replaced", "now small").await;
    put(&store, "gone", bytes(30_000)).await;
    delete(&store, "gone").await;
    let (reached, halfway) = tokio::sync::oneshot::channel();
    let body = stream::iter([Ok(Bytes::from(bytes(2_000_000)))]).chain(stream::once(async move {
        reached.send(()).unwrap();
        std::future::pending().await
    }));
    let putting = tokio::spawn({
        let store = store.clone();
        async move { store.put(&owner(), Put::new(BUCKET, "half", Box::pin(body))).await }
    });
    halfway.await.unwrap();
    let after = copied(place.path());
    putting.abort();
    let store = on_disk(after.path(), false).await;
    assert_eq!(store.sweep().await.unwrap().garbage, 2);
    assert_eq!(get(&store, "small", None).await.unwrap(), b"small");
    assert!(get(&store, "large", None).await.unwrap() == bytes(200_000));
    assert_eq!(get(&store, "replaced", None).await.unwrap(), b"now small");
    for key in ["gone", "half"] {
        assert!(matches!(get(&store, key, None).await, Err(ObjectError::NoSuchKey(_))));
    }
    assert_eq!(files(after.path()), 1, "the large object alone");
}

#[tokio::test]
async fn a_blob_that_never_got_a_name_is_swept() {
    let place = tempfile::tempdir().unwrap();
    let store = on_disk(place.path(), false).await;
    store.create_bucket(&owner(), BUCKET).await.unwrap();
    put(&store, "kept", bytes(20_000)).await;
    for _ in 0..3 {
        let mut writer = store.blobs.begin().await.unwrap();
        writer.write(Bytes::from_static(b"orphan")).await.unwrap();
        writer.commit().await.unwrap();
    }
    assert_eq!(files(place.path()), 4);
    assert_eq!(store.sweep().await.unwrap().orphans, 3);
    assert_eq!(files(place.path()), 1);
    assert_eq!(store.sweep().await.unwrap(), super::super::Swept::default());
}

#[tokio::test]
async fn what_somebody_keeps_is_swept_once_nobody_does() {
    let moment = Duration::from_millis(50);
    let place = tempfile::tempdir().unwrap();
    let store = Arc::new(on_disk(place.path(), false).await);
    store.create_bucket(&owner(), BUCKET).await.unwrap();
    put(&store, "k", bytes(20_000)).await;
    let first = store.keep_blobs();
    delete(&store, "k").await;
    let sweeper = store.clone();
    let mut sweeping = tokio::spawn(async move { sweeper.sweep().await.unwrap() });
    timeout(moment, &mut sweeping).await.unwrap_err();
    let second = store.keep_blobs();
    drop(first);
    timeout(moment, &mut sweeping).await.unwrap_err();
    assert_eq!(files(place.path()), 1);
    drop(second);
    assert_eq!(sweeping.await.unwrap().garbage, 1);
    assert_eq!(files(place.path()), 0);
}

#[tokio::test]
async fn what_is_being_read_is_not_swept() {
    let (_place, stores) = all().await;
    for store in &stores {
        put(store, "k", bytes(2_000_000)).await;
        let none = Conditions::default();
        let read = store.get(&owner(), at("k"), None, &none, None).await.unwrap().unwrap();
        delete(store, "k").await;
        assert_eq!(store.sweep().await.unwrap().garbage, 0);
        let chunks: Vec<Bytes> = read.body.try_collect().await.unwrap();
        assert!(chunks.concat() == bytes(2_000_000));
        assert_eq!(store.sweep().await.unwrap().garbage, 1);
    }
}

#[tokio::test]
async fn a_sweeper_beside_writers_and_readers_takes_nothing_that_is_wanted() {
    let place = tempfile::tempdir().unwrap();
    let store = Arc::new(on_disk(place.path(), false).await);
    store.create_bucket(&owner(), BUCKET).await.unwrap();
    let workers = (0..6_usize).map(|worker| {
        let store = store.clone();
        tokio::spawn(async move {
            for round in 0..15 {
                let key = format!("k{}", worker % 2);
                put(&store, &key, bytes(20_000 + round)).await;
                let none = Conditions::default();
                let target = format!("copy-{worker}");
                let copied = copy(&store, &key, &none, &target).await;
                let size = usize::try_from(copied.unwrap().size).unwrap();
                assert!(get(&store, &target, None).await.unwrap() == bytes(size));
            }
        })
    });
    let workers = futures_util::future::join_all(workers);
    let sweeping = async {
        loop {
            store.sweep().await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        done = workers => done.into_iter().for_each(|worker| worker.unwrap()),
        () = sweeping => {}
    }
    store.sweep().await.unwrap();
    let mut wanted = std::collections::BTreeSet::new();
    for key in ["k0", "k1", "copy-0", "copy-1", "copy-2", "copy-3", "copy-4", "copy-5"] {
        let (entry, _pin) = store.held(at(key)).await.unwrap();
        wanted.extend(entry.content.blobs());
    }
    assert_eq!(files(place.path()), wanted.len());
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_refuses_what_grows_and_lets_go_what_shrinks() {
    let place = tempfile::tempdir().unwrap();
    let store = on_disk(place.path(), false).await;
    store.create_bucket(&owner(), BUCKET).await.unwrap();
    put(&store, "kept", bytes(20_000)).await;
    put(&store, "gone", bytes(20_000)).await;
    let store = store.reserving(u64::MAX);
    for len in [1, 20_000] {
        let more = Put::new(BUCKET, "more", whole(bytes(len)));
        let refused = store.put(&owner(), more).await;
        assert!(matches!(refused, Err(ObjectError::StorageFull)), "{refused:?}");
    }
    let copied = copy(&store, "kept", &Conditions::default(), "copy").await;
    assert!(matches!(copied, Err(ObjectError::StorageFull)), "{copied:?}");
    let new = platform::objects::NewUpload {
        bucket: BUCKET.to_owned(),
        key: "upload".to_owned(),
        ..Default::default()
    };
    let begun = store.create_upload(&owner(), new).await;
    assert!(matches!(begun, Err(ObjectError::StorageFull)), "{begun:?}");
    delete(&store, "gone").await;
    store.sweep().await.unwrap();
    assert_eq!(files(place.path()), 1);
    put(&store.reserving(0), "more", bytes(20_000)).await;
}
