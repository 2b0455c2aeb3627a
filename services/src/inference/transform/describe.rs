//! What DescribeTransformJob and ListTransformJobs show.

use api::Document;
use platform::store::Record;
use serde_json::{Value, json};

use super::job::TransformJob;
use crate::record::epoch;

/// The whole job: the request as sent, and where it stands.
pub fn describe(record: &Record, job: &TransformJob) -> Document {
    let mut shown = job.request.clone();
    shown.remove("Tags");
    default(&mut shown);
    let mut set = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    set("TransformJobArn", json!(record.arn));
    set("TransformJobStatus", json!(job.life.status()));
    set("CreationTime", epoch(record.created));
    set("TransformStartTime", job.life.started.map_or(Value::Null, epoch));
    set("TransformEndTime", job.life.end().map_or(Value::Null, epoch));
    set("FailureReason", job.life.failure().map_or(Value::Null, |reason| json!(reason)));
    shown
}

/// Says what AWS says where a request said nothing.
fn default(shown: &mut Document) {
    for (member, name, value) in [
        ("TransformInput", "CompressionType", "None"),
        ("TransformInput", "SplitType", "None"),
        ("TransformOutput", "AssembleWith", "None"),
        ("TransformOutput", "KmsKeyId", ""),
        ("DataProcessing", "InputFilter", "$"),
        ("DataProcessing", "OutputFilter", "$"),
        ("DataProcessing", "JoinSource", "None"),
    ] {
        let within = shown.entry(member).or_insert_with(|| json!({}));
        if let Value::Object(within) = within {
            within.entry(name).or_insert_with(|| json!(value));
        }
    }
}

/// A job in a list.
pub fn summary(record: &Record, job: &TransformJob) -> Value {
    json!({
        "TransformJobName": record.key.name,
        "TransformJobArn": record.arn,
        "CreationTime": epoch(record.created),
        "TransformEndTime": job.life.end().map(epoch),
        "LastModifiedTime": epoch(record.modified),
        "TransformJobStatus": job.life.status(),
        "FailureReason": job.life.failure(),
    })
}
