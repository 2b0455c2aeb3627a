//! Bodies of objects, as streams of bytes.

use std::{io, pin::Pin};

use bytes::Bytes;
use futures_util::Stream;
use tokio::io::AsyncReadExt;

/// A body on its way. Ends in an error where it is not what its sender promised; then nothing of
/// it may be kept.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send + Sync>>;

/// A body that is at hand.
#[must_use]
pub fn whole(bytes: impl Into<Bytes>) -> ByteStream {
    let bytes = bytes.into();
    Box::pin(futures_util::stream::once(async move { Ok(bytes) }))
}

/// A file's bytes from where it stands, in blocks.
#[must_use]
pub fn of_file(file: std::fs::File) -> ByteStream {
    let file = tokio::fs::File::from_std(file);
    Box::pin(futures_util::stream::try_unfold(file, |mut file| async move {
        let mut block = Vec::with_capacity(BLOCK);
        let read = (&mut file).take(BLOCK as u64).read_to_end(&mut block).await?;
        Ok((read > 0).then(|| (Bytes::from(block), file)))
    }))
}

/// How much of a file is read at once, bytes: large enough that the hops between threads do not
/// count.
const BLOCK: usize = 256 * 1024;
