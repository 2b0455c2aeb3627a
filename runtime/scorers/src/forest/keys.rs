//! Floats as integers of the same order: every forest fits, any machine walks it, and one row needs
//! little preparation.
//!
//! **Missing values** cost no branch: each column has two cells in a row, equal where it is there;
//! where it is missing, the first holds 0, less than the key of −∞, and the second more than the key
//! of ∞. A split that sends the missing left compares the first, one that sends them right the
//! second. What nothing is below, NaN as a threshold, has the key of −∞: only the missing go left.
//!
//! Rows go through in blocks, bundle by bundle, so that a bundle's nodes stay in the first cache.

use super::{
    bundle::{self, Bundle},
    columns::Columns,
};
use crate::{
    booster::Tree,
    kernels::{Key, LANES},
    rows::Rows,
};

/// Rows in a block: as many as XGBoost takes at once.
const BLOCK_ROWS: usize = 64;
/// Cells that a block may hold, unless a single row needs more: 1 MiB.
const BLOCK_CELLS: usize = 1 << 18;

/// A forest of keys.
#[derive(Debug)]
pub(super) struct Keys {
    columns: Columns,
    bundles: Vec<Bundle<Key>>,
    outputs: usize,
}

impl Keys {
    /// Lays out trees; padding may take `allowance` bytes for each node.
    pub(super) fn new(trees: &[Tree], outputs: usize, allowance: usize) -> Self {
        let columns = Columns::of(trees);
        let split = |feature: u32, threshold: f32, default_left: bool| {
            let threshold = if threshold.is_nan() { f32::NEG_INFINITY } else { threshold };
            Key { key: key(threshold), cell: 2 * columns.place(feature) + u32::from(!default_left) }
        };
        let bundle =
            |trees: &[Tree]| Bundle::new(trees, bundle::levels::<Key>(trees, allowance), split);
        let bundles = trees.chunks(LANES).map(bundle).collect();
        Self { columns, bundles, outputs }
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.columns.len() * size_of::<u32>()
            + self.bundles.iter().map(Bundle::bytes).sum::<usize>()
    }

    /// Adds every tree to the margins of rows from `first` on. `block` is scratch.
    pub(super) fn add(&self, rows: &Rows, first: usize, margins: &mut [f32], block: &mut Vec<u32>) {
        // A forest of leaves looks at nothing.
        let width = 2 * self.columns.len().max(1);
        let height = (BLOCK_CELLS / width).clamp(1, BLOCK_ROWS);
        for (index, margins) in margins.chunks_mut(height * self.outputs).enumerate() {
            let first = first + index * height;
            let count = margins.len() / self.outputs;
            block.resize(count * width, 0);
            for (row, cells) in block.chunks_exact_mut(width).enumerate() {
                self.fill(rows, first + row, cells);
            }
            for bundle in &self.bundles {
                let rows = block.chunks_exact(width);
                for (row, margins) in rows.zip(margins.chunks_exact_mut(self.outputs)) {
                    bundle.add(row, margins);
                }
            }
        }
    }

    fn fill(&self, rows: &Rows, row: usize, cells: &mut [u32]) {
        rows.pick(row, self.columns.all(), |place, value| {
            let (below, above) =
                if value.is_nan() { (0, u32::MAX) } else { (key(value), key(value)) };
            cells[2 * place] = below;
            cells[2 * place + 1] = above;
        });
    }
}

/// Rises with the value, which is not NaN; both zeros are one. More than 0 and less than the most.
fn key(value: f32) -> u32 {
    /// Of the sign.
    const SIGN: u32 = 1 << 31;
    let bits = (value + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}
