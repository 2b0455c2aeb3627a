//! Training jobs.

use std::{
    io::Read,
    time::{Duration, Instant},
};

use crate::house::{House, training_job};
use platform::{
    executor::Stop,
    parts::PartReader,
    workload::{Distribution, InputFile, Program, Workload},
};
use serde_json::{Value, json};
use services::Patience;

fn job(name: &str) -> Value {
    json!({ "TrainingJobName": name })
}

#[tokio::test]
async fn a_job_becomes_a_process_a_log_a_metric_and_a_model() {
    let house = House::new().await;
    house.call("CreateTrainingJob", training_job("a")).await.unwrap();
    let workload = house.submitted().await;
    assert_eq!(
        workload.program,
        Program::BuiltIn { arguments: vec!["algorithm".into(), "echo".into()] }
    );
    assert_eq!(workload.inputs[0].files[0].name, "a.csv");
    let config: Vec<_> = workload.files.iter().map(|(path, _)| path.as_str()).collect();
    assert!(config.contains(&"input/config/hyperparameters.json"), "{config:?}");

    house.runs(workload.id);
    house.executor.write_log(workload.id, "algo-1", b"[0]\ttrain-rmse:1.5\tx:2\nno end");
    house.executor.put_output(workload.id, "algo-1", "model.tar.gz", "model yes");
    house.executor.put_output(workload.id, "algo-1", "output.tar.gz", "more");
    house.ends(workload.id, 0);
    let done = house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Completed").await;

    let artifact = "s3://data/out/a/output/model.tar.gz";
    assert_eq!(done["ModelArtifacts"]["S3ModelArtifacts"], artifact);
    assert_eq!(done["FinalMetricDataList"][0]["Value"], 1.5);
    assert_eq!(done["OutputDataConfig"]["KmsKeyId"], "");
    assert_eq!(done["EnableNetworkIsolation"], false);
    assert_eq!(done.get("Tags"), None);
    assert_eq!(house.size("out/a/output/model.tar.gz").await, Some(9));
    assert_eq!(house.size("out/a/output/output.tar.gz").await, Some(4));

    let group = "/aws/sagemaker/TrainingJobs";
    let streams = house.call("DescribeLogStreams", json!({ "logGroupName": group })).await.unwrap();
    let stream = &streams["logStreams"][0]["logStreamName"];
    assert!(stream.as_str().unwrap().starts_with("a/algo-1-"), "{stream}");
    let request = json!({ "logGroupName": group, "logStreamName": stream, "startFromHead": true });
    let events = house.call("GetLogEvents", request).await.unwrap();
    assert_eq!(events["events"][0]["message"], "[0]#011train-rmse:1.5#011x:2");
    assert_eq!(events["events"][1]["message"], "no end");
}

#[tokio::test]
async fn a_model_that_shall_not_be_packed_is_an_object_for_each_file() {
    let house = House::new().await;
    let mut request = training_job("a");
    request["OutputDataConfig"]["CompressionType"] = json!("NONE");
    house.call("CreateTrainingJob", request).await.unwrap();
    let workload = house.submitted().await;
    let archives: Vec<_> = workload.packs.iter().map(|pack| pack.archive.as_str()).collect();
    assert_eq!(archives, ["output.tar.gz"]);
    house.runs(workload.id);
    for (path, text) in [("xgboost-model", "trees"), ("code/inference.py", "pass")] {
        house.executor.write_file(workload.id, "algo-1", "model", path, text.as_bytes());
    }
    house.ends(workload.id, 0);
    let done = house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Completed").await;
    assert_eq!(done["ModelArtifacts"]["S3ModelArtifacts"], "s3://data/out/a/output/model/");
    assert_eq!(house.size("out/a/output/model/xgboost-model").await, Some(5));
    assert_eq!(house.size("out/a/output/model/code/inference.py").await, Some(4));
}

