//! Reading an object's parts as one run of bytes.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    sync::Arc,
};

use bytes::Bytes;

use crate::{sealed::SealedReader, workload::Part};

/// The bytes of an object's parts, one after the other. Blocks on files; for threads that may.
pub struct PartReader {
    parts: VecDeque<Open>,
}

/// What is left of a part.
enum Open {
    Inline(Bytes),
    Blob { file: Arc<File>, offset: u64, len: u64 },
    Sealed(SealedReader),
}

impl From<Part> for Open {
    fn from(part: Part) -> Self {
        match part {
            Part::Inline(bytes) => Self::Inline(bytes),
            Part::Blob { file, offset, len } => Self::Blob { file, offset, len },
            Part::Sealed { sealed, offset, len } => {
                Self::Sealed(SealedReader::new(sealed, offset, len))
            }
        }
    }
}

impl PartReader {
    /// From the first part's first byte.
    #[must_use]
    pub fn new(parts: Vec<Part>) -> Self {
        Self { parts: parts.into_iter().map(Open::from).collect() }
    }
}

impl Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(part) = self.parts.front_mut() {
            let read = read_some(part, buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.parts.pop_front();
        }
        Ok(0)
    }
}

/// Reads from a part and shortens it by what was read; 0 where nothing is left of it.
fn read_some(part: &mut Open, buffer: &mut [u8]) -> io::Result<usize> {
    match part {
        Open::Inline(bytes) => {
            let count = bytes.len().min(buffer.len());
            buffer[..count].copy_from_slice(&bytes.split_to(count));
            Ok(count)
        }
        Open::Blob { file, offset, len } => {
            let most = usize::try_from(*len).unwrap_or(usize::MAX).min(buffer.len());
            let count = file.read_at(&mut buffer[..most], *offset)?;
            if count == 0 && most > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *offset += count as u64;
            *len -= count as u64;
            Ok(count)
        }
        Open::Sealed(reader) => reader.read(buffer),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::sealed::{Ciphertext, Sealed, Sealer, Secret};

    fn sealed(bytes: &[u8], offset: u64, len: u64) -> Part {
        let key = Secret::random().unwrap().of_inline();
        let mut sealer = Sealer::new(key.clone());
        sealer.add(bytes).unwrap();
        let bytes = Ciphertext::Memory(sealer.finish().unwrap().into());
        Part::Sealed { sealed: Sealed::new(bytes, key), offset, len }
    }

    #[test]
    fn parts_are_read_as_one_run_of_bytes() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let blob =
            |offset, len| Part::Blob { file: Arc::new(file.try_clone().unwrap()), offset, len };
        let parts =
            vec![Part::Inline("ab".into()), blob(2, 3), Part::Inline("".into()), blob(9, 1)];
        let parts = [parts, vec![sealed(b"xyz", 1, 2), Part::Inline("!".into())]].concat();
        let mut text = String::new();
        PartReader::new(parts).read_to_string(&mut text).unwrap();
        assert_eq!(text, "ab2349yz!");
    }

    #[test]
    fn a_blob_that_is_shorter_than_its_part_is_an_error() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let mut reader = PartReader::new(vec![Part::Blob { file, offset: 0, len: 1 }]);
        assert!(reader.read(&mut [0; 4]).is_err());
    }
}
