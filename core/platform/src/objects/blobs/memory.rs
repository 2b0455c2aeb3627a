//! Blobs in memory, for tests.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    ops::Bound,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use types::Id;

use super::{BlobWriter, Blobs};
use crate::objects::{ByteStream, whole};

type Kept = Arc<Mutex<BTreeMap<Id, Bytes>>>;

/// Holds its blobs until it is dropped. Has no files to open.
#[derive(Default)]
pub struct MemoryBlobs {
    kept: Kept,
}

struct MemoryWriter {
    id: Id,
    bytes: Vec<u8>,
    kept: Kept,
}

fn missing(blob: Id) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("blob {blob} is missing"))
}

fn slice(bytes: &Bytes, offset: u64, len: u64) -> Option<Bytes> {
    let from = usize::try_from(offset).ok()?;
    let to = from.checked_add(usize::try_from(len).ok()?)?;
    (to <= bytes.len()).then(|| bytes.slice(from..to))
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn begin(&self) -> io::Result<Box<dyn BlobWriter>> {
        Ok(Box::new(MemoryWriter { id: Id::random(), bytes: Vec::new(), kept: self.kept.clone() }))
    }

    fn read(&self, blob: Id, offset: u64, len: u64) -> ByteStream {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(&blob).and_then(|bytes| slice(bytes, offset, len)) {
            Some(bytes) => whole(bytes),
            None => Box::pin(futures_util::stream::iter([Err(missing(blob))])),
        }
    }

    async fn open(&self, blob: Id) -> io::Result<Option<Arc<File>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.contains_key(&blob) { Ok(None) } else { Err(missing(blob)) }
    }

    async fn delete(&self, blob: Id) -> io::Result<()> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&blob);
        Ok(())
    }

    async fn list(&self, after: Option<Id>, limit: usize) -> io::Result<Vec<Id>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(kept.range((from, Bound::Unbounded)).map(|(id, _)| *id).take(limit).collect())
    }

    fn free(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

#[async_trait]
impl BlobWriter for MemoryWriter {
    fn id(&self) -> Id {
        self.id
    }

    async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn commit(self: Box<Self>) -> io::Result<()> {
        let Self { id, bytes, kept } = *self;
        kept.lock().unwrap_or_else(PoisonError::into_inner).insert(id, bytes.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::blobs::suite;

    #[tokio::test]
    async fn memory_keeps_what_blobs_promise() {
        suite::all(&MemoryBlobs::default()).await;
    }
}
