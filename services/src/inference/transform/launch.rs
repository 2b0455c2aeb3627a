//! From a transform's request to the workload that an executor runs.

use std::collections::BTreeMap;

use api::{Fault, What, inference::TransformJobSpec};
use bytes::Bytes;
use platform::{
    follow::Source,
    objects::{ObjectName, Objects, Protection},
    store::Record,
    telemetry::{MetricName, StreamName},
    transform::{
        DATA_CHANNEL, DEFAULT_PAYLOAD_MB, MB, MODEL_CHANNEL, MOST_PAYLOAD_MB, Settings, Split,
        Strategy,
    },
    workload::{Distribution, Input, InputFile, Program, Workload},
};
use serde::Deserialize;

use super::{
    check::{invalid, processing},
    data::{Data, Found},
    job::TransformJob,
};
use crate::{
    life::share,
    record::{Kind, S3Uri, output},
};

/// Where transform jobs log.
const TRANSFORM_JOBS: &str = "/aws/sagemaker/TransformJobs";
/// The arguments of our own binary that run a transform.
const PROGRAM: &[&str] = &["transform"];
/// The built-in algorithms' limit of a payload, bytes, in their environment.
const MAX_CONTENT_LENGTH: &str = "MAX_CONTENT_LENGTH";

/// The names of a job's hosts, in order.
pub fn hosts(spec: &TransformJobSpec) -> Vec<String> {
    (1..=spec.transform_resources.instance_count).map(|number| format!("algo-{number}")).collect()
}

