//! Reading plain bytes out of a sealed run, one after the other.

use std::{
    io::{self, Read},
    ops::Range,
};

use super::{BLOCK, Sealed};

/// Plain bytes that are read and decrypted at once: few enough to stay in a processor's cache.
const WINDOW: u64 = 4 * BLOCK as u64;

/// The plain bytes of a range. Blocks on files; for threads that may.
#[derive(Debug)]
pub struct SealedReader {
    sealed: Sealed,
    offset: u64,
    left: u64,
    buffer: Vec<u8>,
    /// What of the buffer was not handed out yet.
    ready: Range<usize>,
}

impl SealedReader {
    /// `len` plain bytes from `offset`.
    #[must_use]
    pub const fn new(sealed: Sealed, offset: u64, len: u64) -> Self {
        Self { sealed, offset, left: len, buffer: Vec::new(), ready: 0..0 }
    }

    /// Reads on, to the end of a block, so that none is decrypted twice.
    fn fill(&mut self) -> io::Result<()> {
        let len = self.left.min(WINDOW - self.offset % BLOCK as u64);
        self.ready = self.sealed.read_into(self.offset, len, &mut self.buffer)?;
        self.offset += len;
        self.left -= len;
        Ok(())
    }
}

impl Read for SealedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() && self.left > 0 {
            self.fill()?;
        }
        let count = self.ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.buffer[self.ready.start..self.ready.start + count]);
        self.ready.start += count;
        Ok(count)
    }
}
