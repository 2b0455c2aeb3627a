//! A hidden folder beside a file, where that file is made. Whatever lies in it is nobody's: a backup
//! that died left it, and the next one to the same file takes it away.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};

/// Goes away with all that is in it.
pub struct Workshop {
    path: PathBuf,
    _lock: File,
}

impl Workshop {
    /// For making this file.
    pub fn beside(file: &Path) -> Result<Self> {
        let name = file.file_name().context("the file to write has no name")?;
        let path = file.with_file_name(format!(".{}.unfinished", name.to_string_lossy()));
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("cannot make {}", path.display()));
            }
            Ok(()) | Err(_) => {}
        }
        let found = fs::symlink_metadata(&path)?;
        if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
            bail!("{} is somebody else's; remove it", path.display());
        }
        let lock = File::open(&path)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("another backup is being written to {}", file.display());
        }
        for entry in fs::read_dir(&path)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(Self { path, _lock: lock })
    }

    /// The path of something in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A new file in it.
    pub fn make(&self, name: &str) -> Result<File> {
        let path = self.join(name);
        let mut options = OpenOptions::new();
        let made = options.read(true).write(true).create_new(true).mode(0o600).open(&path);
        made.with_context(|| format!("cannot make {}", path.display()))
    }

    /// A copy of a database in it.
    pub fn copy(&self, database: &Path, name: &str) -> Result<PathBuf> {
        let copy = self.join(name);
        store_sql::copy(database, &copy)?;
        Ok(copy)
    }

    /// Gives a file of it, which is on the disk, its name outside, and waits until that is, too.
    pub fn publish(&self, name: &str, file: &Path) -> Result<()> {
        fs::rename(self.join(name), file)
            .with_context(|| format!("cannot write {}", file.display()))?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ok(File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be removed is removed by the next.
        let _ = fs::remove_dir_all(&self.path);
    }
}
