//! Trees as they are, walked one by one: for forests with splits that ask for categories, which no
//! order of numbers tells.

use super::{bundle::weighted, columns::Columns};
use crate::{
    booster::{Node, Tree},
    rows::Rows,
};

/// A forest of any trees.
#[derive(Debug)]
pub(super) struct Walked {
    columns: Columns,
    /// Their features are places among the columns.
    trees: Vec<Tree>,
    outputs: usize,
}

impl Walked {
    /// Takes the trees over.
    pub(super) fn new(mut trees: Vec<Tree>, outputs: usize) -> Self {
        let columns = Columns::of(&trees);
        for node in trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
            if let Node::Split { feature, .. } = node {
                *feature = columns.place(*feature);
            }
        }
        Self { columns, trees, outputs }
    }

    /// Adds every tree to the margins of rows from `first` on. `cells` is scratch.
    pub(super) fn add(&self, rows: &Rows, first: usize, margins: &mut [f32], cells: &mut Vec<f32>) {
        cells.resize(self.columns.len(), f32::NAN);
        for (row, margins) in margins.chunks_exact_mut(self.outputs).enumerate() {
            rows.pick(first + row, self.columns.all(), |place, value| cells[place] = value);
            for tree in &self.trees {
                margins[tree.output] += weighted(tree, leaf(tree, cells));
            }
        }
    }
}

/// Where a row comes to.
fn leaf(tree: &Tree, cells: &[f32]) -> f32 {
    let mut at = 0;
    loop {
        match tree.nodes[at] {
            Node::Leaf(leaf) => return leaf,
            Node::Split { feature, threshold, default_left, left } => {
                let value = cells[feature as usize];
                let goes_left = if value.is_nan() {
                    default_left
                } else {
                    tree.categories.left(at, value).unwrap_or(value < threshold)
                };
                at = left as usize + usize::from(!goes_left);
            }
        }
    }
}
