//! The model's file: written durably, and for the early versions as these wrote it.
//!
//! Today's JSON differs from that of 1.x in few places (a vector of intercepts, numbers for
//! booleans, two new members), and today's library reads both. Everything else is carried over as
//! text, so that no number changes.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use serde_json::value::{RawValue, to_raw_value};
use xgboost_sys::{Booster, ModelFormat};

use super::{era::Artifact, failure::Failure};

/// The file's name in the model's folder; of several models, each has a number behind it.
pub const FILE: &str = "xgboost-model";
/// Where it is written first: not in the folder that becomes the archive.
const PARTIAL: &str = "output/xgboost-model.partial";
/// What the JSON says that wrote it: the newest version whose form it has.
const LEGACY_VERSION: [i32; 3] = [1, 7, 6];

/// Members in XGBoost's own, alphabetical, order.
type Members = BTreeMap<String, Box<RawValue>>;

/// The model as the artefact's bytes.
pub fn encode(booster: &Booster, artifact: Artifact) -> Result<Vec<u8>, Failure> {
    let save = |format| booster.save(format).map_err(|error| Failure::from_training(&error));
    match artifact {
        Artifact::Ubj => save(ModelFormat::Ubj),
        Artifact::LegacyJson => legacy(&save(ModelFormat::Json)?).map_err(|error| {
            Failure::Algorithm(format!("the model is not in the form that was expected: {error}"))
        }),
    }
}

/// Puts a model into the job's model folder; a kill leaves the one before or this one.
pub fn write(opt_ml: &Path, file: &str, model: &[u8]) -> Result<(), Failure> {
    let path = opt_ml.join("model").join(file);
    replace(&opt_ml.join(PARTIAL), &path, model).map_err(|error| {
        Failure::Platform(format!("cannot write the model to {}: {error}", path.display()))
    })
}

fn replace(partial: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    for folder in [partial, path].into_iter().filter_map(Path::parent) {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create(partial)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(partial, path)
}

/// Rewrites today's JSON as 1.x wrote it.
fn legacy(json: &[u8]) -> serde_json::Result<Vec<u8>> {
    let mut document: Members = serde_json::from_slice(json)?;
    edit(&mut document, "learner", |learner| {
        edit(learner, "learner_model_param", |parameters| {
            if let Some(score) = parameters.get_mut("base_score") {
                *score = first_of_vector(score)?;
            }
            Ok(())
        })?;
        edit(learner, "gradient_booster", |booster| {
            edit(booster, "model", trees)?;
            edit(booster, "gbtree", |inner| edit(inner, "model", trees))
        })
    })?;
    document.insert("version".into(), to_raw_value(&LEGACY_VERSION)?);
    serde_json::to_vec(&document)
}

/// Changes a member that is an object, if there is one.
fn edit(
    object: &mut Members,
    name: &str,
    change: impl FnOnce(&mut Members) -> serde_json::Result<()>,
) -> serde_json::Result<()> {
    let Some(member) = object.get_mut(name) else { return Ok(()) };
    let mut members: Members = serde_json::from_str(member.get())?;
    change(&mut members)?;
    *member = to_raw_value(&members)?;
    Ok(())
}

/// `"[5E-1,5E-1]"` becomes `"5E-1"`: what begins from a set score begins from it for all outputs.
fn first_of_vector(score: &RawValue) -> serde_json::Result<Box<RawValue>> {
    let text: String = serde_json::from_str(score.get())?;
    let first = text.trim_matches(['[', ']']).split(',').next().unwrap_or_default();
    to_raw_value(first)
}

/// The model of a tree booster; a linear one has no trees and stays as it is.
fn trees(model: &mut Members) -> serde_json::Result<()> {
    let Some(trees) = model.get("trees") else { return Ok(()) };
    let mut trees: Vec<Members> = serde_json::from_str(trees.get())?;
    for tree in &mut trees {
        if let Some(left) = tree.get_mut("default_left") {
            let bits: Vec<u8> = serde_json::from_str(left.get())?;
            *left = to_raw_value(&bits.iter().map(|bit| *bit != 0).collect::<Vec<_>>())?;
        }
        edit(tree, "tree_param", no_vector_leaves)?;
    }
    model.insert("trees".into(), to_raw_value(&trees)?);
    model.remove("cats");
    model.remove("iteration_indptr");
    edit(model, "gbtree_model_param", no_vector_leaves)
}

/// What 1.x wrote for trees with one number in each leaf.
fn no_vector_leaves(parameters: &mut Members) -> serde_json::Result<()> {
    parameters.insert("size_leaf_vector".into(), to_raw_value("0")?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: &str = r#"{"learner":{"attributes":{},"gradient_booster":{"model":{"cats":{"enc":[]},
        "gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1"},"iteration_indptr":[0,1],
        "tree_info":[0],"trees":[{"default_left":[1,0,0],"split_conditions":[3.363263E-1,1E0,0E0],
        "tree_param":{"num_deleted":"0","num_nodes":"3","size_leaf_vector":"1"}}]},"name":"gbtree"},
        "learner_model_param":{"base_score":"[5E-1,5E-1]","num_class":"2"}},"version":[3,2,0]}"#;

    #[test]
    fn todays_json_becomes_that_of_1_x_and_keeps_every_number() {
        let text = String::from_utf8(legacy(TODAY.as_bytes()).unwrap()).unwrap();
        let expected = r#"{"learner":{"attributes":{},"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1","size_leaf_vector":"0"},"tree_info":[0],"trees":[{"default_left":[true,false,false],"split_conditions":[3.363263E-1,1E0,0E0],"tree_param":{"num_deleted":"0","num_nodes":"3","size_leaf_vector":"0"}}]},"name":"gbtree"},"learner_model_param":{"base_score":"5E-1","num_class":"2"}},"version":[1,7,6]}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_no_model_is_an_error() {
        assert!(legacy(b"[]").is_err());
        assert!(legacy(br#"{"learner":{"learner_model_param":{"base_score":1}}}"#).is_err());
    }

    #[test]
    fn a_model_replaces_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), FILE, b"one").unwrap();
        write(folder.path(), FILE, b"two").unwrap();
        assert_eq!(fs::read(folder.path().join("model").join(FILE)).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path().join("model")).unwrap().count(), 1);
    }
}
