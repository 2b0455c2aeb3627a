//! What a backup consists of. Nothing else is taken from an archive: a path that is not one of these
//! is refused, so none can lead out of the folder.

use types::Id;

/// Settings, accounts and keys are small: more than any of them has, bytes.
const SMALL: u64 = 64 << 20;

/// What a backup says of itself is a line, bytes.
const LINE: u64 = 4_096;

/// The longest name of a key's file, bytes.
const LONGEST: usize = 64;

/// Folders of secrets.
pub const SECRETS: [&str; 2] = ["keys", "ca"];

/// A member of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// What the backup is. The first one.
    About,
    /// The control plane's database.
    Meta,
    /// The object index.
    Index,
    /// A blob of objects, where `blobs::Folder` keeps it.
    Blob(Id),
    /// The settings' file.
    Settings,
    /// A file of [`SECRETS`]: which of them, and its name.
    Secret(&'static str, String),
    /// The checksums of all others. The last one.
    Manifest,
}

impl Member {
    /// Where it lies, in the archive and in the data folder.
    pub fn path(&self) -> String {
        match self {
            Self::About => "BACKUP".to_owned(),
            Self::Meta => "meta.db".to_owned(),
            Self::Index => "objects/index.db".to_owned(),
            Self::Blob(id) => format!("objects/blobs/{}/{id}", &id.to_string()[..2]),
            Self::Settings => "sagewright.toml".to_owned(),
            Self::Secret(folder, name) => format!("{folder}/{name}"),
            Self::Manifest => "MANIFEST".to_owned(),
        }
    }

    /// The member at this path, and only if it is written as [`Self::path`] writes it.
    pub fn at(path: &str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let secrets = || SECRETS.into_iter().find(|secrets| *secrets == folder);
        let member = match (folder, name) {
            ("", "BACKUP") => Self::About,
            ("", "meta.db") => Self::Meta,
            ("objects", "index.db") => Self::Index,
            ("", "sagewright.toml") => Self::Settings,
            ("", "MANIFEST") => Self::Manifest,
            _ if is_plain(name) && secrets().is_some() => Self::Secret(secrets()?, name.to_owned()),
            _ => Self::Blob(name.parse().ok()?),
        };
        (member.path() == path).then_some(member)
    }

    /// The most bytes that it may have, where that is known.
    pub fn limit(&self) -> Option<u64> {
        match self {
            Self::About => Some(LINE),
            Self::Settings | Self::Secret(..) => Some(SMALL),
            Self::Meta | Self::Index | Self::Blob(_) | Self::Manifest => None,
        }
    }

    /// The mode of its file: blobs are never written again.
    pub fn mode(&self) -> u32 {
        match self {
            Self::Blob(_) => 0o400,
            Self::About
            | Self::Meta
            | Self::Index
            | Self::Settings
            | Self::Secret(..)
            | Self::Manifest => 0o600,
        }
    }
}

/// Whether a file of secrets may be called so.
pub fn is_plain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = (1..=LONGEST).contains(&name.len()) && name.bytes().all(allowed);
    fits && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_member_is_found_where_it_lies() {
        let blob = Member::Blob(Id::random());
        let key = Member::Secret("keys", "master.key".to_owned());
        let (about, manifest) = (Member::About, Member::Manifest);
        for member in [about, Member::Meta, Member::Index, blob, Member::Settings, key, manifest] {
            assert_eq!(Member::at(&member.path()), Some(member));
        }
    }

    #[test]
    fn nothing_else_is_a_member() {
        let blob = "0123456789abcdef0123456789abcdef";
        for path in [
            "",
            "/meta.db",
            "./meta.db",
            "../meta.db",
            "meta.db/",
            "keys/../meta.db",
            "keys/..",
            "keys/.hidden",
            "keys/a/b",
            "keys/a\0b",
            "control.sock",
            "UNFINISHED",
            "FORMAT",
            "jobs/x",
            "objects/BLOBS",
            "objects/blobs/02/0123456789abcdef0123456789abcdef",
            "objects/blobs/01/0123456789ABCDEF0123456789ABCDEF",
            blob,
        ] {
            assert_eq!(Member::at(path), None, "{path}");
        }
        assert!(Member::at(&format!("objects/blobs/01/{blob}")).is_some());
    }

    proptest! {
        #[test]
        fn no_path_leads_out_of_the_folder(path in "((keys|ca|objects|blobs|\\.\\.|\\.|[a-z])/?){0,6}") {
            if let Some(member) = Member::at(&path) {
                prop_assert!(path.split('/').all(|step| !["", ".", ".."].contains(&step)));
                prop_assert_eq!(member.path(), path);
            }
        }

        #[test]
        fn no_bytes_are_too_strange_to_be_looked_at(path: String) {
            prop_assert!(Member::at(&path).is_none_or(|member| member.path() == path));
        }
    }
}
