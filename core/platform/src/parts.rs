//! Reading an object's parts as one run of bytes.

use std::{
    collections::VecDeque,
    io::{self, Read},
    os::unix::fs::FileExt,
};

use crate::workload::Part;

/// The bytes of an object's parts, one after the other. Blocks on files; for threads that may.
pub struct PartReader {
    parts: VecDeque<Part>,
}

impl PartReader {
    /// From the first part's first byte.
    #[must_use]
    pub fn new(parts: Vec<Part>) -> Self {
        Self { parts: parts.into() }
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
fn read_some(part: &mut Part, buffer: &mut [u8]) -> io::Result<usize> {
    match part {
        Part::Inline(bytes) => {
            let count = bytes.len().min(buffer.len());
            buffer[..count].copy_from_slice(&bytes.split_to(count));
            Ok(count)
        }
        Part::Blob { file, offset, len } => {
            let most = usize::try_from(*len).unwrap_or(usize::MAX).min(buffer.len());
            let count = file.read_at(&mut buffer[..most], *offset)?;
            if count == 0 && most > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *offset += count as u64;
            *len -= count as u64;
            Ok(count)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, sync::Arc};

    use super::*;

    #[test]
    fn parts_are_read_as_one_run_of_bytes() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let blob =
            |offset, len| Part::Blob { file: Arc::new(file.try_clone().unwrap()), offset, len };
        let parts =
            vec![Part::Inline("ab".into()), blob(2, 3), Part::Inline("".into()), blob(9, 1)];
        let mut text = String::new();
        PartReader::new(parts).read_to_string(&mut text).unwrap();
        assert_eq!(text, "ab2349");
    }

    #[test]
    fn a_blob_that_is_shorter_than_its_part_is_an_error() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let mut reader = PartReader::new(vec![Part::Blob { file, offset: 0, len: 1 }]);
        assert!(reader.read(&mut [0; 4]).is_err());
    }
}
