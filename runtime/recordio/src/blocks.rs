//! Records in blocks of whole frames, so that several threads may read them.
//!
//! Blocks are cut by the lengths that frames state, and nothing else of them is looked at. Where no
//! frame is, the last block ends with what is there: whoever reads its records is told why.

use std::io::{self, Read};

use crate::{ALIGNMENT, HEADER, LONGEST, MAGIC, Records};

/// How long blocks are, bytes; one is longer where a frame is.
const BLOCK: usize = 1 << 20;

/// Whole frames, one after the other.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// Records before its own.
    pub before: u64,
    frames: Vec<u8>,
}

impl Block {
    /// Its records, counted on from those before. There is at least one, or an error.
    #[must_use]
    pub fn records(&self) -> Records<&[u8]> {
        Records::behind(self.before, &self.frames)
    }
}

/// All blocks of a source, in order. After an error there are no more.
#[derive(Debug)]
pub struct Blocks<R> {
    source: R,
    records: u64,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    /// Reads from the beginning of a frame. `source` is asked for small pieces.
    pub fn new(source: R) -> Self {
        Self { source, records: 0, ended: false }
    }

    fn next_block(&mut self) -> io::Result<Block> {
        let mut block = Block { before: self.records, frames: Vec::with_capacity(BLOCK) };
        while !self.ended && block.frames.len() < BLOCK {
            self.ended = !self.take_frame(&mut block.frames)?;
            self.records += 1;
        }
        Ok(block)
    }

    /// Appends the next frame; `false` at the end, and behind what is none.
    fn take_frame(&mut self, to: &mut Vec<u8>) -> io::Result<bool> {
        let begin = to.len();
        self.take(HEADER, to)?;
        let Some([a, b, c, d, length @ ..]) = to[begin..].first_chunk::<HEADER>() else {
            return Ok(false);
        };
        let length = u32::from_le_bytes(*length);
        if u32::from_le_bytes([*a, *b, *c, *d]) != MAGIC || length > LONGEST {
            return Ok(false);
        }
        let padded = (length as usize).next_multiple_of(ALIGNMENT);
        Ok(self.take(padded, to)? == padded)
    }

    /// So many bytes, or as many as there are; memory is taken only for what comes.
    fn take(&mut self, length: usize, to: &mut Vec<u8>) -> io::Result<usize> {
        (&mut self.source).take(length as u64).read_to_end(to)
    }
}

impl<R: Read> Iterator for Blocks<R> {
    type Item = io::Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let block = self.next_block();
        self.ended |= block.is_err();
        Some(block).filter(|block| block.as_ref().map_or(true, |block| !block.frames.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Numbers, Record, Tensor, write};

    /// What one reader of all finds, in words: errors are not to be compared.
    fn at_once(bytes: &[u8]) -> Vec<String> {
        Records::new(bytes).map(|record| format!("{record:?}")).collect()
    }

    /// The same in blocks, up to the first error.
    fn in_blocks(bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for block in Blocks::new(bytes) {
            for record in block.expect("a slice is read").records() {
                found.push(format!("{record:?}"));
                if record.is_err() {
                    return found;
                }
            }
        }
        found
    }

    fn written(lengths: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for length in lengths {
            let features = Some(Tensor::dense(Numbers::Float32(vec![1.0; *length])));
            write(&Record { features, label: None }, &mut bytes);
        }
        bytes
    }

    #[test]
    fn a_block_ends_behind_the_frame_that_fills_it() {
        let bytes = written(&[BLOCK / 8, BLOCK / 8, BLOCK / 8]);
        let blocks: Vec<_> = Blocks::new(&*bytes).map(Result::unwrap).collect();
        let numbers = |block: &Block| (block.before, block.records().count());
        assert_eq!(blocks.iter().map(numbers).collect::<Vec<_>>(), [(0, 2), (2, 1)]);
        assert_eq!(Blocks::new(&b""[..]).count(), 0);
    }

    #[test]
    fn an_error_of_the_source_is_the_last() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::TimedOut.into())
            }
        }
        let bytes = written(&[3]);
        let mut blocks = Blocks::new(bytes.chain(Broken));
        assert!(blocks.next().is_some_and(|block| block.is_err()) && blocks.next().is_none());
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_the_records_are_the_same(
            lengths in proptest::collection::vec(0_usize..BLOCK / 3, 0..6),
            cut in any::<proptest::sample::Index>(),
            flip in any::<proptest::sample::Index>(),
            bit in 0_u8..8,
            tail: Vec<u8>,
        ) {
            let mut bytes = written(&lengths);
            bytes.truncate(cut.index(bytes.len() + 1));
            if !bytes.is_empty() {
                let at = flip.index(bytes.len().min(64));
                bytes[at] ^= 1 << bit;
            }
            bytes.extend(tail);
            // Not by `assert_eq`: they are long.
            prop_assert!(in_blocks(&bytes) == at_once(&bytes));
        }
    }
}
