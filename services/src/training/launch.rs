//! From a request to the workload that an executor runs: the container contract, laid out.

use std::collections::BTreeSet;

use api::{
    Document, Fault, What,
    training::{ChannelSpec, MetricDefinitionSpec, TrainingJobSpec},
};
use bytes::Bytes;
use platform::{
    algorithm::{Algorithm, Algorithms, MetricDefinition},
    follow::Source,
    objects::{Objects, Protection},
    store::Record,
    telemetry::{MetricName, StreamName},
    workload::{Distribution, Input, Limits, Pack, PrivateCopy, Program, Workload},
};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use types::Owner;

use super::{
    checkpoints::{Carrier, Place},
    job::TrainingJob,
};
use crate::record::{self, Kind as _, S3Uri, channel, output};

/// The one host of a job that is not distributed.
pub const HOST: &str = "algo-1";
/// Where the program leaves its model, below `/opt/ml`.
pub const MODEL_FOLDER: &str = "model";
/// The archive of `/opt/ml/model`.
pub const MODEL: &str = "model.tar.gz";
/// The archive of `/opt/ml/output/data`.
pub const OUTPUT: &str = "output.tar.gz";
/// Where training jobs log, and the namespace of their metrics.
const TRAINING_JOBS: &str = "/aws/sagemaker/TrainingJobs";
/// How AWS names the only group of a job whose hosts are all alike.
const GROUP: &str = "homogeneousCluster";

/// A request that was checked, with the algorithm it asks for.
pub struct Plan {
    /// What the service acts on.
    pub spec: TrainingJobSpec,
    /// The algorithm behind its image.
    pub algorithm: Algorithm,
    /// Where its checkpoints go, if it keeps any.
    pub checkpoints: Option<Place>,
}

impl Plan {
    /// Reads a stored request again.
    pub fn of(document: &Document, algorithms: &dyn Algorithms) -> Result<Self, Fault> {
        let spec = TrainingJobSpec::deserialize(document).map_err(Fault::internal)?;
        Self::new(spec, algorithms)
    }

    /// Refuses by name what is not built, before anything is written down.
    pub fn new(spec: TrainingJobSpec, algorithms: &dyn Algorithms) -> Result<Self, Fault> {
        let algorithm = algorithm(&spec, algorithms)?;
        let channels: Vec<_> =
            spec.input_data_config.iter().map(|channel| channel.channel_name.clone()).collect();
        algorithms
            .check(&algorithm, &spec.hyper_parameters, &channels)
            .map_err(|error| unsupported(&error.0))?;
        if spec.resource_config.instance_count.unwrap_or(1) > 1 {
            return Err(unsupported("Training on more than one instance is not supported"));
        }
        for channel in &spec.input_data_config {
            check_channel(channel, spec.algorithm_specification.training_input_mode.as_deref())?;
        }
        check_metrics(&spec.algorithm_specification.metric_definitions)?;
        let checkpoints = spec.checkpoint_config.as_ref().map(Place::of).transpose()?;
        Ok(Self { spec, algorithm, checkpoints })
    }

    /// Looks for the data that the job will read, and the bucket that it will write to, so that a
    /// wrong name is told at once.
    pub async fn check_data(&self, owner: &Owner, objects: &dyn Objects) -> Result<(), Fault> {
        for spec in &self.spec.input_data_config {
            let uri = channel_uri(spec)?;
            channel::check(owner, objects, &uri, &self.spec.role_arn).await?;
        }
        let key = self.spec.output_data_config.kms_key_id.as_deref();
        output::check(owner, objects, TrainingJob::KIND, &self.output()?, key).await?;
        match &self.checkpoints {
            Some(place) => output::check(owner, objects, TrainingJob::KIND, place.uri(), key).await,
            None => Ok(()),
        }
    }

    /// How the model is encrypted.
    pub fn protection(&self) -> Protection {
        output::protection(self.spec.output_data_config.kms_key_id.as_deref())
    }

    /// Where an output of the job goes.
    pub fn place(&self, name: &str) -> Result<S3Uri, Fault> {
        Ok(self.output()?.join(&format!("{}/output/{name}", self.spec.training_job_name)))
    }

