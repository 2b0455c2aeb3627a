//! Models, endpoint configurations, endpoints and batch transform.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{family::family, sagemaker::code, search::ListArguments, tags::Tag};

family! {
    /// Everything that serves a trained model.
    pub trait InferenceApi as Inference with code {
        /// Keeps a model's definition.
        "CreateModel" => create_model(ModelSpec);
        /// The definition as sent.
        "DescribeModel" => describe_model(ModelName);
        /// A page of summaries.
        "ListModels" => list_models(ListArguments);
        /// Removes the definition; artefacts stay.
        "DeleteModel" => delete_model(ModelName);

        /// Keeps a configuration; it never changes.
        "CreateEndpointConfig" => create_endpoint_config(EndpointConfigSpec);
        /// The configuration as sent.
        "DescribeEndpointConfig" => describe_endpoint_config(EndpointConfigName);
        /// A page of summaries.
        "ListEndpointConfigs" => list_endpoint_configs(ListArguments);
        /// Removes a configuration that no endpoint is moving to or from.
        "DeleteEndpointConfig" => delete_endpoint_config(EndpointConfigName);

        /// Begins to serve a configuration.
        "CreateEndpoint" => create_endpoint(EndpointSpec);
        /// Where it stands. May be held until it is in service.
        "DescribeEndpoint" => describe_endpoint(EndpointName);
        /// A page of summaries.
        "ListEndpoints" => list_endpoints(ListArguments);
        /// Moves to another configuration without one failed request.
        "UpdateEndpoint" => update_endpoint(EndpointSpec);
        /// Changes the shares of traffic.
        "UpdateEndpointWeightsAndCapacities" => update_endpoint_weights_and_capacities(WeightsSpec);
        /// Ends it.
        "DeleteEndpoint" => delete_endpoint(EndpointName);

        /// Accepts the job and returns.
        "CreateTransformJob" => create_transform_job(TransformJobSpec);
        /// The request as sent, with where the job stands. May be held until the job ends.
        "DescribeTransformJob" => describe_transform_job(TransformJobName);
        /// A page of summaries.
        "ListTransformJobs" => list_transform_jobs(ListArguments);
        /// Asks the job to end.
        "StopTransformJob" => stop_transform_job(TransformJobName);
    }
}

/// Names a model.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModelName {
    /// Its name.
    pub model_name: String,
}

/// A model's definition.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModelSpec {
    /// Its name.
    pub model_name: String,
    /// The one container.
    pub primary_container: Option<ContainerSpec>,
    /// A chain of containers, instead.
    #[serde(default)]
    pub containers: Vec<ContainerSpec>,
    /// As whom it acts.
    pub execution_role_arn: Option<String>,
    /// Tags to set with it.
    #[serde(default)]
    pub tags: Vec<Tag>,
}

/// What serves a model.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerSpec {
    /// The image's URI.
    pub image: Option<String>,
    /// `s3://…/model.tar.gz`.
    pub model_data_url: Option<String>,
    /// What the container sees.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// `SingleModel` or `MultiModel`.
    pub mode: Option<String>,
}

/// Names a configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EndpointConfigName {
    /// Its name.
    pub endpoint_config_name: String,
}

/// What an endpoint will serve.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EndpointConfigSpec {
    /// Its name.
    pub endpoint_config_name: String,
    /// At most 10.
    #[serde(default)]
    pub production_variants: Vec<VariantSpec>,
    /// Tags to set with it.
    #[serde(default)]
    pub tags: Vec<Tag>,
}

/// One variant of a configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VariantSpec {
    /// Its name, unique in the configuration.
    pub variant_name: String,
    /// The model it serves.
    pub model_name: Option<String>,
    /// `ml.t2.medium`.
    pub instance_type: Option<String>,
    /// At least 1.
    pub initial_instance_count: Option<u64>,
    /// 1 where it is not said.
    pub initial_variant_weight: Option<f32>,
    /// Instead of instances.
    pub serverless_config: Option<serde_json::Value>,
}

