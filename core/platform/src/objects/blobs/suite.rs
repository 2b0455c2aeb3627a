//! The questions for every place that keeps blobs. They panic with what was not as promised.
#![expect(clippy::expect_used, reason = "a suite reports by panicking")]

use std::{io::Read as _, os::unix::fs::FileExt as _};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use types::Id;

use super::Blobs;

/// Every question, on an empty instance.
pub async fn all(blobs: &dyn Blobs) {
    a_committed_blob_is_read_back_whole_and_in_ranges(blobs).await;
    a_dropped_writer_leaves_nothing(blobs).await;
    an_empty_blob_is_a_blob(blobs).await;
    what_is_missing_or_too_short_ends_in_an_error(blobs).await;
    deleting_is_final_and_may_be_repeated(blobs).await;
    an_open_file_outlives_its_blob(blobs).await;
    a_list_goes_through_all_ids_in_order(blobs).await;
}

async fn stored(blobs: &dyn Blobs, chunks: &[&'static [u8]]) -> Id {
    let mut writer = blobs.begin().await.expect("a writer");
    for chunk in chunks {
        writer.write(Bytes::from_static(chunk)).await.expect("written");
    }
    let id = writer.id();
    writer.commit().await.expect("committed");
    id
}

async fn read(blobs: &dyn Blobs, blob: Id, offset: u64, len: u64) -> std::io::Result<Vec<u8>> {
    let chunks: Vec<Bytes> = blobs.read(blob, offset, len).try_collect().await?;
    Ok(chunks.concat())
}

async fn every_id(blobs: &dyn Blobs) -> Vec<Id> {
    let mut ids = Vec::new();
    loop {
        let page = blobs.list(ids.last().copied(), 2).await.expect("a page");
        if page.is_empty() {
            return ids;
        }
        ids.extend(page);
    }
}

async fn a_committed_blob_is_read_back_whole_and_in_ranges(blobs: &dyn Blobs) {
    let id = stored(blobs, &[b"hello ", b"", b"world"]).await;
    assert_eq!(read(blobs, id, 0, 11).await.expect("bytes"), b"hello world");
    assert_eq!(read(blobs, id, 4, 3).await.expect("bytes"), b"o w");
    assert_eq!(read(blobs, id, 11, 0).await.expect("bytes"), b"");
    blobs.delete(id).await.expect("deleted");
}

async fn a_dropped_writer_leaves_nothing(blobs: &dyn Blobs) {
    let mut writer = blobs.begin().await.expect("a writer");
    writer.write(Bytes::from_static(b"half an obj")).await.expect("written");
    let id = writer.id();
    drop(writer);
    assert!(read(blobs, id, 0, 1).await.is_err());
    assert_eq!(every_id(blobs).await, []);
}

async fn an_empty_blob_is_a_blob(blobs: &dyn Blobs) {
    let id = stored(blobs, &[]).await;
    assert_eq!(every_id(blobs).await, [id]);
    assert_eq!(read(blobs, id, 0, 0).await.expect("bytes"), b"");
    blobs.delete(id).await.expect("deleted");
}

async fn what_is_missing_or_too_short_ends_in_an_error(blobs: &dyn Blobs) {
    let id = stored(blobs, &[b"abc"]).await;
    assert!(read(blobs, id, 1, 3).await.is_err());
    assert!(read(blobs, Id::random(), 0, 1).await.is_err());
    assert!(blobs.open(Id::random()).await.is_err());
    blobs.delete(id).await.expect("deleted");
}

async fn deleting_is_final_and_may_be_repeated(blobs: &dyn Blobs) {
    let id = stored(blobs, &[b"abc"]).await;
    blobs.delete(id).await.expect("deleted");
    blobs.delete(id).await.expect("deleted again");
    assert!(read(blobs, id, 0, 3).await.is_err());
}

async fn an_open_file_outlives_its_blob(blobs: &dyn Blobs) {
    let id = stored(blobs, &[b"pinned"]).await;
    let file = blobs.open(id).await.expect("opened");
    blobs.delete(id).await.expect("deleted");
    let Some(file) = file else { return };
    let mut text = [0; 3];
    file.read_exact_at(&mut text, 3).expect("bytes");
    assert_eq!(&text, b"ned");
    let mut all = String::new();
    file.as_ref().read_to_string(&mut all).expect("text");
    assert_eq!(all, "pinned");
}

async fn a_list_goes_through_all_ids_in_order(blobs: &dyn Blobs) {
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(stored(blobs, &[b"x"]).await);
    }
    made.sort();
    assert_eq!(every_id(blobs).await, made);
    for id in made {
        blobs.delete(id).await.expect("deleted");
    }
}
