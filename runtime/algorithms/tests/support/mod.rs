//! Jobs of one process: the whole of one, without a server.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use algorithms::xgboost::train;
use platform::workload::{Channel, ChannelFile, Channels, Span};
use tempfile::TempDir;

/// The folder with the library, if this run has one.
pub fn lib() -> Option<PathBuf> {
    configured("SAGEWRIGHT_LIB")
}

pub fn configured(name: &str) -> Option<PathBuf> {
    let value = env::var_os(name).map(PathBuf::from);
    if value.is_none() {
        eprintln!("skipped: {name} is not set");
    }
    value
}

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
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("input/config")).unwrap();
        let channel = |(name, form, content): &(&str, &str, &[u8])| {
            channel(folder.path(), name, form, content)
        };
        let channels = Channels { channels: channels.iter().map(channel).collect() };
        fs::write(at(Channels::PATH), serde_json::to_vec(&channels).unwrap()).unwrap();
        // One thread: tests run beside each other.
        let values: BTreeMap<_, _> =
            hyperparameters.iter().copied().chain([("nthread", "1")]).collect();
        fs::write(at("input/config/hyperparameters.json"), serde_json::to_vec(&values).unwrap())
            .unwrap();
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

/// A channel of one object, cut in the middle of a row.
fn channel(folder: &Path, name: &str, form: &str, content: &[u8]) -> Channel {
    let path = folder.join(format!("{name}.blob"));
    fs::write(&path, content).unwrap();
    let half = content.len() as u64 / 2;
    let span = |offset, len| Span::plain(path.clone(), offset, len);
    let spans = vec![span(0, half), span(half, content.len() as u64 - half)];
    Channel {
        name: name.into(),
        content_type: Some(form.into()),
        files: vec![ChannelFile { name: format!("{name}.csv"), spans }],
    }
}
