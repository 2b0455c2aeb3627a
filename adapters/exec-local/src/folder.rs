//! The files of a program's folder, told and opened while it writes them.
//!
//! The folder is the program's, so nothing in it is believed: links are never followed, and what
//! goes away while it is looked at was never there.

use std::{
    ffi::{CStr, CString},
    fs::File,
    io,
    os::fd::OwnedFd,
    path::{Component, Path},
    time::UNIX_EPOCH,
};

use platform::{
    executor::{ExecutorError, FolderFile, MOST_FILES},
    parts::PartReader,
    workload::PrivateCopy,
};
use rustix::{
    fs::{AtFlags, FileType, OFlags, Stat},
    io::Errno,
};
use types::Timestamp;

use crate::{
    layout::HostFolder,
    linux::files,
    pack::{DEPTH, entries, open},
};

/// The most entries of any kind that are looked through: folders and links cost a look as files do.
/// Where each of the most files that are told lies three folders deep by itself, there are so many.
const MOST_ENTRIES: usize = 4 * MOST_FILES;

/// The files below `folder` of the host's `/opt/ml`, by path.
pub fn list(host: &HostFolder, folder: &str) -> Result<Vec<FolderFile>, ExecutorError> {
    let Some(root) = root(host, folder)? else { return Ok(Vec::new()) };
    let mut walk = Walk { left: MOST_ENTRIES, files: Vec::new() };
    walk.through(&root, "", 0)?;
    let Walk { mut files, .. } = walk;
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Opens a file below `folder`, if there is one.
pub fn open_file(host: &HostFolder, folder: &str, path: &str) -> io::Result<Option<File>> {
    match root(host, folder)? {
        Some(root) => files::file_below(root, Path::new(path)),
        None => Ok(None),
    }
}

/// Gives a program its copy of an object.
pub fn place(ml: &Path, copy: &PrivateCopy) -> io::Result<()> {
    let path = ml.join(&copy.path);
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    let mut file = File::create_new(path)?;
    io::copy(&mut PartReader::new(copy.parts.clone()), &mut file)?;
    file.set_modified(UNIX_EPOCH + copy.modified.since(Timestamp::from_micros(0)))
}

/// `None` where there is no such folder, whatever stands in its place.
fn root(host: &HostFolder, folder: &str) -> io::Result<Option<OwnedFd>> {
    let folder = Path::new(folder);
    let is_below = |component| matches!(component, Component::Normal(_));
    if folder.as_os_str().is_empty() || !folder.components().all(is_below) {
        return Ok(None);
    }
    match files::folder_below(files::folder(&host.ml())?, folder) {
        Ok(root) => Ok(Some(root)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A way through a folder and its folders.
struct Walk {
    /// How many entries may still be met.
    left: usize,
    /// The files that were met.
    files: Vec<FolderFile>,
}

impl Walk {
    fn through(
        &mut self,
        folder: &OwnedFd,
        below: &str,
        depth: usize,
    ) -> Result<(), ExecutorError> {
        if depth > DEPTH {
            return refuse(&format!("folders that are nested more than {DEPTH} deep"));
        }
        for name in self.names(folder)? {
            let Ok(text) = name.to_str() else { continue };
            let path = if below.is_empty() { text.to_owned() } else { format!("{below}/{text}") };
            match rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => self.meet(folder, &name, path, &stat, depth)?,
                Err(Errno::NOENT) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
        Ok(())
    }

    /// The names in a folder, unless they are too many.
    fn names(&mut self, folder: &OwnedFd) -> Result<Vec<CString>, ExecutorError> {
        let names = entries(folder)?.take(self.left + 1).collect::<io::Result<Vec<_>>>()?;
        match self.left.checked_sub(names.len()) {
            Some(left) => self.left = left,
            None => return refuse(&format!("more than {MOST_ENTRIES} entries")),
        }
        Ok(names)
    }

    fn meet(
        &mut self,
        folder: &OwnedFd,
        name: &CStr,
        path: String,
        stat: &Stat,
        depth: usize,
    ) -> Result<(), ExecutorError> {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if self.files.len() == MOST_FILES => {
                return refuse(&format!("more than {MOST_FILES} files"));
            }
            FileType::RegularFile => self.files.push(told(path, stat)),
            FileType::Directory => match open(folder, name, OFlags::DIRECTORY) {
                Ok(child) => self.through(&child, &path, depth + 1)?,
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error.into()),
            },
            _ => {}
        }
        Ok(())
    }
}

fn refuse<T>(what: &str) -> Result<T, ExecutorError> {
    Err(ExecutorError::Unsupported(format!("The folder holds {what}.")))
}

/// A file that was replaced by renaming has another inode; one that was written another time of
/// change, which no program can set.
fn told(path: String, stat: &Stat) -> FolderFile {
    let beyond = i64::try_from(stat.st_mtime_nsec / 1_000).unwrap_or(0);
    let micros = stat.st_mtime.saturating_mul(1_000_000).saturating_add(beyond);
    FolderFile {
        path,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: Timestamp::from_micros(micros),
        version: format!("{:x}-{:x}-{:x}", stat.st_ino, stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// Whether nothing is there that could be looked into: a program may have removed its folder, or
/// put a file or a link in its place.
fn is_gone(error: &io::Error) -> bool {
    let gone = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::XDEV];
    gone.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    /// A host whose folder `checkpoints` was filled so.
    fn host(fill: impl Fn(&Path)) -> (tempfile::TempDir, HostFolder) {
        let folder = tempfile::tempdir().unwrap();
        let host = HostFolder::at(folder.path());
        let checkpoints = host.ml().join("checkpoints");
        fs::create_dir_all(&checkpoints).unwrap();
        fill(&checkpoints);
        (folder, host)
    }

    #[test]
    fn what_is_no_file_counts_too() {
        let (_folder, host) = host(|checkpoints| {
            fs::create_dir(checkpoints.join("deep")).unwrap();
            fs::write(checkpoints.join("file"), "1").unwrap();
            for name in ["one", "two"] {
                symlink("nowhere", checkpoints.join("deep").join(name)).unwrap();
            }
        });
        let root = root(&host, "checkpoints").unwrap().unwrap();
        let walk = |left| {
            let mut walk = Walk { left, files: Vec::new() };
            walk.through(&root, "", 0).map(|()| walk.files.len())
        };
        assert_eq!(walk(4).unwrap(), 1);
        for too_few in 0..4 {
            assert!(matches!(walk(too_few), Err(ExecutorError::Unsupported(_))), "{too_few}");
        }
    }

    #[test]
    fn folders_without_end_are_refused() {
        let (_folder, host) = host(|checkpoints| {
            fs::create_dir_all(checkpoints.join(["d"; DEPTH + 2].join("/"))).unwrap();
        });
        let refused = list(&host, "checkpoints").unwrap_err();
        assert!(refused.to_string().contains("nested"), "{refused}");
    }
}
