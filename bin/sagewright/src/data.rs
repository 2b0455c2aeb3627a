//! The data folder: what lies where, and who may open it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

/// The version of the folder's layout. A newer one is refused.
const FORMAT: u32 = 1;

/// A file that a folder has as long as it is being restored.
const UNFINISHED: &str = "UNFINISHED";

/// How often a lock is tried, and how long after each other.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// The data folder.
#[derive(Clone, Debug)]
pub struct Data(PathBuf);

/// A running server, as it says of itself in `server.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// `http://127.0.0.1:7243`.
    pub url: String,
    /// Its region.
    pub region: String,
    /// The certificates that clients need.
    pub ca_bundle: PathBuf,
}

/// Keeps others out while it lives.
pub struct Lock(#[expect(dead_code, reason = "the lock is the open file")] File);

impl Data {
    /// The folder that was asked for, or the one of the XDG rules.
    pub fn at(asked: Option<PathBuf>) -> Result<Self> {
        let path = match asked {
            Some(path) => path,
            None => by_xdg_rules().context("neither --data, nor XDG_DATA_HOME, nor HOME is set")?,
        };
        Ok(Self(std::path::absolute(path)?))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Something in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes the folder where there is none, and checks its format. All of it is on the disk when
    /// this returns: what is acknowledged later must not lie in a folder that a power cut takes.
    pub fn prepare(&self) -> Result<()> {
        self.check_whole()?;
        self.lay_out()
    }

    /// Makes what is in a new folder.
    pub fn lay_out(&self) -> Result<()> {
        for folder in ["", "objects", "jobs", "lib", "ca", "keys", "logs", "client"] {
            let path = self.join(folder);
            make_folder(&path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        sync_folder(&self.0)?;
        let format = self.join("FORMAT");
        match fs::read_to_string(&format) {
            // Earlier programs did not wait for the disk: a power cut left the file empty.
            Ok(text) if text.is_empty() => self.say_format(&format),
            Ok(text) => match text.trim().parse::<u32>() {
                Ok(found) if found <= FORMAT => Ok(()),
                _ => bail!(
                    "{} is of format {}, and this program knows {FORMAT}: use a newer sagewright",
                    self.0.display(),
                    text.trim()
                ),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.say_format(&format),
            Err(error) => Err(error).context("the data folder's FORMAT cannot be read"),
        }
    }

    /// Refuses what a restore left that was killed.
    pub fn check_whole(&self) -> Result<()> {
        if self.join(UNFINISHED).try_exists()? {
            let path = self.0.display();
            bail!("{path} is half of a backup: empty it, and restore it again");
        }
        Ok(())
    }

    /// Begins a restore: from now on, and through a power cut, the folder is not whole.
    pub fn begin(&self) -> Result<()> {
        let unfinished = self.join(UNFINISHED);
        make_folder(&self.0)
            .and_then(|()| File::create_new(&unfinished))
            .and_then(|_| sync_folder(&self.0))
            .with_context(|| format!("cannot make {}", unfinished.display()))
    }

    /// Ends it; all that it made must be on the disk.
    pub fn say_whole(&self) -> Result<()> {
        fs::remove_file(self.join(UNFINISHED))?;
        Ok(sync_folder(&self.0)?)
    }

    /// Removes what a restore made, and last what says so.
    pub fn abandon(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if entry.file_name() == UNFINISHED {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        fs::remove_file(self.join(UNFINISHED))
    }

    fn say_format(&self, path: &Path) -> Result<()> {
        write_private(path, format!("{FORMAT}\n").as_bytes())
            .with_context(|| format!("cannot write to {}", self.0.display()))
    }

    /// Takes the folder for this process; `None` where another has it. Somebody who only looks has
    /// it for a moment, so it is tried more than once.
    pub fn lock(&self) -> Result<Option<Lock>> {
        let file = File::create(self.join("lock"))?;
        for _ in 0..TRIES {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Lock(file))),
                Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(BETWEEN_TRIES),
                Err(error) => return Err(error).context("the data folder cannot be locked"),
            }
        }
        Ok(None)
    }

    /// Whether a server has the folder. Looking takes the lock shared, which others who look can
    /// have too.
    fn is_locked(&self) -> Result<bool> {
        let Ok(file) = File::open(self.join("lock")) else { return Ok(false) };
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(error).context("the data folder's lock cannot be looked at"),
        }
    }

    /// The server that runs on this folder.
    pub fn running(&self) -> Result<Option<Running>> {
        if !self.is_locked()? {
            return Ok(None);
        }
        let text = match fs::read_to_string(self.join("server.json")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(serde_json::from_str(&text).ok())
    }

    /// Says where this server is found, in one step.
    pub fn say_running(&self, running: &Running) -> Result<()> {
        write_private(&self.join("server.json"), &serde_json::to_vec(running)?)?;
        Ok(())
    }

    /// Where the command line reaches a running server.
    pub fn control_socket(&self) -> PathBuf {
        self.join("control.sock")
    }
}

fn by_xdg_rules() -> Option<PathBuf> {
    let absolute = |variable| {
        std::env::var_os(variable).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute())
    };
    let base = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    Some(base?.join("sagewright"))
}

/// Makes a folder and those above it; the names of the new ones are on the disk when it returns.
fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().ok_or(io::ErrorKind::NotFound)?;
    make_folder(parent)?;
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => sync_folder(parent),
    }
}

/// Makes the names in a folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let staging = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staging)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&staging, path)?;
    sync_folder(path.parent().unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(place: &tempfile::TempDir) -> Data {
        Data::at(Some(place.path().join("some/where/data"))).unwrap()
    }

    #[test]
    fn a_folder_is_made_with_all_above_it_and_known_again() {
        let place = tempfile::tempdir().unwrap();
        data(&place).prepare().unwrap();
        assert_eq!(fs::read_to_string(data(&place).join("FORMAT")).unwrap(), "1\n");
        data(&place).prepare().unwrap();
    }

    #[test]
    fn a_format_that_a_power_cut_emptied_is_written_again_and_a_newer_one_refused() {
        let place = tempfile::tempdir().unwrap();
        data(&place).prepare().unwrap();
        let format = data(&place).join("FORMAT");
        fs::write(&format, "").unwrap();
        data(&place).prepare().unwrap();
        assert_eq!(fs::read_to_string(&format).unwrap(), "1\n");
        fs::write(&format, "2\n").unwrap();
        let refused = data(&place).prepare().unwrap_err().to_string();
        assert!(refused.contains("use a newer sagewright"), "{refused}");
    }

    #[test]
    fn a_folder_that_is_being_restored_is_none_until_it_is_whole() {
        let place = tempfile::tempdir().unwrap();
        let data = data(&place);
        data.begin().unwrap();
        let refused = data.prepare().unwrap_err().to_string();
        assert!(refused.contains("half of a backup"), "{refused}");
        assert!(data.begin().is_err(), "one at a time");
        data.say_whole().unwrap();
        data.prepare().unwrap();
    }

    #[test]
    fn a_restore_that_is_abandoned_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let data = data(&place);
        data.begin().unwrap();
        data.lay_out().unwrap();
        fs::write(data.join("jobs/x"), "x").unwrap();
        data.abandon().unwrap();
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
    }
}
