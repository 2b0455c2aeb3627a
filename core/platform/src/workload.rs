//! What an executor runs, and what the program finds: the container contract as data.
//!
//! A built-in algorithm, a user's script and a user's image are the same thing here. Everything a
//! program may know stands in its [`Workload`], so that it can be written down and sent elsewhere.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use types::{Id, Timestamp};

use crate::sealed::{BlobKey, Ciphertext, KEY_BYTES, Sealed};

/// A piece of an object that can be read in place. Pinned against the sweeper until dropped.
#[derive(Clone, Debug)]
pub enum Part {
    /// The bytes themselves, for objects that live in the index.
    Inline(Bytes),
    /// A range of a file that is open for reading.
    Blob {
        /// Open read-only.
        file: Arc<File>,
        /// Where the range begins, bytes.
        offset: u64,
        /// How long it is, bytes.
        len: u64,
    },
    /// A range of bytes that lie encrypted, and are decrypted by block as they are read.
    Sealed {
        /// The run of sealed bytes, with its key.
        sealed: Sealed,
        /// Where the range begins, plain bytes.
        offset: u64,
        /// How long it is, plain bytes.
        len: u64,
    },
}

/// One object of a channel, before it is handed to an executor.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// Relative to the channel's folder, `/` between components, none of them `.` or `..`; any name
    /// where the program is ours and only tells it.
    pub name: String,
    /// In order; a row may span two.
    pub parts: Vec<Part>,
}

/// Which of a workload's hosts see which files of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distribution {
    /// Every host sees every file.
    #[default]
    Replicated,
    /// File `i` goes to host `i mod n` alone, both counted from 0 in their order.
    Sharded,
}

impl Distribution {
    /// Whether host number `host` of `hosts` sees file number `file`.
    #[must_use]
    pub const fn gives(self, file: usize, host: usize, hosts: usize) -> bool {
        match (self, file.checked_rem(hosts)) {
            (Self::Replicated, _) => true,
            (Self::Sharded, Some(turn)) => turn == host,
            (Self::Sharded, None) => false,
        }
    }
}

/// The data of one channel, before it is handed to an executor.
#[derive(Clone, Debug)]
pub struct Input {
    /// The channel's name.
    pub name: String,
    /// As the request spelled it; `csv` and `text/csv` both occur.
    pub content_type: Option<String>,
    /// Which hosts see which files.
    pub distribution: Distribution,
    /// Whether each file is compressed by gzip, and to be read as what it was before.
    pub gzip: bool,
    /// In the order of their keys.
    pub files: Vec<InputFile>,
}

/// An object of which each host's program gets a copy of its own, which it may change and remove.
#[derive(Clone, Debug)]
pub struct PrivateCopy {
    /// Below `/opt/ml`, `/` between components, none of them `.` or `..`.
    pub path: String,
    /// In order.
    pub parts: Vec<Part>,
    /// When the file says that it was last written.
    pub modified: Timestamp,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// A hidden sub-command of our own binary, which reads its channels in place.
    BuiltIn {
        /// Its arguments, the sub-command first.
        arguments: Vec<String>,
    },
}

/// A folder below `/opt/ml` that becomes one archive when the program has ended, unless it is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// `model`, `output/data`.
    pub folder: String,
    /// The archive's name among the outputs: `model.tar.gz`.
    pub archive: String,
}

/// What the program may use. What the executor cannot hold it reports, and does not skip.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Resident bytes.
    pub memory_bytes: Option<u64>,
    /// Open descriptors.
    pub open_files: Option<u64>,
    /// Threads that CPU-bound work should use.
    pub threads: u32,
}

/// A file below `/opt/ml` that one host alone sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFile {
    /// One of the workload's.
    pub host: String,
    /// `input/config/resourceconfig.json`.
    pub path: String,
    /// What stands in it.
    pub bytes: Bytes,
}

