//! Today's JSON of a model, as far as the old formats hold it.
//!
//! Numbers are read from their text, for `serde_json` goes by way of 64 bits and would round twice.
//! The library writes `NaN` and `-Infinity` bare, which is no JSON, where a linear model diverged.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;

/// A model with one number in each leaf and numeric splits, which is all that old versions had.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Document {
    pub(super) booster: String,
    pub(super) objective: String,
    /// The objective's settings as JSON, its name among them.
    pub(super) settings: String,
    /// As a prediction; one for all outputs.
    pub(super) base_score: f32,
    pub(super) features: u32,
    /// 0 but for `multi:`.
    pub(super) classes: u32,
    pub(super) attributes: BTreeMap<String, String>,
    /// How many rounds were boosted, and how many trees each has for one output.
    pub(super) rounds: u32,
    pub(super) parallel_trees: u32,
    pub(super) trees: Vec<Tree>,
    /// Of each tree.
    pub(super) outputs: Vec<i32>,
    /// Of `dart`: of each tree.
    pub(super) weight_drop: Vec<f32>,
    /// Of `gblinear`: for each feature one for each output, then the biases.
    pub(super) weights: Vec<f32>,
}

/// A tree: one array for each property, by node.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub(super) struct Tree {
    #[serde(rename = "tree_param")]
    pub(super) parameters: TreeParameters,
    pub(super) parents: Vec<i32>,
    pub(super) left_children: Vec<i32>,
    pub(super) right_children: Vec<i32>,
    pub(super) split_indices: Vec<u32>,
    #[serde(deserialize_with = "floats")]
    pub(super) split_conditions: Vec<f32>,
    pub(super) default_left: Vec<u8>,
    #[serde(deserialize_with = "floats")]
    pub(super) loss_changes: Vec<f32>,
    #[serde(deserialize_with = "floats")]
    pub(super) sum_hessian: Vec<f32>,
    #[serde(deserialize_with = "floats")]
    pub(super) base_weights: Vec<f32>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
pub(super) struct TreeParameters {
    #[serde(deserialize_with = "number")]
    pub(super) num_deleted: u32,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    learner: Learner<'a>,
}

#[derive(Deserialize)]
struct Learner<'a> {
    attributes: BTreeMap<String, String>,
    #[serde(rename = "learner_model_param")]
    parameters: Parameters,
    #[serde(borrow)]
    objective: &'a RawValue,
    #[serde(borrow)]
    gradient_booster: Booster<'a>,
}

#[derive(Deserialize)]
struct Parameters {
    base_score: String,
    #[serde(deserialize_with = "number")]
    num_feature: u32,
    #[serde(deserialize_with = "number")]
    num_class: u32,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Booster<'a> {
    name: String,
    /// What `dart` wraps.
    #[serde(borrow)]
    gbtree: Option<Wrapped<'a>>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "floats")]
    weight_drop: Vec<f32>,
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
}

#[derive(Deserialize)]
struct Forest {
    gbtree_model_param: ForestParameters,
    trees: Vec<Tree>,
    tree_info: Vec<i32>,
}

#[derive(Deserialize)]
struct ForestParameters {
    #[serde(deserialize_with = "number")]
    num_parallel_tree: u32,
}

#[derive(Deserialize)]
struct Linear {
    #[serde(deserialize_with = "floats")]
    weights: Vec<f32>,
    boosted_rounds: u32,
}

impl Document {
    /// Reads what today's library saved.
    pub(super) fn read(json: &str) -> serde_json::Result<Self> {
        let json = quoted(json);
        let File { learner } = serde_json::from_str(&json)?;
        let Learner { attributes, parameters, objective, gradient_booster } = learner;
        let Booster { name: booster, gbtree, model, weight_drop } = gradient_booster;
        let model = gbtree.map(|wrapped| wrapped.model).or(model);
        let model = model.ok_or_else(|| Error::missing_field("model"))?;
        let document = Self {
            objective: parsed::<Named>(objective)?.name,
            settings: objective.get().to_owned(),
            base_score: first_of_vector(&parameters.base_score)?,
            features: parameters.num_feature,
            classes: parameters.num_class,
            booster,
            attributes,
            weight_drop,
            ..Self::default()
        };
        if document.booster == "gblinear" {
            Ok(document.with_weights(parsed(model)?))
        } else {
            document.with_trees(parsed(model)?)
        }
    }

    fn with_weights(self, Linear { weights, boosted_rounds }: Linear) -> Self {
        Self { weights, rounds: boosted_rounds, parallel_trees: 1, ..self }
    }

    fn with_trees(self, forest: Forest) -> serde_json::Result<Self> {
        let parallel_trees = forest.gbtree_model_param.num_parallel_tree.max(1);
        let of_a_round = u64::from(parallel_trees) * u64::from(self.outputs());
        let rounds = forest.trees.len() as u64 / of_a_round;
        let rounds = u32::try_from(rounds).map_err(Error::custom)?;
        let (trees, outputs) = (forest.trees, forest.tree_info);
        Ok(Self { rounds, parallel_trees, trees, outputs, ..self })
    }

