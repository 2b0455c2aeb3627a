//! Takes the model files out of a `model.tar.gz` that anybody may have made.
//!
//! Nothing is written to disk. What inflates beyond [`Limits::bytes`], holds more than
//! [`Limits::entries`] entries, or names anything but plain files and folders inside itself is
//! refused as a whole: whoever made such an archive did not mean a model. What no model begins with
//! is refused before the rest of it is read.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::Component,
};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use crate::{
    model_file::{self, ModelFileError},
    readable::readable,
};

/// How much of an archive is accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Inflated bytes of everything in it.
    pub(crate) bytes: u64,
    /// Files and folders.
    pub(crate) entries: usize,
    /// Which of its files are models.
    pub(crate) wanted: Wanted,
}

/// Which files of an archive are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The first by name.
    First,
    /// All of them, and no more than so many.
    All(usize),
}

impl Limits {
    /// 1 GiB: ten times the largest model of AWS's benchmark axes; 10,000 entries: room for the
    /// folders of code that SDKs pack beside a model.
    pub(crate) fn of_model(wanted: Wanted) -> Self {
        Self { bytes: 1 << 30, entries: 10_000, wanted }
    }

    /// Bytes of the archive as it is: what cannot be compressed grows a little.
    fn compressed(self) -> u64 {
        self.bytes + self.bytes / 64
    }
}

/// Bytes of a name, as file systems have it.
const LONGEST_NAME: usize = 255;
/// Bytes of a file by which it is told whether it may be a model.
const HEAD: u64 = 4096;
/// By which part of itself what is read grows, at least by so many bytes: neither a header that lies
/// nor doubling takes more than is there.
const GROWTH: usize = 8;
const STEP: usize = 64 << 10;

