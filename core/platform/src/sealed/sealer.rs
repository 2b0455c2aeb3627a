//! Sealing a run of bytes as it comes in.

use std::{io, mem};

use super::{BLOCK, BlobKey, SEALED_BLOCK};

/// Blocks for which there is room from the beginning.
const ROOM: usize = 17;

/// Seals bytes that are added piece by piece. A block is encrypted where it was gathered.
#[derive(Debug)]
pub struct Sealer {
    key: BlobKey,
    /// The number of the block that is being gathered.
    number: u64,
    /// Sealed blocks, then what there is of the next one.
    held: Vec<u8>,
    /// Where the next one begins.
    open: usize,
}

impl Sealer {
    /// Begins the one run that this key is for.
    #[must_use]
    pub const fn new(key: BlobKey) -> Self {
        Self { key, number: 0, held: Vec::new(), open: 0 }
    }

    /// Takes plain bytes in, and seals every block that they fill.
    pub fn add(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if self.held.capacity() == 0 {
            self.held.reserve_exact(ROOM * SEALED_BLOCK);
        }
        while !bytes.is_empty() {
            let room = BLOCK - (self.held.len() - self.open);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.held.extend_from_slice(now);
            bytes = later;
            if now.len() == room {
                self.close()?;
            }
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        let tag = self.key.seal(self.number, &mut self.held[self.open..])?;
        self.held.extend_from_slice(&tag);
        self.open = self.held.len();
        self.number += 1;
        Ok(())
    }

    /// The blocks that were sealed since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        if self.open < self.held.len() {
            rest.reserve_exact(ROOM * SEALED_BLOCK);
            rest.extend_from_slice(&self.held[self.open..]);
        }
        self.held.truncate(self.open);
        self.open = 0;
        mem::replace(&mut self.held, rest)
    }

    /// What is left, with the last block, which may be shorter.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        if self.open < self.held.len() {
            self.close()?;
        }
        Ok(self.held)
    }
}