/// A program with all it needs, to be run once on each of its hosts.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The record's id: submitting it again changes nothing.
    pub id: Id,
    /// The job's name, for people who look at processes.
    pub name: String,
    /// What runs.
    pub program: Program,
    /// `algo-1`, `algo-2`, …: one process each.
    pub hosts: Vec<String>,
    /// What the program sees beside its own. Names that the executor or the dynamic loader own
    /// (`SAGEWRIGHT_…`, `LD_…`) are left out, so that a request cannot steer our own programs.
    pub environment: Vec<(String, String)>,
    /// Files below `/opt/ml` that every host sees, by path: `input/config/hyperparameters.json`.
    pub files: Vec<(String, Bytes)>,
    /// Files that differ from host to host. They win over `files`.
    pub own_files: Vec<OwnFile>,
    /// Objects that are copied below `/opt/ml`.
    pub copies: Vec<PrivateCopy>,
    /// The channels.
    pub inputs: Vec<Input>,
    /// What is packed at the end.
    pub packs: Vec<Pack>,
    /// What it may use.
    pub limits: Limits,
}

impl Workload {
    /// What host number `host` sees of the channels, which were made of [`Workload::inputs`] in
    /// their order.
    #[must_use]
    pub fn channels_of(&self, host: usize, all: &Channels) -> Channels {
        let share = |(channel, input): (&Channel, &Input)| {
            let gives = |file| input.distribution.gives(file, host, self.hosts.len());
            let files = channel.files.iter().enumerate().filter(|(number, _)| gives(*number));
            Channel {
                name: channel.name.clone(),
                content_type: channel.content_type.clone(),
                files: files.map(|(_, file)| file.clone()).collect(),
            }
        };
        Channels { channels: all.channels.iter().zip(&self.inputs).map(share).collect() }
    }
}

/// Where a built-in finds its channels: the executor writes it to `input/channels.json` below the
/// program's `/opt/ml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channels {
    /// In the order of the request.
    pub channels: Vec<Channel>,
}

/// One channel, as a built-in reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// As the request spelled it.
    pub content_type: Option<String>,
    /// In the order of their keys.
    pub files: Vec<ChannelFile>,
}

/// One object of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelFile {
    /// Relative to the channel.
    pub name: String,
    /// In order.
    pub spans: Vec<Span>,
    /// Whether it is compressed by gzip, and to be read as what it was before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gzip: bool,
}

/// A range of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Absolute.
    pub path: PathBuf,
    /// Plain bytes.
    pub offset: u64,
    /// Plain bytes.
    pub len: u64,
    /// How they lie, where that is not plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedSpan>,
}

/// The run of sealed bytes that a span is a range of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSpan {
    /// Where in the file the run begins, bytes.
    pub start: u64,
    /// How long it is there, bytes.
    pub len: u64,
    /// Its key, which is never written into the file that lists the channels.
    #[serde(skip)]
    pub key: Option<BlobKey>,
}

impl Span {
    /// A range of a file that lies plain.
    #[must_use]
    pub const fn plain(path: PathBuf, offset: u64, len: u64) -> Self {
        Self { path, offset, len, sealed: None }
    }

    /// The range, open for reading.
    pub fn open(&self) -> io::Result<Part> {
        let file = Arc::new(File::open(&self.path)?);
        let Self { offset, len, .. } = *self;
        let Some(SealedSpan { start, len: at_rest, key }) = &self.sealed else {
            return Ok(Part::Blob { file, offset, len });
        };
        let key = key.clone().ok_or_else(|| io::Error::other("the key of a channel is missing"))?;
        let bytes = Ciphertext::File { file, start: *start, len: *at_rest };
        Ok(Part::Sealed { sealed: Sealed::new(bytes, key), offset, len })
    }
}

impl Channels {
    /// Where it lies below `/opt/ml`.
    pub const PATH: &'static str = "input/channels.json";

    /// The channels of the job in `opt_ml`. Where some lie sealed, their keys are read from `keys`,
    /// which is the program's standard input: no file and no variable ever holds them.
    pub fn read(opt_ml: &Path, keys: &mut dyn Read) -> io::Result<Self> {
        let mut channels: Self = serde_json::from_slice(&fs::read(opt_ml.join(Self::PATH))?)?;
        channels.take_keys(keys)?;
        Ok(channels)
    }

