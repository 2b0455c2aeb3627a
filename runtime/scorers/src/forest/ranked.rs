//! Ranks in place of floats: a byte for a value, four bytes for a split, 64 rows at once.
//!
//! For models whose columns have at most 255 thresholds each, which is what XGBoost grows on its
//! default of 256 bins. A row is ranked once ([`Scale`]); after that its splits compare bytes. Many
//! rows go through the tournament of [`kernels`](crate::kernels) where the machine has it, few one by
//! one in lock-step, which pays where the keys of a large forest do not fit into a cache.

use std::ops::Range;

use super::{
    bundle::{self, Bundle},
    columns::Columns,
    scale::Scale,
};
use crate::{
    booster::{Node, Tree},
    kernels::{Kernel, LANES, ROWS, Rank, Ranks},
    rows::Rows,
};

/// Columns that fit: a chunk of more leaves the second cache. (A split could tell 2^15.)
const MAX_COLUMNS: usize = 1 << 12;
/// Outputs that fit, for the same reason.
const MAX_OUTPUTS: usize = 1 << 10;
/// Bytes of ranks and sums in a block of chunks: a small part of a second cache.
const BLOCK_BYTES: usize = 64 << 10;
/// Chunks in a block, at most: beyond, a tree's splits are read seldom enough.
const BLOCK_CHUNKS: usize = 8;

/// What a thread keeps from call to call.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    values: Vec<[f32; ROWS]>,
    lines: Vec<Ranks>,
    sums: Vec<[f32; ROWS]>,
}

/// A forest of ranks.
#[derive(Debug)]
pub(super) struct Ranked {
    columns: Columns,
    /// Of each column.
    scales: Vec<Scale>,
    bundles: Vec<Bundle<Rank>>,
    outputs: usize,
}

impl Ranked {
    /// Lays out trees; `None` where they do not fit. Padding may take `allowance` bytes for each
    /// node.
    pub(super) fn new(trees: &[Tree], outputs: usize, allowance: usize) -> Option<Self> {
        let columns = Columns::of(trees);
        if columns.len() > MAX_COLUMNS || outputs > MAX_OUTPUTS {
            return None;
        }
        let scales = scales(trees, &columns)?;
        let split = |feature: u32, threshold: f32, default_left: bool| {
            let place = columns.place(feature);
            let line = u16::try_from(2 * place + u32::from(!default_left)).unwrap_or(u16::MAX);
            Rank { line, rank: scales[place as usize].asked(threshold) }
        };
        let bundle =
            |trees: &[Tree]| Bundle::new(trees, bundle::levels::<Rank>(trees, allowance), split);
        let bundles = trees.chunks(LANES).map(bundle).collect();
        Some(Self { columns, scales, bundles, outputs })
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.columns.len() * size_of::<u32>()
            + self.scales.iter().map(Scale::bytes).sum::<usize>()
            + self.bundles.iter().map(Bundle::bytes).sum::<usize>()
    }

    /// The columns, and a scale for each.
    pub(super) fn scales(&self) -> (&[u32], &[Scale]) {
        (self.columns.all(), &self.scales)
    }

    /// Adds every tree to the margins of rows from `first` on, one row after the other.
    pub(super) fn add_each(
        &self,
        rows: &Rows,
        first: usize,
        margins: &mut [f32],
        scratch: &mut Scratch,
    ) {
        for (chunk, margins) in margins.chunks_mut(ROWS * self.outputs).enumerate() {
            let first = first + chunk * ROWS;
            let count = margins.len() / self.outputs;
            self.fill_each(rows, first..first + count, &mut scratch.lines);
            let chunk = Ranks::flat(&scratch.lines);
            for bundle in &self.bundles {
                for (row, margins) in margins.chunks_exact_mut(self.outputs).enumerate() {
                    bundle.add(&chunk[row..], margins);
                }
            }
        }
    }

