//! Jobs of one process: the whole of one, without a server.

mod layout;

use std::{
    fs,
    path::{Path, PathBuf},
};

use algorithms::xgboost::train;
use tempfile::TempDir;

use layout::{Declared, lib, write_job};

/// One job's `/opt/ml`.
pub struct Job {
    pub folder: TempDir,
    pub log: String,
    pub status: i32,
}

impl Job {
    /// On channels of one object each: name, content type, bytes.
    pub fn on(
        tag: &str,
        hyperparameters: &[(&str, &str)],
        channels: &[(&str, &str, &[u8])],
    ) -> Option<Self> {
        Self::reading("", tag, hyperparameters, channels)
    }

    /// The same, with numbers in text read in this way.
    pub fn reading(
        numbers: &str,
        tag: &str,
        hyperparameters: &[(&str, &str)],
        channels: &[(&str, &str, &[u8])],
    ) -> Option<Self> {
        Self::prepared(numbers, tag, hyperparameters, channels, |_| ())
    }

    /// The same, where more lies in its `/opt/ml`.
    pub fn prepared(
        numbers: &str,
        tag: &str,
        hyperparameters: &[(&str, &str)],
        channels: &[(&str, &str, &[u8])],
        prepare: impl FnOnce(&Path),
    ) -> Option<Self> {
        let lib = lib()?;
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        // One thread: tests run beside each other.
        let hyperparameters: Vec<_> =
            hyperparameters.iter().copied().chain([("nthread", "1")]).collect();
        let declared: Vec<_> = channels
            .iter()
            .map(|(name, content_type, content)| Declared {
                name,
                content_type,
                distribution: "FullyReplicated",
                content: Some(content),
            })
            .collect();
        write_job(folder.path(), &hyperparameters, &declared);
        let mut log = Vec::new();
        let status = train::run_reading(numbers, tag, folder.path(), &lib, &mut log);
        Some(Self { folder, log: String::from_utf8(log).unwrap(), status })
    }

    pub fn model(&self) -> PathBuf {
        assert_eq!(self.status, 0, "{}", self.log);
        self.folder.path().join("model/xgboost-model")
    }

    pub fn failure(&self) -> String {
        assert_eq!(self.status, 1, "{}", self.log);
        fs::read_to_string(self.folder.path().join("output/failure")).unwrap()
    }

    /// A metric's column, as printed.
    pub fn printed(&self, name: &str) -> Vec<String> {
        let field = |line: &str| {
            line.split('\t')
                .find_map(|field| field.strip_prefix(&format!("{name}:")).map(str::to_owned))
        };
        self.log.lines().filter_map(field).collect()
    }
}
