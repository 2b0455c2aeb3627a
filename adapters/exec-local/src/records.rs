//! What is written down, so that shims, this server and the next one agree.
//!
//! A record appears whole or not at all: written under another name, then renamed. Only what must
//! outlive a power cut is flushed ([`write_durably`]); a machine that went down took its processes
//! with it, so who they were need not be.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use platform::{
    executor::{Ending, Exit, Stop, Unpacked},
    workload::{Limits, Pack, Program, Workload},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use types::{Id, Timestamp};

use crate::linux::identity::Identity;

/// `workload.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// [`Submitted::FORMAT`] of the program that wrote it.
    pub format: u32,
    /// On which start of the machine it was submitted. A later one does not run it any more.
    pub boot: String,
    /// Its id.
    pub id: Id,
    /// For people.
    pub name: String,
    /// What runs.
    pub program: Program,
    /// Where.
    pub hosts: Vec<String>,
    /// All of it, in the order in which later entries win.
    pub environment: Vec<(String, String)>,
    /// What is packed.
    pub packs: Vec<Pack>,
    /// What is held.
    pub limits: Limits,
    /// Whether the program needs keys, which only the server that laid it out can hand over.
    #[serde(default)]
    pub sealed: bool,
}

impl Submitted {
    /// Raised when an older program could misread what is written.
    pub const FORMAT: u32 = 1;

    /// What of `workload` shims and later servers must know.
    pub fn new(workload: &Workload, boot: String, environment: Vec<(String, String)>) -> Self {
        Self {
            format: Self::FORMAT,
            boot,
            id: workload.id,
            name: workload.name.clone(),
            program: workload.program.clone(),
            hosts: workload.hosts.clone(),
            environment,
            packs: workload.packs.clone(),
            limits: workload.limits.clone(),
            sealed: false,
        }
    }
}

/// `shim.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shim {
    /// Which process it is.
    pub identity: Identity,
    /// When it was about to start the program.
    pub started: Timestamp,
}

/// `exit.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How the program ended.
    pub exit: Exit,
    /// When it was started.
    pub started: Timestamp,
    /// When it and all that it started were gone.
    pub at: Timestamp,
    /// The largest process, bytes.
    pub max_resident_bytes: u64,
    /// Of all its processes, microseconds.
    pub cpu_micros: u64,
    /// What could not be kept of it, as a sentence.
    pub trouble: Option<String>,
    /// Its shim was gone, so the server wrote this.
    #[serde(default)]
    pub settled: bool,
    /// It was told to end before it did.
    #[serde(default)]
    pub told: bool,
    /// What could not be packed.
    #[serde(default)]
    pub unpacked: Vec<Unpacked>,
}

impl Ended {
    /// As the port tells it.
    pub fn on(self, host: &str) -> Ending {
        Ending {
            host: host.to_owned(),
            exit: self.exit,
            settled: self.settled,
            told: self.told,
            started: self.started,
            ended: self.at,
            max_resident_bytes: self.max_resident_bytes,
            cpu: Duration::from_micros(self.cpu_micros),
            trouble: self.trouble,
            unpacked: self.unpacked,
        }
    }
}

/// `stop`: the last thing that was asked of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// It may save its work.
    Interrupt,
    /// It may not.
    Kill,
}

impl From<Stop> for Asked {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Interrupt => Self::Interrupt,
            Stop::Kill => Self::Kill,
        }
    }
}

/// Whether a record is there that says nothing: a power cut tore it.
pub fn is_torn(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// Reads a record; `None` where there is none.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a record that a power cut may take.
pub fn write<T: Serialize>(path: &Path, record: &T) -> io::Result<()> {
    let staged = staged(path);
    fs::write(&staged, serde_json::to_vec(record)?)?;
    fs::rename(staged, path)
}

/// Writes a record that is there for good when this returns.
pub fn write_durably<T: Serialize>(path: &Path, record: &T) -> io::Result<()> {
    let staged = staged(path);
    let mut file = File::create(&staged)?;
    file.write_all(&serde_json::to_vec(record)?)?;
    file.sync_data()?;
    fs::rename(staged, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder last.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Drawn anew each time, for two may write the same record at once.
fn staged(path: &Path) -> PathBuf {
    path.with_extension(format!("{}.staged", Id::random()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in folders of running jobs must be read by every later program.
    #[test]
    fn records_of_format_1_are_read() {
        let submitted = r#"{"format":1,"boot":"b","id":"0000000000000000000000000000002a",
            "name":"churn","program":{"built_in":{"arguments":["xgboost-train"]}},
            "hosts":["algo-1"],"environment":[["A","b"]],
            "packs":[{"folder":"model","archive":"model.tar.gz"}],
            "limits":{"memory_bytes":null,"open_files":64,"threads":2}}"#;
        let submitted: Submitted = serde_json::from_str(submitted).unwrap();
        assert_eq!((submitted.id, submitted.limits.threads), (Id::from_bits(42), 2));
        let shim = r#"{"identity":{"pid":7,"start":9,"boot":"b"},"started":5}"#;
        assert_eq!(serde_json::from_str::<Shim>(shim).unwrap().identity.pid, 7);
        let ended = r#"{"exit":{"code":0},"started":1,"at":2,"max_resident_bytes":3,
            "cpu_micros":4,"trouble":null}"#;
        let ended: Ended = serde_json::from_str(ended).unwrap();
        assert_eq!((ended.exit, ended.settled, ended.told), (Exit::Code(0), false, false));
        assert_eq!(ended.unpacked, []);
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stop");
        assert_eq!(read::<Asked>(&path).unwrap(), None);
        write(&path, &Asked::Interrupt).unwrap();
        write_durably(&path, &Asked::Kill).unwrap();
        assert_eq!(read(&path).unwrap(), Some(Asked::Kill));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
