//! Checksums of blobs as they lie: computed while one is written, compared while one is read whole.
//!
//! They are CRC64NVME, which the processor computes faster than memory delivers. They find what a
//! disk did to bytes; against whoever may write the disk only encryption helps. A part of a blob
//! cannot be compared, so a ranged read that is not a whole extent is as good as the last scrub.

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use crc_fast::{CrcAlgorithm::Crc64Nvme, Digest};
use futures_util::{
    StreamExt as _,
    stream::{self, Fuse},
};
use platform::objects::{
    ByteStream,
    blobs::{BlobWriter, Blobs},
    index::{BlobSum, Extent},
};
use types::Id;

/// A blob being written, and its checksum.
pub(super) struct Summing {
    writer: Box<dyn BlobWriter>,
    digest: Digest,
    len: u64,
}

impl Summing {
    pub(super) async fn begin(blobs: &dyn Blobs) -> io::Result<Self> {
        Ok(Self { writer: blobs.begin().await?, digest: Digest::new(Crc64Nvme), len: 0 })
    }

    pub(super) fn id(&self) -> Id {
        self.writer.id()
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.digest.update(&bytes);
        self.len += bytes.len() as u64;
        self.writer.write(bytes).await
    }

    /// Makes it a blob, as [`BlobWriter::commit`] does, and tells what must be found in it.
    pub(super) async fn commit(self) -> io::Result<BlobSum> {
        self.writer.commit().await?;
        Ok(BlobSum { crc64nvme: self.digest.finalize(), len: self.len })
    }
}

/// Blobs that were found damaged and are there still.
#[derive(Default)]
pub(super) struct Damage {
    blobs: Mutex<BTreeSet<Id>>,
    count: Arc<AtomicU64>,
}

impl Damage {
    /// How many, for whoever shows it.
    pub(super) fn count(&self) -> Arc<AtomicU64> {
        self.count.clone()
    }

    pub(super) fn blobs(&self) -> Vec<Id> {
        self.held().iter().copied().collect()
    }

    fn held(&self) -> MutexGuard<'_, BTreeSet<Id>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn found(&self, blob: Id, error: &io::Error) {
        let mut held = self.held();
        if held.insert(blob) {
            tracing::error!(%blob, %error, "a blob is damaged; restore what it belongs to");
        }
        self.count.store(held.len() as u64, Ordering::Relaxed);
    }

    /// It was removed, or read well.
    pub(super) fn ended(&self, blob: Id) {
        let mut held = self.held();
        held.remove(&blob);
        self.count.store(held.len() as u64, Ordering::Relaxed);
    }
}

/// The bytes of an extent. Where it is a whole blob, its last bytes come only once all were compared:
/// who reads to the end has what was written, and nobody else thinks so.
pub(super) fn read(blobs: &dyn Blobs, extent: Extent, damage: Arc<Damage>) -> ByteStream {
    let Extent { blob, offset, len, sum } = extent;
    let bytes = blobs.read(blob, offset, len);
    match sum.filter(|sum| offset == 0 && len == sum.len) {
        Some(sum) => compared(bytes, blob, sum, damage),
        None => noted(bytes, blob, damage),
    }
}

/// The same bytes; an error on the way counts as damage of the blob.
pub(super) fn noted(bytes: ByteStream, blob: Id, damage: Arc<Damage>) -> ByteStream {
    Box::pin(bytes.inspect(move |chunk| {
        if let Err(error) = chunk {
            damage.found(blob, error);
        }
    }))
}

/// The bytes of a whole blob, as they lie.
pub(super) fn read_whole(
    blobs: &dyn Blobs,
    blob: Id,
    sum: BlobSum,
    damage: Arc<Damage>,
) -> ByteStream {
    compared(blobs.read(blob, 0, sum.len), blob, sum, damage)
}

fn compared(bytes: ByteStream, blob: Id, sum: BlobSum, damage: Arc<Damage>) -> ByteStream {
    let digest = Digest::new(Crc64Nvme);
    let comparing = Comparing { bytes: bytes.fuse(), held: None, digest, blob, sum };
    let compared = stream::try_unfold(comparing, async |mut comparing| {
        Ok(comparing.next().await?.map(|chunk| (chunk, comparing)))
    });
    noted(Box::pin(compared), blob, damage)
}

/// A blob being compared; one chunk stays behind until the end is known.
struct Comparing {
    bytes: Fuse<ByteStream>,
    held: Option<Bytes>,
    digest: Digest,
    blob: Id,
    sum: BlobSum,
}

impl Comparing {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while let Some(chunk) = self.bytes.next().await {
            let chunk = chunk?;
            self.digest.update(&chunk);
            if let Some(ready) = self.held.replace(chunk) {
                return Ok(Some(ready));
            }
        }
        let Some(last) = self.held.take() else { return Ok(None) };
        let (found, written) = (self.digest.finalize(), self.sum.crc64nvme);
        if found == written {
            return Ok(Some(last));
        }
        let what = format!("blob {} has checksum {found:016x}, not {written:016x}", self.blob);
        Err(io::Error::new(io::ErrorKind::InvalidData, what))
    }
}
