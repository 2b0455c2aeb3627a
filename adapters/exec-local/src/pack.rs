//! Packs a folder into `tar.gz`: the same folder, the same bytes.
//!
//! The folder is what a program left behind, so nothing in it is believed: links are never
//! followed, and one that points out of the folder is left out, because whoever unpacks would
//! follow it. Owners are not kept; modes and times are.

use std::{
    ffi::{CStr, CString, OsStr},
    fs::{self, File},
    io::{self, BufWriter, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Component, Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use platform::workload::Pack;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use tar::{Builder, EntryType, Header};

use crate::{layout::HostFolder, linux::files, records};

/// Folders within folders that are packed; each costs a descriptor while it is read.
pub const DEPTH: usize = 128;

type Archive = Builder<GzEncoder<BufWriter<File>>>;

/// Packs one folder of a host, unless it is empty. Durable when it returns; answers with the links
/// that were left out.
pub fn pack(host: &HostFolder, pack: &Pack) -> io::Result<Vec<PathBuf>> {
    let root = files::folder_below(files::folder(&host.ml())?, Path::new(&pack.folder))?;
    if names(&root)?.is_empty() {
        return Ok(Vec::new());
    }
    let staged = host.archives().join(format!(".{}", pack.archive));
    let packed = write(&staged, &root);
    if packed.is_ok() {
        fs::rename(&staged, host.archives().join(&pack.archive))?;
        records::sync_folder(&host.archives())?;
    } else {
        // What could be written of it would only take room.
        let _ = fs::remove_file(&staged);
    }
    packed
}

fn write(path: &Path, root: &OwnedFd) -> io::Result<Vec<PathBuf>> {
    let file = BufWriter::new(File::create(path)?);
    let mut archive = Builder::new(GzEncoder::new(file, Compression::default()));
    let mut left_out = Vec::new();
    add_folder(&mut archive, root, Path::new(""), &mut left_out)?;
    let file =
        archive.into_inner()?.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_data()?;
    Ok(left_out)
}

fn add_folder(
    archive: &mut Archive,
    folder: &OwnedFd,
    path: &Path,
    left_out: &mut Vec<PathBuf>,
) -> io::Result<()> {
    if path.components().count() > DEPTH {
        return Err(io::Error::other(format!("its folders are nested more than {DEPTH} deep")));
    }
    for name in names(folder)? {
        let path = path.join(OsStr::from_bytes(name.to_bytes()));
        let stat = rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => add_file(archive, folder, &name, &path)?,
            FileType::Directory => {
                let child = open(folder, &name, OFlags::DIRECTORY)?;
                archive.append_data(
                    &mut header(&stat, EntryType::Directory),
                    &path,
                    io::empty(),
                )?;
                add_folder(archive, &child, &path, left_out)?;
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(folder, &name, Vec::new())?;
                let target = Path::new(OsStr::from_bytes(target.to_bytes()));
                if stays_inside(&path, target) {
                    archive.append_link(&mut header(&stat, EntryType::Symlink), &path, target)?;
                } else {
                    left_out.push(path);
                }
            }
            // Sockets, fifos and devices have no contents.
            _ => {}
        }
    }
    Ok(())
}

fn add_file(archive: &mut Archive, folder: &OwnedFd, name: &CStr, path: &Path) -> io::Result<()> {
    let file = File::from(open(folder, name, OFlags::NONBLOCK)?);
    let mut header = header(&rustix::fs::fstat(&file)?, EntryType::Regular);
    let mut contents = file.take(header.size()?);
    archive.append_data(&mut header, path, &mut contents)?;
    if contents.limit() > 0 {
        return Err(io::Error::other(format!("{} shrank while it was packed", path.display())));
    }
    Ok(())
}

/// What a folder holds; sorted, for a folder has no order of its own.
fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = entries(folder)?.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// What a folder holds, read as it is asked for: there may be any number of entries.
pub fn entries(folder: &OwnedFd) -> io::Result<impl Iterator<Item = io::Result<CString>>> {
    let names = Dir::read_from(folder)?.map(|entry| Ok(entry?.file_name().to_owned()));
    Ok(names.filter(|name| {
        !matches!(name.as_ref().map(CString::as_c_str), Ok(name) if name == c"." || name == c"..")
    }))
}

/// An entry of a folder, unless it is a link.
pub fn open(folder: impl AsFd, name: &CStr, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, name, flags, Mode::empty())?)
}

fn header(stat: &Stat, kind: EntryType) -> Header {
    /// Permissions without set-user-id and its like.
    const PERMISSIONS: u32 = 0o777;
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & PERMISSIONS);
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or(0));
    let has_contents = kind == EntryType::Regular;
    header.set_size(if has_contents { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 });
    header
}

