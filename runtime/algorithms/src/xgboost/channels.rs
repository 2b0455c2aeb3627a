//! The channels of a job: which there may be, and what may be in them.
//!
//! What a channel is comes from `inputdataconfig.json`, as in the container; where its files lie is
//! ours (`channels.json`). They are read in place in every input mode: a mode only decides what the
//! version's container would have refused.

use std::{fs, io, iter, path::Path};

use platform::workload::{Channel, Channels};
use serde_json::{Map, Value};

use super::{era::Era, failure::Failure, input::Format, python};

/// Every content type that the container knows, in its own order; no other spelling is one.
const ACCEPTED: [(&str, Format); 9] = [
    ("csv", Format::Csv),
    ("libsvm", Format::Libsvm),
    ("parquet", Format::Parquet),
    ("recordio-protobuf", Format::RecordIo),
    ("text/csv", Format::Csv),
    ("text/libsvm", Format::Libsvm),
    ("text/x-libsvm", Format::Libsvm),
    ("application/x-parquet", Format::Parquet),
    ("application/x-recordio-protobuf", Format::RecordIo),
];
/// What a channel holds that does not say.
const DEFAULT: &str = "text/libsvm";
/// Folders below a channel that are looked into; deeper ones are ignored, as in the container, which
/// counts the channel itself as the first of three.
const DEEPEST: usize = 2;
/// The channel of a user's program, which the container takes and does not look at where no
/// hyperparameter names the program.
const CODE: &str = "code";
/// What Spark lays beside its parts, which is no data.
const MARKERS: [&str; 3] = ["_SUCCESS", "_committed_", "_started_"];
/// What the container is told of the channels, below `/opt/ml`.
const CONFIG: &str = "input/config/inputdataconfig.json";

/// A channel, and how it is written.
#[derive(Debug)]
pub struct Source {
    /// Where its files lie.
    pub channel: Channel,
    /// By its content type.
    pub format: Format,
}

/// What a job trains on.
#[derive(Debug)]
pub struct Inputs {
    /// What is learned from.
    pub train: Source,
    /// What is watched.
    pub validation: Option<Source>,
    /// Files that lie too deep and are ignored.
    pub ignored: usize,
    /// Files whose names say that they are no data.
    pub markers: usize,
}

impl Inputs {
    /// The channels by their names, `train` first.
    pub fn sources(&self) -> impl Iterator<Item = (&'static str, &Source)> {
        let validation = self.validation.iter().map(|source| ("validation", source));
        iter::once(("train", &self.train)).chain(validation)
    }

    /// Whether there are numbers to read from text.
    pub fn are_text(&self) -> bool {
        self.sources().any(|(_, source)| source.format.is_text())
    }

    /// Reads and checks the channels of the job in `opt_ml`. One may be empty on this host.
    pub fn read(opt_ml: &Path, era: Era) -> Result<Self, Failure> {
        let unreadable = |name: &str, error: io::Error| {
            Failure::Platform(format!("cannot read {}: {error}", opt_ml.join(name).display()))
        };
        let channels = Channels::read(opt_ml, &mut io::stdin())
            .map_err(|error| unreadable(Channels::PATH, error))?;
        let config =
            fs::read(opt_ml.join(CONFIG)).and_then(|text| Ok(serde_json::from_slice(&text)?));
        Self::check(channels, &config.map_err(|error| unreadable(CONFIG, error))?, era)
    }

    fn check(channels: Channels, config: &Map<String, Value>, era: Era) -> Result<Self, Failure> {
        let (mut train, mut validation) = (None, None);
        if !channels.channels.iter().any(|channel| channel.name == "train") {
            return Err(missing_train());
        }
        let (mut ignored, mut markers) = (0, 0);
        for mut channel in channels.channels {
            let place = match channel.name.as_str() {
                "train" => &mut train,
                "validation" => &mut validation,
                CODE => continue,
                other => {
                    return Err(Failure::User(format!("Extraneous channel found: {other}")));
                }
            };
            if place.is_some() {
                let name = &channel.name;
                return Err(Failure::User(format!("There are two channels named '{name}'")));
            }
            let config = config.get(&channel.name).and_then(Value::as_object);
            let format = Declared::of(config).format(&channel.name, era)?;
            ignored += drop_deep_files(&mut channel);
            refuse_hidden_files(&channel)?;
            markers += drop_markers(&mut channel, format);
            *place = Some(Source { channel, format });
        }
        Ok(Self { train: train.ok_or_else(missing_train)?, validation, ignored, markers })
    }
}

fn missing_train() -> Failure {
    Failure::User("Missing required channel: train".into())
}

/// What is said of a channel without a single row. The path is the one that users know.
pub fn no_data(channel: &str) -> Failure {
    let kind = if channel == "train" { "training" } else { "validation" };
    Failure::User(format!("No data in {kind} channel path /opt/ml/input/data/{channel}"))
}

