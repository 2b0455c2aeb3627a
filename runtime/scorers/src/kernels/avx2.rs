//! The kernels with AVX2: vectors of 32 bytes, two of them for the rows of a call.
//!
//! Comparing bytes gives −1 for yes. So what plays is an end's number with its sign turned: a match
//! between two ends is won by the answer itself, and the winner of a left subtree of `n` levels is
//! `2^n` lower than it was.

use std::arch::x86_64::{
    __m256i, _CMP_LE_OQ, _mm_loadl_epi64, _mm256_add_epi8, _mm256_add_ps, _mm256_and_si256,
    _mm256_blendv_epi8, _mm256_cmp_ps, _mm256_cmpgt_epi8, _mm256_cvtepu8_epi32,
    _mm256_i32gather_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_movemask_ps, _mm256_set1_epi8,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_si256, _mm256_storeu_ps, _mm256_storeu_si256,
    _mm256_sub_epi8,
};

use super::{Crown, ROWS, Rank, Ranks, Table, WINDOW};

/// This machine has AVX2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token(());

#[expect(clippy::unused_self, reason = "the token is the proof that the machine can")]
impl Token {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt")).then_some(Self(()))
    }

    pub(super) fn rank(self, table: Table<'_>, values: &[f32; ROWS], ranks: &mut [u8; ROWS]) {
        // SAFETY: a token exists only where its instructions do.
        unsafe { rank(table, values, ranks) }
    }

    pub(super) fn play(
        self,
        crown: &Crown<Rank>,
        lane: usize,
        lines: &[Ranks],
        ends: &mut [u8; ROWS],
    ) {
        // SAFETY: as above.
        unsafe { play(crown, lane, lines, ends) }
    }

    pub(super) fn add(self, leaves: &[f32], ends: &[u8; ROWS], sums: &mut [f32; ROWS]) {
        // SAFETY: as above.
        unsafe { add(leaves, ends, sums) }
    }
}

#[target_feature(enable = "avx2,popcnt")]
#[expect(clippy::cast_possible_truncation, reason = "a window has eight bits")]
fn rank(table: Table<'_>, values: &[f32; ROWS], ranks: &mut [u8; ROWS]) {
    // All at once, for these are vectors.
    let buckets = values.map(|value| table.bucket(value));
    for ((rank, value), bucket) in ranks.iter_mut().zip(values).zip(buckets) {
        let start = table.starts[bucket];
        let window = &table.thresholds[usize::from(start)..usize::from(start) + WINDOW];
        // SAFETY: the window is a vector long.
        let window = unsafe { _mm256_loadu_ps(window.as_ptr()) };
        let reached = _mm256_cmp_ps::<_CMP_LE_OQ>(window, _mm256_set1_ps(*value));
        *rank = start + _mm256_movemask_ps(reached).count_ones() as u8;
    }
}

#[target_feature(enable = "avx2")]
fn add(leaves: &[f32], ends: &[u8; ROWS], sums: &mut [f32; ROWS]) {
    assert!(leaves.len().is_power_of_two(), "no leaves of a perfect tree");
    let last = _mm256_set1_epi32(i32::try_from(leaves.len() - 1).unwrap_or(0));
    for (ends, sums) in ends.chunks_exact(8).zip(sums.chunks_exact_mut(8)) {
        // SAFETY: there are eight ends.
        let ends = unsafe { _mm_loadl_epi64(ends.as_ptr().cast()) };
        let ends = _mm256_and_si256(_mm256_cvtepu8_epi32(ends), last);
        // SAFETY: no end is beyond the last leaf.
        let leaves = unsafe { _mm256_i32gather_ps::<4>(leaves.as_ptr(), ends) };
        // SAFETY: there are eight sums.
        unsafe {
            let sum = _mm256_add_ps(_mm256_loadu_ps(sums.as_ptr()), leaves);
            _mm256_storeu_ps(sums.as_mut_ptr(), sum);
        }
    }
}

/// A byte for each row.
#[derive(Clone, Copy)]
struct Bytes([__m256i; 2]);

#[target_feature(enable = "avx2")]
fn play(crown: &Crown<Rank>, lane: usize, lines: &[Ranks], ends: &mut [u8; ROWS]) {
    assert!(crown.reach() <= lines.len() * ROWS, "a row is too short");
    macro_rules! winner {
        ($splits:ident, $at:expr;) => { answers($splits[$at], lines) };
        ($splits:ident, $at:expr; $lower:literal $($below:literal)*) => {{
            let right = winner!($splits, 2 * $at; $($below)*);
            let left = winner!($splits, 2 * $at + 1; $($below)*);
            meet::<$lower>(answers($splits[$at], lines), left, right)
        }};
    }
    macro_rules! sizes {
        ($($size:literal: $($lower:literal)*;)*) => {
            match crown.tree(lane) {
                $(splits if splits.len() == $size => {
                    let Some(splits) = splits.first_chunk::<$size>() else { return };
                    winner!(splits, 1; $($lower)*)
                })*
                _ => return,
            }
        };
    }
    let winners = sizes! {
        2: ;
        4: -2;
        8: -4 -2;
        16: -8 -4 -2;
        32: -16 -8 -4 -2;
        64: -32 -16 -8 -4 -2;
        128: -64 -32 -16 -8 -4 -2;
        256: -128 -64 -32 -16 -8 -4 -2;
    };
    store(winners, ends);
}

/// Whether each row goes left.
#[inline]
#[target_feature(enable = "avx2")]
fn answers(split: Rank, lines: &[Ranks]) -> Bytes {
    let rank = _mm256_set1_epi8(split.rank);
    // SAFETY: the crown that the split is of reaches no further than the lines.
    let line: *const __m256i =
        unsafe { lines.get_unchecked(usize::from(split.line)) }.0.as_ptr().cast();
    // SAFETY: a line is 64 bytes: two vectors, at any address.
    let (first, second) = unsafe { (_mm256_loadu_si256(line), _mm256_loadu_si256(line.add(1))) };
    Bytes([_mm256_cmpgt_epi8(rank, first), _mm256_cmpgt_epi8(rank, second)])
}

/// Who goes on: the left's winner where the answer is yes, `LOWER` than it was.
#[inline]
#[target_feature(enable = "avx2")]
fn meet<const LOWER: i8>(answers: Bytes, left: Bytes, right: Bytes) -> Bytes {
    let lower = _mm256_set1_epi8(LOWER);
    let half = |half: usize| {
        let left = _mm256_add_epi8(left.0[half], lower);
        _mm256_blendv_epi8(right.0[half], left, answers.0[half])
    };
    Bytes([half(0), half(1)])
}

/// Turns the sign.
#[inline]
#[target_feature(enable = "avx2")]
fn store(winners: Bytes, ends: &mut [u8; ROWS]) {
    let zero = _mm256_setzero_si256();
    let to: *mut __m256i = ends.as_mut_ptr().cast();
    // SAFETY: there are 64 bytes at `to`: two vectors, at any address.
    unsafe {
        _mm256_storeu_si256(to, _mm256_sub_epi8(zero, winners.0[0]));
        _mm256_storeu_si256(to.add(1), _mm256_sub_epi8(zero, winners.0[1]));
    }
}
