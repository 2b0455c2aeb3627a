//! Training jobs.

use std::time::{Duration, Instant};

use platform::{executor::Stop, workload::Program};
use serde_json::{Value, json};
use services::Patience;

use crate::house::{House, training_job};

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
        (with("/ResourceConfig/InstanceCount", json!(2)), "more than one instance"),
        (with("/AlgorithmSpecification/TrainingInputMode", json!("Pipe")), "Pipe"),
    ];
    for (request, words) in cases {
        let (code, message) = house.refused("CreateTrainingJob", request).await;
        assert_eq!(code, "UnsupportedOperationException", "{message}");
        assert!(message.contains(words) && message.ends_with("by Sagewright 0.1."), "{message}");
    }
    let key = "arn:aws:kms:us-east-1:999999999999:key/k";
    let others_key = json!({ "S3OutputPath": "s3://data/", "KmsKeyId": key });
    let channel = "/InputDataConfig/0/DataSource/S3DataSource/S3Uri";
    let cases = [
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
