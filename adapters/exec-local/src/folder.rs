//! The files of a program's folder, told and opened while it writes them.
//!
//! The folder is the program's, so nothing in it is believed: links are never followed, and what
//! goes away while it is looked at was never there.

use std::{
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
    pack::{DEPTH, names, open},
};

/// The files below `folder` of the host's `/opt/ml`, by path.
pub fn list(host: &HostFolder, folder: &str) -> Result<Vec<FolderFile>, ExecutorError> {
    let mut files = Vec::new();
    if let Some(root) = root(host, folder)? {
        walk(&root, "", 0, &mut files)?;
    }
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

fn walk(
    folder: &OwnedFd,
    below: &str,
    depth: usize,
    files: &mut Vec<FolderFile>,
) -> Result<(), ExecutorError> {
    let refuse =
        |what: String| Err(ExecutorError::Unsupported(format!("The folder holds {what}.")));
    if depth > DEPTH {
        return refuse(format!("folders that are nested more than {DEPTH} deep"));
    }
    for name in names(folder)? {
        let Ok(text) = name.to_str() else { continue };
        let stat = match rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(io::Error::from(error).into()),
        };
        let path = if below.is_empty() { text.to_owned() } else { format!("{below}/{text}") };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if files.len() == MOST_FILES => {
                return refuse(format!("more than {MOST_FILES} files"));
            }
            FileType::RegularFile => files.push(told(path, &stat)),
            FileType::Directory => match open(folder, &name, OFlags::DIRECTORY) {
                Ok(child) => walk(&child, &path, depth + 1, files)?,
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error.into()),
            },
            _ => {}
        }
    }
    Ok(())
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