    /// Whether the model becomes an archive, and not an object for each of its files.
    pub fn packs_model(&self) -> bool {
        self.spec.output_data_config.compression_type.as_deref() != Some("NONE")
    }

    fn output(&self) -> Result<S3Uri, Fault> {
        self.spec.output_data_config.s3_output_path.parse().map_err(invalid)
    }

    /// The metrics that the job reports: the user's, and those of the algorithm.
    pub fn metrics(&self) -> Vec<MetricDefinition> {
        let own = |MetricDefinitionSpec { name, regex }: &MetricDefinitionSpec| MetricDefinition {
            name: name.clone(),
            regex: regex.clone(),
        };
        let given = &self.spec.algorithm_specification.metric_definitions;
        let unnamed =
            |metric: &&MetricDefinition| given.iter().all(|given| given.name != metric.name);
        let ours = self.algorithm.metrics.iter().filter(unnamed).cloned();
        given.iter().map(own).chain(ours).collect()
    }

    /// Where the output of one of the job's runs goes: each has a stream of its own.
    pub fn source(&self, record: &Record, run: usize) -> Source {
        let job = &self.spec.training_job_name;
        let since = record.created.millis() / 1_000 + i64::try_from(run).unwrap_or(0);
        Source {
            id: record.id,
            host: HOST.to_owned(),
            owner: record.owner.clone(),
            stream: StreamName {
                group: TRAINING_JOBS.to_owned(),
                stream: format!("{job}/{HOST}-{since}"),
            },
            metrics: self.metrics(),
            series: MetricName {
                namespace: TRAINING_JOBS.to_owned(),
                name: String::new(),
                dimensions: vec![("TrainingJobName".to_owned(), job.clone())],
            },
        }
    }

    /// The workload.
    pub async fn workload(
        &self,
        record: &Record,
        objects: &dyn Objects,
    ) -> Result<Workload, Fault> {
        let mut inputs = Vec::new();
        for spec in &self.spec.input_data_config {
            let uri = channel_uri(spec)?;
            inputs.push(Input {
                name: spec.channel_name.clone(),
                content_type: spec.content_type.clone(),
                distribution: Distribution::Replicated,
                files: channel::files(&record.owner, objects, &uri, &self.spec.role_arn).await?,
            });
        }
        Ok(Workload {
            id: record.id,
            name: self.spec.training_job_name.clone(),
            program: Program::BuiltIn { arguments: self.algorithm.train.clone() },
            hosts: vec![HOST.to_owned()],
            environment: self.environment(record),
            files: self.files(),
            own_files: Vec::new(),
            copies: self.copies(record, objects).await?,
            inputs,
            packs: self.packs(),
            limits: Limits::default(),
        })
    }