    /// Takes the key of each span that lies sealed.
    pub fn take_keys(&mut self, keys: &mut dyn Read) -> io::Result<()> {
        for sealed in self.sealed_spans() {
            let mut key = [0; KEY_BYTES];
            keys.read_exact(&mut key)?;
            sealed.key = Some(BlobKey::from_bytes(key));
        }
        Ok(())
    }

    /// The keys of all that lies sealed, as [`Channels::take_keys`] expects them; nothing where
    /// nothing does.
    #[must_use]
    pub fn keys(&mut self) -> Vec<u8> {
        let keys = self.sealed_spans().filter_map(|sealed| sealed.key.as_ref());
        keys.flat_map(|key| *key.bytes()).collect()
    }

    /// In the order of the channels.
    fn sealed_spans(&mut self) -> impl Iterator<Item = &mut SealedSpan> {
        let files = self.channels.iter_mut().flat_map(|channel| &mut channel.files);
        files.flat_map(|file| &mut file.spans).filter_map(|span| span.sealed.as_mut())
    }
}

/// Where a program keeps its checkpoints below its `/opt/ml`, whatever path its request calls it by.
pub const CHECKPOINTS: &str = "checkpoints";

/// The variable that tells a program which folder is its `/opt/ml`.
pub const OPT_ML: &str = "SAGEWRIGHT_OPT_ML";

/// The variable that tells a program on which of its workload's hosts it runs.
pub const HOST: &str = "SAGEWRIGHT_HOST";

/// The variable that tells a program of several hosts at which address each is, in the workload's
/// order: `algo-1=127.0.1.1,algo-2=127.0.1.2`. A host listens at its own address and nowhere else.
pub const ADDRESSES: &str = "SAGEWRIGHT_ADDRESSES";

/// The variable that tells a program of several hosts which folder they all see: where one tells
/// the others on which port it listens, since ports are the machine's and not a host's.
pub const MEETING: &str = "SAGEWRIGHT_MEETING";

#[cfg(test)]
mod tests {
    use super::*;

    fn span(key: Option<u8>) -> Span {
        let sealed = key.map(|byte| {
            let key = Some(BlobKey::from_bytes([byte; KEY_BYTES]));
            SealedSpan { start: 1, len: 20, key }
        });
        Span { sealed, ..Span::plain("/x".into(), 0, 4) }
    }

    #[test]
    fn every_file_of_a_sharded_channel_goes_to_exactly_one_host() {
        for (files, hosts) in [(0, 3), (1, 3), (7, 3), (3, 1)] {
            let see = |file| {
                let gives = |host: &usize| Distribution::Sharded.gives(file, *host, hosts);
                (0..hosts).filter(gives).collect::<Vec<_>>()
            };
            for file in 0..files {
                assert_eq!(see(file), [file % hosts], "file {file} of {files} on {hosts}");
                assert!((0..hosts).all(|host| Distribution::Replicated.gives(file, host, hosts)));
            }
        }
        assert!(!Distribution::Sharded.gives(0, 0, 0));
    }

    #[test]
    fn keys_of_channels_are_handed_over_and_never_written_down() {
        let spans = vec![span(Some(65)), span(None), span(Some(66))];
        let files = vec![ChannelFile { name: "a".into(), spans, gzip: false }];
        let channel = Channel { name: "train".into(), content_type: None, files };
        let mut channels = Channels { channels: vec![channel] };
        let opt_ml = tempfile::tempdir().unwrap();
        let path = opt_ml.path().join(Channels::PATH);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, serde_json::to_vec(&channels).unwrap()).unwrap();
        assert!(!fs::read_to_string(&path).unwrap().contains("65"));

        let keys = channels.keys();
        assert_eq!(keys, [[65; KEY_BYTES], [66; KEY_BYTES]].concat());
        assert_eq!(Channels::read(opt_ml.path(), &mut &keys[..]).unwrap(), channels);
        assert!(Channels::read(opt_ml.path(), &mut &keys[1..]).is_err());
    }
}