#[tokio::test]
async fn a_job_that_fails_says_what_its_program_said() {
    let house = House::new().await;
    house.call("CreateTrainingJob", training_job("a")).await.unwrap();
    let workload = house.submitted().await;
    house.executor.put_output(workload.id, "algo-1", "failure", "ClientError: bad csv");
    house.executor.put_output(workload.id, "algo-1", "model.tar.gz", "half a model");
    house.executor.put_output(workload.id, "algo-1", "output.tar.gz", "why");
    house.ends(workload.id, 1);
    let done = house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Failed").await;
    assert_eq!(done["FailureReason"], "ClientError: bad csv, exit code: 1");
    assert_eq!(done.get("ModelArtifacts"), None);
    assert_eq!(house.size("out/a/output/model.tar.gz").await, None);
    assert_eq!(house.size("out/a/output/output.tar.gz").await, Some(3));
}

#[tokio::test]
async fn a_job_that_is_stopped_is_interrupted_and_keeps_what_it_saved() {
    let house = House::new().await;
    house.call("CreateTrainingJob", training_job("a")).await.unwrap();
    let workload = house.submitted().await;
    house.runs(workload.id);
    house.until("DescribeTrainingJob", job("a"), "SecondaryStatus", "Training").await;
    house.call("StopTrainingJob", job("a")).await.unwrap();
    house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Stopping").await;
    while house.executor.stops().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.executor.stops()[0], (workload.id, Stop::Interrupt));

    house.executor.put_output(workload.id, "algo-1", "model.tar.gz", "model half");
    house.ends(workload.id, 0);
    let done = house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Stopped").await;
    assert!(done["ModelArtifacts"]["S3ModelArtifacts"].is_string());

    let (code, message) = house.refused("StopTrainingJob", job("a")).await;
    assert_eq!(code, "ValidationException");
    assert!(message.contains("is in status Stopped"), "{message}");
}

#[tokio::test]
async fn a_second_job_of_the_same_name_is_refused_in_awss_words() {
    let house = House::new().await;
    house.call("CreateTrainingJob", training_job("a")).await.unwrap();
    let (code, message) = house.refused("CreateTrainingJob", training_job("a")).await;
    assert_eq!(code, "ResourceInUse");
    assert_eq!(
        message,
        "Training job names must be unique within an AWS account and region, and a training job \
         with this name already exists (arn:aws:sagemaker:us-east-1:123456789012:training-job/a)"
    );
    let (code, message) = house.refused("DescribeTrainingJob", job("b")).await;
    assert_eq!((&*code, &*message), ("ValidationException", "Requested resource not found."));
}

#[tokio::test]
async fn what_cannot_run_is_refused_by_name_before_anything_is_written() {
    let house = House::new().await;
    let with = |pointer: &str, value: Value| {
        let mut request = training_job("a");
        *request.pointer_mut(pointer).unwrap() = value;
        request
    };
    let cases = [
        (with("/AlgorithmSpecification/TrainingImage", json!("x/pytorch:2")), "x/pytorch:2"),
        (with("/HyperParameters", json!({ "sagemaker_program": "t.py" })), "Script mode"),
        (with("/ResourceConfig/InstanceCount", json!(21)), "more than 20 instances"),
    ];
    for (request, words) in cases {
        let (code, message) = house.refused("CreateTrainingJob", request).await;
        assert_eq!(code, "UnsupportedOperationException", "{message}");
        assert!(message.contains(words) && message.ends_with("by Sagewright 0.1."), "{message}");
    }
    let key = "arn:aws:kms:us-east-1:999999999999:key/k";
    let others_key = json!({ "S3OutputPath": "s3://data/", "KmsKeyId": key });
    let channel = "/InputDataConfig/0/DataSource/S3DataSource/S3Uri";
    let train = training_job("a")["InputDataConfig"][0].clone();
    let cases = [
        (
            with("/InputDataConfig", json!([train, train])),
            "The channel train is defined more than once",
        ),
        (with(channel, json!("s3://data/none")), "No S3 objects found under S3 URL"),
        (with(channel, json!("s3://nobucket/x")), "No S3 objects found under S3 URL"),
        (with("/OutputDataConfig/S3OutputPath", json!("s3://nobucket/x")), "does not exist"),
        (with("/OutputDataConfig", others_key), "KMS key arn:aws:kms:us-east-1:999999999999:key/k"),
        (with("/RoleArn", json!("arn:aws:iam::210987654321:role/R")), "Cross-account pass role"),
    ];
    for (request, words) in cases {
        let (code, message) = house.refused("CreateTrainingJob", request).await;
        assert_eq!(code, "ValidationException", "{message}");
        assert!(message.contains(words), "{message}");
    }
    assert!(house.executor.submitted().is_empty());
}

