//! Takes a body in: hashes it while it is written, keeps what its sender promised, and leaves
//! nothing behind where that fails.

use std::io;

use bytes::Bytes;
use futures_util::StreamExt as _;
use platform::objects::{
    ByteStream, ObjectError,
    blobs::{BlobWriter, Blobs},
    index::{Content, Extent},
};
use tokio::task::{JoinHandle, spawn_blocking};

use super::{
    checksums::{Digests, Hashes, Promise},
    pins::{Pin, Pins},
};

/// Objects up to this size live in the index: a put of one costs one group commit and no file
/// (`storage.md` section 3). Bytes.
pub(super) const INLINE: u64 = 16 * 1024;
/// The most that one request may bring, bytes (S3's quota for a PUT and for a part: 5 GiB).
pub(super) const LARGEST: u64 = 5 << 30;
/// Free bytes that puts leave on the disk where nothing else is set, for deletes and for the index's
/// own file.
pub(super) const RESERVE: u64 = 256 << 20;
/// How often the free space is looked at while a body comes in, bytes.
const LOOK: u64 = 64 << 20;
/// Bytes that are hashed in one go on another thread; what is smaller is hashed where it stands.
const HASHED: usize = 1 << 20;
/// Chunks that are gathered for that at most.
const CHUNKS: usize = 1024;

/// A body that came in whole and as promised.
pub(super) struct Received {
    pub(super) content: Content,
    pub(super) size: u64,
    pub(super) digests: Digests,
    /// Holds its blob until the index names it.
    pub(super) pin: Pin,
}

/// Where bodies go.
pub(super) struct Receiver<'a> {
    pub(super) blobs: &'a dyn Blobs,
    pub(super) pins: &'a std::sync::Arc<Pins>,
    /// Bodies up to this size become inline content, bytes.
    pub(super) inline: Option<u64>,
    /// Free bytes that stay free.
    pub(super) reserve: u64,
}

impl Receiver<'_> {
    /// Takes the whole body in. Dropped half-way, it leaves nothing.
    pub(super) async fn take(
        &self,
        mut body: ByteStream,
        promise: &Promise,
    ) -> Result<Received, ObjectError> {
        require_room(self.blobs, self.reserve)?;
        let (mut first, mut size, mut ended) = (Vec::new(), 0, false);
        while self.inline.is_some_and(|most| size <= most) && !ended {
            match next(&mut body, &mut size).await? {
                Some(chunk) => first.push(chunk),
                None => ended = true,
            }
        }
        if ended {
            self.keep_inline(&first, size, promise)
        } else {
            self.keep_blob(first, size, body, promise).await
        }
    }

    fn keep_inline(
        &self,
        chunks: &[Bytes],
        size: u64,
        promise: &Promise,
    ) -> Result<Received, ObjectError> {
        let bytes = chunks.concat();
        let mut hashes = promise.hashes();
        hashes.update(&bytes);
        let digests = hashes.finish();
        promise.check(&digests)?;
        let content = Content::Inline(bytes.into());
        Ok(Received { content, size, digests, pin: self.pins.pin([]) })
    }

    async fn keep_blob(
        &self,
        first: Vec<Bytes>,
        mut size: u64,
        mut body: ByteStream,
        promise: &Promise,
    ) -> Result<Received, ObjectError> {
        let mut sink = Sink::begin(self.blobs, promise).await?;
        let pin = self.pins.pin([sink.writer.id()]);
        for chunk in first {
            sink.add(chunk).await?;
        }
        let mut looked = size;
        while let Some(chunk) = next(&mut body, &mut size).await? {
            sink.add(chunk).await?;
            if size - looked >= LOOK {
                require_room(self.blobs, self.reserve)?;
                looked = size;
            }
        }
        let digests = sink.hashing.finish().await?;
        promise.check(&digests)?;
        let extent = Extent { blob: sink.writer.id(), offset: 0, len: size };
        sink.writer.commit().await.map_err(unwritten)?;
        Ok(Received { content: Content::Extents(vec![extent]), size, digests, pin })
    }
}

/// The next bytes, counted. A body may not grow without end.
async fn next(body: &mut ByteStream, size: &mut u64) -> Result<Option<Bytes>, ObjectError> {
    let Some(chunk) = body.next().await else { return Ok(None) };
    let chunk = chunk.map_err(ObjectError::Body)?;
    *size += chunk.len() as u64;
    if *size > LARGEST {
        return Err(ObjectError::EntityTooLarge);
    }
    Ok(Some(chunk))
}

/// Refuses what the disk has no room for, while deletes and commits still work.
pub(super) fn require_room(blobs: &dyn Blobs, reserve: u64) -> Result<(), ObjectError> {
    match blobs.free().map_err(ObjectError::internal)? {
        Some(free) if free < reserve => Err(ObjectError::StorageFull),
        Some(_) | None => Ok(()),
    }
}

/// Why a blob could not be written. Others may fill the disk beside us, whatever we reserve.
fn unwritten(error: io::Error) -> ObjectError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ObjectError::StorageFull,
        _ => ObjectError::internal(error),
    }
}

/// A blob and the hashes of what is written to it.
struct Sink {
    writer: Box<dyn BlobWriter>,
    hashing: Hashing,
}

impl Sink {
    async fn begin(blobs: &dyn Blobs, promise: &Promise) -> Result<Self, ObjectError> {
        let writer = blobs.begin().await.map_err(unwritten)?;
        Ok(Self { writer, hashing: Hashing::new(promise.hashes()) })
    }

    async fn add(&mut self, chunk: Bytes) -> Result<(), ObjectError> {
        self.hashing.add(chunk.clone()).await?;
        self.writer.write(chunk).await.map_err(unwritten)
    }
}

/// Hashes large blocks on other threads while the next is coming in. No thread waits for a slow
/// sender.
pub(super) struct Hashing {
    state: State,
    gathered: Vec<Bytes>,
    gathered_len: usize,
}

/// Where the hashes are.
enum State {
    Here(Box<Hashes>),
    Away(JoinHandle<Box<Hashes>>),
    /// Lost with a thread that panicked.
    Gone,
}

impl State {
    async fn back(&mut self) -> Result<Box<Hashes>, ObjectError> {
        match std::mem::replace(self, Self::Gone) {
            Self::Here(hashes) => Ok(hashes),
            Self::Away(task) => task.await.map_err(ObjectError::internal),
            Self::Gone => Err(ObjectError::internal("the hashing thread panicked")),
        }
    }
}

fn update_all(mut hashes: Box<Hashes>, chunks: &[Bytes]) -> Box<Hashes> {
    for chunk in chunks {
        hashes.update(chunk);
    }
    hashes
}

impl Hashing {
    pub(super) fn new(hashes: Hashes) -> Self {
        Self { state: State::Here(Box::new(hashes)), gathered: Vec::new(), gathered_len: 0 }
    }

    pub(super) async fn add(&mut self, chunk: Bytes) -> Result<(), ObjectError> {
        self.gathered_len += chunk.len();
        self.gathered.push(chunk);
        if self.gathered_len < HASHED && self.gathered.len() < CHUNKS {
            return Ok(());
        }
        let hashes = self.state.back().await?;
        let chunks = std::mem::take(&mut self.gathered);
        self.gathered_len = 0;
        self.state = State::Away(spawn_blocking(move || update_all(hashes, &chunks)));
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<Digests, ObjectError> {
        let hashes = self.state.back().await?;
        let chunks = self.gathered;
        let digests = spawn_blocking(move || update_all(hashes, &chunks).finish());
        digests.await.map_err(ObjectError::internal)
    }
}
