//! A column's thresholds as a scale: what matters of a value is only how many it has reached.
//!
//! `value < threshold[i]` is `rank(value) <= i`, exactly, where the rank is the number of
//! thresholds that are not above the value. A model that was grown on 256 bins has at most 255
//! thresholds in a column, so a rank is a byte.
//!
//! A value's rank is looked up by its bucket, a map that never falls as the value rises. All that
//! lies in lower buckets is reached, all in higher ones is not, however the map rounds, and the few
//! thresholds of its own bucket are searched. So the buckets decide speed and never a bit.

use crate::kernels::{Kernel, ROWS, Table, WINDOW};

/// Thresholds that a column may have: ranks are 0 to 255.
const MAX_THRESHOLDS: usize = 255;
/// The most buckets of a column, and how many there are for each threshold below that.
const MAX_BUCKETS: usize = 1024;
const BUCKETS_FOR_EACH: usize = 4;

/// What a missing value ranks for a split that sends it left: below all.
const LEFTMOST: i8 = i8::MIN;
/// What a missing value ranks for a split that sends it right: nothing is above it.
const RIGHTMOST: i8 = i8::MAX;

/// The thresholds of one column.
#[derive(Debug)]
pub(super) struct Scale {
    /// Rising, without repetition, none of them NaN; then NaN as far as a search may look.
    thresholds: Vec<f32>,
    /// For each bucket, the thresholds in lower ones.
    starts: Vec<u8>,
    /// The value at which the second bucket begins, about.
    low: f32,
    /// Buckets in a unit.
    slope: f32,
    /// Thresholds in the fullest bucket.
    fullest: usize,
}

impl Scale {
    /// Of thresholds in any order; `None` where there are too many. What nothing is below, −∞ and
    /// NaN, is one threshold.
    pub(super) fn new(mut thresholds: Vec<f32>) -> Option<Self> {
        for threshold in &mut thresholds {
            *threshold = ordered(*threshold);
        }
        thresholds.sort_unstable_by(f32::total_cmp);
        thresholds.dedup();
        if thresholds.len() > MAX_THRESHOLDS {
            return None;
        }
        let buckets = (BUCKETS_FOR_EACH * thresholds.len()).next_power_of_two().min(MAX_BUCKETS);
        let (low, slope) = line(&thresholds, buckets);
        let mut scale = Self { thresholds, starts: vec![0; buckets], low, slope, fullest: 0 };
        scale.fill_buckets();
        Some(scale)
    }

    fn fill_buckets(&mut self) {
        let mut counts = vec![0; self.starts.len()];
        for threshold in &self.thresholds {
            counts[self.table().bucket(*threshold)] += 1;
        }
        let mut reached = 0;
        for (start, count) in self.starts.iter_mut().zip(&counts) {
            *start = reached;
            reached += count;
        }
        self.fullest = usize::from(counts.into_iter().max().unwrap_or(0));
        let ahead = self.fullest.max(WINDOW);
        self.thresholds.resize(self.thresholds.len() + ahead, f32::NAN);
        self.thresholds.shrink_to_fit();
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&self.thresholds[..]) + self.starts.len()
    }

    /// What splits at this threshold ask for: a biased rank less than this one.
    pub(super) fn asked(&self, threshold: f32) -> i8 {
        let threshold = ordered(threshold);
        let rank = self.thresholds.partition_point(|other| *other <= threshold);
        biased(u8::try_from(rank).unwrap_or(u8::MAX))
    }

    /// A threshold by its number, round and round: where rows of this model may lie.
    pub(super) fn threshold(&self, number: usize) -> f32 {
        let known = self.thresholds.partition_point(|threshold| !threshold.is_nan());
        self.thresholds[number % known.max(1)]
    }

    /// Ranks a value for splits that send what is missing left, and for those that send it right.
    pub(super) fn rank(&self, value: f32) -> (i8, i8) {
        sided(self.reached(value), value)
    }

    /// Ranks many values.
    pub(super) fn rank_many(
        &self,
        kernel: Kernel,
        values: &[f32; ROWS],
        left: &mut [i8; ROWS],
        right: &mut [i8; ROWS],
    ) {
        let mut reached = [0; ROWS];
        if self.fullest <= WINDOW {
            kernel.rank(self.table(), values, &mut reached);
        } else {
            reached = values.map(|value| self.reached(value));
        }
        let ranks = reached.iter().zip(values);
        for ((reached, value), (left, right)) in ranks.zip(left.iter_mut().zip(right)) {
            (*left, *right) = sided(*reached, *value);
        }
    }

    /// How many thresholds are not above a value.
    fn reached(&self, value: f32) -> u8 {
        let start = self.starts[self.table().bucket(value)];
        let ahead = &self.thresholds[usize::from(start)..usize::from(start) + self.fullest];
        let reached = ahead.partition_point(|threshold| *threshold <= value);
        start + u8::try_from(reached).unwrap_or(0)
    }

    fn table(&self) -> Table<'_> {
        let Self { thresholds, starts, low, slope, .. } = self;
        Table { thresholds, starts, low: *low, slope: *slope }
    }
}

/// What nothing is below as −∞, and one zero.
fn ordered(threshold: f32) -> f32 {
    if threshold.is_nan() { f32::NEG_INFINITY } else { threshold + 0.0 }
}

/// Where the buckets lie: evenly between the outermost finite thresholds.
#[expect(clippy::cast_precision_loss, reason = "there are at most 1024 buckets")]
fn line(thresholds: &[f32], buckets: usize) -> (f32, f32) {
    let mut finite = thresholds.iter().copied().filter(|threshold| threshold.is_finite());
    let low = finite.next().unwrap_or(0.0);
    let high = finite.next_back().unwrap_or(low);
    let slope = (buckets - 1) as f32 / (high - low);
    (low, if slope.is_finite() { slope } else { 0.0 })
}

fn sided(reached: u8, value: f32) -> (i8, i8) {
    let rank = biased(reached);
    if value.is_nan() { (LEFTMOST, RIGHTMOST) } else { (rank, rank) }
}

fn biased(rank: u8) -> i8 {
    (rank ^ 0x80).cast_signed()
}
