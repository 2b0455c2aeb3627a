//! XGBoost's old binary, which `save_model` wrote below 2.1 and pickles hold below 1.3.
//!
//! C structures behind one another, little-endian, with reserved space in each; lengths are 64 bits
//! wide. `scorers::booster::legacy` reads it. What changed over the versions: `binf` in front since
//! 1.2; since 1.0 the version, the objective's settings, and nothing that stands there twice; a
//! margin for base score before. Each was looked up in that version's `learner.cc`,
//! `gbtree_model.h` and `tree_model.h`, and compared with what its package writes. Two things are
//! always as if nothing had been asked for, for nothing but more training reads them: the metrics,
//! and what pruning counted in each node up to 1.0.

use std::collections::BTreeMap;

use super::{
    super::era::Era,
    document::{Document, Tree},
    objective,
};

/// What files begin with since 1.2.
const MAGIC: &[u8] = b"binf";
/// Words of 32 bits in each structure, of which the first ones are used.
const PARAMETERS: usize = 34;
const FOREST: usize = 40;
const TREE: usize = 37;
const NODE: usize = 5;
const STATISTICS: usize = 4;
const LINEAR: usize = 34;
/// The bit of a node's parent that says that it is its left child, and of its feature that missing
/// values go to the left.
const LEFT: u32 = 1 << 31;
/// A root's parent, in the file and in today's JSON.
const NO_PARENT: u32 = u32::MAX;
const NO_PARENT_TODAY: i32 = i32::MAX;
/// What 0.90 called the setting of `count:poisson` among the attributes.
const POISSON_STEP: &str = "count_poisson_max_delta_step";

/// A model as a version wrote it.
pub(super) fn encode(model: &Document, era: Era) -> Vec<u8> {
    let mut file = File(Vec::new());
    if era >= Era::V1_2 {
        file.0.extend(MAGIC);
    }
    let attributes = attributes(model, era);
    file.structure(PARAMETERS, &parameters(model, era, !attributes.is_empty()));
    file.text(objective::name(model, era));
    file.text(&model.booster);
    if model.booster == "gblinear" {
        file.structure(LINEAR, &[model.features, model.outputs()].map(|word| twice(era, word)));
        file.floats(&model.weights);
    } else {
        forest(&mut file, model, era);
    }
    if !attributes.is_empty() {
        file.attributes(&attributes);
    }
    if let (true, Some(step)) = (era < Era::V1_0, objective::poisson_step(model)) {
        file.text(&step);
    }
    file.0
}

/// `LearnerModelParam`. Since 1.7 it has one target, whose base score may be the labels' average.
fn parameters(model: &Document, era: Era, has_attributes: bool) -> [u32; 9] {
    let base_score = objective::base_score(model, era).to_bits();
    let (major, minor, _) = if era < Era::V1_0 { (0, 0, 0) } else { era.release() };
    let since_1_7 = u32::from(era >= Era::V1_7);
    let has_metrics = 0;
    [
        base_score,
        model.features,
        model.classes,
        has_attributes.into(),
        has_metrics,
        major,
        minor,
        since_1_7,
        since_1_7,
    ]
}

/// What `LearnerModelParam` has too, and stood a second time only before 1.0.
fn twice(era: Era, word: u32) -> u32 {
    if era < Era::V1_0 { word } else { 0 }
}

/// Where there was one root in each tree, 1.7 has how many trees there are for one output.
fn forest(file: &mut File, model: &Document, era: Era) {
    let roots = if era < Era::V1_7 { 1 } else { model.parallel_trees };
    let [features, outputs] = [model.features, model.outputs()].map(|word| twice(era, word));
    file.structure(FOREST, &[count(model.trees.len()), roots, features, 0, 0, 0, outputs]);
    for one in &model.trees {
        tree(file, one, model.features);
    }
    file.0.extend(model.outputs.iter().flat_map(|output| output.to_le_bytes()));
    if model.booster == "dart" && !model.trees.is_empty() {
        file.floats(&model.weight_drop);
    }
}

fn tree(file: &mut File, tree: &Tree, features: u32) {
    let nodes = tree.left_children.len();
    let (roots, depth) = (1, 0);
    file.structure(TREE, &[roots, count(nodes), tree.parameters.num_deleted, depth, features]);
    for node in 0..nodes {
        let default = if tree.default_left[node] == 0 { 0 } else { LEFT };
        let words = [
            parent(tree, node),
            tree.left_children[node].cast_unsigned(),
            tree.right_children[node].cast_unsigned(),
            tree.split_indices[node] | default,
            tree.split_conditions[node].to_bits(),
        ];
        file.structure(NODE, &words);
    }
    for node in 0..nodes {
        let statistics = [&tree.loss_changes, &tree.sum_hessian, &tree.base_weights];
        file.structure(STATISTICS, &statistics.map(|column| column[node].to_bits()));
    }
}

fn parent(tree: &Tree, node: usize) -> u32 {
    let parent = tree.parents[node];
    if parent == NO_PARENT_TODAY {
        return NO_PARENT;
    }
    let left = usize::try_from(parent).ok().and_then(|parent| tree.left_children.get(parent));
    let is_left = left.and_then(|left| usize::try_from(*left).ok()) == Some(node);
    parent.cast_unsigned() | if is_left { LEFT } else { 0 }
}

