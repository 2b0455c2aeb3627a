//! Sums the leaves of a forest, to the bit as XGBoost does, and much faster.
//!
//! **Bits.** Every margin starts from the base margin, and each tree's leaf is added to it in the
//! order of the trees, in `f32`. Any other order or grouping differs in the last bit. All layouts
//! and kernels do that, for any row and any model: with infinities, NaN, either zero, denormals.
//!
//! | layout | for | how |
//! |---|---|---|
//! | `keys` | every forest of numbers | integers for floats; eight trees of a row in lock-step: `bundle` |
//! | `ranked` | at most 255 thresholds in a column | bytes for floats; the same lock-step, or [`kernels`](crate::kernels) for 64 rows at once |
//! | `walk` | splits that ask for categories | the trees as they are, one by one |
//!
//! Which of the first two stay is chosen at load by measuring them on the model itself: see `choose`.

mod bundle;
mod choose;
mod columns;
mod keys;
mod ranked;
mod scale;
#[cfg(test)]
mod tests;
mod walk;

use std::{cell::RefCell, time::Duration};

use crate::{
    booster::Tree,
    kernels::{Kernel, ROWS},
    rows::Rows,
};
use columns::Columns;
use keys::Keys;
use ranked::Ranked;
use walk::Walked;

/// A forest laid out for scoring.
#[derive(Debug)]
pub(crate) struct Forest {
    layout: Layout,
    outputs: usize,
    row: Duration,
}

#[derive(Debug)]
enum Layout {
    Keys(Keys),
    Ranked { ranked: Ranked, many: Option<Tournament> },
    Both { few: Keys, ranked: Ranked, many: Tournament },
    Walked(Walked),
}

/// Whole chunks of rows, and what is left of them where it is enough.
#[derive(Clone, Copy, Debug)]
struct Tournament {
    kernel: Kernel,
    /// From how many rows on a chunk takes less time than each row alone.
    from: usize,
}

impl Tournament {
    /// How many of the first rows go through it.
    fn share(self, rows: usize) -> usize {
        let rest = rows % ROWS;
        if rest < self.from { rows - rest } else { rows }
    }
}

/// What a thread keeps from call to call: at most some MiB.
#[derive(Default)]
struct Scratch {
    cells: Vec<u32>,
    ranks: ranked::Scratch,
    values: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Forest {
    /// Lays out trees in about `budget` bytes at most, `outputs` margins a row, and measures about
    /// that long how.
    pub(crate) fn new(
        trees: Vec<Tree>,
        outputs: usize,
        budget: usize,
        measuring: Duration,
    ) -> Self {
        let row = row(&trees);
        Self { layout: choose::layout(trees, outputs, budget, measuring), outputs, row }
    }

    /// About how long a row takes, on the dear side: the same on every machine, and not measured,
    /// so that a pause while a model was loaded decides nothing.
    pub(crate) fn row(&self) -> Duration {
        self.row
    }

    /// The same in every layout and with every kernel, by name.
    #[cfg(test)]
    pub(crate) fn every(trees: &[Tree], outputs: usize) -> Vec<(String, Self)> {
        let layouts = tests::layouts(trees, outputs).into_iter();
        layouts.map(|(name, layout)| (name, Self { layout, outputs, row: row(trees) })).collect()
    }

    /// Adds every tree to the margins of rows from `first` on.
    pub(crate) fn add(&self, rows: &Rows, first: usize, margins: &mut [f32]) {
        SCRATCH.with_borrow_mut(|scratch| {
            self.layout.add(rows, first, margins, self.outputs, scratch);
        });
    }
}

/// A split of a tree in lock-step with others takes a nanosecond from the nearest cache; a large
/// forest leaves it.
const SPLIT: u64 = 3;
/// A split of a tree that is walked alone, and may look for a category.
const WALKED_SPLIT: u64 = 15;

/// Nanoseconds of the splits on every tree's longest path, and one for each column that is looked at.
fn row(trees: &[Tree]) -> Duration {
    let splits: usize = trees.iter().map(|tree| tree.depth + 1).sum();
    let walked = trees.iter().any(|tree| !tree.categories.is_empty());
    let [splits, columns] = [splits, Columns::of(trees).len()].map(whole);
    Duration::from_nanos(splits * if walked { WALKED_SPLIT } else { SPLIT } + columns)
}

/// There are fewer trees, columns and outputs than nanoseconds in a century.
pub(crate) fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

impl Layout {
    fn add(
        &self,
        rows: &Rows,
        first: usize,
        margins: &mut [f32],
        outputs: usize,
        scratch: &mut Scratch,
    ) {
        let ranks = &mut scratch.ranks;
        let share = |many: Tournament| {
            let share = many.share(margins.len() / outputs);
            (share, share * outputs)
        };
        match self {
            Self::Keys(keys) => keys.add(rows, first, margins, &mut scratch.cells),
            Self::Walked(walked) => walked.add(rows, first, margins, &mut scratch.values),
            Self::Ranked { ranked, many: None } => ranked.add_each(rows, first, margins, ranks),
            Self::Ranked { ranked, many: Some(many) } => {
                let (share, at) = share(*many);
                ranked.add_many(many.kernel, rows, first, &mut margins[..at], ranks);
                ranked.add_each(rows, first + share, &mut margins[at..], ranks);
            }
            Self::Both { few, ranked, many } => {
                let (share, at) = share(*many);
                ranked.add_many(many.kernel, rows, first, &mut margins[..at], ranks);
                few.add(rows, first + share, &mut margins[at..], &mut scratch.cells);
            }
        }
    }
}