/// Whether a link leads inside wherever the folder is unpacked. Going up is believed only before
/// going down: `a/..` is not `.` where `a` is itself a link.
fn stays_inside(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count() - 1;
    let mut went_down = false;
    target.components().all(|component| match component {
        Component::Normal(_) => {
            went_down = true;
            true
        }
        Component::CurDir => true,
        Component::ParentDir if !went_down && depth > 0 => {
            depth -= 1;
            true
        }
        Component::ParentDir | Component::RootDir | Component::Prefix(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, os::unix::fs::symlink};

    use flate2::read::GzDecoder;

    use super::*;

    fn host() -> (tempfile::TempDir, HostFolder) {
        let folder = tempfile::tempdir().unwrap();
        let host = HostFolder::at(folder.path());
        fs::create_dir_all(host.ml().join("model")).unwrap();
        fs::create_dir_all(host.archives()).unwrap();
        (folder, host)
    }

    fn model() -> Pack {
        Pack { folder: "model".into(), archive: "model.tar.gz".into() }
    }

    fn entries(host: &HostFolder) -> BTreeMap<PathBuf, (EntryType, Vec<u8>)> {
        let file = File::open(host.archives().join("model.tar.gz")).unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(file));
        let read = |entry: io::Result<tar::Entry<_>>| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.path().unwrap().into_owned(), (entry.header().entry_type(), bytes))
        };
        archive.entries().unwrap().map(read).collect()
    }

    #[test]
    fn files_folders_and_links_that_stay_inside_are_kept() {
        let (_folder, host) = host();
        let model_folder = host.ml().join("model");
        let long = "n".repeat(200);
        fs::create_dir_all(model_folder.join("a/empty")).unwrap();
        fs::write(model_folder.join("a").join(&long), "deep").unwrap();
        fs::write(model_folder.join(OsStr::from_bytes(b"\xff\n")), "odd").unwrap();
        symlink("../xgboost-model", model_folder.join("a/link")).unwrap();
        fs::write(model_folder.join("xgboost-model"), "trees").unwrap();
        rustix::fs::mknodat(
            files::folder(&model_folder).unwrap(),
            "fifo",
            FileType::Fifo,
            Mode::RWXU,
            0,
        )
        .unwrap();

        assert_eq!(pack(&host, &model()).unwrap(), Vec::<PathBuf>::new());
        let entries = entries(&host);
        let file = |path: &str| entries[Path::new(path)].1.as_slice();
        assert_eq!(file("xgboost-model"), b"trees");
        assert_eq!(file(&format!("a/{long}")), b"deep");
        assert_eq!(entries[Path::new(OsStr::from_bytes(b"\xff\n"))].1, b"odd");
        assert_eq!(entries[Path::new("a/empty")].0, EntryType::Directory);
        assert_eq!(entries[Path::new("a/link")].0, EntryType::Symlink);
        assert_eq!(entries.len(), 6);
    }

    #[test]
    fn of_an_empty_folder_there_is_no_archive() {
        let (_folder, host) = host();
        assert_eq!(pack(&host, &model()).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(fs::read_dir(host.archives()).unwrap().count(), 0);
    }

    #[test]
    fn links_that_lead_out_are_left_out_and_named() {
        let (_folder, host) = host();
        let model_folder = host.ml().join("model");
        fs::create_dir(model_folder.join("a")).unwrap();
        symlink("/etc/passwd", model_folder.join("absolute")).unwrap();
        symlink("../x", model_folder.join("up")).unwrap();
        symlink("b/../../x", model_folder.join("a/through")).unwrap();
        let left_out = pack(&host, &model()).unwrap();
        assert_eq!(left_out, ["a/through", "absolute", "up"].map(PathBuf::from));
        assert_eq!(entries(&host).into_keys().collect::<Vec<_>>(), [Path::new("a")]);
    }

    #[test]
    fn the_same_folder_gives_the_same_bytes() {
        let (_folder, host) = host();
        for name in ["b", "a", "c"] {
            fs::write(host.ml().join("model").join(name), name).unwrap();
        }
        let packed = || {
            pack(&host, &model()).unwrap();
            fs::read(host.archives().join("model.tar.gz")).unwrap()
        };
        assert_eq!(packed(), packed());
    }

    #[test]
    fn a_folder_that_became_a_link_is_not_packed() {
        let (_folder, host) = host();
        fs::remove_dir(host.ml().join("model")).unwrap();
        symlink("/etc", host.ml().join("model")).unwrap();
        assert!(pack(&host, &model()).is_err());
        assert_eq!(fs::read_dir(host.archives()).unwrap().count(), 0);
    }

    #[test]
    fn folders_without_end_are_refused() {
        let (_folder, host) = host();
        let deep = ["d"; DEPTH + 2].join("/");
        fs::create_dir_all(host.ml().join("model").join(deep)).unwrap();
        assert!(pack(&host, &model()).unwrap_err().to_string().contains("128"));
        assert_eq!(fs::read_dir(host.archives()).unwrap().count(), 0);
    }
}
