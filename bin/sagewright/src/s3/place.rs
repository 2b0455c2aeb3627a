//! What `SRC` and `DST` name: a file or a folder here, or objects of a bucket.

use std::{
    ffi::OsStr,
    fmt,
    path::{Component, MAIN_SEPARATOR, Path, PathBuf},
};

const SCHEME: &str = "s3://";

/// An object, or all whose keys begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The bucket's name.
    pub bucket: String,
    /// The key or the prefix; empty for the whole bucket.
    pub key: String,
}

/// A file or a folder, shown as seen from the working folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local(pub PathBuf);

/// One end of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Here.
    Local(Local),
    /// In a bucket.
    Remote(Object),
}

impl Place {
    /// Reads an argument.
    pub fn read(argument: &OsStr) -> Result<Self, String> {
        match argument.to_str() {
            Some(text) if text.starts_with(SCHEME) => Object::read(text).map(Self::Remote),
            _ if argument.is_empty() => Err("a path must not be empty".to_owned()),
            _ => Ok(Self::Local(Local(argument.into()))),
        }
    }
}

impl Object {
    /// Reads `s3://bucket/key`; the key may be missing.
    pub fn read(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix(SCHEME).unwrap_or_default();
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(format!("{text:?} is not s3://BUCKET or s3://BUCKET/KEY"));
        }
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// Another of the same bucket.
    pub fn with_key(&self, key: String) -> Self {
        Self { bucket: self.bucket.clone(), key }
    }

    /// The key as a folder, which is what a recursive command is about: `a` does not mean `ab`.
    pub fn as_folder(&self) -> Self {
        let slash = if self.key.is_empty() || self.key.ends_with('/') { "" } else { "/" };
        self.with_key(format!("{}{slash}", self.key))
    }

    /// Where something called `name` goes: below it where it is a folder, else here.
    pub fn receive(&self, name: &str) -> Self {
        let folder = self.key.is_empty() || self.key.ends_with('/');
        if folder { self.with_key(format!("{}{name}", self.key)) } else { self.clone() }
    }

    /// The last component of the key.
    pub fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.key)
    }
}

impl Local {
    /// Where something called `name` goes: into it where it is a folder, else here.
    pub fn receive(&self, name: &str) -> Self {
        let text = self.0.to_string_lossy();
        let folder = text.ends_with(MAIN_SEPARATOR) || self.0.is_dir();
        if folder { Self(self.0.join(name)) } else { self.clone() }
    }
}

impl fmt::Display for Local {
    /// As the AWS command line shows it: relative, and never a bare name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = std::path::absolute(&self.0).unwrap_or_else(|_| self.0.clone());
        let here = std::env::current_dir().unwrap_or_default();
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return write!(f, "{}", path.display());
        };
        write!(f, "{}", relative(&cleaned(folder), &here).join(name).display())
    }
}

/// `path` as seen from `from`; both absolute.
fn relative(path: &Path, from: &Path) -> PathBuf {
    let shared = path.components().zip(from.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    let down = path.components().skip(shared);
    let relative: PathBuf = up.chain(down).collect();
    if relative.as_os_str().is_empty() { ".".into() } else { relative }
}

/// Without `..`, by its text alone.
fn cleaned(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(clean.pop()),
            other => clean.push(other),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_is_an_object_where_it_says_so() {
        let object = |bucket: &str, key: &str| {
            Place::Remote(Object { bucket: bucket.into(), key: key.into() })
        };
        let read = |text: &str| Place::read(OsStr::new(text));
        assert_eq!(read("s3://b").unwrap(), object("b", ""));
        assert_eq!(read("s3://b/a//../x y").unwrap(), object("b", "a//../x y"));
        assert_eq!(read("b/s3://x").unwrap(), Place::Local(Local("b/s3://x".into())));
        assert!(read("s3:///key").is_err() && read("s3://").is_err() && read("").is_err());
    }

    #[test]
    fn a_recursive_command_is_about_a_folder() {
        let folder = |text: &str| Object::read(text).unwrap().as_folder().to_string();
        assert_eq!(folder("s3://b/a"), "s3://b/a/");
        assert_eq!(folder("s3://b/a/"), "s3://b/a/");
        assert_eq!(folder("s3://b"), "s3://b/");
    }

    #[test]
    fn a_target_that_is_a_folder_takes_the_name_of_what_comes() {
        let target = |text: &str| Object::read(text).unwrap().receive("f").to_string();
        assert_eq!(target("s3://b"), "s3://b/f");
        assert_eq!(target("s3://b/a/"), "s3://b/a/f");
        assert_eq!(target("s3://b/a"), "s3://b/a");
        assert_eq!(Local("none/".into()).receive("f").0, Path::new("none/f"));
        assert_eq!(Local("none".into()).receive("f").0, Path::new("none"));
        assert_eq!(Local(".".into()).receive("f").0, Path::new("./f"));
    }

    #[test]
    fn a_path_is_shown_as_seen_from_here() {
        let seen = |path: &str| relative(Path::new(path), Path::new("/home/ada"));
        assert_eq!(seen("/home/ada"), Path::new("."));
        assert_eq!(seen("/home/ada/x"), Path::new("x"));
        assert_eq!(seen("/tmp"), Path::new("../../tmp"));
        assert_eq!(cleaned(Path::new("/a/b/../c/.")), Path::new("/a/c"));
    }

    proptest! {
        #[test]
        fn no_argument_breaks_the_reader(text in "(s3://)?.{0,20}") {
            if let Ok(Place::Remote(object)) = Place::read(OsStr::new(&text)) {
                prop_assert!(!object.bucket.is_empty() && !object.bucket.contains('/'));
                prop_assert_eq!(Object::read(&object.to_string()), Ok(object));
            }
        }
    }
}