    /// What carries its checkpoints.
    pub fn carrier<'a>(
        &'a self,
        record: &'a Record,
        objects: &'a dyn Objects,
    ) -> Option<Carrier<'a>> {
        let place = self.checkpoints.as_ref()?;
        Some(Carrier { record, place, protection: self.protection(), objects })
    }

    async fn copies(
        &self,
        record: &Record,
        objects: &dyn Objects,
    ) -> Result<Vec<PrivateCopy>, Fault> {
        match self.carrier(record, objects) {
            Some(carrier) => carrier.fetch().await,
            None => Ok(Vec::new()),
        }
    }

    fn packs(&self) -> Vec<Pack> {
        let model = self.packs_model().then_some((MODEL_FOLDER, MODEL));
        let packed = model.into_iter().chain([("output/data", OUTPUT)]);
        let pack = |(folder, archive): (&str, &str)| Pack {
            folder: folder.to_owned(),
            archive: archive.to_owned(),
        };
        packed.map(pack).collect()
    }

    fn environment(&self, record: &Record) -> Vec<(String, String)> {
        let region = record.owner.region.to_string();
        let known = [
            ("TRAINING_JOB_NAME", self.spec.training_job_name.clone()),
            ("TRAINING_JOB_ARN", record.arn.clone()),
            ("AWS_REGION", region.clone()),
            ("AWS_DEFAULT_REGION", region),
        ];
        let known = known.into_iter().map(|(name, value)| (name.to_owned(), value));
        self.spec.environment.clone().into_iter().chain(known).collect()
    }

    /// `/opt/ml/input/config`.
    fn files(&self) -> Vec<(String, Bytes)> {
        let config = |name: &str, value: &Value| {
            (format!("input/config/{name}.json"), Bytes::from(value.to_string()))
        };
        let mut files = vec![
            config("hyperparameters", &json!(self.spec.hyper_parameters)),
            config("inputdataconfig", &self.input_data_config()),
            config("resourceconfig", &self.resource_config()),
        ];
        files.extend(
            self.checkpoints
                .as_ref()
                .map(|place| config("checkpointconfig", &json!({ "LocalPath": place.local_path }))),
        );
        files
    }

    fn input_data_config(&self) -> Value {
        let job_mode = self.spec.algorithm_specification.training_input_mode.as_deref();
        let channel = |spec: &ChannelSpec| {
            let mode = spec.input_mode.as_deref().or(job_mode).unwrap_or("File");
            let distribution = spec
                .data_source
                .s3_data_source
                .as_ref()
                .and_then(|s3| s3.s3_data_distribution_type.as_deref());
            let mut config = json!({
                "TrainingInputMode": mode,
                "S3DistributionType": distribution.unwrap_or("FullyReplicated"),
                "RecordWrapperType": "None",
            });
            if let Some(content_type) = &spec.content_type {
                config["ContentType"] = json!(content_type);
            }
            (spec.channel_name.clone(), config)
        };
        Value::Object(self.spec.input_data_config.iter().map(channel).collect::<Map<_, _>>())
    }

    fn resource_config(&self) -> Value {
        let instance_type = self.spec.resource_config.instance_type.as_deref();
        json!({
            "current_host": HOST,
            "current_instance_type": instance_type,
            "current_group_name": GROUP,
            "hosts": [HOST],
            "instance_groups": [{
                "instance_group_name": GROUP,
                "instance_type": instance_type,
                "hosts": [HOST],
            }],
            "network_interface_name": "eth0",
        })
    }
}

fn algorithm(spec: &TrainingJobSpec, algorithms: &dyn Algorithms) -> Result<Algorithm, Fault> {
    let Some(image) = &spec.algorithm_specification.training_image else {
        let name = spec.algorithm_specification.algorithm_name.as_deref().unwrap_or_default();
        return Err(unsupported(&format!("The algorithm resource `{name}` is not supported")));
    };
    algorithms.find(image).ok_or_else(|| {
        unsupported(&format!(
            "Training with the image {image} is not supported: it is none of the built-in \
             algorithms that run here (xgboost)"
        ))
    })
}

fn check_channel(channel: &ChannelSpec, job_mode: Option<&str>) -> Result<(), Fault> {
    let name = &channel.channel_name;
    let refuse =
        |what: String| Err(unsupported(&format!("Channel {name}: {what} is not supported")));
    let Some(s3) = &channel.data_source.s3_data_source else {
        return refuse("a data source other than S3DataSource".into());
    };
    if s3.s3_data_type != "S3Prefix" {
        return refuse(format!("S3DataType {}", s3.s3_data_type));
    }
    let mode = channel.input_mode.as_deref().or(job_mode).unwrap_or("File");
    if mode == "Pipe" {
        return refuse("input mode Pipe".into());
    }
    for other in [&channel.compression_type, &channel.record_wrapper_type] {
        if let Some(other) = other.as_deref().filter(|other| *other != "None") {
            return refuse(other.to_owned());
        }
    }
    Ok(())
}

fn channel_uri(channel: &ChannelSpec) -> Result<S3Uri, Fault> {
    let s3 = channel.data_source.s3_data_source.as_ref();
    s3.map(|s3| s3.s3_uri.as_str()).unwrap_or_default().parse().map_err(invalid)
}

fn check_metrics(definitions: &[MetricDefinitionSpec]) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    for MetricDefinitionSpec { name, regex } in definitions {
        if let Err(error) = Regex::new(regex) {
            return Err(invalid(format!("The regex of the metric {name} is not valid: {error}")));
        }
        if !seen.insert(name) {
            return Err(invalid(format!("The metric {name} is defined more than once.")));
        }
    }
    Ok(())
}

fn invalid(message: impl std::fmt::Display) -> Fault {
    Fault::new(What::Invalid, "training-job", message)
}

fn unsupported(what: &str) -> Fault {
    record::unsupported("training-job", what)
}
