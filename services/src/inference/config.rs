//! Endpoint configurations: they never change, so what is kept is the request.

use std::collections::BTreeSet;

use api::{
    Document, Fault, What,
    inference::{EndpointConfigSpec, VariantSpec},
};
use platform::store::{Record, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::Timestamp;

use crate::record::{Kind, epoch, unsupported};

/// What a request may ask for and would not get.
pub const UNBUILT: &[&str] = &[
    "AsyncInferenceConfig",
    "DataCaptureConfig.EnableCapture",
    "ExplainerConfig",
    "KmsKeyId",
    "ShadowProductionVariants",
];

/// A configuration, as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EndpointConfig {
    /// The version of this form.
    pub format: u32,
    /// As the client sent it.
    pub request: Document,
}

impl Kind for EndpointConfig {
    const KIND: &'static str = "endpoint-config";

    fn missing(arn: &str) -> String {
        format!("Could not find endpoint configuration \"{arn}\".")
    }

    fn taken(arn: &str) -> String {
        format!("Cannot create already existing endpoint configuration \"{arn}\".")
    }

    fn state(&self, _: Timestamp) -> Result<State, serde_json::Error> {
        let body = serde_json::to_string(self)?;
        Ok(State { status: String::new(), due: None, body, detail: String::new() })
    }
}

impl EndpointConfig {
    /// Its variants.
    pub fn variants(&self) -> Result<Vec<VariantSpec>, Fault> {
        let spec = EndpointConfigSpec::deserialize(&self.request).map_err(Fault::internal)?;
        Ok(spec.production_variants)
    }
}

/// Checks what the service model does not.
pub fn check(spec: &EndpointConfigSpec) -> Result<(), Fault> {
    let invalid = |message: String| Err(Fault::new(What::Invalid, EndpointConfig::KIND, message));
    let mut names = BTreeSet::new();
    for variant in &spec.production_variants {
        if !names.insert(&variant.variant_name) {
            return invalid(format!(
                "Production variant names must be unique: {} occurs more than once.",
                variant.variant_name
            ));
        }
        if variant.initial_variant_weight.is_some_and(|weight| !weight.is_finite() || weight < 0.0)
        {
            return invalid("InitialVariantWeight must be zero or more.".to_owned());
        }
        if variant.serverless_config.is_some() {
            return Err(unsupported(EndpointConfig::KIND, "A ServerlessConfig is not supported"));
        }
        if variant.model_name.is_none() {
            return invalid(format!("The variant {} names no model.", variant.variant_name));
        }
    }
    if names.is_empty() {
        return invalid("At least one production variant must be given.".to_owned());
    }
    Ok(())
}

/// What DescribeEndpointConfig shows: the variants exactly as they were sent, for SDKs copy them.
pub fn describe(record: &Record, config: EndpointConfig) -> Document {
    let mut shown = config.request;
    shown.remove("Tags");
    shown.insert("EndpointConfigArn".to_owned(), json!(record.arn));
    shown.insert("CreationTime".to_owned(), epoch(record.created));
    shown.entry("EnableNetworkIsolation").or_insert(Value::Bool(false));
    shown
}

/// A configuration in a list.
pub fn summary(record: &Record) -> Value {
    json!({
        "EndpointConfigName": record.key.name,
        "EndpointConfigArn": record.arn,
        "CreationTime": epoch(record.created),
    })
}
