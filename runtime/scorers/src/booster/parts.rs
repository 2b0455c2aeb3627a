//! What every spelling of a model is read into, and the checks that make a [`Booster`] of it.
//!
//! Documents and the old binary name the same things; they differ in how they are spelled and, before
//! 1.0, in what the base score is.

use super::{Booster, BoosterError, MAX_FEATURES, MAX_OUTPUTS, Model, Order, Tree};
use crate::{objective::Objective, readable::readable};

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
    /// As if each were alone.
    pub(super) trees: Vec<Tree>,
    pub(super) outputs: Vec<usize>,
    pub(super) weight_drop: Vec<f32>,
    pub(super) weights: Vec<f32>,
    pub(super) best_ntree_limit: usize,
}

pub(super) fn bounded(what: &'static str, found: usize, limit: usize) -> Result<(), BoosterError> {
    if found > limit {
        return Err(BoosterError::TooLarge { what, found, limit });
    }
    Ok(())
}

/// Outputs that a model may have which holds fewer trees.
const UNTRAINED_OUTPUTS: usize = 256;

impl Parts {
    pub(super) fn booster(self) -> Result<Booster, BoosterError> {
        bounded("features", self.features, MAX_FEATURES)?;
        let outputs = self.classes.max(self.targets).max(1);
        bounded("outputs", outputs, MAX_OUTPUTS)?;
        self.check_outputs(outputs)?;
        let objective = Objective::named(&self.objective).ok_or_else(|| {
            BoosterError::Unsupported(format!(
                "its objective `{}` is not supported",
                readable(&self.objective)
            ))
        })?;
        let base_margins = self.base_margins(&objective, outputs)?;
        let (features, order) = (self.features, self.order);
        let best_ntree_limit = self.best_ntree_limit;
        let model = match self.booster.as_str() {
            "gbtree" | "dart" => Model::Trees(self.forest(outputs)?),
            "gblinear" => Model::Linear(self.linear(outputs)?),
            other => {
                let sentence = format!("its booster `{}` is not supported", readable(other));
                return Err(BoosterError::Unsupported(sentence));
            }
        };
        let all =
            Booster { features, outputs, base_margins, objective, model, order, best_ntree_limit };
        Ok(all)
    }

    /// Every round of training grows a tree for each output, and no file is sliced within a round;
    /// one that was never trained has none. A linear model has weights for each, which are counted.
    fn check_outputs(&self, outputs: usize) -> Result<(), BoosterError> {
        let trees = self.trees.len();
        if self.booster != "gblinear" && outputs > trees.max(UNTRAINED_OUTPUTS) {
            let sentence = format!("{outputs} outputs and {trees} trees");
            return Err(BoosterError::Damaged(sentence));
        }
        Ok(())
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
        let mut trees = self.trees;
        for (index, tree) in trees.iter_mut().enumerate() {
            tree.output = self.outputs[index];
            if tree.output >= outputs {
                let sentence = format!("tree {index} has output {}", tree.output);
                return Err(BoosterError::Damaged(sentence));
            }
            if tree.nodes.iter().any(|node| node.is_beyond(self.features)) {
                let sentence = format!("tree {index}: a feature is out of range");
                return Err(BoosterError::Damaged(sentence));
            }
            if dart {
                tree.weight = self.weight_drop[index];
            }
        }
        Ok(trees)
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