#[tokio::test]
async fn an_executor_that_cannot_be_reached_ends_no_job() {
    let house = House::new().await;
    house.call("CreateTrainingJob", training_job("a")).await.unwrap();
    let workload = house.submitted().await;
    house.runs(workload.id);
    house.until("DescribeTrainingJob", job("a"), "SecondaryStatus", "Training").await;
    house.executor.set_unreachable(true);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let still = house.call("DescribeTrainingJob", job("a")).await.unwrap();
    assert_eq!(still["TrainingJobStatus"], "InProgress");
    house.executor.set_unreachable(false);
    house.ends(workload.id, 0);
    house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Completed").await;
}

#[tokio::test]
async fn the_first_describe_is_held_until_the_end_and_later_ones_are_not() {
    let house = House::with(Patience::AsClientsAllow).await;
    house.call("CreateTrainingJob", training_job("a")).await.unwrap();
    let workload = house.submitted().await;
    house.runs(workload.id);
    let held = house.call_as("Boto3/1.44 m/B", "DescribeTrainingJob", job("a"));
    let end = async {
        tokio::time::sleep(Duration::from_millis(80)).await;
        let begun = Instant::now();
        let second =
            house.call_as("Boto3/1.44 m/B", "DescribeTrainingJob", job("a")).await.unwrap();
        assert_eq!(second["TrainingJobStatus"], "InProgress");
        assert!(begun.elapsed() < Duration::from_millis(500), "the second Describe was held");
        house.ends(workload.id, 0);
    };
    let (first, ()) = tokio::join!(held, end);
    assert_eq!(first.unwrap()["TrainingJobStatus"], "Completed");
}

/// A job whose only channel is changed so.
fn with_channel(change: impl FnOnce(&mut Value)) -> Value {
    let mut request = training_job("a");
    change(&mut request["InputDataConfig"][0]);
    request
}

/// What the channel's files hold, by their names.
fn contents(workload: &Workload) -> Vec<(String, String)> {
    let content = |file: &InputFile| {
        let mut bytes = Vec::new();
        PartReader::new(file.parts.clone()).read_to_end(&mut bytes).unwrap();
        (file.name.clone(), String::from_utf8_lossy(&bytes).into_owned())
    };
    workload.inputs[0].files.iter().map(content).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test]
async fn a_manifest_names_the_objects_of_a_channel_in_its_order() {
    let house = House::new().await;
    house.put("parts/b.csv", "b").await;
    house.put("parts/deep/a.csv", "a").await;
    house.put("m.json", r#"[{"prefix": "s3://data/parts/"}, "deep/a.csv", "b.csv"]"#).await;
    let request = with_channel(|channel| {
        channel["DataSource"]["S3DataSource"] = json!({
            "S3DataType": "ManifestFile",
            "S3Uri": "s3://data/m.json",
            "S3DataDistributionType": "ShardedByS3Key",
        });
    });
    house.call("CreateTrainingJob", request).await.unwrap();
    let workload = house.submitted().await;
    assert_eq!(contents(&workload), pairs(&[("deep/a.csv", "a"), ("b.csv", "b")]));
    assert_eq!(workload.inputs[0].distribution, Distribution::Sharded);
    let (_, config) =
        workload.files.iter().find(|(path, _)| path.ends_with("inputdataconfig.json")).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(config).unwrap(),
        json!({ "train": {
            "ContentType": "csv",
            "TrainingInputMode": "File",
            "S3DistributionType": "ShardedByS3Key",
            "RecordWrapperType": "None",
        } })
    );
}

