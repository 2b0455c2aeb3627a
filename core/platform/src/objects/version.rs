//! Versions of keys: how they are named, and what a delete makes of them.

use std::{fmt, num::ParseIntError, str::FromStr};

use types::Timestamp;

use super::{ObjectError, ObjectInfo};

/// What S3 calls the version that a bucket without versions keeps.
const NULL: &str = "null";

/// Hexadecimal digits of a numbered version.
const DIGITS: usize = 16;

/// Which of a key's versions. Of one key, a later version has the greater number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The one that is written where versions are not kept (any more).
    Null,
    /// One that was kept.
    Numbered(u64),
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str(NULL),
            Self::Numbered(number) => write!(f, "{number:0DIGITS$x}"),
        }
    }
}

/// The text names no version that there could be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version's id")]
pub struct NotAVersion(#[source] Option<ParseIntError>);

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match text {
            NULL => Ok(Self::Null),
            digits if digits.len() == DIGITS && digits.bytes().all(digit) => {
                let number = u64::from_str_radix(digits, 16);
                number.map(Self::Numbered).map_err(|error| NotAVersion(Some(error)))
            }
            _ => Err(NotAVersion(None)),
        }
    }
}

/// An object, or one of its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectName<'a> {
    /// The bucket's name.
    pub bucket: &'a str,
    /// The key, UTF-8.
    pub key: &'a str,
    /// Which version; the current one where there is none.
    pub version: Option<Version>,
}

impl<'a> ObjectName<'a> {
    /// The current version of a key.
    #[must_use]
    pub const fn current(bucket: &'a str, key: &'a str) -> Self {
        Self { bucket, key, version: None }
    }
}

/// What stands in an object's place: it was removed, and earlier versions are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The key.
    pub key: String,
    /// The marker's own version.
    pub version: Version,
    /// When it was made.
    pub modified: Timestamp,
}

/// What a delete did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The version that was removed or, for a marker, made; `None` where the bucket has no
    /// versions.
    pub version: Option<Version>,
    /// Whether that version is a delete marker.
    pub marker: bool,
}

/// On what a delete depends. What is not there fits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteIf {
    /// ETags without quotes, apart by commas, or `*`.
    pub etag: Option<String>,
    /// When it was made, to the second.
    pub modified: Option<Timestamp>,
    /// Bytes.
    pub size: Option<u64>,
}

impl DeleteIf {
    /// Whether what is there is what was expected.
    #[must_use]
    pub fn holds(&self, etag: &str, modified: Timestamp, size: u64) -> bool {
        let named = |list: &String| list == "*" || list.split(',').any(|one| one.trim() == etag);
        let second = |time: Timestamp| time.micros().div_euclid(1_000_000);
        self.etag.as_ref().is_none_or(named)
            && self.modified.is_none_or(|wanted| second(wanted) == second(modified))
            && self.size.is_none_or(|wanted| wanted == size)
    }
}

/// Which versions to list.
#[derive(Clone, Debug, Default)]
pub struct ListVersions {
    /// The bucket's name.
    pub bucket: String,
    /// Only keys that begin with this.
    pub prefix: String,
    /// Folds what follows the prefix up to it into one common prefix.
    pub delimiter: Option<String>,
    /// Only what comes after this key, or after this version of it.
    pub after: Option<(String, Option<Version>)>,
    /// At most so many versions and common prefixes.
    pub limit: usize,
}

/// One version of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// An object.
    Object(Box<ObjectInfo>),
    /// A delete marker.
    Marker(Marker),
}

impl Kept {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Object(info) => &info.key,
            Self::Marker(marker) => &marker.key,
        }
    }

    /// Which version it is.
    #[must_use]
    pub fn version(&self) -> Version {
        match self {
            Self::Object(info) => info.version.unwrap_or(Version::Null),
            Self::Marker(marker) => marker.version,
        }
    }

    /// When it was made.
    #[must_use]
    pub fn modified(&self) -> Timestamp {
        match self {
            Self::Object(info) => info.modified,
            Self::Marker(marker) => marker.modified,
        }
    }
}

/// A page of versions: by key in binary order, the newest of a key first.
#[derive(Clone, Debug, Default)]
pub struct VersionListing {
    /// Each with whether it is the current one.
    pub versions: Vec<(Kept, bool)>,
    /// Common prefixes.
    pub prefixes: Vec<String>,
    /// Whether there is more after [`VersionListing::last`].
    pub truncated: bool,
    /// The last key with its version, or the last common prefix, of the page.
    pub last: Option<(String, Option<Version>)>,
}

impl Marker {
    /// The refusal of a read that met it: `asked` where it was asked for by its version.
    #[must_use]
    pub fn refusal(self, asked: bool) -> ObjectError {
        let Self { key, version, modified } = self;
        if asked {
            ObjectError::IsMarker { version, modified }
        } else {
            ObjectError::Removed { key, version }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "NULL", "1", "000000000000000G", "+000000000000001", "000000000000000A"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
        assert_eq!("null".parse(), Ok(Version::Null));
    }

    #[test]
    fn a_delete_compares_times_to_the_second() {
        let at = |micros| Some(Timestamp::from_micros(micros));
        let when = |modified| DeleteIf { modified, ..DeleteIf::default() };
        let made = Timestamp::from_micros(5_700_000);
        assert!(when(at(5_000_000)).holds("e", made, 1));
        assert!(!when(at(6_000_000)).holds("e", made, 1));
        let etag = |etag: &str| DeleteIf { etag: Some(etag.to_owned()), ..DeleteIf::default() };
        assert!(etag("*").holds("e", made, 1) && etag("x,e").holds("e", made, 1));
        assert!(!etag("x").holds("e", made, 1));
    }

    proptest! {
        #[test]
        fn a_version_is_read_back_and_sorts_as_its_number(one: u64, two: u64) {
            let (first, second) = (Version::Numbered(one), Version::Numbered(two));
            prop_assert_eq!(first.to_string().parse(), Ok(first));
            prop_assert_eq!(first.to_string().cmp(&second.to_string()), one.cmp(&two));
        }
    }
}
