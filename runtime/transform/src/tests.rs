//! Whole transforms, laid out as an executor does and run with a small model.

use std::{collections::BTreeMap, fs, io::Read, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use platform::{
    scorer::{Invocation, LoadError, Rejection, Reply},
    transform::{
        FailedObject, Format, JsonPath, Line, OUTPUTS, Output, Processing, Split, Strategy,
    },
    workload::{ChannelFile, Span},
};
use proptest::prelude::*;

use super::*;
use crate::frame::tests::{recordio, tf};

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

/// The same, but it panics at the word `bad`.
struct Panics;

impl Scorer for Panics {
    fn invoke(&self, call: Invocation<'_>) -> Result<Reply, Rejection> {
        assert!(!String::from_utf8_lossy(call.body).contains("bad"), "a defect of the model");
        Lengths.invoke(call)
    }
}

/// A model that answers each request with its size alone.
struct Sizes;

impl Scorer for Sizes {
    fn invoke(&self, call: Invocation<'_>) -> Result<Reply, Rejection> {
        let body = format!("<{}>", call.body.len()).into_bytes();
        Ok(Reply { status: 200, content_type: "text/plain".into(), body })
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
            Ok(_) if text == "lengths" => Ok(Arc::new(Lengths)),
            Ok(_) if text == "panics" => Ok(Arc::new(Panics)),
            Ok(_) if text == "sizes" => Ok(Arc::new(Sizes)),
            _ => Err(LoadError("not a model.".into())),
        }
    }
}

pub fn settings() -> Settings {
    Settings {
        image: "xgboost".into(),
        environment: BTreeMap::new(),
        content_type: Some("text/csv".into()),
        accept: None,
        location: "bucket/in/".into(),
        gzip: false,
        split: Split::Line,
        strategy: Strategy::MultiRecord,
        max_payload_mb: 1,
        container_limit: None,
        max_concurrent: None,
        assemble_lines: false,
        processing: None,
        unopened: BTreeMap::new(),
    }
}

/// What a transform left.
struct Played {
    code: i32,
    /// Of the program.
    failure: String,
    /// Of objects.
    failed: Vec<FailedObject>,
    log: String,
    outputs: BTreeMap<String, Vec<u8>>,
}

/// Lays out a transform of objects called `0`, `1`, … and runs it.
fn play(model: &str, settings: &Settings, objects: &[&[u8]]) -> Played {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: String, bytes: &[u8]| {
        let path = folder.path().join(format!("in-{name}"));
        fs::write(&path, bytes).unwrap();
        let spans = vec![Span::plain(path, 0, bytes.len() as u64)];
        ChannelFile { name, spans, gzip: false }
    };
    let channel = |name: &str, files| Channel { name: name.into(), content_type: None, files };
    let objects = objects.iter().enumerate();
    let data = objects.map(|(number, bytes)| file(number.to_string(), bytes)).collect();
    let model = vec![file("model.tar.gz".into(), model.as_bytes())];
    let channels =
        Channels { channels: vec![channel(MODEL_CHANNEL, model), channel(DATA_CHANNEL, data)] };
    fs::create_dir_all(folder.path().join("input/config")).unwrap();
    fs::create_dir_all(folder.path().join("output")).unwrap();
    let write = |path: &str, json: String| fs::write(folder.path().join(path), json).unwrap();
    write(Settings::PATH, serde_json::to_string(settings).unwrap());
    write(Channels::PATH, serde_json::to_string(&channels).unwrap());
    let mut log = Vec::new();
    let code = run(folder.path(), &Lengths, &mut log);
    let output = folder.path().join("output");
    let list = fs::read(output.join(OUTPUTS)).unwrap_or_default();
    let (mut made, mut failed, mut ended) = (Vec::new(), Vec::new(), false);
    for line in Line::read(&list) {
        match line {
            Line::Made(output) => made.push(output),
            Line::Failed(object) => failed.push(object),
            Line::End => ended = true,
        }
    }
    assert_eq!(ended, code == 0, "only a program that went on to its end says so");
    let read = |output: &Output, folder: &Path| {
        (output.input.clone(), fs::read(folder.join(&output.file)).unwrap())
    };
    let files = fs::read_dir(output.join("data")).map_or(0, Iterator::count);
    assert_eq!(files, made.len(), "nothing is left of what failed");
    Played {
        code,
        failure: fs::read_to_string(output.join("failure")).unwrap_or_default(),
        failed,
        log: String::from_utf8(log).unwrap(),
        outputs: made.iter().map(|made| read(made, &output)).collect(),
    }
}

