//! Bytes at rest under a key: sealed in blocks, each of which can be read and checked alone.
//!
//! A sealed run of bytes is its plain bytes in blocks of 64 KiB, each encrypted with AES-256-GCM
//! and followed by its tag of 16 bytes; the nonce of a block is its number. A pair of key and nonce
//! must never repeat, so every run has a key of its own ([`Secret::of_blob`]), derived of the
//! object's data key and the blob's id, and a run is written once. A block that was changed, moved
//! within its run or taken from another is refused. How long a run is stands elsewhere (in the
//! object index): whoever reads says which bytes it wants, and a run that was cut short is an error.

mod reader;
mod sealer;
mod secret;

use std::{fs::File, io, ops::Range, sync::Arc};

use bytes::Bytes;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustix::buffer::spare_capacity;

pub use reader::SealedReader;
pub use sealer::Sealer;
pub use secret::{BlobKey, KEY_BYTES, Secret};

/// Plain bytes of a block: large enough that its tag and its set-up cost nothing, small enough that
/// a read of a few bytes decrypts little.
pub const BLOCK: usize = 64 * 1024;
/// Bytes of the tag that follows each block (AES-GCM's full length).
pub const TAG: usize = 16;
/// A block at rest, bytes.
const SEALED_BLOCK: usize = BLOCK + TAG;

/// What so many plain bytes are at rest, bytes.
#[must_use]
pub const fn sealed_len(plain: u64) -> u64 {
    plain + plain.div_ceil(BLOCK as u64) * TAG as u64
}

/// A run of sealed bytes, wherever they lie.
#[derive(Clone, Debug)]
pub struct Sealed {
    bytes: Ciphertext,
    key: BlobKey,
}

/// Where sealed bytes lie.
#[derive(Clone, Debug)]
pub enum Ciphertext {
    /// In memory.
    Memory(Bytes),
    /// In a file that is open for reading.
    File {
        /// Open read-only.
        file: Arc<File>,
        /// Where the run begins, bytes.
        start: u64,
        /// How long it is, bytes.
        len: u64,
    },
}

impl Ciphertext {
    /// A file that is one run.
    pub fn file(file: Arc<File>) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self::File { file, start: 0, len })
    }

    /// How long it is, bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// Puts a range that lies inside into `buffer`, in place of what it held.
    fn read(&self, range: Range<u64>, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.clear();
        match self {
            Self::Memory(bytes) => {
                buffer.extend_from_slice(&bytes[index(range.start)?..index(range.end)?]);
            }
            Self::File { file, start, .. } => {
                let len = index(range.end - range.start)?;
                buffer.reserve_exact(len);
                while buffer.len() < len {
                    let at = start + range.start + buffer.len() as u64;
                    if rustix::io::pread(&**file, spare_capacity(buffer), at)? == 0 {
                        return Err(cut_short());
                    }
                }
                buffer.truncate(len);
            }
        }
        Ok(())
    }
}

impl Sealed {
    /// These bytes under this key.
    #[must_use]
    pub const fn new(bytes: Ciphertext, key: BlobKey) -> Self {
        Self { bytes, key }
    }

    /// The bytes as they lie.
    #[must_use]
    pub const fn ciphertext(&self) -> &Ciphertext {
        &self.bytes
    }

    /// What they are sealed with.
    #[must_use]
    pub const fn key(&self) -> &BlobKey {
        &self.key
    }

    /// Plain bytes of a range. Reads whole blocks; blocks on files.
    pub fn read(&self, offset: u64, len: u64) -> io::Result<Bytes> {
        let mut buffer = Vec::new();
        let found = self.read_into(offset, len, &mut buffer)?;
        buffer.truncate(found.end);
        Ok(Bytes::from(buffer).slice(found.start..))
    }

    /// Like [`Sealed::read`], into a buffer that can be used again; tells where in it they are.
    fn read_into(&self, offset: u64, len: u64, buffer: &mut Vec<u8>) -> io::Result<Range<usize>> {
        let window = Window::of(offset, len, self.bytes.size())?;
        self.bytes.read(window.at_rest.clone(), buffer)?;
        window.open(&self.key, buffer)
    }
}

/// The blocks that hold a range of plain bytes.
#[derive(Clone, Debug)]
pub struct Window {
    /// Where they lie in the sealed run, bytes.
    pub at_rest: Range<u64>,
    /// The number of the first.
    first: u64,
    /// Where the range is in their plain bytes.
    plain: Range<usize>,
}

impl Window {
    /// The blocks for a range, of a run that is `size` bytes at rest.
    pub fn of(offset: u64, len: u64, size: u64) -> io::Result<Self> {
        let end = offset.checked_add(len).ok_or_else(cut_short)?;
        let (first, after) = (offset / BLOCK as u64, end.div_ceil(BLOCK as u64));
        let at_rest = |block: u64| block.saturating_mul(SEALED_BLOCK as u64).min(size);
        let (from, to) = (at_rest(first), at_rest(after));
        let skipped = index(offset - first * BLOCK as u64)?;
        let plain = skipped..skipped.checked_add(index(len)?).ok_or_else(cut_short)?;
        Ok(Self { at_rest: from..to.max(from), first, plain })
    }

    /// Decrypts the blocks where they are, and tells where in the buffer the range is then.
    pub fn open(&self, key: &BlobKey, blocks: &mut Vec<u8>) -> io::Result<Range<usize>> {
        key.open(self.first, blocks)?;
        if self.plain.end > blocks.len() { Err(cut_short()) } else { Ok(self.plain.clone()) }
    }
}

impl BlobKey {
    /// Opens the blocks that `sealed` consists of, the first of which has that number, and leaves
    /// their plain bytes.
    fn open(&self, first: u64, sealed: &mut Vec<u8>) -> io::Result<()> {
        let (cipher, whole) = (self.cipher()?, sealed.len());
        let mut plain = 0;
        for (number, block) in (first..).zip((0..whole).step_by(SEALED_BLOCK)) {
            // The plain bytes of all blocks stand side by side, each tag is written over.
            let place = &mut sealed[plain..whole.min(block + SEALED_BLOCK)];
            let opened = cipher.open_within(nonce(number), Aad::empty(), place, block - plain..);
            plain += opened.map_err(|_| damaged(number))?.len();
        }
        sealed.truncate(plain);
        Ok(())
    }

    /// Seals one block in place and tells its tag.
    fn seal(&self, number: u64, block: &mut [u8]) -> io::Result<[u8; TAG]> {
        let sealed = self.cipher()?.seal_in_place_separate_tag(nonce(number), Aad::empty(), block);
        let tag = sealed.map_err(|_| io::Error::other("a block is too long to be sealed"))?;
        tag.as_ref().try_into().map_err(io::Error::other)
    }

    fn cipher(&self) -> io::Result<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, self.bytes());
        key.map(LessSafeKey::new).map_err(|_| io::Error::other("a key must be of 32 bytes"))
    }
}

/// A block's number as AES-GCM's 96 bits.
fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn index(position: u64) -> io::Result<usize> {
    usize::try_from(position).map_err(io::Error::other)
}

fn damaged(block: u64) -> io::Error {
    let what = format!("block {block} of sealed bytes is damaged, or its key is another");
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "sealed bytes end too early")
}

#[cfg(test)]
mod tests;