/// Names an endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EndpointName {
    /// Its name.
    pub endpoint_name: String,
}

/// An endpoint and what it shall serve.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EndpointSpec {
    /// Its name.
    pub endpoint_name: String,
    /// The configuration's name.
    pub endpoint_config_name: String,
    /// Keep the weights that the endpoint has now.
    #[serde(default)]
    pub retain_all_variant_properties: bool,
    /// But for these.
    #[serde(default)]
    pub exclude_retained_variant_properties: Vec<VariantProperty>,
    /// Tags to set with it.
    #[serde(default)]
    pub tags: Vec<Tag>,
}

/// A kind of property that variants have.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VariantProperty {
    /// `DesiredInstanceCount`, `DesiredWeight` or `DataCaptureConfig`.
    pub variant_property_type: String,
}

/// New shares of traffic.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WeightsSpec {
    /// Its name.
    pub endpoint_name: String,
    /// For some or all of its variants.
    pub desired_weights_and_capacities: Vec<DesiredWeight>,
}

/// A variant's new share.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DesiredWeight {
    /// Which variant.
    pub variant_name: String,
    /// At least 0.
    pub desired_weight: Option<f32>,
    /// At least 1.
    pub desired_instance_count: Option<u64>,
}

/// Names a transform job.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransformJobName {
    /// Its name.
    pub transform_job_name: String,
}

/// A batch of predictions.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransformJobSpec {
    /// Its name.
    pub transform_job_name: String,
    /// The model.
    pub model_name: String,
    /// `MultiRecord` (the default) or `SingleRecord`.
    pub batch_strategy: Option<String>,
    /// 6 where it is not said; 0 streams.
    #[serde(rename = "MaxPayloadInMB")]
    pub max_payload_in_mb: Option<u64>,
    /// 1 where it is not said.
    pub max_concurrent_transforms: Option<u64>,
    /// What the container sees.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// What to read.
    pub transform_input: TransformInput,
    /// Where to write.
    pub transform_output: TransformOutput,
    /// On what.
    pub transform_resources: TransformResources,
    /// Filters and joins.
    pub data_processing: Option<DataProcessing>,
    /// Tags to set with it.
    #[serde(default)]
    pub tags: Vec<Tag>,
}

/// What a transform reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransformInput {
    /// Where the data is.
    pub data_source: TransformDataSource,
    /// `text/csv`.
    pub content_type: Option<String>,
    /// `None` or `Gzip`.
    pub compression_type: Option<String>,
    /// `None`, `Line`, `RecordIO`, `TFRecord`.
    pub split_type: Option<String>,
}

/// Where a transform's data is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransformDataSource {
    /// In S3.
    pub s3_data_source: TransformS3DataSource,
}

/// A transform's data in S3.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransformS3DataSource {
    /// `S3Prefix` or `ManifestFile`.
    pub s3_data_type: String,
    /// `s3://bucket/prefix`.
    pub s3_uri: String,
}

/// Where a transform writes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransformOutput {
    /// `s3://bucket/prefix`; each output is named as its input with `.out`.
    pub s3_output_path: String,
    /// What the container is asked for.
    pub accept: Option<String>,
    /// `None` or `Line`.
    pub assemble_with: Option<String>,
    /// What outputs are encrypted with: a named key's id, alias or ARN; often empty.
    pub kms_key_id: Option<String>,
}

/// On what a transform runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransformResources {
    /// `ml.m4.xlarge`.
    pub instance_type: String,
    /// How many of them.
    pub instance_count: u64,
}

/// What is done to records before and after.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataProcessing {
    /// A JSONPath, `$` for all.
    pub input_filter: Option<String>,
    /// A JSONPath, `$` for all.
    pub output_filter: Option<String>,
    /// `None` or `Input`.
    pub join_source: Option<String>,
}
