//! The channels of a job: which there may be, and what may be in them.

use std::{io, iter, path::Path};

use platform::workload::{Channel, Channels};

use super::{failure::Failure, input::Format};

/// Every form that the container reads, in its own order.
const ACCEPTED: [&str; 9] = [
    "csv",
    "libsvm",
    "parquet",
    "recordio-protobuf",
    "text/csv",
    "text/libsvm",
    "text/x-libsvm",
    "application/x-parquet",
    "application/x-recordio-protobuf",
];
/// What a channel holds that does not say.
const DEFAULT: &str = "text/libsvm";
/// Folders below a channel that are looked into; deeper ones are ignored, as in the container.
const DEEPEST: usize = 3;

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
}

impl Inputs {
    /// Reads and checks the channels of the job in `opt_ml`.
    pub fn read(opt_ml: &Path) -> Result<Self, Failure> {
        let channels = Channels::read(opt_ml, &mut io::stdin()).map_err(|error| {
            let path = opt_ml.join(Channels::PATH);
            Failure::Platform(format!("cannot read {}: {error}", path.display()))
        })?;
        Self::check(channels, opt_ml)
    }

    /// Whether there are numbers to read from text.
    pub fn are_text(&self) -> bool {
        iter::once(&self.train).chain(&self.validation).any(|source| source.format.is_text())
    }

    fn check(channels: Channels, opt_ml: &Path) -> Result<Self, Failure> {
        let (mut train, mut validation) = (None, None);
        if !channels.channels.iter().any(|channel| channel.name == "train") {
            return Err(missing_train());
        }
        let mut ignored = 0;
        for mut channel in channels.channels {
            let place = match channel.name.as_str() {
                "train" => &mut train,
                "validation" => &mut validation,
                other => {
                    return Err(Failure::User(format!("Extraneous channel found: {other}")));
                }
            };
            let format = format(channel.content_type.as_deref())?;
            ignored += drop_deep_files(&mut channel);
            check_files(&channel, opt_ml)?;
            *place = Some(Source { channel, format });
        }
        Ok(Self { train: train.ok_or_else(missing_train)?, validation, ignored })
    }
}

fn missing_train() -> Failure {
    Failure::User("Missing required channel: train".into())
}

/// What is said of a channel without a single row.
pub fn no_data(channel: &str, opt_ml: &Path) -> Failure {
    let kind = if channel == "train" { "training" } else { "validation" };
    let path = opt_ml.join("input/data").join(channel);
    Failure::User(format!("No data in {kind} channel path {}", path.display()))
}

fn drop_deep_files(channel: &mut Channel) -> usize {
    let before = channel.files.len();
    channel.files.retain(|file| file.name.matches('/').count() <= DEEPEST);
    before - channel.files.len()
}

fn check_files(channel: &Channel, opt_ml: &Path) -> Result<(), Failure> {
    let is_hidden = |name: &str| name.split('/').any(|part| part.starts_with('.'));
    if channel.files.iter().any(|file| is_hidden(&file.name)) {
        return Err(Failure::User(
            "Hidden file found in the data path! Remove that before training.".into(),
        ));
    }
    if channel.files.iter().flat_map(|file| &file.spans).all(|span| span.len == 0) {
        return Err(no_data(&channel.name, opt_ml));
    }
    Ok(())
}

fn format(given: Option<&str>) -> Result<Format, Failure> {
    let given = given.filter(|given| !given.is_empty()).unwrap_or(DEFAULT);
    let lower = given.to_lowercase();
    let mut parts = lower.split(';').map(str::trim);
    match parts.next().unwrap_or_default() {
        "csv" | "text/csv" if parts.any(labelled_otherwise) => Err(Failure::User(format!(
            "{given} is not an accepted csv ContentType. Optional parameter label_size must be \
             equal to 1"
        ))),
        "csv" | "text/csv" => Ok(Format::Csv),
        "libsvm" | "text/libsvm" | "text/x-libsvm" => Ok(Format::Libsvm),
        "parquet" | "application/x-parquet" => Ok(Format::Parquet),
        "recordio-protobuf" | "application/x-recordio-protobuf" => Ok(Format::RecordIo),
        _ => Err(Failure::User(format!(
            "{given} is not an accepted ContentType: {}.",
            ACCEPTED.join(", ")
        ))),
    }
}

fn labelled_otherwise(parameter: &str) -> bool {
    parameter
        .strip_prefix("label_size")
        .is_some_and(|size| size.trim_start_matches([' ', '=', '"']).trim_end_matches('"') != "1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::workload::{ChannelFile, Span};

    fn channel(name: &str, content_type: Option<&str>, file: &str, len: u64) -> Channel {
        let span = Span::plain("/x".into(), 0, len);
        Channel {
            name: name.into(),
            content_type: content_type.map(str::to_owned),
            files: vec![ChannelFile { name: file.into(), spans: vec![span] }],
        }
    }

    fn check(channels: Vec<Channel>) -> Result<Inputs, String> {
        Inputs::check(Channels { channels }, Path::new("/opt/ml")).map_err(|f| f.to_string())
    }

    fn csv(name: &str) -> Channel {
        channel(name, Some("csv"), "a.csv", 5)
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
    }

    #[test]
    fn a_content_type_names_the_format() {
        for (given, expected) in [
            (None, Format::Libsvm),
            (Some(""), Format::Libsvm),
            (Some("csv"), Format::Csv),
            (Some("text/csv;label_size=1"), Format::Csv),
            (Some("Text/CSV; charset=utf-8"), Format::Csv),
            (Some("text/x-libsvm"), Format::Libsvm),
            (Some("application/x-parquet"), Format::Parquet),
            (Some("application/x-recordio-protobuf"), Format::RecordIo),
        ] {
            assert_eq!(format(given), Ok(expected), "{given:?}");
        }
        for accepted in ACCEPTED {
            assert!(format(Some(accepted)).is_ok(), "{accepted}");
        }
    }

    #[test]
    fn another_content_type_is_refused_in_the_containers_words() {
        let refusal = |given| format(Some(given)).unwrap_err().to_string();
        assert_eq!(
            refusal("text/plain"),
            "ClientError: text/plain is not an accepted ContentType: csv, libsvm, parquet, \
             recordio-protobuf, text/csv, text/libsvm, text/x-libsvm, application/x-parquet, \
             application/x-recordio-protobuf."
        );
        assert_eq!(
            refusal("text/csv;label_size=0"),
            "ClientError: text/csv;label_size=0 is not an accepted csv ContentType. Optional \
             parameter label_size must be equal to 1"
        );
    }

    #[test]
    fn hidden_files_and_empty_channels_are_refused_and_deep_files_ignored() {
        let hidden = channel("train", Some("csv"), "part/.x.csv", 5);
        assert!(check(vec![hidden]).unwrap_err().contains("Hidden file found"));
        let empty = channel("validation", Some("csv"), "a.csv", 0);
        assert_eq!(
            check(vec![csv("train"), empty]).unwrap_err(),
            "ClientError: No data in validation channel path /opt/ml/input/data/validation"
        );
        let mut deep = csv("train");
        deep.files.push(channel("", None, "a/b/c/d/e.csv", 5).files.remove(0));
        assert_eq!(check(vec![deep]).unwrap().ignored, 1);
    }
}
