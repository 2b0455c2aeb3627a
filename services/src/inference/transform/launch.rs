//! From a transform's request to the workload that an executor runs.

use api::{
    Fault, What,
    inference::{TransformInput, TransformJobSpec},
};
use bytes::Bytes;
use platform::{
    follow::Source,
    objects::{ObjectName, Objects, Protection},
    store::Record,
    telemetry::{MetricName, StreamName},
    transform::{DATA_CHANNEL, MODEL_CHANNEL, Settings},
    workload::{Distribution, Input, InputFile, Limits, Program, Workload},
};
use serde::Deserialize;
use types::Owner;

use super::job::TransformJob;
use crate::record::{Kind, S3Uri, channel, output, unsupported};

/// The one host of a transform.
pub const HOST: &str = "algo-1";
/// What a request may ask for and would not get.
pub const UNBUILT: &[&str] = &["DataCaptureConfig", "TransformResources.VolumeKmsKeyId"];
/// Where transform jobs log.
const TRANSFORM_JOBS: &str = "/aws/sagemaker/TransformJobs";
/// The arguments of our own binary that run a transform.
const PROGRAM: &[&str] = &["transform"];
/// `MaxPayloadInMB` where it is not said (semantics 1.4).
const PAYLOAD_MB: u64 = 6;
/// A payload is counted in these.
const MB: usize = 1 << 20;

/// Refuses by name what is not built, and looks for the data.
pub async fn check(
    owner: &Owner,
    spec: &TransformJobSpec,
    role: &str,
    objects: &dyn Objects,
) -> Result<(), Fault> {
    let refuse =
        |what: &str| Err(unsupported(TransformJob::KIND, &format!("{what} is not supported")));
    let TransformInput { data_source, compression_type, split_type, .. } = &spec.transform_input;
    if data_source.s3_data_source.s3_data_type != "S3Prefix" {
        return refuse(&format!("S3DataType {}", data_source.s3_data_source.s3_data_type));
    }
    if compression_type.as_deref().is_some_and(|compression| compression != "None") {
        return refuse("CompressionType Gzip");
    }
    if let Some(split @ ("RecordIO" | "TFRecord")) = split_type.as_deref() {
        return refuse(&format!("SplitType {split}"));
    }
    if let Some(processing) = &spec.data_processing {
        let filters = [&processing.input_filter, &processing.output_filter];
        let filtered = filters.iter().any(|path| path.as_deref().is_some_and(|path| path != "$"));
        let joined = processing.join_source.as_deref().is_some_and(|source| source != "None");
        if filtered || joined {
            return refuse("DataProcessing with filters or a join");
        }
    }
    if spec.transform_resources.instance_count > 1 {
        return refuse("Batch transform on more than one instance");
    }
    let uri = invalid(data_source.s3_data_source.s3_uri.parse::<S3Uri>())?;
    channel::check(owner, objects, &uri, role).await?;
    let place = invalid(spec.transform_output.s3_output_path.parse::<S3Uri>())?;
    let key = spec.transform_output.kms_key_id.as_deref();
    output::check(owner, objects, TransformJob::KIND, &place, key).await
}

/// How predictions are encrypted.
pub fn protection(spec: &TransformJobSpec) -> Protection {
    output::protection(spec.transform_output.kms_key_id.as_deref())
}

fn invalid<T, E: std::fmt::Display>(parsed: Result<T, E>) -> Result<T, Fault> {
    parsed.map_err(|error| Fault::new(What::Invalid, TransformJob::KIND, error))
}

/// A stored request, read again.
pub fn spec(job: &TransformJob) -> Result<TransformJobSpec, Fault> {
    TransformJobSpec::deserialize(&job.request).map_err(Fault::internal)
}

/// Where a prediction of `input` goes.
pub fn target(spec: &TransformJobSpec, input: &str) -> Result<S3Uri, Fault> {
    let path = invalid(spec.transform_output.s3_output_path.parse::<S3Uri>())?;
    Ok(path.join(&format!("{input}.out")))
}

/// Where the job's output goes.
pub fn source(record: &Record) -> Source {
    let job = &record.key.name;
    let since = record.created.millis() / 1_000;
    // Clients look for one stream per instance, named after it.
    let instance = format!("i-{}", &record.id.to_string()[..17]);
    Source {
        id: record.id,
        host: HOST.to_owned(),
        owner: record.owner.clone(),
        stream: StreamName {
            group: TRANSFORM_JOBS.to_owned(),
            stream: format!("{job}/{instance}-{since}"),
        },
        metrics: Vec::new(),
        series: MetricName {
            namespace: TRANSFORM_JOBS.to_owned(),
            name: String::new(),
            dimensions: vec![("TransformJobName".to_owned(), job.clone())],
        },
    }
}

/// The workload.
pub async fn workload(
    record: &Record,
    job: &TransformJob,
    objects: &dyn Objects,
) -> Result<Workload, Fault> {
    let spec = spec(job)?;
    let owner = &record.owner;
    let uri = invalid(spec.transform_input.data_source.s3_data_source.s3_uri.parse::<S3Uri>())?;
    let model = invalid(job.model.data.parse::<S3Uri>())?;
    let (_, parts) = objects
        .open_parts(owner, ObjectName::current(&model.bucket, &model.key))
        .await
        .map_err(|error| {
            let message = format!("The model data at {model} cannot be read: {error}.");
            Fault::new(What::Invalid, TransformJob::KIND, message)
        })?;
    let data = Input {
        name: DATA_CHANNEL.to_owned(),
        content_type: spec.transform_input.content_type.clone(),
        distribution: Distribution::Replicated,
        gzip: false,
        files: channel::files(owner, objects, &uri, &owner.principal).await?,
    };
    let model = Input {
        name: MODEL_CHANNEL.to_owned(),
        content_type: None,
        distribution: Distribution::Replicated,
        gzip: false,
        files: vec![InputFile { name: "model.tar.gz".to_owned(), parts }],
    };
    let settings = serde_json::to_vec(&settings(&spec, job)).map_err(Fault::internal)?;
    Ok(Workload {
        id: record.id,
        name: record.key.name.clone(),
        program: Program::BuiltIn {
            arguments: PROGRAM.iter().map(|&word| word.to_owned()).collect(),
        },
        hosts: vec![HOST.to_owned()],
        environment: Vec::new(),
        files: vec![(Settings::PATH.to_owned(), Bytes::from(settings))],
        own_files: Vec::new(),
        copies: Vec::new(),
        inputs: vec![model, data],
        packs: Vec::new(),
        limits: Limits::default(),
    })
}

fn settings(spec: &TransformJobSpec, job: &TransformJob) -> Settings {
    let mut environment = job.model.environment.clone();
    environment.extend(spec.environment.clone());
    environment.insert("SAGEMAKER_BATCH".to_owned(), "true".to_owned());
    let megabytes = match spec.max_payload_in_mb {
        // A stream of any length (semantics 1.4) is one request here as well.
        Some(0) => usize::MAX / MB,
        limit => usize::try_from(limit.unwrap_or(PAYLOAD_MB)).unwrap_or(usize::MAX / MB),
    };
    Settings {
        image: job.model.image.clone(),
        environment,
        content_type: spec.transform_input.content_type.clone(),
        accept: spec.transform_output.accept.clone(),
        split_lines: spec.transform_input.split_type.as_deref() == Some("Line"),
        many_records: spec.batch_strategy.as_deref() != Some("SingleRecord"),
        max_payload: megabytes.saturating_mul(MB),
        assemble_lines: spec.transform_output.assemble_with.as_deref() == Some("Line"),
    }
}
