//! Training jobs of several instances, and what their ends say.

use std::time::Duration;

use platform::{
    executor::{Ending, Exit, Seen, Unpacked},
    workload::Workload,
};
use serde_json::{Value, json};
use types::Timestamp;

use crate::house::{House, training_job};

fn job(name: &str) -> Value {
    json!({ "TrainingJobName": name })
}

fn ending(host: &str, second: i64, exit: Exit) -> Ending {
    Ending {
        host: host.to_owned(),
        exit,
        settled: false,
        told: false,
        started: Timestamp::from_micros(0),
        ended: Timestamp::from_micros(second * 1_000_000),
        max_resident_bytes: 0,
        cpu: Duration::ZERO,
        trouble: None,
        unpacked: vec![],
    }
}

/// A job of so many instances, under way.
async fn several(house: &House, count: u64) -> Workload {
    let mut request = training_job("a");
    request["ResourceConfig"]["InstanceCount"] = json!(count);
    house.call("CreateTrainingJob", request).await.unwrap();
    let workload = house.submitted().await;
    house.runs(workload.id);
    workload
}

#[tokio::test]
async fn each_instance_knows_its_name_and_has_a_log_and_one_of_them_the_model() {
    let house = House::new().await;
    let workload = several(&house, 2).await;
    assert_eq!(workload.hosts, ["algo-1", "algo-2"]);
    assert!(workload.limits.threads >= 1);
    for (own, host) in workload.own_files.iter().zip(&workload.hosts) {
        let config: Value = serde_json::from_slice(&own.bytes).unwrap();
        assert_eq!((&own.host, &*own.path), (host, "input/config/resourceconfig.json"));
        assert_eq!(
            (&config["current_host"], &config["hosts"]),
            (&json!(host), &json!(workload.hosts))
        );
    }
    house.executor.write_log(workload.id, "algo-1", b"[0]\ttrain-rmse:1.5\n");
    house.executor.write_log(workload.id, "algo-2", b"hello\n");
    house.executor.put_output(workload.id, "algo-2", "model.tar.gz", "model two");
    let exits = vec![Exit::Code(0); 2];
    house.executor.set(workload.id, Seen::Ended { at: Timestamp::now(), exits });
    let done = house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Completed").await;
    assert!(done["ModelArtifacts"]["S3ModelArtifacts"].is_string());
    assert_eq!(done["FinalMetricDataList"].as_array().unwrap().len(), 1);
    let group = json!({ "logGroupName": "/aws/sagemaker/TrainingJobs" });
    let streams = house.call("DescribeLogStreams", group).await.unwrap();
    let names: Vec<_> = streams["logStreams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stream| stream["logStreamName"].as_str().unwrap()[.."a/algo-1-".len()].to_owned())
        .collect();
    assert_eq!(names, ["a/algo-1-", "a/algo-2-"]);
}

/// Ends a job of several instances like this, and answers why it failed.
async fn reason(house: &House, workload: &Workload, endings: Vec<Ending>) -> Value {
    let exits = endings.iter().map(|ending| ending.exit).collect();
    house.executor.set_endings(workload.id, endings);
    house.executor.set(workload.id, Seen::Ended { at: Timestamp::now(), exits });
    let done = house.until("DescribeTrainingJob", job("a"), "TrainingJobStatus", "Failed").await;
    done["FailureReason"].clone()
}

#[tokio::test]
async fn a_job_fails_with_the_words_of_the_instance_that_failed_first() {
    let house = House::new().await;
    let workload = several(&house, 3).await;
    for (host, words) in [("algo-1", "lost the others"), ("algo-2", "ClientError: bad csv")] {
        house.executor.put_output(workload.id, host, "failure", words);
    }
    let endings = vec![
        ending("algo-1", 7, Exit::Code(1)),
        ending("algo-2", 5, Exit::Code(2)),
        Ending { told: true, ..ending("algo-3", 4, Exit::Signal(9)) },
    ];
    let reason = reason(&house, &workload, endings).await;
    assert_eq!(reason, "ClientError: bad csv, exit code: 2");
}

#[tokio::test]
async fn an_instance_that_was_taken_away_is_the_first_whenever_its_end_was_seen() {
    let lost = [
        (
            ending("algo-2", 9, Exit::Signal(9)),
            "AlgorithmError: algo-2 was killed by signal 9, exit code: 137",
        ),
        (
            Ending { settled: true, told: true, ..ending("algo-2", 9, Exit::Signal(9)) },
            "InternalServerError: We encountered an internal error. Please try again.",
        ),
    ];
    for (lost, expected) in lost {
        let house = House::new().await;
        let workload = several(&house, 2).await;
        house.executor.put_output(workload.id, "algo-1", "failure", "lost the others");
        let endings = vec![ending("algo-1", 5, Exit::Code(1)), lost];
        assert_eq!(reason(&house, &workload, endings).await, expected);
    }
}

#[tokio::test]
async fn a_model_that_could_not_be_packed_fails_its_job() {
    for (archive, code) in [("model.tar.gz", 0), ("output.tar.gz", 0), ("model.tar.gz", 1)] {
        let house = House::new().await;
        house.call("CreateTrainingJob", training_job("a")).await.unwrap();
        let workload = house.submitted().await;
        house.runs(workload.id);
        let why = format!("model could not be packed into {archive}: No space left on device");
        let unpacked = vec![Unpacked { archive: archive.into(), why: why.clone() }];
        let ending = Ending { unpacked, ..ending("algo-1", 5, Exit::Code(code)) };
        let reason = reason(&house, &workload, vec![ending]).await;
        let own = "AlgorithmError: , exit code: 1".to_owned();
        let expected = if code == 0 { format!("InternalServerError: {why}") } else { own };
        assert_eq!(reason, expected);
    }
}
