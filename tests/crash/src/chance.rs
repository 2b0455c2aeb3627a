//! Random numbers that are cheap and need not be unpredictable.

use std::{ops::Range, time::Duration};

use anyhow::{Context, Result};

/// A generator of its own for everybody (splitmix64, public domain by S. Vigna).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Begins anywhere.
    pub fn new() -> Result<Self> {
        Ok(Self(getrandom::u64().context("the operating system gives no random bytes")?))
    }

    /// Begins here.
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of that range, which must not be empty.
    pub const fn within(&mut self, range: &Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// A length, or an index.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.within(&(0..end as u64))).unwrap_or(0)
    }

    /// One of them.
    pub fn one_of<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len())]
    }

    /// So many times in a hundred.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// A time of that range, milliseconds.
    pub const fn millis(&mut self, range: &Range<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_a_range_comes_and_no_other() {
        let mut chance = Chance::seeded(1);
        let mut seen = [0; 7];
        for _ in 0..1_000 {
            seen[chance.below(7)] += 1;
        }
        assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
    }
}