/// The one output of a transform that succeeded.
fn output(model: &str, settings: &Settings, object: &[u8]) -> String {
    let mut played = play(model, settings, &[object]);
    assert_eq!((played.code, &*played.failure, played.failed), (0, "", Vec::new()));
    String::from_utf8(played.outputs.remove("0").unwrap()).unwrap()
}

/// Why the one object of a transform failed, which is no failure of the program.
fn failure(model: &str, settings: &Settings, object: &[u8]) -> String {
    let played = play(model, settings, &[object]);
    assert_eq!((played.code, &*played.failure, played.outputs.len()), (0, "", 0));
    let [FailedObject { number: 0, object, reason }] = &played.failed[..] else {
        panic!("{:?}", played.failed);
    };
    format!("{object}: {reason}")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn many_objects_have_an_output_each_in_the_order_of_their_records() {
    let objects = [&b"1,2\n3,44\n5\n"[..], b"", b"7\n\n", b"1,2"];
    let played = play("lengths", &settings(), &objects);
    assert_eq!(played.code, 0);
    let outputs: Vec<_> = played.outputs.values().map(Vec::as_slice).collect();
    assert_eq!(outputs, [&b"3\n4\n1\n"[..], b"", b"1\n", b"3\n"]);
    assert!(played.log.starts_with("[sagemaker logs]: MaxConcurrentTransforms="));
    assert!(played.log.contains(", MaxPayloadInMB=1, BatchStrategy=MULTI_RECORD\n"));
}

#[test]
fn an_object_larger_than_a_payload_is_sent_in_as_few_requests_as_hold_it() {
    let line = [b'1'; 1023];
    let object = [&line[..], b"\n"].concat().repeat(2500);
    let multi = Settings { assemble_lines: true, ..settings() };
    let expected = format!("<{0}>\n<{0}>\n<{1}>\n", 1 << 20, 452 << 10);
    assert_eq!(output("sizes", &multi, &object), expected);
    let streamed = Settings { max_payload_mb: 0, ..multi.clone() };
    assert_eq!(output("sizes", &streamed, &object), format!("<{}>\n", 2500 << 10));
    let whole = Settings { split: Split::None, max_payload_mb: 3, ..multi.clone() };
    assert_eq!(output("sizes", &whole, &object), format!("<{}>\n", 2500 << 10));
    let single = Settings { strategy: Strategy::SingleRecord, ..multi };
    assert_eq!(output("sizes", &single, &object), "<1023>\n".repeat(2500));
}

#[test]
fn compressed_objects_are_scored_as_what_they_hold() {
    let settings = Settings { gzip: true, ..settings() };
    let object = [gzip(b"1,2\n3"), gzip(b"3\n4\n")].concat();
    assert_eq!(output("lengths", &settings, &object), "3\n2\n1\n");
    let plain = failure("lengths", &settings, b"1,2\n");
    assert!(plain.contains("bucket/in/0: cannot be decompressed"), "{plain}");
    let cut = failure("lengths", &settings, &object[..object.len() - 9]);
    assert!(cut.starts_with("bucket/in/0: cannot be decompressed"), "{cut}");
}

#[test]
fn a_single_framed_record_is_sent_bare_but_for_formats_whose_frame_it_is() {
    let single = Settings { strategy: Strategy::SingleRecord, ..settings() };
    let object = [tf(b"123"), tf(b"45")].concat();
    let framed = Settings { split: Split::TfRecord, ..single.clone() };
    assert_eq!(output("lengths", &framed, &object), "3\n2\n");
    let object = [recordio(0, b"123"), recordio(0, b"45")].concat();
    let framed = Settings { split: Split::RecordIo, ..single };
    assert_eq!(output("sizes", &framed, &object), "<3><2>");
    let content_type = Some("application/x-recordio-protobuf".into());
    let own = Settings { content_type, ..framed.clone() };
    assert_eq!(output("sizes", &own, &object), "<12><12>");
    let many = Settings { strategy: Strategy::MultiRecord, ..framed };
    assert_eq!(output("sizes", &many, &object), "<24>");
}

#[test]
fn a_failure_names_the_object_and_the_record() {
    assert_eq!(
        failure("lengths", &settings(), b"1\n2\nbad\n"),
        "bucket/in/0: Bad HTTP status received from algorithm: 415 (record 3). not csv."
    );
    let long = [&b"1\n"[..], &vec![b'1'; 1 << 20], b"1\n"].concat();
    assert_eq!(
        failure("lengths", &settings(), &long),
        "bucket/in/0: too much data for max payload size (1048576 bytes): record 2 is longer; \
         raise MaxPayloadInMB."
    );
    let whole = Settings { split: Split::None, ..settings() };
    assert!(failure("lengths", &whole, &long).contains("raise MaxPayloadInMB or set SplitType."));
    let framed = Settings { split: Split::TfRecord, ..settings() };
    let torn = [tf(b"1"), tf(b"2")[..9].to_vec()].concat();
    assert!(failure("lengths", &framed, &torn).contains("bucket/in/0: record 2 is cut off."));
    assert!(failure("lengths", &framed, b"1,2,3,4,5,6,7").contains("record 1 has a checksum"));
}

#[test]
fn a_program_that_cannot_begin_says_why() {
    let played = play("?", &settings(), &[b"1\n"]);
    assert_eq!((played.code, &*played.failure), (1, "ClientError: not a model."));
    assert!(played.log.contains(&played.failure), "{}", played.log);
}

#[test]
fn a_model_that_panics_fails_the_object_and_leaves_the_others_theirs() {
    let objects: Vec<&[u8]> = [&b"1\n"[..], b"2\nbad\n", b"bad\n"].repeat(20);
    for max_concurrent in [Some(1), None] {
        let played = play("panics", &Settings { max_concurrent, ..settings() }, &objects);
        assert_eq!((played.code, played.outputs.len(), played.failed.len()), (0, 20, 40));
        assert_eq!(
            played.failed[0].reason,
            "Bad HTTP status received from algorithm: 500 (record 2). Internal Server Error"
        );
    }
}

#[test]
fn an_object_that_could_not_be_opened_fails_in_its_turn() {
    let unopened =
        BTreeMap::from([("1".to_owned(), "it cannot be read: Access Denied".to_owned())]);
    let played = play("lengths", &Settings { unopened, ..settings() }, &[b"1\n", b"", b"333\n"]);
    assert_eq!(played.outputs.keys().collect::<Vec<_>>(), ["0", "2"]);
    let [FailedObject { number: 1, object, reason }] = &played.failed[..] else {
        panic!("{:?}", played.failed);
    };
    assert_eq!((&**object, &**reason), ("bucket/in/1", "it cannot be read: Access Denied."));
}

#[test]
fn blank_lines_are_no_records_but_have_numbers() {
    let object = b"\n1,2\n \r\n\n33,4\n\n";
    for strategy in [Strategy::MultiRecord, Strategy::SingleRecord] {
        let settings = Settings { strategy, ..settings() };
        assert_eq!(output("lengths", &settings, object), "3\n4\n", "{strategy:?}");
        let played = play("lengths", &settings, &[object]);
        assert!(played.log.contains("transformed 0: 2 records\n"), "{}", played.log);
        let told = failure("lengths", &settings, b"1\n\n \nbad\n2\n");
        assert!(told.contains("415 (record 4)."), "{told}");
        let path = |text| JsonPath::parse(text, Format::Csv).unwrap();
        let (input, output, format) = (path("$[1:]"), path("$"), Format::Csv);
        let processing = Some(Processing { format, input, output, join: true });
        let filtered = Settings { processing, assemble_lines: true, ..settings };
        let told = failure("lengths", &filtered, b"\n1,2\n\n3\n");
        assert!(told.contains("size 1 (record 4)."), "{told}");
        let told = failure("lengths", &filtered, b"\n1,2\n\n3,bad\n");
        assert!(told.contains("415 (record 4)."), "{told}");
    }
    let limited = Settings { container_limit: Some(4), ..settings() };
    let told = failure("lengths", &limited, b"\n\n1\n\n55555\n");
    assert!(told.contains("(4 bytes): record 5 is longer"), "{told}");
}

#[test]
fn the_outputs_of_other_objects_are_kept() {
    let played = play("lengths", &settings(), &[b"1\n", b"bad\n2\n", b"33\n", b"bad\n"]);
    assert_eq!(played.code, 0, "other hosts go on with their objects");
    assert_eq!(played.outputs.keys().collect::<Vec<_>>(), ["0", "2"]);
    assert_eq!(played.failed.iter().map(|failed| failed.number).collect::<Vec<_>>(), [1, 3]);
    for line in [
        "[sagemaker logs]: bucket/in/1: ClientError: 415\n",
        "[sagemaker logs]: bucket/in/3: Message:\n[sagemaker logs]: bucket/in/3: not csv.\n",
    ] {
        assert!(played.log.contains(line), "{}", played.log);
    }
}

#[test]
fn records_are_filtered_before_and_joined_after_whatever_the_payloads() {
    let path = |text| JsonPath::parse(text, Format::Csv).unwrap();
    let (input, output_filter) = (path("$[1:]"), path("$[0,-1]"));
    let processing = Processing { format: Format::Csv, input, output: output_filter, join: true };
    let joined = Settings { processing: Some(processing), assemble_lines: true, ..settings() };
    assert_eq!(output("lengths", &joined, b"id1,2,3\nid2,45,6"), "id1,3\nid2,4\n");
    let single = Settings { strategy: Strategy::SingleRecord, ..joined.clone() };
    assert_eq!(output("lengths", &single, b"id1,2,3\n\nid2,45,6"), "id1,3\nid2,4\n");
    assert_eq!(
        failure("lengths", &joined, b"id1,2\n7\n"),
        "bucket/in/0: Invalid JsonPath: $[1:]: index 1 is not within the dimension size 1 (record \
         2)."
    );
    assert!(failure("lengths", &joined, b"id1,2\nid2,bad\n").contains("415 (record 2)."));
}

#[test]
fn as_many_requests_are_scored_at_once_as_may_be_held() {
    let threads = |max_payload_mb, max_concurrent, split| {
        threads(&Settings { max_payload_mb, max_concurrent, split, ..settings() }, 8)
    };
    assert_eq!(threads(6, None, Split::Line), 8);
    assert_eq!(threads(6, Some(3), Split::Line), 3);
    assert_eq!(threads(6, Some(50), Split::Line), 8);
    assert_eq!(threads(40, None, Split::Line), 2);
    assert_eq!(threads(100, None, Split::None), 1);
    assert_eq!(threads(0, None, Split::None), 1);
    assert_eq!(threads(0, None, Split::Line), 8);
    let large = Settings { max_payload_mb: 1, container_limit: Some(60 << 20), ..settings() };
    assert_eq!(super::threads(&large, 8), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_is_that_of_the_records_whatever_the_threads(
        lengths in prop::collection::vec(0_usize..3000, 0..1500), threads in 1_usize..6,
    ) {
        let object: String = lengths.iter().map(|length| "x".repeat(*length) + "y\n").collect();
        let settings = Settings { max_concurrent: Some(threads), ..settings() };
        let expected = lengths.iter().map(|length| format!("{}\n", length + 1)).collect::<Vec<_>>().concat();
        prop_assert_eq!(output("lengths", &settings, object.as_bytes()), expected);
    }
}
