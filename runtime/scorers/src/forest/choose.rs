//! Chooses the layouts of a forest by measuring them on it for about a millisecond, or the share of
//! it that a forest has which answers together with others.
//!
//! What is fastest depends on the model and the machine: keys need no ranking, but a large forest
//! of them leaves the caches; a tournament plays all leaves and pays from some number of rows on.
//! Only time hangs on the choice: the sums are the same to the bit, so a measurement that a busy
//! machine spoilt does no harm.

use std::time::{Duration, Instant};

use super::{Layout, Scratch, Tournament, keys::Keys, ranked::Ranked, walk::Walked};
use crate::{
    booster::Tree,
    kernels::{Kernel, ROWS},
    rows::Rows,
};

/// How many rounds are measured even where they take longer than they should.
const ROUNDS: usize = 3;
/// What no further round is begun behind: a forest that takes so long for some rows is measured well
/// enough.
const LONGEST: Duration = Duration::from_millis(100);
/// Nodes of a forest that is not measured: to read its rows takes longer than to score them.
const TINY: usize = 32;
/// Rows that are taken one by one in a round.
const ALONE: usize = 8;
/// What a forest may take whatever the budget: the tables of a few trees.
const SMALL: usize = 64 << 10;
/// Columns up to which rows are tried dense.
const DENSE: usize = 4096;

/// Lays out trees in about `budget` bytes. Where that is too little even without padding, links
/// alone take what they need: 16 bytes for each node.
pub(super) fn layout(
    trees: Vec<Tree>,
    outputs: usize,
    budget: usize,
    measuring: Duration,
) -> Layout {
    if trees.iter().any(|tree| !tree.categories.is_empty()) {
        return Layout::Walked(Walked::new(trees, outputs));
    }
    let budget = budget.max(SMALL);
    let nodes: usize = trees.iter().map(|tree| tree.nodes.len()).sum();
    // Two layouts at most.
    let allowance = budget / 2 / nodes.max(1);
    let keys = Keys::new(&trees, outputs, allowance);
    if nodes <= TINY {
        return Layout::Keys(keys);
    }
    match Ranked::new(&trees, outputs, allowance) {
        Some(ranked) if keys.bytes() + ranked.bytes() <= budget => {
            drop(trees);
            faster(keys, ranked, outputs, measuring)
        }
        _ => Layout::Keys(keys),
    }
}

/// The best time of a call: one row as keys, one row of ranks, a chunk of them by each kernel.
struct Times {
    keys: Duration,
    each: Duration,
    chunks: Vec<(Duration, Kernel)>,
}

fn faster(keys: Keys, ranked: Ranked, outputs: usize, measuring: Duration) -> Layout {
    let times = measure(&keys, &ranked, outputs, measuring);
    let alone = times.keys.min(times.each).as_nanos().max(1);
    let best = times.chunks.iter().min_by_key(|(chunk, _)| *chunk);
    let many = best.and_then(|(chunk, kernel)| {
        let from = usize::try_from(chunk.as_nanos().div_ceil(alone)).ok()?;
        (from <= ROWS).then_some(Tournament { kernel: *kernel, from })
    });
    match many {
        _ if times.each <= times.keys => Layout::Ranked { ranked, many },
        Some(many) => Layout::Both { few: keys, ranked, many },
        None => Layout::Keys(keys),
    }
}

fn measure(keys: &Keys, ranked: &Ranked, outputs: usize, measuring: Duration) -> Times {
    let rows = sample(ranked);
    let mut scratch = Scratch::default();
    let mut margins = vec![0.0; ROWS * outputs];
    let chunks = Kernel::all().into_iter().map(|kernel| (Duration::MAX, kernel)).collect();
    let mut times = Times { keys: Duration::MAX, each: Duration::MAX, chunks };
    let start = Instant::now();
    for round in 1.. {
        for row in 0..ALONE {
            let margins = &mut margins[..outputs];
            let took = timed(|| keys.add(&rows, row, margins, &mut scratch.cells));
            times.keys = times.keys.min(took);
            let took = timed(|| ranked.add_each(&rows, row, margins, &mut scratch.ranks));
            times.each = times.each.min(took);
        }
        for (best, kernel) in &mut times.chunks {
            let ranks = &mut scratch.ranks;
            let took = timed(|| ranked.add_many(*kernel, &rows, 0, &mut margins, ranks));
            *best = took.min(*best);
        }
        let took = start.elapsed();
        if took >= LONGEST || (round >= ROUNDS && took >= measuring) {
            break;
        }
    }
    times
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// A chunk of rows that go all ways through the forest.
fn sample(ranked: &Ranked) -> Rows {
    let (numbers, scales) = ranked.scales();
    let columns = numbers.last().map_or(1, |last| *last as usize + 1);
    let mut entries = Vec::with_capacity(ROWS * numbers.len());
    let mut number = 0_u64;
    for _ in 0..ROWS {
        for (column, scale) in numbers.iter().zip(scales) {
            number = number.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            // The upper bits, which change without pattern.
            entries.push((*column, scale.threshold((number >> 56) as usize)));
        }
    }
    let ends = (1..=ROWS).map(|row| row * numbers.len()).collect();
    let sparse = Rows::Sparse { columns, ends, entries };
    if columns > DENSE { sparse } else { dense(&sparse) }
}

fn dense(sparse: &Rows) -> Rows {
    let columns = sparse.columns();
    let mut cells = vec![f32::NAN; sparse.len() * columns];
    for (row, cells) in cells.chunks_mut(columns).enumerate() {
        sparse.visit(row, |column, value| cells[column] = value);
    }
    Rows::Dense { columns, cells }
}
