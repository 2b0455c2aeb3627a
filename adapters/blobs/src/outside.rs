//! Blobs as objects of an outside store: `PREFIX/blobs/<id>` in a bucket of S3, GCS or Azure.
//!
//! A blob appears under its name only when its upload is complete, for that is what those stores
//! promise; the acknowledgement is theirs. Blobs below one part go in a single put. Larger ones go in
//! parts, and what a process that died had begun stands in `objects/uploads` of the data folder
//! ([`journal`]): whoever opens it next aborts that. Two servers must never share a prefix, for each
//! would take the other's blobs for orphans; `PREFIX/OWNER` says whose it is ([`claim`]).
//!
//! Jobs read files, so a blob that is opened is fetched to the data folder's disk ([`copies`]).
//! A store that is lost gives errors, never wrong bytes: a range that is not exactly the one asked
//! for, or ends early, is an error. Requests are repeated, with backoff, by `object_store`.

mod claim;
mod connect;
mod copies;
#[cfg(test)]
mod faults;
mod journal;
mod reader;
mod writer;

use std::{fs::File, io, path::Path as FilePath, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use object_store::{
    Error, MultipartId, ObjectStore, ObjectStoreExt as _, multipart::MultipartStore, path::Path,
};
use platform::objects::{
    ByteStream,
    blobs::{BlobWriter, Blobs},
};
use tokio::{sync::Semaphore, time::timeout};
use types::Id;

use crate::{begun::Begun, error::OpenError, place::Address};
use copies::Copies;
use journal::Journal;
use writer::OutsideBlob;

/// Bytes of a part: above the least that any store takes (5 MiB), and few enough of them for the
/// largest body (5 GiB, of at most 10,000 parts).
const PART: usize = 8 * 1024 * 1024;
/// Parts on their way at once, over all uploads: 64 MiB. Beside them each upload gathers one.
const IN_FLIGHT: usize = 8;
/// How long the outside store may take to be there when the server starts.
const START_WITHIN: Duration = Duration::from_secs(20);
/// Uploads of a dead process that are aborted at once.
const ABORTS: usize = 8;

/// The outside store, open. Cloning shares it.
#[derive(Clone)]
pub struct Outside {
    store: Arc<Store>,
    copies: Arc<Copies>,
}

/// The outside store, its two sides, and where in it we are.
struct Store {
    objects: Arc<dyn ObjectStore>,
    uploads: Arc<dyn MultipartStore>,
    /// The prefix.
    root: Path,
    /// Where the blobs are below it.
    blobs: Path,
    journal: Journal,
    in_flight: Arc<Semaphore>,
    /// Bytes of a part.
    part: usize,
}

impl Store {
    fn new<S: ObjectStore + MultipartStore>(store: S, root: Path, journal: Journal) -> Self {
        let store = Arc::new(store);
        Self {
            objects: store.clone(),
            uploads: store,
            blobs: root.clone().join("blobs"),
            root,
            journal,
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
            part: PART,
        }
    }

    fn path(&self, blob: Id) -> Path {
        self.blobs.clone().join(blob.to_string())
    }

    /// Aborts an upload; one that is not there (or was completed) is as good as aborted.
    async fn abort(&self, blob: Id, upload: &MultipartId) -> io::Result<()> {
        match self.uploads.abort_multipart(&self.path(blob), upload).await {
            Ok(()) | Err(Error::NotFound { .. }) => self.journal.forget(blob).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Aborts what a process that died was uploading. What cannot be aborted now stays in the
    /// journal for the next start.
    async fn abort_leftovers(&self) -> io::Result<()> {
        let left = stream::iter(self.journal.left().await?);
        left.for_each_concurrent(ABORTS, |(blob, upload): (Id, String)| async move {
            if let Err(error) = self.abort(blob, &upload).await {
                tracing::warn!(%blob, %error, "an upload stays until the next start");
            }
        })
        .await;
        Ok(())
    }
}

impl Outside {
    /// Opens the store at that address for a data folder whose objects lie below `folder`. Only
    /// credentials come from the environment.
    pub(crate) async fn open(
        folder: &FilePath,
        address: &Address,
        begun: &Begun,
    ) -> Result<Self, OpenError> {
        let journal = Journal::open(folder)?;
        let store =
            connect::connect(address, journal).map_err(|error| OpenError::of(address, error))?;
        let claimed = timeout(START_WITHIN, claim::claim(&store, address, begun)).await;
        claimed.unwrap_or_else(|_| Err(OpenError::of(address, late())))?;
        store.abort_leftovers().await?;
        Ok(Self { store: Arc::new(store), copies: Arc::new(Copies::open(folder)?) })
    }
}

fn late() -> Error {
    let what = format!("no answer within {} s", START_WITHIN.as_secs());
    Error::Generic { store: "outside", source: what.into() }
}

#[async_trait]
impl Blobs for Outside {
    async fn begin(&self) -> io::Result<Box<dyn BlobWriter>> {
        Ok(Box::new(OutsideBlob::new(self.store.clone())))
    }

    fn read(&self, blob: Id, offset: u64, len: u64) -> ByteStream {
        reader::read(self.store.objects.clone(), self.store.path(blob), offset, len)
    }

    /// A copy on this machine: a job reads from its disk what does not fit into memory.
    async fn open(&self, blob: Id) -> io::Result<Option<Arc<File>>> {
        let size = self.store.objects.head(&self.store.path(blob)).await?.size;
        let file = self.copies.file(blob, size, self.read(blob, 0, size)).await?;
        Ok(Some(file))
    }

    async fn delete(&self, blob: Id) -> io::Result<()> {
        self.copies.forget(blob).await?;
        match self.store.objects.delete(&self.store.path(blob)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// In the order of the store's names, which is that of ids. Other objects are not ours.
    async fn list(&self, after: Option<Id>, limit: usize) -> io::Result<Vec<Id>> {
        let Store { objects, blobs, .. } = &*self.store;
        let listed = match after {
            Some(after) => objects.list_with_offset(Some(blobs), &self.store.path(after)),
            None => objects.list(Some(blobs)),
        };
        let ids = listed.try_filter_map(|object| {
            future::ok(object.location.filename().and_then(|name| name.parse::<Id>().ok()))
        });
        Ok(ids.take(limit).try_collect().await?)
    }

    /// An outside store says no when it is full.
    fn free(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use object_store::{
        memory::InMemory,
        throttle::{ThrottleConfig, ThrottledStore},
    };
    use platform::objects::blobs::suite;

    use super::*;

    /// Bytes of a part in these tests.
    const SMALL: usize = 1000;

    fn in_memory(folder: &FilePath) -> Outside {
        of(
            Store::new(InMemory::new(), Path::from("some/prefix"), Journal::open(folder).unwrap()),
            folder,
        )
    }

    fn of(store: Store, folder: &FilePath) -> Outside {
        let copies = Arc::new(Copies::open(folder).unwrap());
        Outside { store: Arc::new(Store { part: SMALL, ..store }), copies }
    }

    async fn written(outside: &Outside, bytes: &[u8]) -> Box<dyn BlobWriter> {
        let mut writer = outside.begin().await.unwrap();
        for chunk in bytes.chunks(333) {
            writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        writer
    }

    async fn stored(outside: &Outside, bytes: &[u8]) -> Id {
        let writer = written(outside, bytes).await;
        let id = writer.id();
        writer.commit().await.unwrap();
        id
    }

    async fn read(outside: &Outside, blob: Id, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        let chunks: Vec<Bytes> = outside.read(blob, offset, len).try_collect().await?;
        Ok(chunks.concat())
    }

    fn bytes(len: usize) -> Vec<u8> {
        (0..=250).cycle().take(len).collect()
    }

    #[tokio::test]
    async fn an_outside_store_keeps_what_blobs_promise() {
        let data = tempfile::tempdir().unwrap();
        suite::all(&in_memory(data.path())).await;
    }

    #[tokio::test]
    async fn a_blob_of_any_number_of_parts_comes_back_in_order() {
        let data = tempfile::tempdir().unwrap();
        let outside = in_memory(data.path());
        for len in [SMALL - 1, SMALL, SMALL + 1, 2 * SMALL, 30 * SMALL + 7] {
            let bytes = bytes(len);
            let blob = stored(&outside, &bytes).await;
            assert_eq!(read(&outside, blob, 0, len as u64).await.unwrap(), bytes);
            assert_eq!(read(&outside, blob, 500, 300).await.unwrap(), bytes[500..800]);
            assert!(read(&outside, blob, 500, len as u64).await.is_err());
        }
        assert_eq!(outside.store.journal.left().await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_chunk_of_many_parts_is_cut() {
        let data = tempfile::tempdir().unwrap();
        let outside = in_memory(data.path());
        let mut writer = outside.begin().await.unwrap();
        let bytes = bytes(5 * SMALL + 3);
        writer.write(bytes.clone().into()).await.unwrap();
        let blob = writer.id();
        writer.commit().await.unwrap();
        assert_eq!(read(&outside, blob, 0, bytes.len() as u64).await.unwrap(), bytes);
    }

    #[tokio::test]
    async fn nothing_is_listed_before_it_is_committed() {
        let data = tempfile::tempdir().unwrap();
        let outside = in_memory(data.path());
        let writer = written(&outside, &bytes(3 * SMALL)).await;
        assert_eq!(outside.list(None, 10).await.unwrap(), []);
        let id = writer.id();
        writer.commit().await.unwrap();
        assert_eq!(outside.list(None, 10).await.unwrap(), [id]);
    }

    #[tokio::test]
    async fn a_dropped_upload_is_aborted() {
        let data = tempfile::tempdir().unwrap();
        let outside = in_memory(data.path());
        let writer = written(&outside, &bytes(3 * SMALL)).await;
        let left = outside.store.journal.left().await.unwrap();
        let (blob, upload) = &left[0];
        assert_eq!(*blob, writer.id());
        drop(writer);
        while !outside.store.journal.left().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let path = outside.store.path(*blob);
        let part = outside.store.uploads.put_part(&path, upload, 9, "x".into()).await;
        assert!(part.is_err(), "the upload is still open");
    }

    #[tokio::test]
    async fn what_a_dead_process_was_uploading_is_aborted_by_the_next() {
        let data = tempfile::tempdir().unwrap();
        let outside = in_memory(data.path());
        let kept = stored(&outside, &bytes(3 * SMALL)).await;
        std::mem::forget(written(&outside, &bytes(3 * SMALL)).await);
        let left = outside.store.journal.left().await.unwrap();
        assert_eq!(left.len(), 1);
        // Killed between the store's word and the journal's: the upload is complete.
        outside.store.journal.note(kept, "completed".to_owned()).await.unwrap();
        outside.store.abort_leftovers().await.unwrap();
        let (blob, upload) = &left[0];
        let path = outside.store.path(*blob);
        let part = outside.store.uploads.put_part(&path, upload, 9, "x".into());
        assert!(part.await.is_err(), "the upload is still open");
        assert_eq!(outside.list(None, 10).await.unwrap(), [kept]);
        assert_eq!(read(&outside, kept, 0, 3000).await.unwrap(), bytes(3000));
    }

    #[tokio::test]
    async fn parts_on_their_way_are_bounded_over_all_uploads() {
        let data = tempfile::tempdir().unwrap();
        let slow = ThrottleConfig {
            wait_put_per_call: Duration::from_millis(2),
            ..ThrottleConfig::default()
        };
        let store = ThrottledStore::new(InMemory::new(), slow);
        let journal = Journal::open(data.path()).unwrap();
        let outside = of(Store::new(store, Path::default(), journal), data.path());
        let mut writer = outside.begin().await.unwrap();
        let mut least = IN_FLIGHT;
        for _ in 0..4 * IN_FLIGHT {
            writer.write(bytes(SMALL).into()).await.unwrap();
            least = least.min(outside.store.in_flight.available_permits());
        }
        let blob = writer.id();
        writer.commit().await.unwrap();
        assert_eq!(least, 0, "several parts are sent at once");
        assert_eq!(outside.store.in_flight.available_permits(), IN_FLIGHT);
        assert_eq!(read(&outside, blob, 31_000, 1000).await.unwrap(), bytes(SMALL));
    }

    #[tokio::test]
    async fn what_is_not_ours_is_not_listed() {
        let data = tempfile::tempdir().unwrap();
        let outside = in_memory(data.path());
        let id = stored(&outside, b"ours").await;
        for name in ["some/prefix/OWNER", "some/prefix/blobs/notes.txt", "some/other"] {
            outside.store.objects.put(&Path::from(name), "x".into()).await.unwrap();
        }
        assert_eq!(outside.list(None, 10).await.unwrap(), [id]);
        assert_eq!(outside.list(Some(id), 10).await.unwrap(), []);
    }
}
