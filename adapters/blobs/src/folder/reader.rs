//! Reading a range of a file block by block, away from the reactor.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::stream;
use platform::objects::ByteStream;
use rustix::{
    buffer::spare_capacity,
    fs::{Mode, OFlags},
};

use crate::disk::off_the_reactor;

/// Bytes per read: large enough that a hop to another thread costs little per byte, small enough
/// that a hundred slow readers hold 50 MiB.
const BLOCK: u64 = 512 * 1024;

/// Where a reader stands.
struct Cursor {
    path: PathBuf,
    file: Option<Arc<File>>,
    offset: u64,
    left: u64,
}

/// Opens a blob for reading; never through a link.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("blob {}: {error}", path.display()))
    })?;
    Ok(file.into())
}

/// `len` bytes from `offset`; the file is opened when the stream is first polled.
pub(super) fn read(path: PathBuf, offset: u64, len: u64) -> ByteStream {
    let cursor = Cursor { path, file: None, offset, left: len };
    Box::pin(stream::try_unfold(cursor, async |cursor| {
        if cursor.left == 0 {
            return Ok(None);
        }
        off_the_reactor(move || cursor.next()).await.map(Some)
    }))
}

impl Cursor {
    fn next(mut self) -> io::Result<(Bytes, Self)> {
        let file = match self.file.take() {
            Some(file) => file,
            None => Arc::new(open(&self.path)?),
        };
        let block = read_block(&file, self.offset, self.left.min(BLOCK))?;
        let read = block.len() as u64;
        self.file = Some(file);
        self.offset += read;
        self.left -= read;
        Ok((block, self))
    }
}

fn read_block(file: &File, offset: u64, len: u64) -> io::Result<Bytes> {
    let len = usize::try_from(len).map_err(io::Error::other)?;
    let mut block = Vec::with_capacity(len);
    while block.len() < len {
        let at = offset + block.len() as u64;
        let room = len - block.len();
        let read = rustix::io::pread(file, spare_capacity(&mut block), at)?;
        if read == 0 {
            return Err(short(at, room));
        }
    }
    block.truncate(len);
    Ok(block.into())
}

fn short(at: u64, missing: usize) -> io::Error {
    let what = format!("a blob ends at byte {at}, {missing} bytes too early");
    io::Error::new(io::ErrorKind::UnexpectedEof, what)
}
