//! Batch transform.

use platform::{
    executor::{Exit, Seen},
    objects::{Conditions, ObjectName, Objects},
    transform::{FailedObject, Line, OUTPUTS, Output, Settings, Split, Strategy},
};
use serde_json::{Value, json};
use types::{Id, Timestamp};

use crate::house::{House, IMAGE, ROLE, owner};

fn request() -> Value {
    json!({
        "TransformJobName": "t",
        "ModelName": "m",
        "TransformInput": {
            "ContentType": "text/csv",
            "SplitType": "Line",
            "DataSource": {
                "S3DataSource": { "S3DataType": "S3Prefix", "S3Uri": "s3://data/train/a.csv" },
            },
        },
        "TransformOutput": { "S3OutputPath": "s3://data/predictions" },
        "TransformResources": { "InstanceType": "ml.m4.xlarge", "InstanceCount": 1 },
    })
}

async fn house() -> House {
    let house = House::new().await;
    house.put("m.tar.gz", "model yes").await;
    let container = json!({ "Image": IMAGE, "ModelDataUrl": "s3://data/m.tar.gz" });
    let model = json!({ "ModelName": "m", "PrimaryContainer": container });
    house.call("CreateModel", model).await.unwrap();
    house
}

async fn ended(house: &House, status: &str) -> Value {
    let name = json!({ "TransformJobName": "t" });
    house.until("DescribeTransformJob", name, "TransformJobStatus", status).await
}

#[tokio::test]
async fn every_input_has_its_predictions_beside_its_name() {
    let house = house().await;
    house.call("CreateTransformJob", request()).await.unwrap();
    let workload = house.submitted().await;
    let (_, settings) = workload.files.iter().find(|(path, _)| path == Settings::PATH).unwrap();
    let settings: Settings = serde_json::from_slice(settings).unwrap();
    assert_eq!((settings.split, settings.strategy), (Split::Line, Strategy::MultiRecord));
    assert_eq!(settings.max_payload(), 6 << 20);
    assert_eq!(settings.environment["SAGEMAKER_BATCH"], "true");

    left(&house, workload.id, &[made("a.csv", "data/00000000"), Line::End]);
    house.executor.put_output(workload.id, "algo-1", "data/00000000", "0.5\n");
    house.ends(workload.id, 0);
    ended(&house, "Completed").await;
    let key = "predictions/a.csv.out";
    let kept = house
        .objects
        .head(&owner(), ObjectName::current("data", key), &Conditions::default(), None)
        .await
        .unwrap();
    let kept = kept.unwrap();
    assert_eq!((kept.size, kept.headers.content_type.as_deref()), (4, Some("text/csv")));
}

#[tokio::test]
async fn a_transform_that_fails_keeps_nothing_and_says_why() {
    let house = house().await;
    house.call("CreateTransformJob", request()).await.unwrap();
    let workload = house.submitted().await;
    house.executor.put_output(workload.id, "algo-1", "failure", "ClientError: a.csv: 415");
    house.ends(workload.id, 1);
    let shown = ended(&house, "Failed").await;
    assert_eq!(shown["FailureReason"], "ClientError: a.csv: 415, exit code: 1");
    assert_eq!(house.size("predictions/a.csv.out").await, None);
}

/// Has the program on the first host leave this list.
fn left(house: &House, id: Id, lines: &[Line]) {
    let list: String = lines.iter().map(Line::text).collect();
    house.executor.put_output(id, "algo-1", OUTPUTS, list);
}

fn made(input: &str, file: &str) -> Line {
    let content_type = "text/csv".to_owned();
    Line::Made(Output { input: input.to_owned(), file: file.to_owned(), content_type })
}

/// What a transform of this source is told, and what its files are called.
async fn told(house: &House, source: Value) -> (Settings, Vec<String>) {
    let mut request = request();
    request["TransformInput"]["DataSource"]["S3DataSource"] = source;
    house.call("CreateTransformJob", request).await.unwrap();
    let workload = house.submitted().await;
    let (_, settings) = workload.files.iter().find(|(path, _)| path == Settings::PATH).unwrap();
    let names = workload.inputs[1].files.iter().map(|file| file.name.clone()).collect();
    (serde_json::from_slice(settings).unwrap(), names)
}

