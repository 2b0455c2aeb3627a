//! Sums the leaves of a forest, to the bit as XGBoost does, and much faster.
//!
//! **Bits.** Every margin starts from the base margin, and each tree's leaf is added to it in the
//! order of the trees, in `f32`. Any other order or grouping differs in the last bit.
//!
//! **Missing values** cost no branch: each feature has two cells in a row, equal where it is there;
//! where it is missing, the first holds −∞ and the second +∞. A split that sends the missing left
//! compares the first, one that sends them right the second.
//!
//! **Layout.** [`LANES`] neighbouring trees are walked in lock-step, so that their loads overlap.
//! They are stored as perfect trees of one depth (children of `i` at `2i + 1` and `2i + 2`; leaves
//! apart), if that at most quadruples them; else as linked nodes, walked one tree at a time. The
//! bound keeps a hostile model from growing in memory.
//!
//! Rows go through in blocks, bundle by bundle, so that a bundle's nodes stay in the first cache.

use crate::{
    booster::{Node, Tree},
    rows::Rows,
};

/// Trees walked together.
const LANES: usize = 8;
/// Rows in a block: as many as XGBoost takes at once.
const BLOCK_ROWS: usize = 64;
/// Cells that a block may hold, unless a single row needs more: 1 MiB.
const BLOCK_CELLS: usize = 1 << 18;
/// How many times its nodes a tree may take as a perfect one.
const MAX_PADDING: usize = 4;

/// An inner node of a perfect tree.
#[derive(Clone, Copy, Debug)]
struct Split {
    threshold: f32,
    /// Which cell of a row is compared.
    cell: u32,
}

/// A node of a linked tree.
#[derive(Clone, Copy, Debug)]
enum Link {
    Leaf(f32),
    Split {
        split: Split,
        /// The left child; the right one stands behind it.
        left: u32,
    },
}

/// Neighbouring trees.
#[derive(Debug)]
enum Bundle {
    Perfect {
        depth: usize,
        /// `LANES` times `2^depth - 1`, tree by tree.
        splits: Vec<Split>,
        /// `LANES` times `2^depth`, tree by tree.
        leaves: Vec<f32>,
        /// Where each tree adds to; fewer than `LANES` in the last bundle.
        outputs: Vec<usize>,
    },
    Linked {
        nodes: Vec<Link>,
        output: usize,
    },
}

/// A forest laid out for scoring.
#[derive(Debug)]
pub(crate) struct Forest {
    bundles: Vec<Bundle>,
    /// Cells of a row: two for each feature up to the last that is split on, at least two.
    cells: usize,
}

impl Forest {
    /// Lays out trees.
    pub(crate) fn new(trees: &[Tree]) -> Self {
        let bundles = trees.chunks(LANES).flat_map(bundles).collect();
        let cells = trees.iter().flat_map(|tree| &tree.nodes).map(cells_for).max();
        Self { bundles, cells: cells.unwrap_or(2) }
    }

    /// Adds every tree to the margins, `outputs` a row.
    pub(crate) fn add(&self, rows: &Rows, margins: &mut [f32], outputs: usize) {
        let height = (BLOCK_CELLS / self.cells).clamp(1, BLOCK_ROWS).min(rows.len().max(1));
        let mut block = missing_cells(height * self.cells);
        for (index, margins) in margins.chunks_mut(height * outputs).enumerate() {
            let first = index * height;
            let height = margins.len() / outputs;
            self.fill(&mut block, rows, first..first + height);
            for bundle in &self.bundles {
                for (row, margins) in block.chunks(self.cells).zip(margins.chunks_mut(outputs)) {
                    bundle.add(row, margins);
                }
            }
            if first + height < rows.len() {
                self.clear(&mut block, rows, first..first + height);
            }
        }
    }

    fn fill(&self, block: &mut [f32], rows: &Rows, range: std::ops::Range<usize>) {
        for (cells, row) in block.chunks_mut(self.cells).zip(range) {
            rows.visit(row, |column, value| {
                if let Some(pair) = cells.get_mut(2 * column..2 * column + 2) {
                    pair.fill(value);
                }
            });
        }
    }

    /// Undoes `fill`, in time that does not depend on the model's width.
    fn clear(&self, block: &mut [f32], rows: &Rows, range: std::ops::Range<usize>) {
        for (cells, row) in block.chunks_mut(self.cells).zip(range) {
            rows.visit(row, |column, _| {
                if let Some(pair) = cells.get_mut(2 * column..2 * column + 2) {
                    pair.copy_from_slice(&[f32::NEG_INFINITY, f32::INFINITY]);
                }
            });
        }
    }
}

fn missing_cells(cells: usize) -> Vec<f32> {
    let mut block = vec![f32::INFINITY; cells];
    block.iter_mut().step_by(2).for_each(|cell| *cell = f32::NEG_INFINITY);
    block
}

