//! What an update makes of what an endpoint serves, and which updates are none.

use std::collections::BTreeSet;

use api::{
    Document, Fault, What,
    inference::{DesiredWeight, EndpointSpec},
};

use super::life::{Endpoint, Serving};
use crate::{
    inference::config,
    record::{Kind, unbuilt, unsupported},
};

/// What a `DeploymentConfig` may ask for and would not get.
const UNBUILT: &[&str] = &[
    "DeploymentConfig.RollingUpdatePolicy",
    "DeploymentConfig.AutoRollbackConfiguration.Alarms",
    "DeploymentConfig.BlueGreenUpdatePolicy.TrafficRoutingConfiguration.CanarySize",
    "DeploymentConfig.BlueGreenUpdatePolicy.TrafficRoutingConfiguration.LinearStepSize",
];
/// Where it says how traffic moves.
const ROUTING: &str = "/BlueGreenUpdatePolicy/TrafficRoutingConfiguration/Type";
/// How traffic moves here, whether it is asked for or not.
const AT_ONCE: &str = "ALL_AT_ONCE";

/// Refuses a deployment that would not be carried out as it is asked for.
pub fn check_deployment(request: &Document) -> Result<(), Fault> {
    unbuilt::refuse(Endpoint::KIND, request, UNBUILT)?;
    let routing = request.get("DeploymentConfig").and_then(|config| config.pointer(ROUTING));
    match routing.and_then(serde_json::Value::as_str) {
        None | Some(AT_ONCE) => Ok(()),
        Some(other) => {
            let what = format!("Traffic routing of the type {other} is not supported");
            Err(unsupported(Endpoint::KIND, &what))
        }
    }
}

/// The new configuration, with those properties of variants that the update keeps.
pub fn retaining(update: &EndpointSpec, now: &Serving, mut next: Serving) -> Serving {
    let kept = |property: &str| {
        let mut excluded = update.exclude_retained_variant_properties.iter();
        update.retain_all_variant_properties
            && excluded.all(|excluded| excluded.variant_property_type != property)
    };
    for variant in &mut next.variants {
        let Some(old) = now.named(&variant.name) else { continue };
        if kept("DesiredWeight") {
            variant.weight = old.weight;
        }
        if kept("DesiredInstanceCount") {
            variant.instance_count = old.instance_count;
        }
    }
    next
}

/// Refuses shares that no variant can have, and two for the same one.
pub fn check_weights(desired: &[DesiredWeight]) -> Result<(), Fault> {
    let mut names = BTreeSet::new();
    for wanted in desired {
        let name = &wanted.variant_name;
        if !names.insert(name) {
            return Err(invalid(format_args!("The variant {name} occurs more than once.")));
        }
        config::check_weight(Endpoint::KIND, "DesiredWeight", wanted.desired_weight)?;
        let count = wanted.desired_instance_count;
        config::check_instances(Endpoint::KIND, "DesiredInstanceCount", count)?;
    }
    Ok(())
}

/// What is served now, with new shares.
pub fn reweighted(now: &Serving, desired: &[DesiredWeight]) -> Result<Serving, Fault> {
    let mut next = now.clone();
    for wanted in desired {
        let name = &wanted.variant_name;
        let found = next.variants.iter_mut().find(|variant| variant.name == *name);
        let variant =
            found.ok_or_else(|| invalid(format_args!("Could not find variant \"{name}\".")))?;
        variant.weight = wanted.desired_weight.unwrap_or(variant.weight);
        variant.instance_count = wanted.desired_instance_count.or(variant.instance_count);
    }
    Ok(next)
}

fn invalid(message: impl std::fmt::Display) -> Fault {
    Fault::new(What::Invalid, Endpoint::KIND, message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checked(deployment: &Value) -> Result<(), Fault> {
        let request = json!({ "EndpointName": "e", "DeploymentConfig": deployment });
        check_deployment(request.as_object().unwrap())
    }

    fn routed(kind: &str) -> Value {
        json!({ "BlueGreenUpdatePolicy": { "TrafficRoutingConfiguration": {
            "Type": kind, "WaitIntervalInSeconds": 0,
        }}})
    }

    #[test]
    fn a_deployment_is_refused_unless_it_is_what_happens_here() {
        assert!(checked(&json!({})).is_ok() && checked(&routed("ALL_AT_ONCE")).is_ok());
        for other in ["CANARY", "LINEAR"] {
            let fault = checked(&routed(other)).unwrap_err();
            assert!(fault.message.contains(other), "{}", fault.message);
        }
        let mut canary = routed("CANARY");
        canary["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["CanarySize"] =
            json!({ "Type": "CAPACITY_PERCENT", "Value": 10 });
        let alarms = json!([{ "AlarmName": "a" }]);
        let cases = [
            (canary, "CanarySize"),
            (json!({ "AutoRollbackConfiguration": { "Alarms": alarms } }), "Alarms"),
            (json!({ "RollingUpdatePolicy": { "WaitIntervalInSeconds": 1 } }), "Rolling"),
        ];
        for (deployment, name) in cases {
            let fault = checked(&deployment).unwrap_err();
            assert_eq!(fault.what, What::Unsupported);
            assert!(fault.message.contains(name), "{}", fault.message);
        }
    }
}
