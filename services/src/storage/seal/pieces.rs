//! Reading ranges of blobs that lie sealed.
//!
//! An object that is sealed names its blobs whole, so the extent of a blob is its plain length too,
//! and a range of the object is a range within each of them.

use std::{io, mem, ops::Range, sync::Arc, vec};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use platform::{
    objects::{ByteStream, blobs::Blobs, index::Extent},
    sealed::{BLOCK, BlobKey, Ciphertext, Sealed, Secret, Window, sealed_len},
};
use tokio::task::spawn_blocking;
use types::Id;

use crate::storage::sums::{self, Damage};

/// Plain bytes that are read and decrypted in one hop to another thread; whole blocks.
const READ: u64 = 8 * BLOCK as u64;

/// A range of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    blob: Id,
    /// Of the whole blob, plain bytes.
    whole: u64,
    offset: u64,
    len: u64,
}

/// What of each extent lies in a range of the object.
fn pieces(extents: &[Extent], offset: u64, len: u64) -> Vec<Piece> {
    let end = offset.saturating_add(len);
    let mut begins = 0;
    let mut found = Vec::new();
    for Extent { blob, len: whole, .. } in extents {
        let (from, to) = (offset.max(begins), end.min(begins + whole));
        if from < to {
            found.push(Piece { blob: *blob, whole: *whole, offset: from - begins, len: to - from });
        }
        begins += whole;
    }
    found
}

/// The plain bytes of a range of an object, each blob opened when the one before is through.
pub(in crate::storage) fn read(
    (blobs, damage): (Arc<dyn Blobs>, Arc<Damage>),
    extents: &[Extent],
    (offset, len): (u64, u64),
    data: Secret,
    held: impl Send + Sync + 'static,
) -> ByteStream {
    let pieces = pieces(extents, offset, len).into_iter();
    let streams = Streams { blobs, damage, data, pieces, _held: held };
    Box::pin(stream::iter(streams).flatten())
}

/// The streams of an object's pieces.
struct Streams<H> {
    blobs: Arc<dyn Blobs>,
    damage: Arc<Damage>,
    data: Secret,
    pieces: vec::IntoIter<Piece>,
    /// Keeps the blobs until the last is read.
    _held: H,
}

impl<H> Iterator for Streams<H> {
    type Item = ByteStream;

    fn next(&mut self) -> Option<ByteStream> {
        let piece = self.pieces.next()?;
        let key = self.data.of_blob(piece.blob);
        let source = Source::Unopened(self.blobs.clone());
        let opened = stream::try_unfold(Cursor { piece, key, source }, Cursor::next);
        // Every block is authenticated, so one that is damaged is an error by itself.
        Some(sums::noted(Box::pin(opened), piece.blob, self.damage.clone()))
    }
}

/// Where a reader of a piece stands.
struct Cursor {
    piece: Piece,
    key: BlobKey,
    source: Source,
}

/// Where the sealed bytes come from.
enum Source {
    Unopened(Arc<dyn Blobs>),
    /// A file of this machine.
    File(Sealed),
    /// Elsewhere: all blocks of the piece in one stream, and what came of it beyond the last read.
    Stream(ByteStream, Vec<u8>),
}

impl Cursor {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        if self.piece.len == 0 {
            return Ok(None);
        }
        // To the end of a block, so that none is decrypted twice.
        let len = self.piece.len.min(READ - self.piece.offset % BLOCK as u64);
        if let Source::Unopened(blobs) = self.source {
            self.source = open(blobs, self.piece, &self.key).await?;
        }
        let bytes = self.read(len).await?;
        self.piece.offset += len;
        self.piece.len -= len;
        Ok(Some((bytes, self)))
    }

    async fn read(&mut self, len: u64) -> io::Result<Bytes> {
        let Piece { whole, offset, .. } = self.piece;
        match &mut self.source {
            Source::File(sealed) => {
                let sealed = sealed.clone();
                away(move || sealed.read(offset, len)).await
            }
            Source::Stream(stream, held) => {
                let window = Window::of(offset, len, sealed_len(whole))?;
                let mut blocks = take(stream, held, &window).await?;
                let key = self.key.clone();
                away(move || {
                    let found = window.open(&key, &mut blocks)?;
                    blocks.truncate(found.end);
                    Ok(Bytes::from(blocks).slice(found.start..))
                })
                .await
            }
            Source::Unopened(_) => Err(io::Error::other("a blob was read before it was opened")),
        }
    }
}

/// In a task of its own, for a body must be `Sync`, which the port's futures are not.
async fn open(blobs: Arc<dyn Blobs>, piece: Piece, key: &BlobKey) -> io::Result<Source> {
    let (asked, Piece { blob, whole, offset, len }) = (blobs.clone(), piece);
    let opened = tokio::spawn(async move { asked.open(blob).await });
    let opened = opened.await.map_err(io::Error::other)??;
    if let Some(file) = opened {
        return Ok(Source::File(Sealed::new(Ciphertext::file(file)?, key.clone())));
    }
    let Range { start, end } = Window::of(offset, len, sealed_len(whole))?.at_rest;
    Ok(Source::Stream(blobs.read(blob, start, end - start), Vec::new()))
}

/// The next blocks of a stream.
async fn take(stream: &mut ByteStream, held: &mut Vec<u8>, window: &Window) -> io::Result<Vec<u8>> {
    let Range { start, end } = window.at_rest;
    let wanted = usize::try_from(end - start).map_err(io::Error::other)?;
    while held.len() < wanted {
        let chunk = stream.next().await.ok_or(io::ErrorKind::UnexpectedEof)??;
        held.extend_from_slice(&chunk);
    }
    let rest = held.split_off(wanted);
    Ok(mem::replace(held, rest))
}

/// Decrypting keeps a processor busy, and reading may wait for the disk.
async fn away<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_stand_for_the_bytes_of_the_range(
            lengths in prop::collection::vec(0..9_u64, 0..6),
            offset in 0..60_u64,
            len in 0..60_u64,
        ) {
            let extents: Vec<Extent> = (0..)
                .zip(&lengths)
                .map(|(n, len)| Extent {
                    blob: Id::from_bits(n),
                    offset: 0,
                    len: *len,
                    sum: None,
                })
                .collect();
            let places = |blob: Id, from: u64, len: u64| (from..from + len).map(move |n| (blob, n));
            let all: Vec<_> = extents.iter().flat_map(|it| places(it.blob, 0, it.len)).collect();
            let found = pieces(&extents, offset, len);
            prop_assert!(found.iter().all(|piece| piece.len > 0));
            let found: Vec<_> =
                found.iter().flat_map(|it| places(it.blob, it.offset, it.len)).collect();
            let (skip, take) = (usize::try_from(offset).unwrap(), usize::try_from(len).unwrap());
            let expected: Vec<_> = all.into_iter().skip(skip).take(take).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
