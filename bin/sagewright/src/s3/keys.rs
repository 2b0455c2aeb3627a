//! Between files of a folder and keys of a prefix.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The file for the rest of a key below `folder`; `None` where the key is no path, or would leave
/// the folder: keys are others' words.
pub fn file_of(folder: &Path, rest: &str) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    for name in rest.split('/') {
        if matches!(name, "" | "." | "..") || name.contains('\0') {
            return None;
        }
        path.push(name);
    }
    Some(path)
}

/// A file that was found, and the rest of its key.
pub type Found = (PathBuf, String);

/// Tells of every file below a folder, in the order of their names, or of what cannot be read.
/// Links are followed, but into no folder that the walk is in already. Ends early where `tell` says
/// so.
pub fn walk(folder: &Path, tell: &mut dyn FnMut(Result<Found, (PathBuf, io::Error)>) -> bool) {
    Walk { tell, within: Vec::new() }.folder(folder, "");
}

struct Walk<'a> {
    tell: &'a mut dyn FnMut(Result<Found, (PathBuf, io::Error)>) -> bool,
    /// Device and number of every folder from the first to this one.
    within: Vec<(u64, u64)>,
}

impl Walk<'_> {
    fn folder(&mut self, path: &Path, key: &str) -> bool {
        let entries = match entries(path) {
            Ok((identity, _)) if self.within.contains(&identity) => return true,
            Ok((identity, entries)) => {
                self.within.push(identity);
                entries
            }
            Err(error) => return (self.tell)(Err((path.to_owned(), error))),
        };
        let goes_on = entries.iter().all(|name| self.entry(path, name, key));
        self.within.pop();
        goes_on
    }

    fn entry(&mut self, folder: &Path, name: &std::ffi::OsStr, key: &str) -> bool {
        let path = folder.join(name);
        let kind = fs::metadata(&path).map(|found| (found.is_dir(), found.is_file()));
        match (kind, name.to_str()) {
            (Ok((true, _)), Some(name)) => self.folder(&path, &format!("{key}{name}/")),
            (Ok((_, true)), Some(name)) => (self.tell)(Ok((path, format!("{key}{name}")))),
            (Ok(_), Some(_)) => self.refuse(path, "it is neither a file nor a folder"),
            (Ok(_), None) => self.refuse(path, "its name is no UTF-8, and so no key"),
            (Err(error), _) => (self.tell)(Err((path, error))),
        }
    }

    fn refuse(&mut self, path: PathBuf, why: &str) -> bool {
        (self.tell)(Err((path, io::Error::other(why))))
    }
}

type Entries = ((u64, u64), Vec<std::ffi::OsString>);

fn entries(path: &Path) -> io::Result<Entries> {
    let metadata = fs::metadata(path)?;
    let names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(((metadata.dev(), metadata.ino()), names))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_file_is_found_once_and_a_circle_is_not_walked_round() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("b/c")).unwrap();
        fs::write(at("b/c/2"), "").unwrap();
        fs::write(at("a"), "").unwrap();
        symlink(at("a"), at("link")).unwrap();
        symlink(at("b"), at("b/c/back")).unwrap();
        symlink(at("none"), at("broken")).unwrap();
        let (mut keys, mut failed) = (Vec::new(), Vec::new());
        walk(folder.path(), &mut |found| {
            match found {
                Ok((_, key)) => keys.push(key),
                Err((path, _)) => failed.push(path),
            }
            true
        });
        assert_eq!(keys, ["a", "b/c/2", "link"]);
        assert_eq!(failed, [at("broken")]);
    }

    proptest! {
        #[test]
        fn no_key_leads_out_of_the_folder(key in "[a./\\\\\0 ]{0,12}") {
            if let Some(path) = file_of(Path::new("/folder"), &key) {
                prop_assert_eq!(path.strip_prefix("/folder").unwrap().to_str().unwrap(), key);
            }
        }
    }
}
