//! Floats as they are: every forest fits, any machine walks it, and one row needs no preparation.
//!
//! **Missing values** cost no branch: each column has two cells in a row, equal where it is there;
//! where it is missing, the first holds −∞ and the second +∞. A split that sends the missing left
//! compares the first, one that sends them right the second. Only where nothing is below the
//! threshold and the missing go left does that not tell the two apart: such trees are linked.
//!
//! Trees too long or too thin for a bundle are linked as well.
//!
//! Rows go through in blocks, bundle by bundle, so that a bundle's nodes stay in the first cache.

use super::{
    bundle::{self, Bundle},
    columns::Columns,
    linked::Linked,
};
use crate::{
    booster::{Node, Tree},
    kernels::{LANES, Threshold},
    rows::Rows,
};

/// Rows in a block: as many as XGBoost takes at once.
const BLOCK_ROWS: usize = 64;
/// Cells that a block may hold, unless a single row needs more: 1 MiB.
const BLOCK_CELLS: usize = 1 << 18;

/// A row: two cells for each of the forest's columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells<'a>(&'a [f32]);

impl Cells<'_> {
    /// What stands in a column.
    pub(super) fn value(self, place: u32) -> Option<f32> {
        let first = 2 * place as usize;
        let (below, above) = (self.0[first], self.0[first + 1]);
        // Infinities of the row itself are the same in both.
        (below.to_bits() == above.to_bits()).then_some(below)
    }
}

#[derive(Debug)]
enum Part {
    Bundle(Bundle<Threshold>),
    Linked(Linked),
}

/// A forest of floats.
#[derive(Debug)]
pub(super) struct Floats {
    columns: Columns,
    parts: Vec<Part>,
    outputs: usize,
}

impl Floats {
    /// Lays out trees, each bundle as suits it.
    pub(super) fn new(trees: &[Tree], outputs: usize) -> Self {
        Self::with(trees, outputs, |bundle| {
            bundle::levels::<Threshold>(bundle).filter(|_| bundle.iter().all(told_apart))
        })
    }

    /// Links every tree.
    pub(super) fn linked(trees: &[Tree], outputs: usize) -> Self {
        Self::with(trees, outputs, |_| None)
    }

    fn with(trees: &[Tree], outputs: usize, levels: impl Fn(&[Tree]) -> Option<usize>) -> Self {
        let columns = Columns::of(trees);
        let split = |feature: u32, threshold: f32, default_left: bool| {
            let cell = 2 * columns.place(feature) + u32::from(!default_left);
            Threshold { threshold, cell }
        };
        let part = |trees: &[Tree]| match levels(trees) {
            Some(levels) => Part::Bundle(Bundle::new(trees, levels, split)),
            None => Part::Linked(Linked::new(trees, &columns)),
        };
        let parts = trees.chunks(LANES).map(part).collect();
        Self { columns, parts, outputs }
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        let part = |part: &Part| match part {
            Part::Bundle(bundle) => bundle.bytes(),
            Part::Linked(linked) => linked.bytes(),
        };
        self.columns.len() * size_of::<u32>() + self.parts.iter().map(part).sum::<usize>()
    }

    /// Adds every tree to the margins of rows from `first` on. `block` is scratch.
    pub(super) fn add(&self, rows: &Rows, first: usize, margins: &mut [f32], block: &mut Vec<f32>) {
        // A forest of leaves looks at nothing.
        let width = 2 * self.columns.len().max(1);
        let height = (BLOCK_CELLS / width).clamp(1, BLOCK_ROWS);
        for (index, margins) in margins.chunks_mut(height * self.outputs).enumerate() {
            let first = first + index * height;
            let count = margins.len() / self.outputs;
            block.resize(count * width, 0.0);
            for (row, cells) in block.chunks_exact_mut(width).enumerate() {
                self.fill(rows, first + row, cells);
            }
            for part in &self.parts {
                let rows = block.chunks_exact(width).map(Cells);
                for (row, margins) in rows.zip(margins.chunks_exact_mut(self.outputs)) {
                    match part {
                        Part::Bundle(bundle) => bundle.add(row.0, margins),
                        Part::Linked(linked) => linked.add(row, margins),
                    }
                }
            }
        }
    }

    fn fill(&self, rows: &Rows, row: usize, cells: &mut [f32]) {
        rows.pick(row, self.columns.all(), |place, value| {
            let missing = value.is_nan();
            cells[2 * place] = if missing { f32::NEG_INFINITY } else { value };
            cells[2 * place + 1] = if missing { f32::INFINITY } else { value };
        });
    }
}

/// Whether the two cells tell what is missing from what is there, at every split.
fn told_apart(tree: &Tree) -> bool {
    tree.nodes.iter().all(|node| match *node {
        Node::Leaf(_) => true,
        Node::Split { threshold, default_left, .. } => {
            !default_left || threshold > f32::NEG_INFINITY
        }
    })
}
