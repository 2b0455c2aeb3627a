//! What every spelling of a model is read into, and the checks that make a [`Booster`] of it.
//!
//! Documents and the old binary name the same things; they differ in how they are spelled and, before
//! 1.0, in what the base score is.

use std::collections::VecDeque;

use super::{
    Booster, BoosterError, MAX_DEPTH, MAX_FEATURES, MAX_OUTPUTS, Model, Node, Order, Tree,
};
use crate::objective::Objective;

/// What margins begin with.
pub(super) enum Base {
    /// Predictions, one for all outputs or one for each.
    Scores(Vec<f32>),
    /// A margin already.
    Margin(f32),
}

impl Default for Base {
    fn default() -> Self {
        Self::Scores(Vec::new())
    }
}

/// What a model file holds, before it is put together.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) booster: String,
    pub(super) objective: String,
    pub(super) features: usize,
    pub(super) classes: usize,
    pub(super) targets: usize,
    pub(super) base: Base,
    pub(super) order: Order,
    pub(super) trees: Vec<Columns>,
    pub(super) outputs: Vec<usize>,
    pub(super) weight_drop: Vec<f32>,
    pub(super) weights: Vec<f32>,
}

/// A tree as XGBoost's documents store it: one array per property, by node.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) left: Vec<i32>,
    pub(super) right: Vec<i32>,
    pub(super) features: Vec<i64>,
    pub(super) conditions: Vec<f32>,
    pub(super) default_left: Vec<u8>,
    pub(super) split_types: Vec<u8>,
    pub(super) leaf_size: usize,
}

pub(super) fn bounded(what: &'static str, found: usize, limit: usize) -> Result<(), BoosterError> {
    if found > limit {
        return Err(BoosterError::TooLarge { what, found, limit });
    }
    Ok(())
}

impl Parts {
    pub(super) fn booster(self) -> Result<Booster, BoosterError> {
        bounded("features", self.features, MAX_FEATURES)?;
        let outputs = self.classes.max(self.targets).max(1);
        bounded("outputs", outputs, MAX_OUTPUTS)?;
        let objective = Objective::named(&self.objective).ok_or_else(|| {
            BoosterError::Unsupported(format!(
                "its objective `{}` is not supported",
                self.objective
            ))
        })?;
        let base_margins = self.base_margins(&objective, outputs)?;
        let (features, order) = (self.features, self.order);
        let model = match self.booster.as_str() {
            "gbtree" | "dart" => Model::Trees(self.forest(outputs)?),
            "gblinear" => Model::Linear(self.linear(outputs)?),
            other => {
                let sentence = format!("its booster `{other}` is not supported");
                return Err(BoosterError::Unsupported(sentence));
            }
        };
        Ok(Booster { features, outputs, base_margins, objective, model, order })
    }

    fn base_margins(
        &self,
        objective: &Objective,
        outputs: usize,
    ) -> Result<Vec<f32>, BoosterError> {
        let mut margins: Vec<f32> = match &self.base {
            Base::Scores(scores) => scores.iter().map(|score| objective.margin(*score)).collect(),
            Base::Margin(margin) => vec![*margin],
        };
        if margins.iter().any(|margin| margin.is_nan()) {
            let sentence = format!("its `base_score` does not fit `{}`", objective.name);
            return Err(BoosterError::Damaged(sentence));
        }
        if let [margin] = margins[..] {
            margins.resize(outputs, margin);
        }
        if margins.len() != outputs {
            let sentence = format!("{} base scores for {outputs} outputs", margins.len());
            return Err(BoosterError::Damaged(sentence));
        }
        Ok(margins)
    }