    /// The same with [`ROWS`] rows at a time, and as fast for fewer.
    pub(super) fn add_many(
        &self,
        kernel: Kernel,
        rows: &Rows,
        first: usize,
        margins: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let width = self.width();
        let chunk = width * size_of::<Ranks>() + self.outputs * size_of::<[f32; ROWS]>();
        let height = ROWS * (BLOCK_BYTES / chunk).clamp(1, BLOCK_CHUNKS);
        for (block, margins) in margins.chunks_mut(height * self.outputs).enumerate() {
            let first = first + block * height;
            let count = margins.len() / self.outputs;
            self.fill_many(kernel, rows, first..first + count, scratch);
            self.load(margins, &mut scratch.sums);
            for bundle in &self.bundles {
                for (lane, output) in bundle.outputs().iter().enumerate() {
                    let chunks = scratch.lines.chunks_exact(width);
                    for (lines, sums) in chunks.zip(scratch.sums.chunks_exact_mut(self.outputs)) {
                        add_tree(kernel, bundle, lane, lines, &mut sums[*output]);
                    }
                }
            }
            self.store(&scratch.sums, margins);
        }
    }

    /// Ranks rows one by one.
    fn fill_each(&self, rows: &Rows, range: Range<usize>, lines: &mut Vec<Ranks>) {
        lines.resize(self.width(), Ranks([0; ROWS]));
        for (row, from) in range.enumerate() {
            rows.pick(from, self.columns.all(), |place, value| {
                let (left, right) = self.scales[place].rank(value);
                lines[2 * place].0[row] = left;
                lines[2 * place + 1].0[row] = right;
            });
        }
    }

    /// Ranks rows chunk by chunk; rows that the last chunk lacks hold anything.
    fn fill_many(&self, kernel: Kernel, rows: &Rows, range: Range<usize>, scratch: &mut Scratch) {
        let Scratch { values, lines, .. } = scratch;
        values.resize(self.columns.len(), [0.0; ROWS]);
        lines.resize(range.len().div_ceil(ROWS) * self.width(), Ranks([0; ROWS]));
        for (chunk, lines) in lines.chunks_exact_mut(self.width()).enumerate() {
            let first = range.start + chunk * ROWS;
            rows.transpose(first..range.end.min(first + ROWS), self.columns.all(), values);
            let columns = self.scales.iter().zip(&*values);
            for ((scale, values), lines) in columns.zip(lines.chunks_exact_mut(2)) {
                let (left, right) = lines.split_at_mut(1);
                scale.rank_many(kernel, values, &mut left[0].0, &mut right[0].0);
            }
        }
    }

    /// Lines of a chunk: two for each column. A forest of leaves looks at none.
    fn width(&self) -> usize {
        2 * self.columns.len().max(1)
    }

    /// Margins as a chunk wants them: output by output.
    fn load(&self, margins: &[f32], sums: &mut Vec<[f32; ROWS]>) {
        let rows = margins.len() / self.outputs;
        sums.resize(rows.div_ceil(ROWS) * self.outputs, [0.0; ROWS]);
        let chunks = margins.chunks(ROWS * self.outputs);
        for (sums, margins) in sums.chunks_exact_mut(self.outputs).zip(chunks) {
            for (row, margins) in margins.chunks_exact(self.outputs).enumerate() {
                sums.iter_mut().zip(margins).for_each(|(sums, margin)| sums[row] = *margin);
            }
        }
    }

    fn store(&self, sums: &[[f32; ROWS]], margins: &mut [f32]) {
        let chunks = margins.chunks_mut(ROWS * self.outputs);
        for (sums, margins) in sums.chunks_exact(self.outputs).zip(chunks) {
            for (row, margins) in margins.chunks_exact_mut(self.outputs).enumerate() {
                sums.iter().zip(margins).for_each(|(sums, margin)| *margin = sums[row]);
            }
        }
    }
}

/// Adds one tree's leaves to the sums of a chunk.
fn add_tree(
    kernel: Kernel,
    bundle: &Bundle<Rank>,
    lane: usize,
    lines: &[Ranks],
    sums: &mut [f32; ROWS],
) {
    let mut ends = [0; ROWS];
    kernel.play(bundle.crown(), lane, lines, &mut ends);
    match bundle.ends(lane) {
        Some(leaves) => kernel.add(leaves, &ends, sums),
        None => bundle.add_below(lane, &ends, Ranks::flat(lines), sums),
    }
}

/// A scale for each column; `None` where one has too many thresholds.
fn scales(trees: &[Tree], columns: &Columns) -> Option<Vec<Scale>> {
    let mut thresholds = vec![Vec::new(); columns.len()];
    for node in trees.iter().flat_map(|tree| &tree.nodes) {
        if let Node::Split { feature, threshold, .. } = *node {
            thresholds[columns.place(feature) as usize].push(threshold);
        }
    }
    thresholds.into_iter().map(Scale::new).collect()
}
