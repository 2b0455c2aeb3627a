//! What a backup says of itself: first what it is, a line of JSON; last, for nothing is known of a
//! file before it was read, a line `SHA256  SIZE  PATH` for each member in order.
//!
//! Whoever writes or reads an archive writes these lines to a file as members pass. To check a
//! backup is to find the same lines, and takes no memory however many blobs there are.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write},
};

use anyhow::{Context, Result, bail};
use blobs::Place;
use crc_fast::{CrcAlgorithm::Crc64Nvme, Digest};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use store_sql::objects::NamedBlob;

use super::member::Member;

/// The version of the archive's form. A newer one is refused.
pub const FORMAT: u32 = 1;

/// The longest line of a manifest, bytes.
const LINE: u64 = 4_096;

/// What a backup is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// Whether secrets are in it.
    pub keys: bool,
    /// Whether objects in it can be read with the master key only.
    pub sealed: bool,
    /// Where its blobs lie: in it, or in an outside store.
    pub blobs: Place,
}

/// Enough to refuse what a later program made.
#[derive(Deserialize)]
struct Form {
    format: u32,
    program: String,
}

impl About {
    /// Of a backup made now.
    pub fn new(keys: bool, sealed: bool, blobs: Place) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, program, keys, sealed, blobs }
    }

    /// The line.
    pub fn text(&self) -> Result<String> {
        Ok(format!("{}\n", serde_json::to_string(self)?))
    }

    /// What the line says.
    pub fn parse(line: &[u8]) -> Result<Self> {
        let unreadable = || format!("its {} cannot be read", Member::About.path());
        let Form { format, program } = serde_json::from_slice(line).with_context(unreadable)?;
        if format > FORMAT {
            bail!(
                "it is of format {format}, and this program knows {FORMAT}: use sagewright \
                 {program:?}"
            );
        }
        serde_json::from_slice(line).with_context(unreadable)
    }
}

/// What was written, or read.
#[derive(Debug)]
pub struct Summary {
    /// What the backup says of itself.
    pub about: About,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What passed a [`Passing`].
#[derive(Debug)]
pub struct Passed {
    sha256: Vec<u8>,
    crc64nvme: u64,
    /// Bytes.
    pub size: u64,
}

impl Passed {
    /// Whether it is the blob that the index names.
    pub fn is(&self, blob: &NamedBlob) -> bool {
        let whole =
            blob.sum.is_none_or(|sum| (sum.crc64nvme, sum.len) == (self.crc64nvme, self.size));
        whole && self.size >= blob.len
    }
}

/// Hashes and counts what is read through it.
pub struct Passing<R> {
    from: R,
    sha256: Sha256,
    crc64nvme: Digest,
    size: u64,
}

impl<R: Read> Passing<R> {
    /// Over this reader.
    pub fn new(from: R) -> Self {
        Self { from, sha256: Sha256::new(), crc64nvme: Digest::new(Crc64Nvme), size: 0 }
    }

    /// All that was read.
    pub fn passed(self) -> Passed {
        let sha256 = self.sha256.finalize().to_vec();
        Passed { sha256, crc64nvme: self.crc64nvme.finalize(), size: self.size }
    }
}

impl<R: Read> Read for Passing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.sha256.update(&buffer[..read]);
        self.crc64nvme.update(&buffer[..read]);
        self.size += read as u64;
        Ok(read)
    }
}

/// The lines of members that passed.
pub struct Lines {
    file: BufWriter<File>,
    files: u64,
    bytes: u64,
}

impl Lines {
    /// None yet, in this empty file.
    pub fn new(file: File) -> Self {
        Self { file: BufWriter::new(file), files: 0, bytes: 0 }
    }

    /// Adds a member.
    pub fn add(&mut self, member: &Member, passed: &Passed) -> io::Result<()> {
        self.files += 1;
        self.bytes += passed.size;
        let digest = hex::encode(&passed.sha256);
        writeln!(self.file, "{digest}  {}  {}", passed.size, member.path())
    }

    /// What they say in all.
    pub fn summary(&self, about: About) -> Summary {
        Summary { about, files: self.files, bytes: self.bytes }
    }

    /// The lines from the first on, and their length.
    pub fn read(self) -> io::Result<(File, u64)> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let len = file.stream_position()?;
        file.rewind()?;
        Ok((file, len))
    }

    /// Compares them with a manifest.
    pub fn check(self, manifest: impl Read) -> Result<()> {
        let (mut told, mut found) = (BufReader::new(manifest), BufReader::new(self.read()?.0));
        loop {
            let (told, found) = (line(&mut told)?, line(&mut found)?);
            if told != found {
                let (told, found) = (told.trim_end(), found.trim_end());
                bail!("its manifest says {told:?}, and it holds {found:?}");
            }
            if told.is_empty() {
                return Ok(());
            }
        }
    }
}

fn line(from: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    from.take(LINE).read_line(&mut line).context("its manifest is no text")?;
    Ok(line)
}