/// Of Parquet and RecordIO the container's readers take no file whose name begins with `_`; of text
/// they take all, and only those that surely are no data are dropped.
fn drop_markers(channel: &mut Channel, format: Format) -> usize {
    let is_marker = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        match format {
            Format::Parquet | Format::RecordIo => name.starts_with('_'),
            Format::Csv | Format::Libsvm => MARKERS.iter().any(|marker| name.starts_with(marker)),
        }
    };
    let before = channel.files.len();
    channel.files.retain(|file| !is_marker(&file.name));
    before - channel.files.len()
}

fn drop_deep_files(channel: &mut Channel) -> usize {
    let before = channel.files.len();
    channel.files.retain(|file| file.name.matches('/').count() <= DEEPEST);
    before - channel.files.len()
}

fn refuse_hidden_files(channel: &Channel) -> Result<(), Failure> {
    let is_hidden = |name: &str| name.split('/').any(|part| part.starts_with('.'));
    if channel.files.iter().any(|file| is_hidden(&file.name)) {
        return Err(Failure::User(
            "Hidden file found in the data path! Remove that before training.".into(),
        ));
    }
    Ok(())
}

/// What `inputdataconfig.json` says of a channel.
struct Declared(Map<String, Value>);

impl Declared {
    /// With what the container takes for granted.
    fn of(config: Option<&Map<String, Value>>) -> Self {
        let mut config = config.cloned().unwrap_or_default();
        config.entry("ContentType").or_insert_with(|| Value::from(DEFAULT));
        Self(config)
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// How the files are written, if the version's container reads that in this input mode.
    fn format(&self, channel: &str, era: Era) -> Result<Format, Failure> {
        let given = self.text("ContentType");
        let known = ACCEPTED.iter().find(|(name, _)| *name == given);
        let Some(&(_, format)) = known else {
            return Err(self.unsupported(channel, &not_accepted(given)));
        };
        let mode = self.text("TrainingInputMode");
        let distribution = self.text("S3DistributionType");
        if !matches!(distribution, "FullyReplicated" | "ShardedByS3Key") {
            return Err(self.unsupported(channel, "The distribution is unknown."));
        }
        match mode {
            "File" => Ok(format),
            "Pipe" => self.piped(channel, format, era).map(|()| format),
            _ => Err(self.unsupported(channel, "The input mode is unknown.")),
        }
    }

    fn piped(&self, channel: &str, format: Format, era: Era) -> Result<(), Failure> {
        let gone = |what: &str| {
            Err(Failure::User(format!(
                "Pipe mode for {what} is no longer supported. Please use Fast File mode (default) \
                 instead. Set input_mode='File' in your SageMaker Estimator or TrainingInput."
            )))
        };
        match format {
            Format::Libsvm => Err(self.unsupported(channel, "Pipe mode not supported for LibSVM.")),
            Format::Csv | Format::Parquet | Format::RecordIo if era < Era::V3_2 => Ok(()),
            Format::Csv => gone("CSV"),
            Format::Parquet => gone("Parquet"),
            Format::RecordIo => gone("RecordIO-Protobuf"),
        }
    }

    /// The container's words, and the reason in its other words.
    fn unsupported(&self, channel: &str, reason: &str) -> Failure {
        let texts = self.0.iter().map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.as_str(), value)
        });
        Failure::User(format!(
            "Channel configuration for '{channel}' channel is not supported: {}\n{reason}",
            python::dictionary(texts)
        ))
    }
}

fn not_accepted(given: &str) -> String {
    let main = given.split(';').next().unwrap_or_default();
    let is_csv = matches!(main.trim().to_lowercase().as_str(), "csv" | "text/csv");
    if is_csv && given.to_lowercase().contains("label_size") {
        return format!(
            "{given} is not an accepted csv ContentType. Use text/csv, with the label in the \
             first column."
        );
    }
    let names = ACCEPTED.map(|(name, _)| name);
    format!("{given} is not an accepted ContentType: {}.", names.join(", "))
}

#[cfg(test)]
mod tests {
    use platform::workload::{ChannelFile, Span};
    use serde_json::json;

    use super::*;

    fn channel(name: &str, file: &str) -> Channel {
        let span = Span::plain("/x".into(), 0, 5);
        Channel {
            name: name.into(),
            content_type: None,
            files: vec![ChannelFile { name: file.into(), spans: vec![span], gzip: false }],
        }
    }

    fn declared(content_type: Option<&str>, mode: &str) -> Map<String, Value> {
        let mut config = Map::new();
        if let Some(content_type) = content_type {
            config.insert("ContentType".into(), content_type.into());
        }
        config.insert("TrainingInputMode".into(), mode.into());
        config.insert("S3DistributionType".into(), "FullyReplicated".into());
        config
    }

    fn check(channels: Vec<Channel>) -> Result<Inputs, String> {
        let config =
            |channel: &Channel| (channel.name.clone(), json!(declared(Some("csv"), "File")));
        let config = channels.iter().map(config).collect();
        Inputs::check(Channels { channels }, &config, Era::V3_0).map_err(|f| f.to_string())
    }