    /// How many margins a row has.
    pub(super) fn outputs(&self) -> u32 {
        self.classes.max(1)
    }

    /// What the best round scored, where one was looked for.
    pub(super) fn best_score(&self) -> Option<f64> {
        self.attributes.get("best_score")?.parse().ok()
    }

    /// The best round, which is the last one where none was looked for.
    pub(super) fn best_round(&self) -> u32 {
        let noted = self.attributes.get("best_iteration").and_then(|round| round.parse().ok());
        noted.unwrap_or(self.rounds.saturating_sub(1))
    }

    /// How many trees for one output there are up to the best round.
    pub(super) fn best_trees(&self) -> u32 {
        self.best_round().saturating_add(1).saturating_mul(self.parallel_trees)
    }
}

/// Puts quotes around the numbers that JSON does not have. No text of a model holds these words: its
/// attributes are ours, and its columns have no names.
fn quoted(json: &str) -> Cow<'_, str> {
    if !json.contains("NaN") && !json.contains("Infinity") {
        return Cow::Borrowed(json);
    }
    let json = json.replace("NaN", r#""NaN""#).replace("-Infinity", r#""-inf""#);
    Cow::Owned(json.replace("Infinity", r#""inf""#))
}

fn parsed<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> serde_json::Result<T> {
    serde_json::from_str(raw.get())
}

/// `[5E-1,5E-1]`: what begins from a set score begins from it for all outputs.
fn first_of_vector(score: &str) -> serde_json::Result<f32> {
    let first = score.trim_matches(['[', ']']).split(',').next().unwrap_or_default();
    first.parse().map_err(Error::custom)
}

/// Parameters are numbers in texts.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    String::deserialize(from)?.parse().map_err(Error::custom)
}

fn floats<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f32>, D::Error> {
    let array = <&RawValue>::deserialize(from)?.get();
    let items = array.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let items = items.ok_or_else(|| Error::custom("expected an array of numbers"))?;
    if items.is_empty() {
        return Ok(Vec::new());
    }
    items.split(',').map(|item| item.trim_matches('"').parse().map_err(Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model as today's library saves it, with an inner part.
    fn file(booster: &str) -> String {
        let parameters = r#"{"base_score":"[2.5E-1,2.5E-1]","num_class":"2","num_feature":"3"}"#;
        format!(
            r#"{{"learner":{{"attributes":{{"best_iteration":"1"}},"feature_names":[],"gradient_booster":{booster},"learner_model_param":{parameters},"objective":{{"name":"multi:softmax"}}}},"version":[3,2,0]}}"#
        )
    }

    const FOREST: &str = r#"{"gbtree_model_param":{"num_parallel_tree":"2","num_trees":"0"},"tree_info":[],"trees":[]}"#;

    #[test]
    fn the_three_boosters_are_read_alike() {
        let tree =
            Document::read(&file(&format!(r#"{{"model":{FOREST},"name":"gbtree"}}"#))).unwrap();
        assert_eq!((tree.base_score, tree.features, tree.outputs()), (0.25, 3, 2));
        assert_eq!(
            (&*tree.objective, &*tree.settings),
            ("multi:softmax", r#"{"name":"multi:softmax"}"#)
        );
        assert_eq!((tree.parallel_trees, tree.rounds), (2, 0));
        assert_eq!(tree.attributes["best_iteration"], "1");
        let dart = format!(
            r#"{{"gbtree":{{"model":{FOREST},"name":"gbtree"}},"name":"dart","weight_drop":[5E-1]}}"#
        );
        assert_eq!(Document::read(&file(&dart)).unwrap().weight_drop, [0.5]);
    }

    #[test]
    fn a_linear_model_that_diverged_is_read_too() {
        let linear = r#"{"model":{"boosted_rounds":3,"weights":[NaN,-Infinity,Infinity,1.17549435E-38]},"name":"gblinear"}"#;
        let read = Document::read(&file(linear)).unwrap();
        let bits =
            |weights: &[f32]| weights.iter().map(|weight| weight.to_bits()).collect::<Vec<_>>();
        let expected = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, f32::MIN_POSITIVE];
        assert_eq!(bits(&read.weights), bits(&expected));
        assert_eq!(read.rounds, 3);
    }

    #[test]
    fn what_is_no_model_is_an_error() {
        assert!(Document::read("[]").is_err());
        assert!(Document::read(&file(r#"{"name":"gbtree"}"#)).is_err());
        assert!(
            Document::read(&file(
                r#"{"model":{"boosted_rounds":3,"weights":[1,x]},"name":"gblinear"}"#
            ))
            .is_err()
        );
    }
}
