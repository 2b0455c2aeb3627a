//! Chooses the layouts of a forest by measuring them on it for about a millisecond.
//!
//! What is fastest depends on the model and the machine: floats need no ranking, but a large forest
//! of them leaves the caches; a tournament plays all leaves and pays from some number of rows on.
//! Only time hangs on the choice: the sums are the same to the bit, so a measurement that a busy
//! machine spoilt does no harm.

use std::time::{Duration, Instant};

use super::{Layout, Scratch, Tournament, floats::Floats, ranked::Ranked};
use crate::{
    booster::Tree,
    kernels::{Kernel, ROWS},
    rows::Rows,
};

/// How long layouts are measured, unless three rounds take longer.
const MEASURING: Duration = Duration::from_millis(1);
const ROUNDS: usize = 3;
/// Rows that are taken one by one in a round.
const ALONE: usize = 8;
/// What a forest may take whatever the budget: the tables of a few trees.
const SMALL: usize = 64 << 10;
/// Columns up to which rows are tried dense.
const DENSE: usize = 4096;

/// Lays out trees in about `budget` bytes; links alone may take more where a file is made so.
pub(super) fn layout(trees: &[Tree], outputs: usize, budget: usize) -> Layout {
    let budget = budget.max(SMALL);
    let floats = Floats::new(trees, outputs);
    if floats.bytes() > budget {
        return Layout::Floats(Floats::linked(trees, outputs));
    }
    match Ranked::new(trees, outputs) {
        Some(ranked) if floats.bytes() + ranked.bytes() <= budget => {
            faster(floats, ranked, outputs)
        }
        _ => Layout::Floats(floats),
    }
}

/// The best time of a call: one row as floats, one row of ranks, a chunk of them by each kernel.
struct Times {
    floats: Duration,
    each: Duration,
    chunks: Vec<(Duration, Kernel)>,
}

fn faster(floats: Floats, ranked: Ranked, outputs: usize) -> Layout {
    let times = measure(&floats, &ranked, outputs);
    let alone = times.floats.min(times.each).as_nanos().max(1);
    let best = times.chunks.iter().min_by_key(|(chunk, _)| *chunk);
    let many = best.and_then(|(chunk, kernel)| {
        let from = usize::try_from(chunk.as_nanos().div_ceil(alone)).ok()?;
        (from <= ROWS).then_some(Tournament { kernel: *kernel, from })
    });
    match many {
        _ if times.each <= times.floats => Layout::Ranked { ranked, many },
        Some(many) => Layout::Both { few: floats, ranked, many },
        None => Layout::Floats(floats),
    }
}

fn measure(floats: &Floats, ranked: &Ranked, outputs: usize) -> Times {
    let rows = sample(ranked);
    let mut scratch = Scratch::default();
    let mut margins = vec![0.0; ROWS * outputs];
    let chunks = Kernel::all().into_iter().map(|kernel| (Duration::MAX, kernel)).collect();
    let mut times = Times { floats: Duration::MAX, each: Duration::MAX, chunks };
    let start = Instant::now();
    for round in 0.. {
        for row in 0..ALONE {
            let margins = &mut margins[..outputs];
            let took = timed(|| floats.add(&rows, row, margins, &mut scratch.cells));
            times.floats = times.floats.min(took);
            let took = timed(|| ranked.add_each(&rows, row, margins, &mut scratch.ranks));
            times.each = times.each.min(took);
        }
        for (best, kernel) in &mut times.chunks {
            let ranks = &mut scratch.ranks;
            let took = timed(|| ranked.add_many(*kernel, &rows, 0, &mut margins, ranks));
            *best = took.min(*best);
        }
        if round >= ROUNDS && start.elapsed() >= MEASURING {
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
    let mut number = 0_usize;
    for _ in 0..ROWS {
        for (column, scale) in numbers.iter().zip(scales) {
            // Any odd multiplier that is far from a power of two leaves no pattern.
            number = number.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            entries.push((*column, scale.threshold(number >> 33)));
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