    fn csv(name: &str) -> Channel {
        channel(name, "a.csv")
    }

    fn format(content_type: Option<&str>, mode: &str, era: Era) -> Result<Format, String> {
        let config = declared(content_type, mode);
        let format = Declared::of(Some(&config)).format("train", era);
        format.map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_job_has_train_and_perhaps_validation() {
        let inputs = check(vec![csv("validation"), csv("train")]).unwrap();
        assert_eq!(inputs.train.channel.name, "train");
        assert!(inputs.validation.is_some());
        assert_eq!(
            check(vec![csv("validation")]).unwrap_err(),
            "ClientError: Missing required channel: train"
        );
        assert_eq!(
            check(vec![csv("train"), csv("test")]).unwrap_err(),
            "ClientError: Extraneous channel found: test"
        );
        assert_eq!(
            check(vec![csv("train"), csv("train")]).unwrap_err(),
            "ClientError: There are two channels named 'train'"
        );
        let with_code = check(vec![csv("train"), channel("code", "train.py")]).unwrap();
        assert!(with_code.validation.is_none());
    }

    #[test]
    fn what_spark_lays_beside_its_parts_is_no_data() {
        let spark = |format| {
            let mut spark = channel("train", "a/part-0");
            for name in ["a/_SUCCESS", "_committed_12", "_mine.csv"] {
                spark.files.push(channel("", name).files.remove(0));
            }
            (drop_markers(&mut spark, format), spark.files.len())
        };
        assert_eq!(spark(Format::Parquet), (3, 1));
        assert_eq!(spark(Format::RecordIo), (3, 1));
        assert_eq!(spark(Format::Csv), (2, 2));
    }

    #[test]
    fn a_content_type_names_the_format() {
        for (name, expected) in ACCEPTED {
            assert_eq!(format(Some(name), "File", Era::V3_2), Ok(expected), "{name}");
        }
        assert_eq!(format(None, "File", Era::V3_2), Ok(Format::Libsvm));
    }

    #[test]
    fn another_content_type_is_refused_in_the_containers_words() {
        assert_eq!(
            format(Some("text/plain"), "File", Era::V3_2).unwrap_err(),
            "ClientError: Channel configuration for 'train' channel is not supported: \
             {'ContentType': 'text/plain', 'TrainingInputMode': 'File', 'S3DistributionType': \
             'FullyReplicated'}\ntext/plain is not an accepted ContentType: csv, libsvm, parquet, \
             recordio-protobuf, text/csv, text/libsvm, text/x-libsvm, application/x-parquet, \
             application/x-recordio-protobuf."
        );
        for given in ["text/csv;label_size=1", "text/csv; label_size=0"] {
            let told = format(Some(given), "File", Era::V3_2).unwrap_err();
            assert!(told.contains("is not an accepted csv ContentType"), "{told}");
        }
        for given in ["Text/CSV", "", " csv", "it's"] {
            assert!(format(Some(given), "File", Era::V3_2).is_err(), "{given}");
        }
    }

    #[test]
    fn a_pipe_brings_what_the_versions_container_could_read() {
        for name in ["csv", "application/x-parquet", "recordio-protobuf"] {
            assert!(format(Some(name), "Pipe", Era::V0_90).is_ok(), "{name}");
            assert!(format(Some(name), "Pipe", Era::V3_0).is_ok(), "{name}");
        }
        assert_eq!(
            format(Some("text/csv"), "Pipe", Era::V3_2).unwrap_err(),
            "ClientError: Pipe mode for CSV is no longer supported. Please use Fast File mode \
             (default) instead. Set input_mode='File' in your SageMaker Estimator or TrainingInput."
        );
        let gone = |name| format(Some(name), "Pipe", Era::V3_2).unwrap_err();
        assert!(gone("parquet").contains("Pipe mode for Parquet is no longer supported."));
        assert!(gone("recordio-protobuf").contains("Pipe mode for RecordIO-Protobuf is no longer"));
        for era in [Era::V1_0, Era::V3_2] {
            let told = format(None, "Pipe", era).unwrap_err();
            assert!(told.contains("Channel configuration for 'train' channel is not supported: {"));
            assert!(told.ends_with("Pipe mode not supported for LibSVM."), "{told}");
        }
    }

    #[test]
    fn hidden_files_are_refused_and_deep_ones_ignored() {
        let hidden = channel("train", "part/.x.csv");
        assert!(check(vec![hidden]).unwrap_err().contains("Hidden file found"));
        let mut deep = csv("train");
        for name in ["a/b/c.csv", "a/b/c/d.csv", "a/b/c/d/e.csv"] {
            deep.files.push(channel("", name).files.remove(0));
        }
        let inputs = check(vec![deep]).unwrap();
        assert_eq!((inputs.ignored, inputs.train.channel.files.len()), (2, 2));
        assert_eq!(
            no_data("validation").to_string(),
            "ClientError: No data in validation channel path /opt/ml/input/data/validation"
        );
    }
}
