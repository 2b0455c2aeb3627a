//! The port's questions, asked of a real outside store: `SAGEWRIGHT_OUTSIDE` is the line of the
//! setting, credentials come from the environment. `conformance/test_outside_blobs.py` runs it on a
//! second Sagewright and on SeaweedFS.
#![expect(clippy::unwrap_used, reason = "a test")]

use blobs::Place;
use futures_util::TryStreamExt as _;
use platform::objects::blobs::suite;

/// Larger than two windows of the reader, and no multiple of a part.
const LARGE: u64 = (130 << 20) + 12_345;
/// What it is made of, bytes.
const BLOCK: u64 = 1 << 20;

fn place(below: &str) -> Place {
    let line = std::env::var("SAGEWRIGHT_OUTSIDE").unwrap();
    let (path, options) = line.split_once('?').unwrap_or((&line, ""));
    format!("{path}/{below}?{options}").parse().unwrap()
}

#[tokio::test]
#[ignore = "needs an outside store"]
async fn a_live_store_keeps_what_blobs_promise() {
    let data = tempfile::tempdir().unwrap();
    let blobs = blobs::open(data.path(), &place("suite")).await.unwrap();
    suite::all(&*blobs).await;
}

#[tokio::test]
#[ignore = "needs an outside store"]
async fn a_live_store_takes_and_gives_a_large_blob() {
    let data = tempfile::tempdir().unwrap();
    let blobs = blobs::open(data.path(), &place("large")).await.unwrap();
    let byte = |at: u64| (at % 251) as u8;
    let mut writer = blobs.begin().await.unwrap();
    for start in (0..LARGE).step_by(1 << 20) {
        let block: Vec<u8> = (start..LARGE.min(start + BLOCK)).map(byte).collect();
        writer.write(block.into()).await.unwrap();
    }
    let blob = writer.id();
    writer.commit().await.unwrap();
    let mut at = 1;
    let mut read = blobs.read(blob, at, LARGE - at);
    while let Some(chunk) = read.try_next().await.unwrap() {
        let expected: Vec<u8> = (at..at + chunk.len() as u64).map(byte).collect();
        assert!(chunk == expected, "wrong bytes after {at}");
        at += chunk.len() as u64;
    }
    assert_eq!(at, LARGE);
    blobs.delete(blob).await.unwrap();
    assert_eq!(blobs.list(None, 10).await.unwrap(), []);
}