    fn forest(self, outputs: usize) -> Result<Vec<Tree>, BoosterError> {
        let dart = self.booster == "dart";
        if self.outputs.len() != self.trees.len()
            || (dart && self.weight_drop.len() != self.trees.len())
        {
            return Err(BoosterError::Damaged("not every tree has its output and weight".into()));
        }
        let mut forest = Vec::with_capacity(self.trees.len());
        for (index, columns) in self.trees.into_iter().enumerate() {
            let output = self.outputs[index];
            if output >= outputs {
                return Err(BoosterError::Damaged(format!("tree {index} has output {output}")));
            }
            let weight = if dart { self.weight_drop[index] } else { 1.0 };
            let (nodes, depth) = columns.nodes(index, self.features)?;
            forest.push(Tree { nodes, depth, output, weight });
        }
        Ok(forest)
    }

    /// 3.2 starts each output of a linear model from the first base score; see `linear`.
    fn linear(self, outputs: usize) -> Result<Vec<f32>, BoosterError> {
        let expected = (self.features + 1) * outputs;
        if self.weights.len() != expected {
            let found = self.weights.len();
            return Err(BoosterError::Damaged(format!("{found} weights instead of {expected}")));
        }
        Ok(self.weights)
    }
}

impl Columns {
    /// The nodes that the root reaches, breadth first, and the depth.
    fn nodes(&self, tree: usize, features: usize) -> Result<(Vec<Node>, usize), BoosterError> {
        self.check_shape(tree)?;
        let mut nodes = Vec::with_capacity(self.left.len());
        let mut waiting = VecDeque::from([(0usize, 0usize)]);
        let mut deepest = 0;
        while let Some((at, depth)) = waiting.pop_front() {
            deepest = deepest.max(depth);
            if self.left[at] == -1 {
                nodes.push(Node::Leaf(self.conditions[at]));
                continue;
            }
            bounded("splits on one path", depth + 1, MAX_DEPTH)?;
            // Every node has one parent, or more would wait than there are.
            let left = nodes.len() + waiting.len() + 1;
            if left + 1 >= self.left.len() {
                return Err(damaged(tree, at, "its nodes are no tree"));
            }
            nodes.push(self.split(tree, at, left, features)?);
            for child in [self.left[at], self.right[at]] {
                let child = usize::try_from(child).ok().filter(|child| *child < self.left.len());
                let child = child.ok_or_else(|| damaged(tree, at, "a child is out of range"))?;
                waiting.push_back((child, depth + 1));
            }
        }
        Ok((nodes, deepest))
    }

    fn split(
        &self,
        tree: usize,
        at: usize,
        left: usize,
        features: usize,
    ) -> Result<Node, BoosterError> {
        let feature = usize::try_from(self.features[at]).ok().filter(|feature| *feature < features);
        let feature = feature.and_then(|feature| u32::try_from(feature).ok());
        let feature = feature.ok_or_else(|| damaged(tree, at, "its feature is out of range"))?;
        if self.split_types.get(at).is_some_and(|kind| *kind != 0) {
            return Err(BoosterError::Unsupported(
                "it splits on categories; train it with numbers (one column per category)".into(),
            ));
        }
        let left = u32::try_from(left).map_err(|_| damaged(tree, at, "too many nodes"))?;
        Ok(Node::Split {
            feature,
            threshold: self.conditions[at],
            default_left: self.default_left[at] != 0,
            left,
        })
    }

    fn check_shape(&self, tree: usize) -> Result<(), BoosterError> {
        if self.leaf_size > 1 {
            return Err(BoosterError::Unsupported(
                "its leaves are vectors; train it with `multi_strategy` `one_output_per_tree`"
                    .into(),
            ));
        }
        let nodes = self.left.len();
        let lengths =
            [self.right.len(), self.features.len(), self.conditions.len(), self.default_left.len()];
        if nodes == 0 || lengths.iter().any(|length| *length != nodes) {
            return Err(damaged(tree, 0, "its arrays differ in length"));
        }
        Ok(())
    }
}

fn damaged(tree: usize, node: usize, what: &str) -> BoosterError {
    BoosterError::Damaged(format!("tree {tree}, node {node}: {what}"))
}