/// Attributes, in the order of their names: the objective's settings stand among them since 1.0,
/// and since 1.4 Python's `train` notes the best round where nothing stopped early, too.
fn attributes(model: &Document, era: Era) -> BTreeMap<String, String> {
    let mut attributes = model.attributes.clone();
    match objective::poisson_step(model) {
        Some(step) if era == Era::V0_90 => _ = attributes.insert(POISSON_STEP.into(), step),
        _ => {}
    }
    if era >= Era::V1_0 {
        attributes.insert("objective".into(), objective::settings(model, era));
    }
    if era >= Era::V1_5 {
        let limit = if model.booster == "gblinear" { 0 } else { model.best_trees() };
        attributes.insert("best_iteration".into(), model.best_round().to_string());
        attributes.insert("best_ntree_limit".into(), limit.to_string());
    }
    attributes
}

/// The library counts trees and nodes in 31 bits itself.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A file being written.
struct File(Vec<u8>);

impl File {
    /// So many words, of which the first are given and the others 0.
    fn structure(&mut self, words: usize, first: &[u32]) {
        let end = self.0.len() + size_of::<u32>() * words;
        self.0.extend(first.iter().flat_map(|word| word.to_le_bytes()));
        self.0.resize(end, 0);
    }

    fn length(&mut self, length: usize) {
        self.0.extend((length as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend(text.bytes());
    }

    fn floats(&mut self, values: &[f32]) {
        self.length(values.len());
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn attributes(&mut self, attributes: &BTreeMap<String, String>) {
        self.length(attributes.len());
        for (name, value) in attributes {
            self.text(name);
            self.text(value);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{super::document::TreeParameters, *};

    /// One round on two columns: `f0 < 1.5` gives 0.25, else (and where it is missing) 0.75.
    pub fn stump() -> Document {
        let tree = Tree {
            parameters: TreeParameters { num_deleted: 0 },
            parents: vec![i32::MAX, 0, 0],
            left_children: vec![1, -1, -1],
            right_children: vec![2, -1, -1],
            split_indices: vec![1, 0, 0],
            split_conditions: vec![1.5, 0.25, 0.75],
            default_left: vec![1, 0, 0],
            loss_changes: vec![4.0, 0.0, 0.0],
            sum_hessian: vec![3.0, 1.0, 2.0],
            base_weights: vec![0.5, 1.0, 2.0],
        };
        Document {
            booster: "gbtree".into(),
            objective: "reg:squarederror".into(),
            settings: r#"{"name":"reg:squarederror"}"#.into(),
            base_score: 0.5,
            features: 2,
            rounds: 1,
            parallel_trees: 1,
            trees: vec![tree],
            outputs: vec![0],
            ..Document::default()
        }
    }

    /// Words of 32 bits in so many bytes.
    fn words(bytes: usize, words: &[u32]) -> Vec<u8> {
        let mut structure: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        structure.resize(bytes, 0);
        structure
    }

    /// As `LearnerImpl::Save`, `GBTreeModel::Save` and `RegTree::Save` of release 0.72 put it: by
    /// its source, for its package does not install any more.
    pub fn stump_of_0_72() -> Vec<u8> {
        const HALF: u32 = 0x3f00_0000;
        [
            words(136, &[HALF, 2]),
            b"\x0a\0\0\0\0\0\0\0reg:linear\x06\0\0\0\0\0\0\0gbtree".to_vec(),
            words(160, &[1, 1, 2, 0, 0, 0, 1]),
            words(148, &[1, 3, 0, 0, 2]),
            words(20, &[u32::MAX, 1, 2, 0x8000_0001, 0x3fc0_0000]),
            words(20, &[0x8000_0000, u32::MAX, u32::MAX, 0, 0x3e80_0000]),
            words(20, &[0, u32::MAX, u32::MAX, 0, 0x3f40_0000]),
            words(16, &[0x4080_0000, 0x4040_0000, HALF]),
            words(16, &[0, 0x3f80_0000, 0x3f80_0000]),
            words(16, &[0, 0x4000_0000, 0x4000_0000]),
            words(4, &[0]),
        ]
        .concat()
    }

    #[test]
    fn a_model_of_0_72_is_laid_out_as_its_source_has_it() {
        assert_eq!(encode(&stump(), Era::V0_72), stump_of_0_72());
    }

    #[test]
    fn before_1_0_the_step_of_poisson_stands_behind_the_model() {
        let settings = r#"{"name":"count:poisson","poisson_regression_param":{"max_delta_step":"0.699999988"}}"#;
        let poisson =
            Document { objective: "count:poisson".into(), settings: settings.into(), ..stump() };
        let step = b"\x03\0\0\0\0\0\0\x000.7";
        assert!(encode(&poisson, Era::V0_72).ends_with(step));
        assert!(encode(&poisson, Era::V0_90).ends_with(&[&step[..], step].concat()));
        assert!(encode(&poisson, Era::V1_0).ends_with(settings.as_bytes()));
    }
}
