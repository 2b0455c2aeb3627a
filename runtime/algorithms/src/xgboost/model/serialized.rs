//! What a pickled booster has as its `handle`: the old binary alone before 1.0, and from there up to
//! 1.2 before the configuration of training, as JSON.

use serde_json::{Value, json};

use super::{super::era::Era, binary, document::Document, objective};

/// What stands before a model with its configuration; the model's length follows.
const SERIALIZED: &[u8] = b"CONFIG-offset:";

/// What the version's library makes of a model.
pub(super) fn encode(model: &Document, era: Era) -> Vec<u8> {
    let binary = binary::encode(model, era);
    if era < Era::V1_0 {
        return binary;
    }
    let length = (binary.len() as u64).to_le_bytes();
    let configuration = configuration(model, era).to_string();
    [SERIALIZED, &length, &binary, configuration.as_bytes()].concat()
}

/// The members that the version refuses to do without: what is not there has its default.
fn configuration(model: &Document, era: Era) -> Value {
    let settings: Value =
        serde_json::from_str(&objective::settings(model, era)).unwrap_or_default();
    let (major, minor, patch) = era.release();
    json!({
        "learner": {
            "generic_param": {},
            "gradient_booster": booster(model),
            "learner_train_param": {"booster": model.booster, "objective": model.objective},
            "metrics": [],
            "objective": settings
        },
        "version": [major, minor, patch]
    })
}

fn booster(model: &Document) -> Value {
    let trees = || {
        json!({
            "gbtree_train_param": {"num_parallel_tree": model.parallel_trees.to_string()},
            "name": "gbtree",
            "specified_updater": false,
            "updater": {}
        })
    };
    match model.booster.as_str() {
        "gblinear" => json!({
            "gblinear_train_param": {},
            "name": "gblinear",
            "updater": {"linear_train_param": {}}
        }),
        "dart" => json!({"dart_train_param": {}, "gbtree": trees(), "name": "dart"}),
        _ => trees(),
    }
}
