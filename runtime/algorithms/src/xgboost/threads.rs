//! How many threads a piece of work is worth.

use std::{env, thread};

use super::hyperparameters::Hyperparameters;

/// How many threads to use at most, unless the hyperparameter `nthread` says.
const LIMIT: &str = "OMP_NUM_THREADS";
/// Up to this many cells one thread is faster than handing out the work (measured: 500 rows, 50
/// rounds, two threads on a busy machine took up to ten times as long).
const ONE_UP_TO: usize = 1 << 16;
/// Bytes that are worth another thread to read them.
const READ_BY_EACH: u64 = 1 << 20;

/// For so many cells: the user's word, or as many as there are and as are worth it.
pub fn training(chosen: &Hyperparameters, cells: usize) -> usize {
    let asked = chosen.integer("nthread").and_then(|n| usize::try_from(n).ok());
    asked.unwrap_or_else(|| if cells <= ONE_UP_TO { 1 } else { cores() })
}

/// For reading so many bytes.
pub fn reading(bytes: u64) -> usize {
    let worth = usize::try_from(bytes / READ_BY_EACH).unwrap_or(usize::MAX);
    worth.clamp(1, cores())
}

/// What the executor gave us, or every core that we may use.
fn cores() -> usize {
    let given = env::var(LIMIT).ok().and_then(|text| text.parse().ok());
    given
        .filter(|threads| *threads > 0)
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, Into::into))
}
