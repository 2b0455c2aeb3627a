//! Trees of any shape and with any threshold, walked by links.
//!
//! The one layout that takes everything: long thin trees that would grow too large as perfect ones,
//! and thresholds of −∞ and NaN, which nothing is below, so that a missing value cannot be told by
//! a small number there. It asks for what is missing at each split.
//!
//! Neighbouring trees are walked in lock-step here too; a lane that has come to its leaf stays.

use super::{bundle::weighted, columns::Columns, floats::Cells};
use crate::{
    booster::{Node, Tree},
    kernels::LANES,
};

/// A leaf is marked so in [`Link::place`].
const LEAF: u32 = u32::MAX;
/// A split that sends what is missing left is marked so in [`Link::place`]; a model has fewer
/// columns than this.
const DEFAULT_LEFT: u32 = 1 << 31;

/// A node.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// A split's threshold, a leaf's value.
    value: f32,
    /// Which of the forest's columns is looked at, and [`DEFAULT_LEFT`]; or [`LEAF`].
    place: u32,
    /// The left child in the tree, the right one stands behind it.
    left: u32,
}

/// Neighbouring trees.
#[derive(Debug)]
pub(super) struct Linked {
    links: Vec<Link>,
    /// The root of each tree and where the tree adds to; at most [`LANES`].
    trees: Vec<(usize, usize)>,
}

impl Linked {
    /// Lays out at most [`LANES`] trees.
    pub(super) fn new(trees: &[Tree], columns: &Columns) -> Self {
        let mut links = Vec::with_capacity(trees.iter().map(|tree| tree.nodes.len()).sum());
        let mut roots = Vec::with_capacity(trees.len());
        for tree in trees {
            roots.push((links.len(), tree.output));
            links.extend(tree.nodes.iter().map(|node| match *node {
                Node::Leaf(leaf) => Link { value: weighted(tree, leaf), place: LEAF, left: 0 },
                Node::Split { feature, threshold, default_left, left } => {
                    let default = if default_left { DEFAULT_LEFT } else { 0 };
                    Link { value: threshold, place: columns.place(feature) | default, left }
                }
            }));
        }
        Self { links, trees: roots }
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.links[..])
    }

    /// Adds a row's leaves to its margins, tree by tree.
    pub(super) fn add(&self, row: Cells<'_>, margins: &mut [f32]) {
        let mut places = [0; LANES];
        let mut walking = true;
        while walking {
            walking = false;
            for ((root, _), place) in self.trees.iter().zip(&mut places) {
                if let Some(next) = self.links[root + *place].next(row) {
                    *place = next;
                    walking = true;
                }
            }
        }
        for ((root, output), place) in self.trees.iter().zip(places) {
            margins[*output] += self.links[root + place].value;
        }
    }
}

impl Link {
    /// Where the row goes from here; nowhere from a leaf.
    fn next(self, row: Cells<'_>) -> Option<usize> {
        if self.place == LEAF {
            return None;
        }
        let left = match row.value(self.place & !DEFAULT_LEFT) {
            Some(value) => value < self.value,
            None => self.place & DEFAULT_LEFT != 0,
        };
        Some(self.left as usize + usize::from(!left))
    }
}
