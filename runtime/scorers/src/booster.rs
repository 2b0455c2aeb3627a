//! A trained model as data, read from what XGBoost wrote and checked.
//!
//! What a [`Booster`] promises: every split's children stand in the same tree, behind it and side
//! by side; every tree ends, at most [`MAX_DEPTH`] deep; every feature and output index is in
//! range. The engines index by it without asking again.
//!
//! Documents of XGBoost 1.0 to 3.x differ in small ways: `base_score` is `"5E-1"` or
//! `"[5E-1,2E-1]"`, `default_left` holds booleans or integers, and pruned nodes stay behind,
//! unreachable and full of nonsense, so only what the root reaches is looked at.

mod categories;
mod columns;
mod document;
pub(crate) mod legacy;
mod parts;

pub(crate) use document::read;

use crate::{format::Malformed, objective::Objective};
pub(crate) use categories::Categories;

/// The attribute that says how many trees for each output are the best.
const LIMIT: &str = "best_ntree_limit";

/// Trees in a model: what 4,000 rounds (the longest that tuning asks for) of 25 classes need.
pub(crate) const MAX_TREES: usize = 100_000;
/// Splits above one another. XGBoost's default is 6; AWS tunes to 10.
pub(crate) const MAX_DEPTH: usize = 512;
/// Features of a model; bounds what one row takes to 128 MiB.
pub(crate) const MAX_FEATURES: usize = 1 << 24;
/// Numbers that one row's prediction may hold.
pub(crate) const MAX_OUTPUTS: usize = 1 << 16;

/// Why a document is no model that can be scored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BoosterError {
    /// It is not even a document.
    #[error("it is damaged at {0}")]
    Malformed(#[from] Malformed),
    /// Its parts do not fit each other.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It uses what we do not score; the sentence says what.
    #[error("{0}")]
    Unsupported(String),
    /// It is larger than we accept.
    #[error("it has {found} {what}; at most {limit} are accepted")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much may be.
        limit: usize,
    },
}

/// A node of a tree, in breadth-first order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Node {
    /// The end of a path.
    Leaf(f32),
    /// Left where the feature is below the threshold, or missing and `default_left`.
    Split {
        /// Below [`Booster::features`].
        feature: u32,
        /// Compared as `value < threshold`, unless the tree has categories for the node.
        threshold: f32,
        /// Where a missing value goes.
        default_left: bool,
        /// The left child; the right one stands behind it.
        left: u32,
    },
}

impl Node {
    /// Whether it asks for a feature that a model of so many does not have.
    fn is_beyond(self, features: usize) -> bool {
        matches!(self, Self::Split { feature, .. } if feature as usize >= features)
    }
}

/// A tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    /// At least the root.
    pub(crate) nodes: Vec<Node>,
    /// Which splits ask for categories, and for which.
    pub(crate) categories: Categories,
    /// Splits on the longest path.
    pub(crate) depth: usize,
    /// Which output it adds to.
    pub(crate) output: usize,
    /// What its leaves are multiplied by; 1 but for `dart`.
    pub(crate) weight: f32,
}

/// What was boosted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Model {
    /// `gbtree`, `dart`: in the order of their sum.
    Trees(Vec<Tree>),
    /// `gblinear`: per feature one weight for each output, then the biases.
    Linear(Vec<f32>),
}

/// Where a sum of trees begins, which its last bit tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// From the base margin.
    #[default]
    BaseFirst,
    /// From 0, as XGBoost summed up to 1.2 (and `dart` up to 1.3); the base margin comes last.
    BaseLast,
}

/// A model that can be scored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Booster {
    /// How many columns a row may have.
    pub(crate) features: usize,
    /// How many margins a row has.
    pub(crate) outputs: usize,
    /// What the margins begin with, one per output.
    pub(crate) base_margins: Vec<f32>,
    /// What becomes of margins.
    pub(crate) objective: Objective,
    /// What is added to them.
    pub(crate) model: Model,
    /// In which order it is added.
    pub(crate) order: Order,
    /// What the file's attribute `best_ntree_limit` says, which XGBoost 1.4 to 1.7 leave behind where
    /// training stopped early: so many trees for each output are the best. 0 where it says nothing.
    pub(crate) best_ntree_limit: usize,
}

impl Booster {
    /// Keeps the trees of the first rounds, so many for each output; 0 keeps all, and so does a
    /// linear model.
    pub(crate) fn keep(&mut self, limit: usize) {
        if let (Model::Trees(trees), 1..) = (&mut self.model, limit) {
            trees.truncate(limit.saturating_mul(self.outputs));
        }
    }
}
