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
    workload::{OwnFile, Pack, PrivateCopy, Program, Workload},
};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};
use types::Owner;

use super::{
    channels::{self, Channel},
    checkpoints::{Carrier, Place},
    job::TrainingJob,
};
use crate::{
    life::share,
    record::{self, Kind as _, S3Uri, output},
};

/// The host that every job has.
pub const HOST: &str = "algo-1";
/// Where the program leaves its model, below `/opt/ml`.
pub const MODEL_FOLDER: &str = "model";
/// Of one job: AWS's own limit where nobody asked for another.
const MOST_INSTANCES: u64 = 20;
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
        check_names(&spec.input_data_config)?;
        algorithms
            .check(&algorithm, &spec.hyper_parameters)
            .map_err(|error| unsupported(&error.0))?;
        if spec.resource_config.instance_count.unwrap_or(1) > MOST_INSTANCES {
            return Err(unsupported(&format!(
                "Training on more than {MOST_INSTANCES} instances is not supported"
            )));
        }
        check_metrics(&spec.algorithm_specification.metric_definitions)?;
        let checkpoints = spec.checkpoint_config.as_ref().map(Place::of).transpose()?;
        let plan = Self { spec, algorithm, checkpoints };
        plan.channels()?;
        Ok(plan)
    }

    fn channels(&self) -> Result<Vec<Channel<'_>>, Fault> {
        let mode = self.spec.algorithm_specification.training_input_mode.as_deref();
        self.spec.input_data_config.iter().map(|spec| Channel::new(spec, mode)).collect()
    }

    /// Looks for the data that the job will read, and the bucket that it will write to, so that a
    /// wrong name is told at once.
    pub async fn check_data(&self, owner: &Owner, objects: &dyn Objects) -> Result<(), Fault> {
        for channel in self.channels()? {
            channel.check_data(owner, objects, &self.spec.role_arn).await?;
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

    /// Its hosts, in the order of their numbers.
    pub fn hosts(&self) -> Vec<String> {
        let count = self.spec.resource_config.instance_count.unwrap_or(1).max(1);
        (1..=count).map(|number| format!("algo-{number}")).collect()
    }

    /// Where the output of each host goes, in one of the job's runs: each has streams of its own.
    pub fn sources(&self, record: &Record, run: usize) -> Vec<Source> {
        self.hosts().into_iter().map(|host| self.source(record, run, host)).collect()
    }

    fn source(&self, record: &Record, run: usize, host: String) -> Source {
        let job = &self.spec.training_job_name;
        let since = record.created.millis() / 1_000 + i64::try_from(run).unwrap_or(0);
        let stream = format!("{job}/{host}-{since}");
        Source {
            id: record.id,
            host,
            owner: record.owner.clone(),
            stream: StreamName { group: TRAINING_JOBS.to_owned(), stream },
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
        let (hosts, channels) = (self.hosts(), self.channels()?);
        let mut inputs = Vec::new();
        for channel in &channels {
            inputs.push(channel.input(&record.owner, objects, &self.spec.role_arn).await?);
        }
        Ok(Workload {
            id: record.id,
            name: self.spec.training_job_name.clone(),
            program: Program::BuiltIn { arguments: self.algorithm.train.clone() },
            own_files: hosts.iter().map(|host| self.resource_config(host, &hosts)).collect(),
            limits: share(hosts.len()),
            hosts,
            environment: self.environment(record),
            files: self.files(&channels),
            copies: self.copies(record, objects).await?,
            inputs,
            packs: self.packs(),
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
    fn files(&self, channels: &[Channel<'_>]) -> Vec<(String, Bytes)> {
        let config = |name: &str, value: &Value| {
            (format!("input/config/{name}.json"), Bytes::from(value.to_string()))
        };
        let mut files = vec![
            config("hyperparameters", &json!(self.spec.hyper_parameters)),
            config("inputdataconfig", &channels::config(channels)),
        ];
        files.extend(
            self.checkpoints
                .as_ref()
                .map(|place| config("checkpointconfig", &json!({ "LocalPath": place.local_path }))),
        );
        files
    }

    fn resource_config(&self, host: &str, hosts: &[String]) -> OwnFile {
        let instance_type = self.spec.resource_config.instance_type.as_deref();
        let config = json!({
            "current_host": host,
            "current_instance_type": instance_type,
            "current_group_name": GROUP,
            "hosts": hosts,
            "instance_groups": [{
                "instance_group_name": GROUP,
                "instance_type": instance_type,
                "hosts": hosts,
            }],
            "network_interface_name": "eth0",
        });
        OwnFile {
            host: host.to_owned(),
            path: "input/config/resourceconfig.json".to_owned(),
            bytes: Bytes::from(config.to_string()),
        }
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

fn check_names(channels: &[ChannelSpec]) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    let mut names = channels.iter().map(|channel| &channel.channel_name);
    match names.find(|name| !seen.insert(*name)) {
        Some(name) => Err(invalid(format!("The channel {name} is defined more than once."))),
        None => Ok(()),
    }
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

/// A request that says what cannot be.
pub fn invalid(message: impl std::fmt::Display) -> Fault {
    Fault::new(What::Invalid, "training-job", message)
}

/// A request that asks for what is not built.
pub fn unsupported(what: &str) -> Fault {
    record::unsupported("training-job", what)
}
