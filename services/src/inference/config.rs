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

/// A variant's instances. AWS sets no upper bound but quotas; ours tells a slip of the hand from a
/// number that is meant.
const INSTANCES: std::ops::RangeInclusive<u64> = 1..=1_000;

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
    let mut names = BTreeSet::new();
    for variant in &spec.production_variants {
        if !names.insert(&variant.variant_name) {
            return Err(invalid(format_args!(
                "Production variant names must be unique: {} occurs more than once.",
                variant.variant_name
            )));
        }
        check_variant(variant)?;
    }
    if names.is_empty() {
        return Err(invalid("At least one production variant must be given."));
    }
    Ok(())
}

fn check_variant(variant: &VariantSpec) -> Result<(), Fault> {
    let name = &variant.variant_name;
    if variant.serverless_config.is_some() {
        return Err(unsupported(EndpointConfig::KIND, "A ServerlessConfig is not supported"));
    }
    if variant.model_name.is_none() {
        let what = format!(
            "The variant {name} without ModelName, for inference components, is not supported"
        );
        return Err(unsupported(EndpointConfig::KIND, &what));
    }
    if variant.instance_type.is_none() || variant.initial_instance_count.is_none() {
        return Err(invalid(format_args!(
            "InstanceType and InitialInstanceCount must be given for the variant {name}."
        )));
    }
    let (weight, count) = (variant.initial_variant_weight, variant.initial_instance_count);
    check_weight(EndpointConfig::KIND, "InitialVariantWeight", weight)?;
    check_instances(EndpointConfig::KIND, "InitialInstanceCount", count)
}

/// Refuses a share that is none. What is beyond a float's range arrives as infinity, which no JSON
/// can hold.
pub fn check_weight(kind: &'static str, member: &str, weight: Option<f32>) -> Result<(), Fault> {
    match weight {
        Some(weight) if !weight.is_finite() => {
            Err(Fault::new(What::Invalid, kind, format_args!("{member} is too large.")))
        }
        Some(weight) if weight < 0.0 => {
            Err(Fault::new(What::Invalid, kind, format_args!("{member} must be zero or more.")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses what no variant has as its number of instances.
pub fn check_instances(kind: &'static str, member: &str, count: Option<u64>) -> Result<(), Fault> {
    if count.is_none_or(|count| INSTANCES.contains(&count)) {
        return Ok(());
    }
    let (least, most) = (INSTANCES.start(), INSTANCES.end());
    let message = format_args!("{member} must be between {least} and {most}.");
    Err(Fault::new(What::Invalid, kind, message))
}

fn invalid(message: impl std::fmt::Display) -> Fault {
    Fault::new(What::Invalid, EndpointConfig::KIND, message)
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
