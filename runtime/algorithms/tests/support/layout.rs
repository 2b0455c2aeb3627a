//! What an executor lays out for a job's program.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use platform::workload::{Channel, ChannelFile, Channels, Span};

/// The folder with the library, if this run has one.
pub fn lib() -> Option<PathBuf> {
    let value = env::var_os("SAGEWRIGHT_LIB").map(PathBuf::from);
    if value.is_none() {
        eprintln!("skipped: SAGEWRIGHT_LIB is not set");
    }
    value
}

/// A channel of one object, or of none.
pub struct Declared<'a> {
    pub name: &'a str,
    pub content_type: &'a str,
    pub distribution: &'a str,
    pub content: Option<&'a [u8]>,
}

/// What an executor lays out for a program.
pub fn write_job(opt_ml: &Path, hyperparameters: &[(&str, &str)], channels: &[Declared<'_>]) {
    fs::create_dir_all(opt_ml.join("input/config")).unwrap();
    let write = |path: &str, json: Vec<u8>| fs::write(opt_ml.join(path), json).unwrap();
    let values: BTreeMap<_, _> = hyperparameters.iter().copied().collect();
    write("input/config/hyperparameters.json", serde_json::to_vec(&values).unwrap());
    let config = |channel: &Declared<'_>| {
        let config = BTreeMap::from([
            ("ContentType", channel.content_type),
            ("TrainingInputMode", "File"),
            ("S3DistributionType", channel.distribution),
        ]);
        (channel.name.to_owned(), config.into_iter().map(|(a, b)| (a.into(), b.into())).collect())
    };
    let config: BTreeMap<String, BTreeMap<String, String>> = channels.iter().map(config).collect();
    write("input/config/inputdataconfig.json", serde_json::to_vec(&config).unwrap());
    let channels = channels.iter().map(|declared| channel(opt_ml, declared)).collect();
    write(Channels::PATH, serde_json::to_vec(&Channels { channels }).unwrap());
}

/// Its object is cut in the middle of a row.
fn channel(folder: &Path, declared: &Declared<'_>) -> Channel {
    let Declared { name, content_type, content, .. } = declared;
    let file = |content: &[u8]| {
        let path = folder.join(format!("{name}.blob"));
        fs::write(&path, content).unwrap();
        let half = content.len() as u64 / 2;
        let span = |offset, len| Span::plain(path.clone(), offset, len);
        let spans = vec![span(0, half), span(half, content.len() as u64 - half)];
        ChannelFile { name: format!("{name}.csv"), spans, gzip: false }
    };
    Channel {
        name: (*name).into(),
        content_type: Some((*content_type).into()),
        files: content.map(file).into_iter().collect(),
    }
}