fn prefix(uri: &str) -> Value {
    json!({ "S3DataType": "S3Prefix", "S3Uri": uri })
}

#[tokio::test]
async fn what_was_done_is_kept_of_a_program_that_was_killed() {
    let house = house().await;
    house.call("CreateTransformJob", request()).await.unwrap();
    let workload = house.submitted().await;
    left(&house, workload.id, &[made("a.csv", "data/0")]);
    house.executor.put_output(workload.id, "algo-1", "data/0", "0.5\n");
    let exits = vec![Exit::Signal(9)];
    house.executor.set(workload.id, Seen::Ended { at: Timestamp::now(), exits });
    ended(&house, "Failed").await;
    assert_eq!(house.size("predictions/a.csv.out").await, Some(4));
}

#[tokio::test]
async fn a_program_that_succeeds_must_have_left_what_it_says() {
    for (lines, why) in [
        (vec![], "what algo-1 made is not known"),
        (vec![made("a.csv", "data/0")], "what algo-1 made is not known"),
        (vec![made("b.csv", "data/1"), made("a.csv", "data/0"), Line::End], "b.csv are gone"),
    ] {
        let house = house().await;
        house.call("CreateTransformJob", request()).await.unwrap();
        let workload = house.submitted().await;
        if !lines.is_empty() {
            left(&house, workload.id, &lines);
        }
        house.executor.put_output(workload.id, "algo-1", "data/0", "0.5\n");
        house.ends(workload.id, 0);
        let reason = ended(&house, "Failed").await["FailureReason"].to_string();
        assert!(reason.contains("InternalServerError: ") && reason.contains(why), "{reason}");
        let kept = house.size("predictions/a.csv.out").await;
        assert_eq!(kept.is_some(), !lines.is_empty());
    }
}

#[tokio::test]
async fn an_output_that_cannot_be_stored_leaves_the_later_ones_theirs() {
    let house = house().await;
    house.call("CreateTransformJob", request()).await.unwrap();
    let workload = house.submitted().await;
    let long = "k".repeat(1024);
    left(&house, workload.id, &[made(&long, "data/0"), made("b.csv", "data/0"), Line::End]);
    house.executor.put_output(workload.id, "algo-1", "data/0", "0.5\n");
    house.ends(workload.id, 0);
    let reason = ended(&house, "Failed").await["FailureReason"].to_string();
    assert!(reason.contains("ClientError: Output upload failed: s3://data/pred"), "{reason}");
    assert!(reason.contains("k.out: Your key is too long"), "{reason}");
    assert_eq!(house.size("predictions/b.csv.out").await, Some(4));
}

#[tokio::test]
async fn objects_that_failed_are_told_over_all_hosts() {
    let house = house().await;
    let mut request = request();
    request["TransformResources"]["InstanceCount"] = json!(2);
    house.call("CreateTransformJob", request).await.unwrap();
    let workload = house.submitted().await;
    assert!(workload.limits.threads > 0, "hosts share the machine");
    let failed = |number, object: &str| {
        let (object, reason) = (object.to_owned(), "no.".to_owned());
        Line::Failed(FailedObject { number, object, reason })
    };
    left(&house, workload.id, &[made("a.csv", "data/0"), failed(1, "data/c.csv"), Line::End]);
    let list = failed(0, "data/b.csv").text() + &Line::End.text();
    house.executor.put_output(workload.id, "algo-2", OUTPUTS, list);
    house.executor.put_output(workload.id, "algo-1", "data/0", "0.5\n");
    let exits = vec![Exit::Code(0), Exit::Code(0)];
    house.executor.set(workload.id, Seen::Ended { at: Timestamp::now(), exits });
    assert_eq!(
        ended(&house, "Failed").await["FailureReason"],
        "ClientError: data/b.csv: no. See job logs for more information; 2 of 3 objects failed, the \
         outputs of the others are kept"
    );
    assert_eq!(house.size("predictions/a.csv.out").await, Some(4));
}