fn cells_for(node: &Node) -> usize {
    match node {
        Node::Leaf(_) => 2,
        Node::Split { feature, .. } => 2 * (*feature as usize + 1),
    }
}

/// One perfect bundle, or as many linked ones as there are trees.
fn bundles(trees: &[Tree]) -> Vec<Bundle> {
    let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
    let nodes: usize = trees.iter().map(|tree| tree.nodes.len()).sum();
    let padded = u32::try_from(depth).ok().and_then(|depth| LANES.checked_shl(depth + 1));
    if depth < usize::BITS as usize / 2
        && padded.is_some_and(|padded| padded <= MAX_PADDING * nodes.max(LANES))
    {
        return vec![perfect(trees, depth)];
    }
    trees.iter().map(linked).collect()
}

/// Splits by a threshold that nothing is below send only the missing left. A missing value's −∞
/// must be below such a threshold then; a request's values are finite, so nothing else is.
fn split(feature: u32, threshold: f32, default_left: bool) -> Split {
    let cell = 2 * feature + u32::from(!default_left);
    let never_below = threshold.is_nan() || threshold == f32::NEG_INFINITY;
    match (never_below, default_left) {
        (true, true) => Split { threshold: f32::MIN, cell },
        (true, false) => Split { threshold: f32::NEG_INFINITY, cell },
        (false, _) => Split { threshold, cell },
    }
}

/// XGBoost multiplies the leaf, not the sum, and adds it to zero first (which turns −0 into 0).
fn weighted(tree: &Tree, leaf: f32) -> f32 {
    (0.0 + leaf) * tree.weight
}

fn perfect(trees: &[Tree], depth: usize) -> Bundle {
    let (inner, outer) = ((1 << depth) - 1, 1 << depth);
    let never = Split { threshold: f32::NEG_INFINITY, cell: 0 };
    let mut splits = vec![never; LANES * inner];
    let mut leaves = vec![0.0; LANES * outer];
    for (lane, tree) in trees.iter().enumerate() {
        let splits = &mut splits[lane * inner..(lane + 1) * inner];
        let leaves = &mut leaves[lane * outer..(lane + 1) * outer];
        // Node of the tree, its place in the perfect one, its level.
        let mut open = vec![(0, 0, 0)];
        while let Some((at, place, level)) = open.pop() {
            match tree.nodes[at] {
                Node::Leaf(leaf) => {
                    let below = 1 << (depth - level);
                    let first = (place + 1) * below - outer;
                    leaves[first..first + below].fill(weighted(tree, leaf));
                }
                Node::Split { feature, threshold, default_left, left } => {
                    splits[place] = split(feature, threshold, default_left);
                    let left = left as usize;
                    open.push((left, 2 * place + 1, level + 1));
                    open.push((left + 1, 2 * place + 2, level + 1));
                }
            }
        }
    }
    let outputs = trees.iter().map(|tree| tree.output).collect();
    Bundle::Perfect { depth, splits, leaves, outputs }
}

fn linked(tree: &Tree) -> Bundle {
    let link = |node: &Node| match *node {
        Node::Leaf(leaf) => Link::Leaf(weighted(tree, leaf)),
        Node::Split { feature, threshold, default_left, left } => {
            Link::Split { split: split(feature, threshold, default_left), left }
        }
    };
    Bundle::Linked { nodes: tree.nodes.iter().map(link).collect(), output: tree.output }
}

impl Bundle {
    fn add(&self, row: &[f32], margins: &mut [f32]) {
        match self {
            Self::Perfect { depth, splits, leaves, outputs } => {
                let places = descend(*depth, splits, row);
                let lanes = leaves.chunks_exact(1 << depth).zip(places);
                for ((leaves, place), output) in lanes.zip(outputs) {
                    margins[*output] += leaves[place];
                }
            }
            Self::Linked { nodes, output } => margins[*output] += walk(nodes, row),
        }
    }
}

/// The leaf that each of the bundle's trees ends in.
fn descend(depth: usize, splits: &[Split], row: &[f32]) -> [usize; LANES] {
    let inner = (1 << depth) - 1;
    let mut places = [0; LANES];
    for _ in 0..depth {
        for (lane, place) in places.iter_mut().enumerate() {
            let split = splits[lane * inner + *place];
            *place = 2 * *place + 1 + usize::from(!below(split, row));
        }
    }
    places.map(|place| place - inner)
}

fn walk(nodes: &[Link], row: &[f32]) -> f32 {
    let mut at = 0;
    loop {
        match nodes[at] {
            Link::Leaf(leaf) => return leaf,
            Link::Split { split, left } => at = left as usize + usize::from(!below(split, row)),
        }
    }
}

#[inline]
fn below(split: Split, row: &[f32]) -> bool {
    row[split.cell as usize] < split.threshold
}
