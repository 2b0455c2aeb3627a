//! Where a library lies while it is fetched: a folder that its process holds a lock on.
//!
//! A job may be killed while it fetches, and then nothing of its own removes the folder. So the lock
//! tells a folder that is in use from one that was left, and who comes next removes the latter.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use tempfile::TempDir;

/// What the folders are called, before a name drawn at random.
const PREFIX: &str = ".staging-";

/// A folder of this process's own, removed with it.
pub struct Staging {
    folder: TempDir,
    /// Let go of once the folder is gone.
    _held: File,
}

impl Staging {
    /// A new one below `lib`.
    pub fn below(lib: &Path) -> io::Result<Self> {
        // Nobody sweeps between the folder's making and its lock.
        let alone = locked(lib)?;
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(lib)?;
        let held = locked(folder.path())?;
        drop(alone);
        Ok(Self { folder, _held: held })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the folders below `lib` that no process holds. What cannot be removed is left.
pub fn sweep(lib: &Path) -> io::Result<()> {
    let _alone = locked(lib)?;
    for entry in fs::read_dir(lib)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let folder = File::open(entry.path());
        if folder.is_ok_and(|folder| folder.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn locked(folder: &Path) -> io::Result<File> {
    let folder = File::open(folder)?;
    folder.lock()?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_another_uses_is_not() {
        let lib = tempfile::tempdir().unwrap();
        let left = lib.path().join(".staging-left");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("half.whl"), "half").unwrap();
        fs::create_dir(lib.path().join("xgboost-3.2.0")).unwrap();
        let used = Staging::below(lib.path()).unwrap();
        sweep(lib.path()).unwrap();
        assert!(!left.exists());
        assert!(used.path().exists());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
        assert!(lib.path().join("xgboost-3.2.0").exists());
    }
}
