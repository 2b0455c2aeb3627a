//! A file as Parquet's reader wants it, read where it lies.
//!
//! The reader hands on errors of its decompressors as errors of reading, too. Ours are marked, so
//! that a damaged file is not taken for a broken machine, nor a broken machine for a damaged file.

use std::io::{self, Read};

use bytes::Bytes;
use parquet::{
    errors::{ParquetError, Result as ParquetResult},
    file::reader::{ChunkReader, Length},
};
use platform::workload::ChannelFile;

use crate::xgboost::input::source::{Source, length};

/// A file that is not compressed as a whole.
pub struct InPlace(pub ChannelFile);

impl Length for InPlace {
    fn len(&self) -> u64 {
        length(&self.0)
    }
}

impl ChunkReader for InPlace {
    type T = Marked<Source>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(Marked(Source::from(&self.0, start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let mut bytes = Vec::new();
        let mut source = self.get_read(start)?.take(length as u64);
        source.read_to_end(&mut bytes).map_err(|error| ParquetError::External(error.into()))?;
        if bytes.len() < length {
            return Err(ParquetError::EOF("the file ends within a page".into()));
        }
        Ok(bytes.into())
    }
}

/// Whose errors are those of this machine.
pub struct Marked<R>(R);

impl<R: Read> Read for Marked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| io::Error::new(error.kind(), OwnError(error)))
    }
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct OwnError(io::Error);

/// The error of this machine that Parquet's reader met, if it is one.
pub fn own_error(error: &ParquetError) -> Option<&io::Error> {
    let ParquetError::External(error) = error else { return None };
    let marked = error.downcast_ref::<io::Error>()?.get_ref()?;
    marked.downcast_ref().map(|OwnError(error)| error)
}

#[cfg(test)]
mod tests {
    use platform::workload::Span;

    use super::*;

    fn file(len: u64) -> (tempfile::NamedTempFile, InPlace) {
        let held = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(held.path(), b"abcd").unwrap();
        let spans = vec![Span::plain(held.path().to_owned(), 0, len)];
        (held, InPlace(ChannelFile { name: "x".into(), spans, gzip: false }))
    }

    #[test]
    fn an_error_of_this_machine_is_told_from_one_of_the_file() {
        let (_held, beyond) = file(9);
        let error = beyond.get_bytes(0, 9).unwrap_err();
        assert!(own_error(&error).is_some(), "{error}");
        let (_held, whole) = file(4);
        assert_eq!(whole.get_bytes(1, 3).unwrap(), &b"bcd"[..]);
        let ends = whole.get_bytes(1, 4).unwrap_err();
        let codecs = ParquetError::External(io::Error::other("snappy: corrupt input").into());
        assert!(own_error(&ends).is_none() && own_error(&codecs).is_none());
    }
}