#[tokio::test]
async fn an_augmented_manifest_becomes_the_records_of_its_attributes() {
    let house = House::new().await;
    house.put("parts/b", "bytes").await;
    let lines = "{\"row\": \"1,2\", \"x-ref\": \"s3://data/parts/b\"}\n";
    house.put("lines.manifest", lines).await;
    let request = with_channel(|channel| {
        channel["InputMode"] = json!("Pipe");
        channel["RecordWrapperType"] = json!("RecordIO");
        channel["DataSource"]["S3DataSource"] = json!({
            "S3DataType": "AugmentedManifestFile",
            "S3Uri": "s3://data/lines.manifest",
            "AttributeNames": ["x-ref", "row"],
        });
    });
    house.call("CreateTrainingJob", request).await.unwrap();
    let workload = house.submitted().await;
    let mut bytes = Vec::new();
    let file = &workload.inputs[0].files[0];
    PartReader::new(file.parts.clone()).read_to_end(&mut bytes).unwrap();
    let magic = b"\x0a\x23\xd7\xce".as_slice();
    let expected = [magic, b"\x05\0\0\0bytes\0\0\0", magic, b"\x03\0\0\x001,2\0"].concat();
    assert_eq!((file.name.as_str(), bytes), ("line-1", expected));
}

#[tokio::test]
async fn a_seed_shuffles_objects_and_a_pipe_may_bring_them_compressed() {
    let house = House::new().await;
    for key in ["train/b.csv", "train/c.csv", "train/d.csv", "train/e.csv"] {
        house.put(key, "1,2\n").await;
    }
    let request = with_channel(|channel| {
        channel["InputMode"] = json!("Pipe");
        channel["CompressionType"] = json!("Gzip");
        channel["ShuffleConfig"] = json!({ "Seed": -1 });
    });
    house.call("CreateTrainingJob", request).await.unwrap();
    let input = house.submitted().await.inputs.remove(0);
    assert!(input.gzip);
    let names: Vec<_> = input.files.iter().map(|file| file.name.as_str()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_ne!(names, sorted);
    assert_eq!(sorted, ["a.csv", "b.csv", "c.csv", "d.csv", "e.csv"]);
}

#[tokio::test]
async fn what_only_a_pipe_can_do_is_refused_elsewhere_in_awss_words() {
    let house = House::new().await;
    house.put("lines.manifest", "{}").await;
    let augmented = json!({
        "S3DataType": "AugmentedManifestFile",
        "S3Uri": "s3://data/lines.manifest",
        "AttributeNames": ["x"],
    });
    let set =
        |member: &'static str, value: Value| with_channel(move |channel| channel[member] = value);
    let s3 =
        |source: Value| with_channel(move |channel| channel["DataSource"]["S3DataSource"] = source);
    let named = json!({
        "S3DataType": "S3Prefix", "S3Uri": "s3://data/train", "AttributeNames": ["x"],
    });
    for (request, words) in [
        (s3(augmented), "can only be used if the Channel's input mode is Pipe"),
        (set("CompressionType", json!("Gzip")), "CompressionType is used only in Pipe input mode"),
        (set("RecordWrapperType", json!("RecordIO")), "leave this field unset or set it to None"),
        (s3(named), "AttributeNames are needed with S3DataType AugmentedManifestFile"),
    ] {
        let (code, message) = house.refused("CreateTrainingJob", request).await;
        assert_eq!(code, "ValidationException", "{message}");
        assert!(message.starts_with("Channel train: ") && message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn a_job_whose_manifest_is_wrong_fails_with_the_entry() {
    let house = House::new().await;
    for (name, manifest, words) in [
        (
            "none",
            r#"["s3://data/absent"]"#,
            "s3://data/absent cannot be read: The specified key does",
        ),
        ("bad", r#"[{"prefix": "s3://data/"}, 7]"#, "entry 2 is neither a text nor a prefix"),
        ("dots", r#"[{"prefix": "s3://data/"}, "../x"]"#, "cannot be a file's path"),
    ] {
        house.put(name, manifest).await;
        let mut request = with_channel(|channel| {
            channel["DataSource"]["S3DataSource"] = json!({
                "S3DataType": "ManifestFile", "S3Uri": format!("s3://data/{name}"),
            });
        });
        request["TrainingJobName"] = json!(name);
        house.call("CreateTrainingJob", request).await.unwrap();
        let failed =
            house.until("DescribeTrainingJob", job(name), "TrainingJobStatus", "Failed").await;
        let reason = failed["FailureReason"].as_str().unwrap();
        assert!(reason.starts_with("ClientError: ") && reason.contains(words), "{reason}");
    }
}
