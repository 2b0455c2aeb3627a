//! The columns that a forest looks at, out of all that a model has.
//!
//! What is laid out for a row grows with these, never with the width of the model, which a file
//! may claim for nothing.

use crate::booster::{Node, Tree};

/// Columns by rising number; each has a place here.
#[derive(Debug)]
pub(super) struct Columns(Vec<u32>);

impl Columns {
    /// Those that the trees split on.
    pub(super) fn of(trees: &[Tree]) -> Self {
        let features = trees.iter().flat_map(|tree| &tree.nodes).filter_map(|node| match node {
            Node::Leaf(_) => None,
            Node::Split { feature, .. } => Some(*feature),
        });
        let mut columns: Vec<u32> = features.collect();
        columns.sort_unstable();
        columns.dedup();
        columns.shrink_to_fit();
        Self(columns)
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// By rising number.
    pub(super) fn all(&self) -> &[u32] {
        &self.0
    }

    /// Where a column stands that a tree splits on.
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer than `u32` can tell")]
    pub(super) fn place(&self, feature: u32) -> u32 {
        self.0.partition_point(|column| *column < feature) as u32
    }
}
