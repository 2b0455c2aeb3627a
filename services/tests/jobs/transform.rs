//! Batch transform.

use platform::{
    objects::{Conditions, ObjectName, Objects},
    transform::{Output, Outputs, Settings, Split, Strategy},
};
use serde_json::{Value, json};

use crate::house::{House, IMAGE, owner};

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

    let output = Output {
        input: "a.csv".into(),
        file: "data/00000000".into(),
        content_type: "text/csv".into(),
    };
    let list = serde_json::to_vec(&Outputs { outputs: vec![output] }).unwrap();
    house.executor.put_output(workload.id, "algo-1", Outputs::PATH, list);
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
    let key = "predictions/a.csv.out";
    let kept = house
        .objects
        .head(&owner(), ObjectName::current("data", key), &Conditions::default(), None)
        .await;
    assert!(kept.is_err());
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
