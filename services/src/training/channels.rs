//! A training job's channels: what a request may ask of them, what they are made of, and what the
//! container is told of them.

use api::{
    Fault,
    training::{ChannelSpec, S3DataSource},
};
use platform::{
    objects::Objects,
    workload::{Distribution, Input, InputFile},
};
use serde_json::{Map, Value, json};
use types::Owner;

use super::launch::{invalid, unsupported};
use crate::record::{
    S3Uri,
    channel::{
        self,
        augmented::{self, Attributes},
        manifest, stream,
    },
};

/// One channel of a request, checked.
pub struct Channel<'a> {
    spec: &'a ChannelSpec,
    s3: &'a S3DataSource,
    uri: S3Uri,
    mode: Mode,
    listed: Listed,
}

/// How a program is given the data. Built-ins read it in place, whatever the mode.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    File,
    FastFile,
    Pipe,
}

/// What the URI names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listed {
    Prefix,
    Manifest,
    Augmented,
}

impl<'a> Channel<'a> {
    /// Refuses by name what AWS or we do not take. `job_mode` is that of the job.
    pub fn new(spec: &'a ChannelSpec, job_mode: Option<&str>) -> Result<Self, Fault> {
        let name = &spec.channel_name;
        let s3 = spec.data_source.s3_data_source.as_ref().ok_or_else(|| {
            unsupported(&format!(
                "Channel {name}: a data source other than S3DataSource is not supported"
            ))
        })?;
        let listed = match s3.s3_data_type.as_str() {
            "S3Prefix" => Listed::Prefix,
            "ManifestFile" => Listed::Manifest,
            "AugmentedManifestFile" => Listed::Augmented,
            other => return Err(wrong(name, &format!("S3DataType {other} is unknown."))),
        };
        let mode = match spec.input_mode.as_deref().or(job_mode).unwrap_or("File") {
            "File" => Mode::File,
            "FastFile" => Mode::FastFile,
            "Pipe" => Mode::Pipe,
            other => return Err(wrong(name, &format!("input mode {other} is unknown."))),
        };
        let uri = s3.s3_uri.parse().map_err(invalid)?;
        let channel = Self { spec, s3, uri, mode, listed };
        channel.check_stream()?;
        Ok(channel)
    }

    /// What only a stream can do (API reference of Channel and S3DataSource, in their words).
    fn check_stream(&self) -> Result<(), Fault> {
        let name = &self.spec.channel_name;
        if self.mode != Mode::Pipe {
            if self.listed == Listed::Augmented {
                return Err(wrong(
                    name,
                    "AugmentedManifestFile can only be used if the Channel's input mode is Pipe.",
                ));
            }
            if self.is_gzip() {
                return Err(wrong(
                    name,
                    "CompressionType is used only in Pipe input mode. In File mode, leave this \
                     field unset or set it to None.",
                ));
            }
            if self.is_wrapped() {
                return Err(wrong(
                    name,
                    "RecordWrapperType RecordIO is used only in Pipe input mode. In File mode, \
                     leave this field unset or set it to None.",
                ));
            }
        }
        if (self.listed == Listed::Augmented) == self.s3.attribute_names.is_empty() {
            return Err(wrong(
                name,
                "AttributeNames are needed with S3DataType AugmentedManifestFile, and with no other.",
            ));
        }
        if self.is_gzip() && (self.is_wrapped() || self.listed == Listed::Augmented) {
            return Err(unsupported(&format!(
                "Channel {name}: CompressionType Gzip together with RecordWrapperType RecordIO or \
                 AugmentedManifestFile is not supported"
            )));
        }
        Ok(())
    }

    fn is_gzip(&self) -> bool {
        self.spec.compression_type.as_deref() == Some("Gzip")
    }

    fn is_wrapped(&self) -> bool {
        self.spec.record_wrapper_type.as_deref() == Some("RecordIO")
    }

    fn distribution(&self) -> Distribution {
        match self.s3.s3_data_distribution_type.as_deref() {
            Some("ShardedByS3Key") => Distribution::Sharded,
            _ => Distribution::Replicated,
        }
    }

    /// Looks for the prefix or the manifest, so that a wrong name is told at once.
    pub async fn check_data(
        &self,
        owner: &Owner,
        objects: &dyn Objects,
        role: &str,
    ) -> Result<(), Fault> {
        channel::check(owner, objects, &self.uri, role).await
    }

    /// The data, each object open where it lies.
    pub async fn input(
        &self,
        owner: &Owner,
        objects: &dyn Objects,
        role: &str,
    ) -> Result<Input, Fault> {
        let mut files = self.files(owner, objects, role).await?;
        if let Some(shuffle) = &self.spec.shuffle_config {
            stream::shuffle(&mut files, shuffle.seed.cast_unsigned());
        }
        Ok(Input {
            name: self.spec.channel_name.clone(),
            content_type: self.spec.content_type.clone(),
            distribution: self.distribution(),
            gzip: self.is_gzip(),
            files,
        })
    }

    async fn files(
        &self,
        owner: &Owner,
        objects: &dyn Objects,
        role: &str,
    ) -> Result<Vec<InputFile>, Fault> {
        let files = match self.listed {
            Listed::Prefix => channel::files(owner, objects, &self.uri, role).await?,
            Listed::Manifest => manifest::files(owner, objects, &self.uri).await?,
            Listed::Augmented => {
                let names = &self.s3.attribute_names;
                let attributes = Attributes { names, wrapped: self.is_wrapped() };
                return augmented::files(owner, objects, &self.uri, attributes).await;
            }
        };
        if self.is_wrapped() { stream::wrap(files) } else { Ok(files) }
    }

    /// What `inputdataconfig.json` says of it. What comes by FastFile is a folder of files, as
    /// with File, and containers are told so.
    fn config(&self) -> Value {
        let mut config = Map::new();
        if let Some(content_type) = &self.spec.content_type {
            config.insert("ContentType".to_owned(), json!(content_type));
        }
        let mode = match self.mode {
            Mode::File | Mode::FastFile => "File",
            Mode::Pipe => "Pipe",
        };
        config.insert("TrainingInputMode".to_owned(), json!(mode));
        let distribution = match self.distribution() {
            Distribution::Replicated => "FullyReplicated",
            Distribution::Sharded => "ShardedByS3Key",
        };
        config.insert("S3DistributionType".to_owned(), json!(distribution));
        let wrapper = if self.is_wrapped() { "RecordIO" } else { "None" };
        config.insert("RecordWrapperType".to_owned(), json!(wrapper));
        Value::Object(config)
    }
}

/// The whole of `inputdataconfig.json`.
pub fn config(channels: &[Channel<'_>]) -> Value {
    let config = |channel: &Channel<'_>| (channel.spec.channel_name.clone(), channel.config());
    Value::Object(channels.iter().map(config).collect())
}

fn wrong(channel: &str, what: &str) -> Fault {
    invalid(format_args!("Channel {channel}: {what}"))
}
