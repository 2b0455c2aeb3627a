//! Training jobs: the requests that the service acts on.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{family::family, sagemaker::code};

family! {
    /// Training jobs.
    pub trait TrainingApi as Training with code {
        /// Accepts the job and returns; the driver picks it up from the store.
        "CreateTrainingJob" => create_training_job(TrainingJobSpec);
        /// The request as sent, with where the job stands. May be held until the job ends.
        "DescribeTrainingJob" => describe_training_job(TrainingJobName);
        /// A page of summaries.
        "ListTrainingJobs" => list_training_jobs(ListTrainingJobs);
        /// Asks the job to end; it may save its model.
        "StopTrainingJob" => stop_training_job(TrainingJobName);
    }
}

/// Names a job.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TrainingJobName {
    /// Its name.
    pub training_job_name: String,
}

/// What the service acts on. Everything else in the document is only kept and echoed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TrainingJobSpec {
    /// At most 63 characters.
    pub training_job_name: String,
    /// As whom the job acts.
    pub role_arn: String,
    /// What runs.
    pub algorithm_specification: AlgorithmSpecification,
    /// Text to text.
    #[serde(default)]
    pub hyper_parameters: BTreeMap<String, String>,
    /// The channels.
    #[serde(default)]
    pub input_data_config: Vec<ChannelSpec>,
    /// Where the model goes.
    pub output_data_config: OutputDataConfig,
    /// On what.
    pub resource_config: ResourceConfig,
    /// For how long.
    pub stopping_condition: Option<StoppingCondition>,
    /// Whether it runs on machines that may be taken away.
    #[serde(default)]
    pub enable_managed_spot_training: bool,
    /// Where its checkpoints go.
    pub checkpoint_config: Option<CheckpointConfig>,
    /// How often it begins again after a failure of ours.
    pub retry_strategy: Option<RetryStrategy>,
    /// What the program sees beside its own.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Tags to set with it.
    #[serde(default)]
    pub tags: Vec<crate::tags::Tag>,
}

/// What runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AlgorithmSpecification {
    /// The image's URI.
    pub training_image: Option<String>,
    /// An algorithm resource, instead of an image.
    pub algorithm_name: Option<String>,
    /// `File`, `Pipe`, `FastFile`.
    pub training_input_mode: Option<String>,
    /// What to read from the log.
    #[serde(default)]
    pub metric_definitions: Vec<MetricDefinitionSpec>,
}

/// A metric to be read from the log.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricDefinitionSpec {
    /// Its name.
    pub name: String,
    /// Its regular expression; the first group is the number.
    pub regex: String,
}

/// One channel.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChannelSpec {
    /// `train`.
    pub channel_name: String,
    /// Where its data is.
    pub data_source: DataSource,
    /// As the user spells it: `csv`, `text/csv`.
    pub content_type: Option<String>,
    /// `None` or `Gzip`.
    pub compression_type: Option<String>,
    /// `None` or `RecordIO`.
    pub record_wrapper_type: Option<String>,
    /// Instead of the job's.
    pub input_mode: Option<String>,
    /// In which order the objects are read, where not in that of their keys.
    pub shuffle_config: Option<ShuffleConfig>,
}

/// An order of objects that is not that of their keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShuffleConfig {
    /// What decides it: a long of any sign.
    pub seed: i64,
}

/// Where a channel's data is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataSource {
    /// In S3; the only source that we read.
    pub s3_data_source: Option<S3DataSource>,
}

/// Data in S3.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct S3DataSource {
    /// `S3Prefix`, `ManifestFile`, `AugmentedManifestFile`.
    pub s3_data_type: String,
    /// `s3://bucket/prefix`.
    pub s3_uri: String,
    /// `FullyReplicated` or `ShardedByS3Key`.
    pub s3_data_distribution_type: Option<String>,
    /// Which attributes of an augmented manifest are read, in this order.
    #[serde(default)]
    pub attribute_names: Vec<String>,
}

/// Where the model goes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OutputDataConfig {
    /// `s3://bucket/prefix`, with or without a slash at its end.
    pub s3_output_path: String,
    /// `GZIP` (the default) or `NONE`.
    pub compression_type: Option<String>,
    /// What it is encrypted with: a named key's id, alias or ARN; often empty.
    pub kms_key_id: Option<String>,
}

/// On what a job runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceConfig {
    /// `ml.m4.xlarge`.
    pub instance_type: Option<String>,
    /// How many of them.
    pub instance_count: Option<u64>,
}

/// For how long a job may run.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StoppingCondition {
    /// Seconds; a day where it is not said.
    pub max_runtime_in_seconds: Option<u64>,
    /// Seconds, waiting for machines included; for spot only.
    pub max_wait_time_in_seconds: Option<u64>,
}

/// Where a job's checkpoints go.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CheckpointConfig {
    /// `s3://bucket/prefix`.
    pub s3_uri: String,
    /// The program's folder; `/opt/ml/checkpoints` where it is not said.
    pub local_path: Option<String>,
}

/// How often a job begins again after a failure of ours.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RetryStrategy {
    /// 1 to 30.
    pub maximum_retry_attempts: u32,
}

/// The arguments of a list of jobs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTrainingJobs {
    /// The shared arguments.
    #[serde(flatten)]
    pub page: crate::search::ListArguments,
}