/// Why an archive was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// Not a gzipped tar, or broken off.
    #[error("model.tar.gz cannot be read as a gzipped tar archive: {0}")]
    Unreadable(#[from] io::Error),
    /// Too much in it.
    #[error("model.tar.gz holds more than {0}")]
    TooLarge(String),
    /// An entry that is no file or folder inside the archive.
    #[error("model.tar.gz holds `{name}`, which is {what}; pack plain files only")]
    Refused {
        /// As the archive spells it.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A file that no model begins like.
    #[error("model.tar.gz: `{name}` {error}")]
    NoModel {
        /// As it may be shown.
        name: String,
        /// What is said of such a file.
        error: ModelFileError,
    },
    /// No file at its top.
    #[error("model.tar.gz holds no model file at its top level")]
    Empty,
}

/// The files at the top of the archive whose names do not begin with a dot, by name, as the
/// container lists them.
pub(crate) fn model_files(
    archive: &mut dyn Read,
    limits: Limits,
) -> Result<BTreeMap<String, Vec<u8>>, ArchiveError> {
    // One byte more than allowed, to tell an archive that is too large from one that ends.
    let compressed = archive.take(limits.compressed() + 1);
    let mut inflated = MultiGzDecoder::new(compressed).take(limits.bytes + 1);
    let read = files(&mut inflated, limits);
    if inflated.limit() == 0 {
        return Err(ArchiveError::TooLarge(format!("{} inflated bytes", limits.bytes)));
    }
    if inflated.get_ref().get_ref().limit() == 0 {
        let bytes = format!("{} compressed bytes", limits.compressed());
        return Err(ArchiveError::TooLarge(bytes));
    }
    let files = read?;
    if files.is_empty() { Err(ArchiveError::Empty) } else { Ok(files) }
}

fn files(
    inflated: &mut impl Read,
    limits: Limits,
) -> Result<BTreeMap<String, Vec<u8>>, ArchiveError> {
    let mut files = BTreeMap::new();
    for (index, entry) in Archive::new(inflated).entries()?.enumerate() {
        if index == limits.entries {
            return Err(ArchiveError::TooLarge(format!("{} entries", limits.entries)));
        }
        let mut entry = entry?;
        if let Some(name) = top_level_file(&entry)? {
            match limits.wanted {
                Wanted::First => {
                    if files.keys().next().is_none_or(|first| name < *first) {
                        files.clear();
                        let content = content(Vec::new(), &mut entry)?;
                        files.insert(name, content);
                    }
                }
                Wanted::All(most) => {
                    let content = content(head(&name, &mut entry)?, &mut entry)?;
                    files.insert(name, content);
                    if files.len() > most {
                        let models = format!("{most} models that answer together");
                        return Err(ArchiveError::TooLarge(models));
                    }
                }
            }
        }
    }
    Ok(files)
}

/// The beginning of a file, if a model may begin so.
fn head(name: &str, entry: &mut impl Read) -> Result<Vec<u8>, ArchiveError> {
    let mut head = Vec::new();
    entry.take(HEAD).read_to_end(&mut head)?;
    if model_file::may_be(&head) {
        return Ok(head);
    }
    Err(ArchiveError::NoModel { name: readable(name), error: ModelFileError::Unknown })
}

/// The rest of a file behind its beginning.
fn content(mut content: Vec<u8>, entry: &mut impl Read) -> io::Result<Vec<u8>> {
    loop {
        let step = (content.len() / GROWTH).max(STEP);
        content.reserve_exact(step);
        if entry.take(step as u64).read_to_end(&mut content)? < step {
            content.shrink_to_fit();
            return Ok(content);
        }
    }
}

/// The name of an entry that the container would try to load; `None` for what it passes over.
fn top_level_file<R: Read>(entry: &Entry<'_, R>) -> Result<Option<String>, ArchiveError> {
    let path = entry.path()?;
    let refused =
        |what| ArchiveError::Refused { name: readable(path.as_os_str().as_encoded_bytes()), what };
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::CurDir => {}
            Component::ParentDir => return Err(refused("outside the archive")),
            Component::RootDir | Component::Prefix(_) => return Err(refused("an absolute path")),
        }
    }
    match entry.header().entry_type() {
        EntryType::Directory | EntryType::XGlobalHeader => return Ok(None),
        EntryType::Regular | EntryType::Continuous => {}
        EntryType::Link | EntryType::Symlink => return Err(refused("a link")),
        _ => return Err(refused("neither a file nor a folder")),
    }
    match names[..] {
        [name] => {
            let name = name.to_str().ok_or_else(|| refused("not named in UTF-8"))?;
            if name.len() > LONGEST_NAME {
                return Err(refused("a name of more than 255 bytes"));
            }
            Ok((!name.starts_with('.')).then(|| name.to_owned()))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use tar::{Builder, Header};

    use super::*;

    const SMALL: Limits = Limits { bytes: 64 * 1024, entries: 4, wanted: Wanted::All(3) };

    /// A `model.tar.gz` of these files.
    pub(crate) fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
        let entries: Vec<_> =
            files.iter().map(|(name, content)| (*name, EntryType::Regular, *content)).collect();
        packed_entries(&entries)
    }

    /// A file whose name takes an entry of its own.
    fn packed_long(name: &str) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = Header::new_gnu();
        header.set_size(2);
        builder.append_data(&mut header, name, &b"{}"[..]).unwrap();
        builder.into_inner().unwrap().finish().unwrap()
    }

    /// Names are written as they are: the `tar` crate would refuse to pack hostile ones.
    fn packed_entries(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, kind, content) in entries {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            if kind.is_symlink() {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn names(archive: &[u8], limits: Limits) -> Result<Vec<String>, String> {
        model_files(&mut &archive[..], limits)
            .map(|files| files.into_keys().collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn only_files_at_the_top_without_a_leading_dot_are_models() {
        let archive = packed(&[
            ("./xgboost-model", b"binf"),
            ("a-model", b"{}"),
            (".hidden", b"h"),
            ("code/inference.py", b"c"),
        ]);
        assert_eq!(names(&archive, SMALL).unwrap(), ["a-model", "xgboost-model"]);
        let first = Limits { wanted: Wanted::First, ..SMALL };
        assert_eq!(names(&archive, first).unwrap(), ["a-model"]);
        let odd = packed(&[("b", b"no model"), ("c", b"{}"), ("a", b"odd"), ("d", b"")]);
        assert_eq!(names(&odd, first).unwrap(), ["a"], "it is told when it is read");
    }

    #[test]
    fn what_no_model_begins_like_is_refused_at_once() {
        let archive = packed(&[("m\nodel", b"hello"), ("z", &vec![0; 80 * 1024])]);
        let told = names(&archive, SMALL).unwrap_err();
        assert_eq!(told, format!("model.tar.gz: `m\\nodel` {}", ModelFileError::Unknown));
        let long = packed_long(&"n".repeat(300));
        assert!(names(&long, SMALL).unwrap_err().contains("more than 255 bytes"));
    }

    #[test]
    fn an_archive_that_never_begins_ends() {
        let empty = GzEncoder::new(Vec::new(), Compression::fast()).finish().unwrap();
        let told = names(&empty.repeat(80 * 1024 / empty.len()), SMALL).unwrap_err();
        assert_eq!(told, "model.tar.gz holds more than 66560 compressed bytes");
    }

    #[test]
    fn what_is_no_plain_file_inside_the_archive_is_refused_by_name() {
        for (name, kind, what) in [
            ("../evil", EntryType::Regular, "outside the archive"),
            ("a/../../evil", EntryType::Regular, "outside the archive"),
            ("/etc/evil", EntryType::Regular, "an absolute path"),
            ("xgboost-model", EntryType::Symlink, "a link"),
            ("xgboost-model", EntryType::Link, "a link"),
            ("tty", EntryType::Char, "neither a file nor a folder"),
            ("pipe", EntryType::Fifo, "neither a file nor a folder"),
        ] {
            let error = names(&packed_entries(&[(name, kind, b"")]), SMALL).unwrap_err();
            assert!(error.contains(&format!("`{name}`")) && error.contains(what), "{error}");
        }
    }

    #[test]
    fn an_archive_over_its_limits_is_refused() {
        let bomb = packed(&[("model", &vec![b' '; 80 * 1024])]);
        assert!(bomb.len() < 4096);
        assert_eq!(
            names(&bomb, SMALL).unwrap_err(),
            "model.tar.gz holds more than 65536 inflated bytes"
        );
        let many = packed(&[("a", b"{"), ("x/b", b""), ("x/c", b""), ("x/d", b""), ("e", b"{")]);
        assert_eq!(names(&many, SMALL).unwrap_err(), "model.tar.gz holds more than 4 entries");
        let models = packed(&[("a", b"{"), ("b", b"{"), ("c", b"{"), ("d", b"{")]);
        assert_eq!(
            names(&models, SMALL).unwrap_err(),
            "model.tar.gz holds more than 3 models that answer together"
        );
    }

    #[test]
    fn what_is_no_archive_or_holds_nothing_says_so() {
        assert!(names(b"not gzip", SMALL).unwrap_err().contains("gzipped tar"));
        let whole = packed(&[("model", &[b'{'; 4000])]);
        assert!(names(&whole[..whole.len() / 2], SMALL).unwrap_err().contains("gzipped tar"));
        assert!(names(&packed(&[(".only", b"")]), SMALL).unwrap_err().contains("no model file"));
    }

    proptest! {
        #[test]
        fn any_inflated_bytes_end_without_a_panic(bytes: Vec<u8>) {
            let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
            io::Write::write_all(&mut gz, &bytes).unwrap();
            let _ = names(&gz.finish().unwrap(), SMALL);
        }
    }
}
