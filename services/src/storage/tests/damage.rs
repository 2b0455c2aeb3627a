//! Bytes that a disk has changed: never handed out as if they were whole, counted, and named.

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::atomic::Ordering,
};

use super::*;

/// Faster than any disk.
const AT_ONCE: u64 = u64::MAX;
/// More than the blocks that a blob is read in.
const LONG: usize = 2_000_000;

fn blob_files(place: &Path) -> Vec<PathBuf> {
    let shards = fs::read_dir(place.join("blobs")).unwrap();
    let files = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

/// Turns one bit.
fn spoil(file: &Path, at: u64) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    let mut file = fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte[0] ^ 1]).unwrap();
}

/// What a client has when the body ends: how many bytes, and whether it was told that they are all.
async fn had(store: &Storage, key: &str) -> (usize, bool) {
    let none = Conditions::default();
    let mut body = store.get(&owner(), at(key), None, &none, None).await.unwrap().unwrap().body;
    let mut had = 0;
    while let Some(chunk) = body.try_next().await.transpose() {
        match chunk {
            Ok(chunk) => had += chunk.len(),
            Err(_) => return (had, false),
        }
    }
    (had, true)
}

fn counted(store: &Storage) -> u64 {
    store.damaged_blobs().load(Ordering::Relaxed)
}

/// How blobs lie: as they came, and sealed.
const SEALED: [bool; 2] = [false, true];

async fn with_one_blob(place: &Path, sealed: bool) -> (Storage, PathBuf) {
    let store = on_disk(place, sealed).await;
    store.create_bucket(&owner(), BUCKET).await.unwrap();
    put(&store, "k", bytes(LONG)).await;
    put(&store, "small", "in the index").await;
    let file = blob_files(place).pop().unwrap();
    (store, file)
}

#[tokio::test]
async fn whatever_bit_turns_nobody_gets_all_bytes_and_the_blob_is_counted() {
    for sealed in SEALED {
        for at in [0, LONG / 2, LONG - 1] {
            let place = tempfile::tempdir().unwrap();
            let (store, file) = with_one_blob(place.path(), sealed).await;
            assert_eq!(had(&store, "k").await, (LONG, true));
            spoil(&file, at as u64);
            let (len, whole) = had(&store, "k").await;
            assert!(len < LONG && !whole, "{len} bytes");
            assert_eq!(counted(&store), 1);
        }
    }
}

#[tokio::test]
async fn a_scrub_finds_what_nobody_reads_and_what_is_gone() {
    for sealed in SEALED {
        let place = tempfile::tempdir().unwrap();
        let (store, file) = with_one_blob(place.path(), sealed).await;
        let scrubbed = store.scrub(AT_ONCE).await.unwrap();
        assert_eq!((scrubbed.blobs, scrubbed.damaged), (1, 0));
        assert!(scrubbed.bytes >= LONG as u64);
        spoil(&file, 7);
        assert_eq!(store.scrub(AT_ONCE).await.unwrap().damaged, 1);
        assert_eq!(counted(&store), 1);
        spoil(&file, 7);
        assert_eq!(store.scrub(AT_ONCE).await.unwrap().damaged, 0, "the bit is as it was");
        assert_eq!(counted(&store), 0);
        fs::remove_file(&file).unwrap();
        assert_eq!(store.scrub(AT_ONCE).await.unwrap().damaged, 1);
        delete(&store, "k").await;
        store.sweep().await.unwrap();
        assert_eq!(store.scrub(AT_ONCE).await.unwrap().blobs, 0);
        assert_eq!(counted(&store), 0, "nothing needs it any more");
    }
}

#[tokio::test]
async fn a_copy_and_a_reopened_store_know_the_checksum_too() {
    for sealed in SEALED {
        let place = tempfile::tempdir().unwrap();
        let (store, file) = with_one_blob(place.path(), sealed).await;
        copy(&store, "k", &Conditions::default(), "copy").await.unwrap();
        delete(&store, "k").await;
        drop(store);
        spoil(&file, 99);
        let store = on_disk(place.path(), sealed).await;
        assert!(!had(&store, "copy").await.1);
        assert_eq!(store.scrub(AT_ONCE).await.unwrap().damaged, 1);
    }
}

#[tokio::test]
async fn a_file_that_was_cut_off_or_cannot_be_found_is_damage() {
    for sealed in SEALED {
        let place = tempfile::tempdir().unwrap();
        let (store, file) = with_one_blob(place.path(), sealed).await;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_len(10).unwrap();
        assert!(!had(&store, "k").await.1);
        let tail = ByteRange::From(LONG as u64 - 3, None);
        let none = Conditions::default();
        let read = store.get(&owner(), at("k"), Some(tail), &none, None).await.unwrap().unwrap();
        assert!(read.body.try_collect::<Vec<Bytes>>().await.is_err());
        assert_eq!(counted(&store), 1);
    }
}

#[tokio::test]
async fn a_scrub_keeps_its_pace() {
    let store = in_memory(false).await;
    store.create_bucket(&owner(), BUCKET).await.unwrap();
    for key in ["a", "b", "c"] {
        put(&store, key, bytes(50_000)).await;
    }
    let begun = std::time::Instant::now();
    store.scrub(1_000_000).await.unwrap();
    assert!(begun.elapsed().as_millis() >= 150);
}
