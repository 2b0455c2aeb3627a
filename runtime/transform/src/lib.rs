//! The program of a batch transform: scores every object of its input, one after the other.
//!
//! It runs as a job's process and reads its channels in place. It knows no format: cutting an
//! object into requests is its work ([`split`]), answering them is the model's.

mod split;

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::Path,
    sync::Arc,
};

use platform::{
    parts::PartReader,
    scorer::{Invocation, LoadError, LoadModel, Rejection, Scorer},
    transform::{DATA_CHANNEL, MODEL_CHANNEL, Output, Outputs, Settings},
    workload::{Channel, ChannelFile, Channels, Span},
};

use split::Splitter;

/// Predictions lie in this folder below `/opt/ml/output`.
const FOLDER: &str = "data";

/// Why a transform failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("ClientError: {0}")]
    Model(#[from] LoadError),
    #[error(
        "ClientError: {file}: Bad HTTP status received from algorithm: {}. {rejection} See job logs for more information",
        rejection.status
    )]
    Rejected { file: String, rejection: Rejection },
    #[error(
        "ClientError: {file}: too much data for max payload size ({limit} bytes); raise MaxPayloadInMB or set SplitType"
    )]
    Payload { file: String, limit: usize },
    #[error("InternalServerError: the {0} channel is missing")]
    Channel(&'static str),
    #[error("InternalServerError: {0}")]
    Io(#[from] io::Error),
}

/// Runs the transform that lies at `opt_ml`, tells its progress to `log`, and returns the exit
/// code. The reason of a failure is left in `output/failure`.
pub fn run(opt_ml: &Path, loader: &dyn LoadModel, log: &mut dyn Write) -> i32 {
    match transform(opt_ml, loader, log) {
        Ok(()) => 0,
        Err(failure) => {
            // The exit code tells it too, should the log or the file fail.
            let _ = writeln!(log, "{failure}");
            let _ = fs::write(opt_ml.join("output/failure"), failure.to_string());
            1
        }
    }
}

fn transform(opt_ml: &Path, loader: &dyn LoadModel, log: &mut dyn Write) -> Result<(), Failure> {
    let settings: Settings = read_json(&opt_ml.join(Settings::PATH))?;
    let Channels { channels } = Channels::read(opt_ml, &mut io::stdin())?;
    let model = load(&settings, channel(&channels, MODEL_CHANNEL)?, loader)?;
    let data = channel(&channels, DATA_CHANNEL)?;
    let output = opt_ml.join("output");
    fs::create_dir_all(output.join(FOLDER))?;
    let mut made = Outputs::default();
    for (number, file) in data.files.iter().enumerate() {
        let path = format!("{FOLDER}/{number:08}");
        let mut target = BufWriter::new(File::create(output.join(&path))?);
        let content_type = score(&settings, &*model, file, &mut target)?;
        target.flush()?;
        writeln!(log, "transformed {}", file.name)?;
        made.outputs.push(Output { input: file.name.clone(), file: path, content_type });
    }
    Ok(fs::write(output.join(Outputs::PATH), serde_json::to_vec(&made).map_err(io::Error::from)?)?)
}

fn load(
    settings: &Settings,
    channel: &Channel,
    loader: &dyn LoadModel,
) -> Result<Arc<dyn Scorer>, Failure> {
    let archive = channel.files.first().ok_or(Failure::Channel(MODEL_CHANNEL))?;
    Ok(loader.load(&settings.image, &mut open(archive)?, &settings.environment)?)
}

/// Scores one object, and tells the content type of its predictions.
fn score(
    settings: &Settings,
    model: &dyn Scorer,
    file: &ChannelFile,
    target: &mut impl Write,
) -> Result<String, Failure> {
    let mut splitter = Splitter::new(open(file)?, settings);
    let mut content_type = String::new();
    loop {
        let request = match splitter.next_request() {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(content_type),
            Err(split::Error::Payload) => {
                let (file, limit) = (file.name.clone(), settings.max_payload);
                return Err(Failure::Payload { file, limit });
            }
            Err(split::Error::Io(error)) => return Err(error.into()),
        };
        let call = Invocation {
            content_type: settings.content_type.as_deref(),
            accept: settings.accept.as_deref(),
            body: request,
        };
        let reply = model
            .invoke(call)
            .map_err(|rejection| Failure::Rejected { file: file.name.clone(), rejection })?;
        target.write_all(&reply.body)?;
        if settings.assemble_lines && !reply.body.ends_with(b"\n") {
            target.write_all(b"\n")?;
        }
        content_type = reply.content_type;
    }
}

fn channel<'a>(channels: &'a [Channel], name: &'static str) -> Result<&'a Channel, Failure> {
    channels.iter().find(|channel| channel.name == name).ok_or(Failure::Channel(name))
}

fn open(file: &ChannelFile) -> io::Result<impl Read + use<>> {
    Ok(PartReader::new(file.spans.iter().map(Span::open).collect::<io::Result<_>>()?))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<T> {
    serde_json::from_slice(&fs::read(path)?).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use platform::scorer::Reply;

    use super::*;

    /// A model that answers with the length of each line, and refuses the word `bad`.
    struct Lengths;

    impl Scorer for Lengths {
        fn invoke(&self, call: Invocation<'_>) -> Result<Reply, Rejection> {
            let text = String::from_utf8_lossy(call.body).into_owned();
            if text.contains("bad") {
                return Err(Rejection { status: 415, message: "not csv.".into() });
            }
            let lengths: Vec<_> = text.lines().map(|line| line.len().to_string()).collect();
            Ok(Reply {
                status: 200,
                content_type: "text/csv".into(),
                body: (lengths.join("\n") + "\n").into_bytes(),
            })
        }
    }

    impl LoadModel for Lengths {
        fn serves(&self, _: &str) -> bool {
            true
        }

        fn load(
            &self,
            _: &str,
            archive: &mut dyn Read,
            _: &BTreeMap<String, String>,
        ) -> Result<Arc<dyn Scorer>, LoadError> {
            let mut text = String::new();
            match archive.read_to_string(&mut text) {
                Ok(_) if text == "model" => Ok(Arc::new(Lengths)),
                _ => Err(LoadError("not a model.".into())),
            }
        }
    }

    /// Lays out a transform of one object and runs it.
    fn play(model: &str, object: &str, max_payload: usize) -> (tempfile::TempDir, i32) {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            let spans = vec![Span::plain(path, 0, text.len() as u64)];
            ChannelFile { name: name.into(), spans, gzip: false }
        };
        let channel =
            |name: &str, file| Channel { name: name.into(), content_type: None, files: vec![file] };
        let channels = Channels {
            channels: vec![
                channel(MODEL_CHANNEL, file("model.tar.gz", model)),
                channel(DATA_CHANNEL, file("test.csv", object)),
            ],
        };
        let settings = Settings {
            image: "xgboost".into(),
            environment: BTreeMap::new(),
            content_type: Some("text/csv".into()),
            accept: None,
            split_lines: true,
            many_records: true,
            max_payload,
            assemble_lines: false,
        };
        fs::create_dir_all(folder.path().join("input/config")).unwrap();
        fs::create_dir_all(folder.path().join("output")).unwrap();
        let write = |path: &str, json: String| fs::write(folder.path().join(path), json).unwrap();
        write(Settings::PATH, serde_json::to_string(&settings).unwrap());
        write(Channels::PATH, serde_json::to_string(&channels).unwrap());
        let code = run(folder.path(), &Lengths, &mut Vec::new());
        (folder, code)
    }

    #[test]
    fn every_line_of_an_object_is_scored_in_order_whatever_the_payloads() {
        for max_payload in [5, 7, 100] {
            let (folder, code) = play("model", "1,2\n3,44\n5\n", max_payload);
            assert_eq!(code, 0);
            let output = folder.path().join("output");
            let list: Outputs = read_json(&output.join(Outputs::PATH)).unwrap();
            assert_eq!(list.outputs[0].input, "test.csv");
            let predictions = fs::read_to_string(output.join(&list.outputs[0].file)).unwrap();
            assert_eq!(predictions, "3\n4\n1\n", "{max_payload}");
        }
    }

    #[test]
    fn what_went_wrong_is_left_where_the_failure_is_looked_for() {
        let failure = |(folder, code): (tempfile::TempDir, i32)| {
            assert_eq!(code, 1);
            fs::read_to_string(folder.path().join("output/failure")).unwrap()
        };
        assert_eq!(failure(play("?", "1\n", 9)), "ClientError: not a model.");
        assert!(failure(play("model", "bad\n", 9)).contains("algorithm: 415. not csv."));
        assert!(failure(play("model", "123456789\n", 5)).contains("too much data for max payload"));
    }
}
