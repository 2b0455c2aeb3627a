//! Takes a body in: hashes and seals it while it is written, keeps what its sender promised, and
//! leaves nothing behind where that fails.

use std::{io, sync::Arc};

use bytes::Bytes;
use futures_util::StreamExt as _;
use platform::objects::{
    ByteStream, Checksums, ObjectError,
    blobs::Blobs,
    index::{BlobSum, Content, Extent},
};

use super::{
    checksums::{Digests, Promise},
    pass::{Pass, Passing},
    pins::{Pin, Pins},
    seal::Sealing,
    sums::Summing,
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

/// A body that came in whole and as promised.
pub(super) struct Received {
    pub(super) content: Content,
    /// Plain bytes.
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) checksums: Checksums,
    /// Holds its blob until the index names it.
    pub(super) pin: Pin,
}

/// Where bodies go.
pub(super) struct Receiver<'a> {
    pub(super) blobs: &'a dyn Blobs,
    pub(super) pins: &'a Arc<Pins>,
    /// Bodies up to this size become inline content, bytes.
    pub(super) inline: Option<u64>,
    /// Free bytes that stay free.
    pub(super) reserve: u64,
    /// What they are sealed with, if they are.
    pub(super) sealing: Option<&'a Sealing>,
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
        let key = self.sealing.map(|sealing| sealing.data.of_inline());
        let mut pass = Pass::new(promise.hashes(), key);
        for chunk in chunks {
            pass.update(chunk).map_err(ObjectError::internal)?;
        }
        let (digests, sealed) = pass.finish().map_err(ObjectError::internal)?;
        promise.check(&digests)?;
        let bytes = sealed.unwrap_or_else(|| chunks.concat());
        let content = Content::Inline(bytes.into());
        Ok(self.received(content, size, digests, self.pins.pin([])))
    }

    /// The ETag is the MD5 of the bytes; or a mark of that, where it may tell nothing of them. So a
    /// part that is sent again has the same.
    fn received(&self, content: Content, size: u64, digests: Digests, pin: Pin) -> Received {
        let Digests { md5, checksums, .. } = digests;
        let etag = match self.sealing {
            Some(sealing) if !sealing.seal.encryption.keeps_md5() => {
                hex::encode(sealing.data.mark(&md5))
            }
            Some(_) | None => hex::encode(md5),
        };
        Received { content, size, etag, checksums, pin }
    }

    async fn keep_blob(
        &self,
        first: Vec<Bytes>,
        mut size: u64,
        mut body: ByteStream,
        promise: &Promise,
    ) -> Result<Received, ObjectError> {
        let writer = Summing::begin(self.blobs).await.map_err(unwritten)?;
        let blob = writer.id();
        let key = self.sealing.map(|sealing| sealing.data.of_blob(blob));
        let mut sink =
            Sink { sealed: key.is_some(), writer, passing: Passing::new(promise.hashes(), key) };
        let pin = self.pins.pin([blob]);
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
        let (digests, sum) = sink.finish(promise).await?;
        let extent = Extent { blob, offset: 0, len: size, sum: Some(sum) };
        Ok(self.received(Content::Extents(vec![extent]), size, digests, pin))
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

/// A blob, and what is done with the bytes on their way into it.
struct Sink {
    writer: Summing,
    passing: Passing,
    sealed: bool,
}

impl Sink {
    /// Plain bytes are written beside the hashing; what is sealed is written when it is.
    async fn add(&mut self, chunk: Bytes) -> Result<(), ObjectError> {
        if !self.sealed {
            self.write(chunk.clone()).await?;
        }
        match self.passing.add(chunk).await? {
            Some(sealed) => self.write(sealed.into()).await,
            None => Ok(()),
        }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectError> {
        self.writer.write(bytes).await.map_err(unwritten)
    }

    async fn finish(mut self, promise: &Promise) -> Result<(Digests, BlobSum), ObjectError> {
        let (digests, rest) = self.passing.finish().await?;
        promise.check(&digests)?;
        for sealed in rest {
            self.writer.write(sealed.into()).await.map_err(unwritten)?;
        }
        let sum = self.writer.commit().await.map_err(unwritten)?;
        Ok((digests, sum))
    }
}
