//! The port to bytes under opaque names.
//!
//! A blob is written once and never changed. Its name is drawn at random, never derived from a
//! key, so no key can be too long, climb out of a folder or collide with another. What a blob is
//! good for stands in the index alone; one that the index does not name is an orphan.

#[cfg(any(test, feature = "testkit"))]
pub mod memory;
#[cfg(any(test, feature = "testkit"))]
pub mod suite;

use std::{fs::File, io, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use types::Id;

use super::ByteStream;

/// Where bytes lie.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Begins a blob. Nobody sees it before it is committed, and nothing is left of one that is
    /// dropped instead.
    async fn begin(&self) -> io::Result<Box<dyn BlobWriter>>;

    /// `len` bytes from `offset`, opened when first polled and read block by block. A blob that is
    /// missing or shorter than asked for ends the stream in an error.
    fn read(&self, blob: Id, offset: u64, len: u64) -> ByteStream;

    /// The blob, open for reading, where it is a file of this machine or can be made one. It can be
    /// read until the last clone is dropped, even if the blob is deleted meanwhile.
    async fn open(&self, blob: Id) -> io::Result<Option<Arc<File>>>;

    /// Removes a blob; removing what is not there succeeds.
    async fn delete(&self, blob: Id) -> io::Result<()>;

    /// Ids after `after`, ascending: at most `limit`, fewer at will, none only at the end.
    async fn list(&self, after: Option<Id>, limit: usize) -> io::Result<Vec<Id>>;

    /// Bytes that may still be written, where there is an end to them.
    fn free(&self) -> io::Result<Option<u64>>;
}

/// A blob being written.
#[async_trait]
pub trait BlobWriter: Send {
    /// The name it will have.
    fn id(&self) -> Id;

    /// Appends.
    async fn write(&mut self, bytes: Bytes) -> io::Result<()>;

    /// Makes it a blob; durable when it returns.
    async fn commit(self: Box<Self>) -> io::Result<()>;
}
