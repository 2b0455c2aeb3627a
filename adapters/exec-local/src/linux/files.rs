//! Opening, linking and copying without being led astray by links.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::FileExt,
    },
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, ResolveFlags},
    io::Errno,
};

/// Bytes that one step of a copy moves.
const COPY_STEP: usize = 1 << 20;

/// Opens a folder that we made ourselves.
pub fn folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// Opens `path` below `root` without following a single link.
pub fn folder_below(root: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    Ok(open_below(root, path, OFlags::DIRECTORY)?)
}

/// Opens a regular file below `root` without following a single link. `None` where there is none,
/// whatever stands in its place.
pub fn file_below(root: impl AsFd, path: &Path) -> io::Result<Option<File>> {
    // Without NONBLOCK, opening a fifo would wait for its other end.
    let opened = match open_below(root, path, OFlags::NONBLOCK) {
        Ok(opened) => opened,
        Err(
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::LOOP
            | Errno::XDEV
            | Errno::INVAL
            | Errno::NAMETOOLONG
            | Errno::NXIO,
        ) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let is_file =
        FileType::from_raw_mode(rustix::fs::fstat(&opened)?.st_mode) == FileType::RegularFile;
    Ok(is_file.then(|| File::from(opened)))
}

fn open_below(root: impl AsFd, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(root, path, flags, Mode::empty(), resolve)
}

/// Renames, unless the new name is taken: `false` then.
pub fn rename_if_free(from: &Path, to: &Path) -> io::Result<bool> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST | Errno::NOTEMPTY) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Gives an open file a second name. `false` where that cannot be: it lies on another file system,
/// or has lost its last name.
pub fn link(file: &File, name: &Path) -> io::Result<bool> {
    let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
    match rustix::fs::linkat(CWD, opened, CWD, name, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT | Errno::XDEV | Errno::PERM | Errno::MLINK | Errno::OPNOTSUPP) => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Copies `len` bytes from `offset` of `from` to the end of `to`, inside the kernel where it can.
/// The position of `from`, which others may share, is not moved.
pub fn copy(from: &File, offset: u64, len: u64, to: &mut File) -> io::Result<()> {
    let (mut at, end) = (offset, offset.saturating_add(len));
    while at < end {
        let step = usize::try_from(end - at).unwrap_or(COPY_STEP).min(COPY_STEP);
        match rustix::fs::copy_file_range(from, Some(&mut at), &*to, None, step) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                return copy_through_memory(from, at, end, to);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn copy_through_memory(from: &File, mut at: u64, end: u64, to: &mut File) -> io::Result<()> {
    let mut buffer = vec![0; COPY_STEP];
    while at < end {
        let step = usize::try_from(end - at).unwrap_or(COPY_STEP).min(COPY_STEP);
        from.read_exact_at(&mut buffer[..step], at)?;
        io::Write::write_all(to, &buffer[..step])?;
        at += step as u64;
    }
    Ok(())
}