/// How predictions are encrypted.
pub fn protection(spec: &TransformJobSpec) -> Protection {
    output::protection(spec.transform_output.kms_key_id.as_deref())
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

/// Where the output of each host goes.
pub fn sources(record: &Record, spec: &TransformJobSpec) -> Vec<Source> {
    let name = &record.key.name;
    let since = record.created.millis() / 1_000;
    let id = record.id.to_string();
    let source = |(number, host): (usize, String)| {
        // Clients look for one stream per instance, named after it.
        let instance = format!("i-{}{number:02x}", &id[..15]);
        Source {
            id: record.id,
            host,
            owner: record.owner.clone(),
            stream: StreamName {
                group: TRANSFORM_JOBS.to_owned(),
                stream: format!("{name}/{instance}-{since}"),
            },
            metrics: Vec::new(),
            series: MetricName {
                namespace: TRANSFORM_JOBS.to_owned(),
                name: String::new(),
                dimensions: vec![("TransformJobName".to_owned(), name.clone())],
            },
        }
    };
    hosts(spec).into_iter().enumerate().map(source).collect()
}

/// The workload: every host has the model, and each object goes to one of them.
pub async fn workload(
    record: &Record,
    job: &TransformJob,
    objects: &dyn Objects,
) -> Result<Workload, Fault> {
    let spec = spec(job)?;
    let owner = &record.owner;
    let source = Data::of(&spec.transform_input.data_source.s3_data_source)?;
    let model = invalid(job.model.data.parse::<S3Uri>())?;
    let (_, parts) = objects
        .open_parts(owner, ObjectName::current(&model.bucket, &model.key))
        .await
        .map_err(|error| {
            let message = format!("The model data at {model} cannot be read: {error}.");
            Fault::new(What::Invalid, TransformJob::KIND, message)
        })?;
    let role = job.role.as_deref().unwrap_or(&owner.principal);
    let Found { files, unopened, location } = source.open(owner, objects, role).await?;
    let settings = Settings { unopened, ..settings(&spec, job, location)? };
    let hosts = hosts(&spec);
    let data = Input {
        name: DATA_CHANNEL.to_owned(),
        content_type: content_type(&spec),
        distribution: Distribution::Sharded,
        gzip: false,
        files,
    };
    let model = Input {
        name: MODEL_CHANNEL.to_owned(),
        content_type: None,
        distribution: Distribution::Replicated,
        gzip: false,
        files: vec![InputFile { name: "model.tar.gz".to_owned(), parts }],
    };
    let settings = serde_json::to_vec(&settings).map_err(Fault::internal)?;
    Ok(Workload {
        id: record.id,
        name: record.key.name.clone(),
        program: Program::BuiltIn {
            arguments: PROGRAM.iter().map(|&word| word.to_owned()).collect(),
        },
        limits: share(hosts.len()),
        hosts,
        environment: Vec::new(),
        files: vec![(Settings::PATH.to_owned(), Bytes::from(settings))],
        own_files: Vec::new(),
        copies: Vec::new(),
        inputs: vec![model, data],
        packs: Vec::new(),
    })
}

/// Request before container before default (semantics 1.4).
fn settings(
    spec: &TransformJobSpec,
    job: &TransformJob,
    location: String,
) -> Result<Settings, Fault> {
    let processing = processing(spec)?;
    let asked = spec.transform_output.accept.clone().filter(|accept| !accept.is_empty());
    let shaped = processing.as_ref().filter(|processing| processing.touches_output());
    let split = match spec.transform_input.split_type.as_deref() {
        Some("Line") => Split::Line,
        Some("RecordIO") => Split::RecordIo,
        Some("TFRecord") => Split::TfRecord,
        _ => Split::None,
    };
    let mut environment = job.model.environment.clone();
    environment.extend(spec.environment.clone());
    let limit = environment.get(MAX_CONTENT_LENGTH).and_then(|text| container_limit(text));
    let mut settings = Settings {
        image: job.model.image.clone(),
        max_payload_mb: payload(spec, limit),
        container_limit: limit.filter(|_| spec.max_payload_in_mb.is_none()),
        environment,
        content_type: content_type(spec),
        accept: asked.or_else(|| shaped.map(|processing| processing.format.name().to_owned())),
        location,
        gzip: spec.transform_input.compression_type.as_deref() == Some("Gzip"),
        split,
        strategy: match spec.batch_strategy.as_deref() {
            Some("SingleRecord") => Strategy::SingleRecord,
            _ => Strategy::MultiRecord,
        },
        max_concurrent: concurrent(spec),
        assemble_lines: spec.transform_output.assemble_with.as_deref() == Some("Line"),
        processing,
        unopened: BTreeMap::new(),
    };
    tell_container(&mut settings);
    Ok(settings)
}

fn concurrent(spec: &TransformJobSpec) -> Option<usize> {
    let asked = spec.max_concurrent_transforms.filter(|count| *count > 0)?;
    usize::try_from(asked).ok()
}

/// The container's own limit, bytes: what its execution parameters would say, within what a request
/// may ask for.
fn container_limit(text: &str) -> Option<usize> {
    let most = usize::try_from(MOST_PAYLOAD_MB).unwrap_or(usize::MAX).saturating_mul(MB);
    let limit: usize = text.trim().parse().ok()?;
    Some(limit.min(most)).filter(|limit| *limit > 0)
}

/// `MaxPayloadInMB`, request before container.
fn payload(spec: &TransformJobSpec, container: Option<usize>) -> u64 {
    let own = container.and_then(|limit| u64::try_from(limit.div_ceil(MB)).ok());
    spec.max_payload_in_mb.or(own).unwrap_or(DEFAULT_PAYLOAD_MB)
}

/// `ContentType`; an empty one says nothing.
fn content_type(spec: &TransformJobSpec) -> Option<String> {
    spec.transform_input.content_type.clone().filter(|name| !name.is_empty())
}

/// The variables that a container finds, and room for the payloads it will get.
fn tell_container(settings: &mut Settings) {
    let strategy = settings.strategy.name();
    let payload = settings.max_payload();
    let mut tell = |name: &str, value: String| settings.environment.insert(name.to_owned(), value);
    tell("SAGEMAKER_BATCH", "true".to_owned());
    tell("SAGEMAKER_BATCH_STRATEGY", strategy.to_owned());
    tell("SAGEMAKER_MAX_PAYLOAD_IN_MB", settings.max_payload_mb.to_string());
    if let Some(count) = settings.max_concurrent {
        tell("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", count.to_string());
    }
    settings.environment.entry(MAX_CONTENT_LENGTH.to_owned()).or_insert(payload.to_string());
}
