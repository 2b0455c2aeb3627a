//! What DescribeTrainingJob and ListTrainingJobs show: the request as sent, and where the job stands.

use api::Document;
use platform::{algorithm::MetricDefinition, follow::FinalMetric, store::Record};
use serde_json::{Map, Value, json};

use super::job::TrainingJob;
use crate::{
    life::{Life, Outcome, Phase, StopReason, Transition},
    record::epoch,
};

/// The whole job. Members that SDKs read without asking are always there (`contracts`: wire 6).
pub fn describe(record: &Record, job: &TrainingJob, metrics: &[MetricDefinition]) -> Document {
    let mut shown = job.request.clone();
    shown.remove("Tags");
    let (status, secondary) = (job.life.status(), job.life.secondary_status());
    let mut set = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    set("TrainingJobArn", json!(record.arn));
    set("TrainingJobStatus", json!(status));
    set("SecondaryStatus", json!(secondary));
    set("CreationTime", epoch(record.created));
    set("LastModifiedTime", epoch(record.modified));
    set("TrainingStartTime", job.life.first_started().map_or(Value::Null, epoch));
    set("TrainingEndTime", job.life.end().map_or(Value::Null, epoch));
    set("FailureReason", job.life.failure().map_or(Value::Null, |reason| json!(reason)));
    set("SecondaryStatusTransitions", transitions(&job.life));
    set("FinalMetricDataList", finals(&job.made.metrics));
    if let Some(artifact) = &job.made.artifact {
        set("ModelArtifacts", json!({ "S3ModelArtifacts": artifact }));
    }
    if let Some(seconds) = seconds(&job.life) {
        set("TrainingTimeInSeconds", json!(seconds));
        set("BillableTimeInSeconds", json!(seconds));
    }
    defaults(&mut shown, job, metrics);
    shown
}

/// What AWS answers where the request said nothing.
fn defaults(shown: &mut Document, job: &TrainingJob, metrics: &[MetricDefinition]) {
    for flag in [
        "EnableNetworkIsolation",
        "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining",
    ] {
        shown.entry(flag).or_insert(Value::Bool(false));
    }
    let mut within = |name: &str, member: &str, value: Value| {
        let parent = shown.entry(name).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(parent) = parent {
            parent.entry(member).or_insert(value);
        }
    };
    within("OutputDataConfig", "KmsKeyId", json!(""));
    within("StoppingCondition", "MaxRuntimeInSeconds", json!(job.life.max_runtime));
    within("AlgorithmSpecification", "TrainingInputMode", json!("File"));
    if let Some(Value::Object(algorithm)) = shown.get_mut("AlgorithmSpecification") {
        algorithm.insert("MetricDefinitions".to_owned(), json!(metrics));
    }
}

/// A job in a list.
pub fn summary(record: &Record, job: &TrainingJob) -> Value {
    let (status, secondary) = (job.life.status(), job.life.secondary_status());
    json!({
        "TrainingJobName": record.key.name,
        "TrainingJobArn": record.arn,
        "CreationTime": epoch(record.created),
        "TrainingEndTime": job.life.end().map(epoch),
        "LastModifiedTime": epoch(record.modified),
        "TrainingJobStatus": status,
        "SecondaryStatus": secondary,
    })
}

/// How long its processes ran, seconds, begun ones counted.
fn seconds(life: &Life) -> Option<u64> {
    Some(life.ran()?.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX))
}

fn transitions(life: &Life) -> Value {
    let show = |transition: &Transition| {
        let mut shown = json!({
            "Status": transition.status,
            "StartTime": epoch(transition.start),
            "StatusMessage": message(life, &transition.status),
        });
        if let Some(end) = transition.end {
            shown["EndTime"] = epoch(end);
        }
        shown
    };
    life.transitions.iter().map(show).collect()
}

/// The texts of AWS (`contracts`: wire 7).
fn message(life: &Life, status: &str) -> String {
    let text = match status {
        "Starting" => "Preparing the instances for training",
        "Downloading" => "Downloading input data",
        "Training" => "Training image download completed. Training in progress.",
        "Interrupted" => "The managed spot training instances were interrupted",
        "Restarting" => "Restarting the training job after an internal error",
        "Stopping" => "Stopping the training job",
        "Uploading" => "Uploading generated training model",
        _ => match &life.phase {
            Phase::Ended { outcome: Outcome::Failed(_) } => "Training job failed",
            Phase::Ended { outcome: Outcome::Stopped(StopReason::Asked) } => "Training job stopped",
            Phase::Ended { outcome: Outcome::Stopped(StopReason::TimeLimit) } => {
                "Training job runtime exceeded MaxRuntimeInSeconds provided"
            }
            Phase::Ended { outcome: Outcome::Stopped(StopReason::WaitLimit) } => {
                "Training job wait time exceeded MaxWaitTimeInSeconds provided"
            }
            _ => "Training job completed",
        },
    };
    text.to_owned()
}

fn finals(metrics: &[FinalMetric]) -> Value {
    let show = |metric: &FinalMetric| {
        json!({
            "MetricName": metric.name,
            "Value": metric.value,
            "Timestamp": epoch(metric.at),
        })
    };
    let shown: Vec<_> =
        metrics.iter().filter(|metric| metric.value.is_finite()).map(show).collect();
    if shown.is_empty() { Value::Null } else { shown.into() }
}
