//! What DescribeEndpoint and ListEndpoints show.

use api::Document;
use platform::store::Record;
use serde_json::{Value, json};

use super::life::{Endpoint, Phase, Serving};
use crate::record::epoch;

/// The whole endpoint.
pub fn describe(record: &Record, endpoint: &Endpoint) -> Document {
    let mut shown = Document::new();
    let mut set = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    set("EndpointName", json!(record.key.name));
    set("EndpointArn", json!(record.arn));
    set("EndpointConfigName", json!(endpoint.serving.config));
    if !matches!(endpoint.phase, Phase::Creating | Phase::Failed) {
        set("ProductionVariants", variants(&endpoint.serving, endpoint.target()));
    }
    set("EndpointStatus", json!(endpoint.on_the_wire()));
    if let Some(reason) = &endpoint.failure {
        set("FailureReason", json!(reason));
    }
    set("CreationTime", epoch(record.created));
    set("LastModifiedTime", epoch(record.modified));
    shown
}

fn variants(serving: &Serving, target: &Serving) -> Value {
    let show = |variant: &super::Variant| {
        let wanted = target.variants.iter().find(|wanted| wanted.name == variant.name);
        let wanted = wanted.unwrap_or(variant);
        let image = json!({ "SpecifiedImage": variant.image, "ResolvedImage": variant.image });
        let mut shown = json!({
            "VariantName": variant.name,
            "DeployedImages": [image],
            "CurrentWeight": variant.weight,
            "DesiredWeight": wanted.weight,
        });
        if let (Some(current), Some(desired)) = (variant.instance_count, wanted.instance_count) {
            shown["CurrentInstanceCount"] = json!(current);
            shown["DesiredInstanceCount"] = json!(desired);
        }
        shown
    };
    serving.variants.iter().map(show).collect()
}

/// An endpoint in a list.
pub fn summary(record: &Record, endpoint: &Endpoint) -> Value {
    json!({
        "EndpointName": record.key.name,
        "EndpointArn": record.arn,
        "CreationTime": epoch(record.created),
        "LastModifiedTime": epoch(record.modified),
        "EndpointStatus": endpoint.on_the_wire(),
    })
}