#[tokio::test]
async fn every_object_of_a_prefix_has_a_name_of_its_own() {
    let house = house().await;
    for key in ["l/in/inx.csv", "l/inx.csv"] {
        house.put(key, "1\n").await;
    }
    let (settings, names) = told(&house, prefix("s3://data/l/in")).await;
    assert_eq!(names, ["in/inx.csv", "inx.csv"]);
    assert_eq!(settings.location, "data/l/");
    let house = self::house().await;
    for key in ["k/", "k//x.csv", "k/./x.csv", "k/y/"] {
        house.put(key, if key == "k/" { "" } else { "1\n" }).await;
    }
    // What ends in a slash and is empty shows a folder.
    let (settings, names) = told(&house, prefix("https://s3.amazonaws.com/data/k/")).await;
    assert_eq!(names, ["./x.csv", "/x.csv", "y/"]);
    assert!(settings.unopened.is_empty());
}

#[tokio::test]
async fn an_object_that_cannot_be_opened_is_told_to_the_program() {
    let house = house().await;
    house.put("list.json", r#"[{"prefix": "s3://data/train/"}, "none.csv", "a.csv"]"#).await;
    let source = json!({ "S3DataType": "ManifestFile", "S3Uri": "s3://data/list.json" });
    let (settings, names) = told(&house, source).await;
    assert_eq!(names, ["none.csv", "a.csv"]);
    let why = "it cannot be read: The specified key does not exist";
    assert_eq!(settings.unopened, [("none.csv".to_owned(), why.to_owned())].into());
}

#[tokio::test]
async fn a_containers_own_limit_is_one_of_bytes() {
    for (limit, bytes) in
        [("1000", 1000), ("2000000", 2_000_000), ("1000000000000000", 100 << 20), ("0", 6 << 20)]
    {
        let house = house().await;
        let mut request = request();
        request["Environment"] = json!({ "MAX_CONTENT_LENGTH": limit });
        request["TransformInput"]["ContentType"] = json!("");
        house.call("CreateTransformJob", request).await.unwrap();
        let workload = house.submitted().await;
        let (_, settings) = workload.files.iter().find(|(path, _)| path == Settings::PATH).unwrap();
        let settings: Settings = serde_json::from_slice(settings).unwrap();
        assert_eq!(settings.max_payload(), bytes, "{limit}");
        assert_eq!(settings.content_type, None);
    }
}

#[tokio::test]
async fn a_description_says_what_a_request_left_out() {
    let house = house().await;
    house.call("CreateTransformJob", request()).await.unwrap();
    let shown = house.call("DescribeTransformJob", json!({ "TransformJobName": "t" })).await;
    let shown = shown.unwrap();
    assert_eq!(shown["TransformInput"]["CompressionType"], "None");
    assert_eq!(shown["TransformInput"]["SplitType"], "Line");
    assert_eq!(shown["TransformOutput"]["AssembleWith"], "None");
    assert_eq!(shown["TransformOutput"]["KmsKeyId"], "");
    let everything = json!({ "InputFilter": "$", "OutputFilter": "$", "JoinSource": "None" });
    assert_eq!(shown["DataProcessing"], everything);
}

#[tokio::test]
async fn the_models_role_is_named_where_there_is_no_data() {
    let house = house().await;
    let container = json!({ "Image": IMAGE, "ModelDataUrl": "s3://data/m.tar.gz" });
    let model =
        json!({ "ModelName": "own", "PrimaryContainer": container, "ExecutionRoleArn": ROLE });
    house.call("CreateModel", model).await.unwrap();
    let mut request = request();
    request["ModelName"] = json!("own");
    request["TransformInput"]["DataSource"]["S3DataSource"] = prefix("s3://data/nothing");
    let (_, message) = house.refused("CreateTransformJob", request).await;
    assert!(message.contains(&format!("that the role \"{ROLE}\" has")), "{message}");
}

#[tokio::test]
async fn what_is_not_built_is_refused_by_name() {
    let house = house().await;
    let with = |member: &str, value: Value| {
        let mut request = request();
        request[member] = value;
        request
    };
    let captured = with("DataCaptureConfig", json!({ "DestinationS3Uri": "s3://bucket/captured" }));
    let (code, message) = house.refused("CreateTransformJob", captured).await;
    assert_eq!(code, "UnsupportedOperationException");
    assert!(message.contains("DataCaptureConfig"), "{message}");
    let (code, message) =
        house.refused("CreateTransformJob", with("ModelName", json!("none"))).await;
    assert_eq!(code, "ValidationException");
    assert!(message.starts_with("Could not find model"), "{message}");
}
