//! Takes the model files out of a `model.tar.gz` that anybody may have made.
//!
//! Nothing is written to disk. What inflates beyond [`Limits::bytes`], holds more than
//! [`Limits::entries`] entries, or names anything but plain files and folders inside itself is
//! refused as a whole: whoever made such an archive did not mean a model.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::Component,
};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

/// How much of an archive is accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Inflated bytes of everything in it.
    pub(crate) bytes: u64,
    /// Files and folders.
    pub(crate) entries: usize,
}

impl Limits {
    /// 1 GiB: ten times the largest model of AWS's benchmark axes; 10,000 entries: room for the
    /// folders of code that SDKs pack beside a model.
    pub(crate) const MODEL: Self = Self { bytes: 1 << 30, entries: 10_000 };
}

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
    let mut inflated = MultiGzDecoder::new(archive).take(limits.bytes + 1);
    let read = files(&mut inflated, limits);
    if inflated.limit() == 0 {
        return Err(ArchiveError::TooLarge(format!("{} inflated bytes", limits.bytes)));
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
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            files.insert(name, content);
        }
    }
    Ok(files)
}

/// The name of an entry that the container would try to load; `None` for what it passes over.
fn top_level_file<R: Read>(entry: &Entry<'_, R>) -> Result<Option<String>, ArchiveError> {
    let path = entry.path()?;
    let refused = |what| ArchiveError::Refused { name: path.display().to_string(), what };
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

    const SMALL: Limits = Limits { bytes: 64 * 1024, entries: 4 };

    /// A `model.tar.gz` of these files.
    pub(crate) fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
        let entries: Vec<_> =
            files.iter().map(|(name, content)| (*name, EntryType::Regular, *content)).collect();
        packed_entries(&entries)
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
            ("./xgboost-model", b"b"),
            ("a-model", b"a"),
            (".hidden", b"h"),
            ("code/inference.py", b"c"),
        ]);
        assert_eq!(names(&archive, SMALL).unwrap(), ["a-model", "xgboost-model"]);
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
        let bomb = packed(&[("model", &vec![0; 80 * 1024])]);
        assert!(bomb.len() < 4096);
        assert_eq!(
            names(&bomb, SMALL).unwrap_err(),
            "model.tar.gz holds more than 65536 inflated bytes"
        );
        let many = packed(&[("a", b""), ("b", b""), ("c", b""), ("d", b""), ("e", b"")]);
        assert_eq!(names(&many, SMALL).unwrap_err(), "model.tar.gz holds more than 4 entries");
    }

    #[test]
    fn what_is_no_archive_or_holds_nothing_says_so() {
        assert!(names(b"not gzip", SMALL).unwrap_err().contains("gzipped tar"));
        let whole = packed(&[("model", &[7; 4000])]);
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
