//! The store over its fakes and over SQLite and a folder: S3's rules, a model, crashes.

mod crash_points;
mod damage;
mod expiring;
mod model;
mod rules;
mod sealing;
mod survival;
mod uploading;
mod versions;

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use platform::{
    objects::{
        Acl, ByteRange, Conditions, Copy, CopySource, DeleteIf, Deleted, ObjectError, ObjectInfo,
        ObjectName, Objects as _, Protection, Put,
        blobs::memory::MemoryBlobs,
        index::memory::MemoryIndex,
        keys::{KeyShelf, memory::MemoryShelf},
        whole,
    },
    sealed::Secret,
};
use store_sql::objects::SqliteIndex;
use types::Owner;

use super::{Storage, Vault};

const BUCKET: &str = "data";

fn owner() -> Owner {
    Owner::new("111122223333", "eu-west-1", "arn:aws:iam::111122223333:user/me")
}

fn stranger() -> Owner {
    Owner::new("999999999999", "eu-west-1", "arn:aws:iam::999999999999:user/other")
}

async fn vault(shelf: Arc<dyn KeyShelf>) -> Vault {
    Vault::open(shelf, Secret::from_bytes([1; 32])).await.unwrap()
}

async fn in_memory(everything: bool) -> Storage {
    let (index, blobs) = (MemoryIndex::default(), MemoryBlobs::default());
    let vault = vault(Arc::new(MemoryShelf::default())).await;
    Storage::new(Arc::new(index), Arc::new(blobs)).with_keys(vault, everything)
}

fn open(place: &Path) -> (Arc<SqliteIndex>, Arc<blobs::Folder>) {
    let index = SqliteIndex::open(place.join("index.db")).unwrap();
    (Arc::new(index), Arc::new(blobs::Folder::open(place).unwrap()))
}

async fn on_disk(place: &Path, everything: bool) -> Storage {
    let (index, blobs) = open(place);
    let vault = vault(index.clone()).await;
    Storage::new(index, blobs).with_keys(vault, everything)
}

/// Stores with a bucket: in memory and in the folder, and two that encrypt everything.
async fn all() -> (tempfile::TempDir, [Storage; 4]) {
    let place = tempfile::tempdir().unwrap();
    let sealed = place.path().join("sealed");
    std::fs::create_dir(&sealed).unwrap();
    let stores = [
        in_memory(false).await,
        on_disk(place.path(), false).await,
        in_memory(true).await,
        on_disk(&sealed, true).await,
    ];
    for store in &stores {
        store.create_bucket(&owner(), BUCKET).await.unwrap();
    }
    (place, stores)
}

async fn put(store: &Storage, key: &str, bytes: impl Into<Bytes>) -> String {
    let put = Put::new(BUCKET, key, whole(bytes));
    store.put(&owner(), put).await.unwrap().etag
}

fn at(key: &str) -> ObjectName<'_> {
    ObjectName::current(BUCKET, key)
}

async fn delete(store: &Storage, key: &str) -> Deleted {
    store.delete(&owner(), at(key), &DeleteIf::default()).await.unwrap()
}

async fn head(store: &Storage, name: ObjectName<'_>) -> Result<ObjectInfo, ObjectError> {
    Ok(store.head(&owner(), name, &Conditions::default(), None).await?.unwrap())
}

/// Copies a key, where the conditions hold of it.
async fn copy(
    store: &Storage,
    from: &str,
    conditions: &Conditions,
    to: &str,
) -> Result<ObjectInfo, ObjectError> {
    let me = owner();
    let copy = Copy {
        source: CopySource { owner: &me, name: at(from), conditions, customer: None },
        target: (BUCKET, to),
        conditions: &Conditions::default(),
        headers: None,
        tags: None,
        acl: Acl::default(),
        checksum: None,
        protection: Protection::Unsaid,
    };
    store.copy(&me, copy).await
}

async fn get(store: &Storage, key: &str, range: Option<ByteRange>) -> Result<Vec<u8>, ObjectError> {
    let read = store.get(&owner(), at(key), range, &Conditions::default(), None).await?;
    let chunks: Vec<Bytes> = read.unwrap().body.try_collect().await.unwrap();
    Ok(chunks.concat())
}

/// Bytes that no two places of have in common.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from((n * 31 + n / 251) % 256).unwrap()).collect()
}

/// The names of the files of blobs, staged and committed.
fn files(place: &Path) -> usize {
    let count = |folder: &Path| std::fs::read_dir(folder).unwrap().count();
    let shards = std::fs::read_dir(place.join("blobs")).unwrap();
    count(&place.join("staging")) + shards.map(|shard| count(&shard.unwrap().path())).sum::<usize>()
}
