//! Checkpoints on their way to S3 and back, and jobs whose machine is taken away.

use std::time::Duration;

use platform::{
    executor::{Exit, Seen},
    objects::{ObjectName, Objects as _},
};
use serde_json::{Value, json};
use types::{Id, Timestamp};

use crate::house::{House, owner, training_job};

const HOST: &str = "algo-1";
const FOLDER: &str = "checkpoints";

fn job(name: &str) -> Value {
    json!({ "TrainingJobName": name })
}

/// A job that keeps checkpoints.
fn keeping(name: &str) -> Value {
    let mut request = training_job(name);
    request["CheckpointConfig"] = json!({ "S3Uri": "s3://data/ck" });
    request
}

/// The same, on spot.
fn on_spot(name: &str) -> Value {
    let mut request = keeping(name);
    request["EnableManagedSpotTraining"] = json!(true);
    request["StoppingCondition"] =
        json!({ "MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 600 });
    request
}

impl House {
    /// Waits until an object is as large as this, or gone.
    async fn until_sized(&self, key: &str, size: Option<u64>) {
        for _ in 0..400 {
            if self.size(key).await == size {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{key} never was {size:?}");
    }

    /// Waits until so many workloads were submitted.
    pub async fn until_submitted(&self, count: usize) {
        for _ in 0..400 {
            if self.executor.submitted().len() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{count} were never submitted");
    }

    async fn modified(&self, key: &str) -> Timestamp {
        let name = ObjectName::current("data", key);
        self.objects.describe(&owner(), name).await.unwrap().modified
    }

    /// Waits until a job was submitted.
    async fn submitted_as(&self, name: &str) {
        for _ in 0..400 {
            if self.executor.submitted().iter().any(|workload| workload.name == name) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{name} was never submitted");
    }

    fn is_taken_away(&self, id: Id) {
        let exits = vec![Exit::Signal(9)];
        self.executor.set(id, Seen::Ended { at: Timestamp::now(), exits });
    }

    fn writes(&self, id: Id, path: &str, text: &str) {
        self.writes_on(HOST, id, path, text);
    }

    fn writes_on(&self, host: &str, id: Id, path: &str, text: &str) {
        self.executor.write_file(id, host, FOLDER, path, text.as_bytes());
    }
}

#[tokio::test]
async fn what_lies_in_s3_is_there_when_the_program_begins() {
    let house = House::new().await;
    house.put("ck/xgboost-checkpoint.3", "four rounds").await;
    house.put("ck/model-1/xgboost-checkpoint.0", "one").await;
    house.put("ck-neighbour/x", "not ours").await;
    house.call("CreateTrainingJob", keeping("a")).await.unwrap();
    let workload = house.submitted().await;
    let paths: Vec<_> = workload.copies.iter().map(|copy| copy.path.as_str()).collect();
    let expected = ["checkpoints/model-1/xgboost-checkpoint.0", "checkpoints/xgboost-checkpoint.3"];
    assert_eq!(paths, expected);
    let config = "input/config/checkpointconfig.json";
    let (_, config) = workload.files.iter().find(|(path, _)| path == config).unwrap();
    assert_eq!(&config[..], br#"{"LocalPath":"/opt/ml/checkpoints"}"#);
}

#[tokio::test]
async fn what_a_program_writes_and_removes_follows_to_s3_and_nothing_else() {
    let house = House::new().await;
    house.call("CreateTrainingJob", keeping("a")).await.unwrap();
    let id = house.submitted().await.id;
    house.runs(id);
    house.put("ck/anothers", "untouched").await;
    house.writes(id, "first", "1");
    house.writes(id, "half.sagemaker-ignore", "hal");
    house.until_sized("ck/first", Some(1)).await;
    house.executor.remove_file(id, HOST, FOLDER, "first");
    house.writes(id, "second", "22");
    house.writes(id, "deep/third", "333");
    house.ends(id, 0);
    house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Completed").await;
    assert_eq!(house.size("ck/first").await, None);
    assert_eq!(house.size("ck/second").await, Some(2));
    assert_eq!(house.size("ck/deep/third").await, Some(3));
    assert_eq!(house.size("ck/half.sagemaker-ignore").await, None);
    assert_eq!(house.size("ck/anothers").await, Some(9));
}

#[tokio::test]
async fn checkpoints_are_carried_from_whichever_host_writes_them() {
    let house = House::new().await;
    house.put("ck/old", "from S3").await;
    let mut request = keeping("a");
    request["ResourceConfig"]["InstanceCount"] = json!(2);
    house.call("CreateTrainingJob", request).await.unwrap();
    let id = house.submitted().await.id;
    for host in [HOST, "algo-2"] {
        house.writes_on(host, id, "old", "as it was placed");
    }
    house.runs(id);
    house.writes_on("algo-2", id, "new", "two");
    house.until_sized("ck/new", Some(3)).await;
    assert_eq!(house.size("ck/old").await, Some(7), "nobody has written it");
    house.executor.remove_file(id, "algo-2", FOLDER, "old");
    house.writes_on("algo-2", id, "newer", "three");
    house.ends(id, 0);
    house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Completed").await;
    assert_eq!(house.size("ck/newer").await, Some(5));
    assert_eq!(house.size("ck/old").await, None, "who writes them removed it");
}

#[tokio::test]
async fn what_was_carried_before_an_error_is_not_carried_again() {
    let house = House::new().await;
    house.call("CreateTrainingJob", keeping("a")).await.unwrap();
    let id = house.submitted().await.id;
    house.writes(id, &"key-longer-than-s3-takes".repeat(50), "never carried");
    house.writes(id, "first", "1");
    let since = Timestamp::from_micros(0);
    house.executor.set(id, Seen::Running { since });
    house.until_sized("ck/first", Some(1)).await;
    let carried = house.modified("ck/first").await;
    house.ends(id, 0);
    let done = house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Failed").await;
    let reason = done["FailureReason"].as_str().unwrap();
    assert!(reason.starts_with("ClientError: Checkpoint upload failed: s3://data/ck"), "{reason}");
    assert_eq!(house.modified("ck/first").await, carried);
}

#[tokio::test]
async fn a_folder_that_was_carried_is_not_looked_into_for_a_while() {
    let house = House::new().await;
    house.call("CreateTrainingJob", keeping("a")).await.unwrap();
    let id = house.submitted().await.id;
    house.runs(id);
    house.writes(id, "first", "1");
    house.until_sized("ck/first", Some(1)).await;
    house.call("CreateTrainingJob", training_job("wakes")).await.unwrap();
    house.until_submitted(2).await;
    let looks = house.executor.looks();
    for name in ["b", "c", "d"] {
        house.call("CreateTrainingJob", training_job(name)).await.unwrap();
        house.submitted_as(name).await;
    }
    assert_eq!(house.executor.looks(), looks);
}

#[tokio::test]
async fn a_job_on_spot_begins_again_where_it_was_taken_away() {
    let house = House::new().await;
    house.call("CreateTrainingJob", on_spot("a")).await.unwrap();
    let id = house.submitted().await.id;
    house.runs(id);
    house.until("DescribeTrainingJob", job("a"), "SecondaryStatus", "Training").await;
    house.writes(id, "xgboost-checkpoint.0", "one round");
    house.executor.write_log(id, HOST, b"[0]\ttrain-rmse:3\n");
    house.is_taken_away(id);
    house.until_submitted(2).await;
    let again = house.submitted().await;
    assert_eq!(again.copies[0].path, "checkpoints/xgboost-checkpoint.0");
    house.runs(id);
    house.executor.write_log(id, HOST, b"[1]\ttrain-rmse:2\n");
    house.executor.put_output(id, HOST, "model.tar.gz", "model yes");
    house.ends(id, 0);
    let done = house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Completed").await;
    let statuses: Vec<_> = done["SecondaryStatusTransitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|transition| transition["Status"].as_str().unwrap())
        .collect();
    let expected = ["Starting", "Downloading", "Training", "Interrupted", "Starting"];
    assert_eq!(statuses[..5], expected);
    assert_eq!(statuses[5], "Downloading");
    assert_eq!(statuses.last(), Some(&"Completed"));
    assert_eq!(done["FinalMetricDataList"][0]["Value"], 2.0);

    let request = json!({ "logGroupName": "/aws/sagemaker/TrainingJobs" });
    let streams = house.call("DescribeLogStreams", request).await.unwrap();
    assert_eq!(streams["logStreams"].as_array().unwrap().len(), 2, "each run has its own");
    let request = json!({ "logGroupName": "/aws/sagemaker/TrainingJobs" });
    let events = house.call("FilterLogEvents", request).await.unwrap();
    let mut messages: Vec<_> =
        events["events"].as_array().unwrap().iter().map(|event| event["message"].clone()).collect();
    messages.sort_by_key(Value::to_string);
    assert_eq!(messages, ["[0]#011train-rmse:3", "[1]#011train-rmse:2"]);
}

#[tokio::test]
async fn a_job_that_is_not_on_spot_fails_when_it_is_killed() {
    let house = House::new().await;
    house.call("CreateTrainingJob", keeping("a")).await.unwrap();
    let id = house.submitted().await.id;
    house.runs(id);
    house.writes(id, "xgboost-checkpoint.0", "one round");
    house.is_taken_away(id);
    let done = house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Failed").await;
    assert_eq!(done["FailureReason"], "AlgorithmError: , exit code: 137");
    assert_eq!(house.size("ck/xgboost-checkpoint.0").await, Some(9));
}

#[tokio::test]
async fn an_interrupted_job_that_is_told_to_stop_is_not_begun_again() {
    let house = House::new().await;
    house.call("CreateTrainingJob", on_spot("a")).await.unwrap();
    let id = house.submitted().await.id;
    house.runs(id);
    house.until("DescribeTrainingJob", job("a"), "SecondaryStatus", "Training").await;
    house.executor.write_log(id, HOST, b"[0]\ttrain-rmse:3\n");
    house.is_taken_away(id);
    house.until("DescribeTrainingJob", job("a"), "SecondaryStatus", "Interrupted").await;
    house.call("StopTrainingJob", job("a")).await.unwrap();
    let done = house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Stopped").await;
    assert_eq!(done["FinalMetricDataList"][0]["Value"], 3.0);
    let statuses = done["SecondaryStatusTransitions"].as_array().unwrap();
    let statuses: Vec<_> = statuses.iter().rev().map(|told| &told["Status"]).collect();
    assert_eq!(statuses[..3], ["Stopped", "Stopping", "Interrupted"]);
    assert_eq!(house.executor.submitted().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_in_awss_words() {
    let house = House::new().await;
    let with = |member: &str, value: Value| {
        let mut request = on_spot("a");
        request[member] = value;
        request
    };
    let present = "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to \
                   MaxRuntimeInSeconds";
    let supported = "Invalid MaxWaitTimeInSeconds. It is only supported when \
                     EnableManagedSpotTraining is set to true";
    let short = json!({ "MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59 });
    let reserved = json!({ "S3Uri": "s3://data/ck", "LocalPath": "/opt/ml/input/x" });
    let cases = [
        (with("StoppingCondition", json!({ "MaxRuntimeInSeconds": 60 })), present),
        (with("StoppingCondition", short), present),
        (with("EnableManagedSpotTraining", json!(false)), supported),
        (with("CheckpointConfig", reserved), "cannot start with the following reserved path"),
        (with("CheckpointConfig", json!({ "S3Uri": "s3://nobucket/x" })), "does not exist"),
        (with("CheckpointConfig", json!({ "S3Uri": "https://x/y" })), "Invalid S3 URI"),
    ];
    for (request, words) in cases {
        let (code, message) = house.refused("CreateTrainingJob", request).await;
        assert_eq!(code, "ValidationException", "{message}");
        assert!(message.contains(words), "{message}");
    }
    assert!(house.executor.submitted().is_empty());
}
