//! The kernels with AVX-512: one vector of 64 bytes for the rows of a call.
//!
//! As with AVX2 an end's number plays with its sign turned. Comparing gives a mask here, and one
//! masked addition is a whole match: the left's winner, lowered, or the right's as it is. Leaves
//! are looked up in registers: 32 of them by one instruction.

use std::arch::x86_64::{
    __m128i, __m512, __m512i, _mm_loadu_si128, _mm512_add_ps, _mm512_cmplt_epi8_mask,
    _mm512_cvtepu8_epi32, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_add_epi8,
    _mm512_mask_blend_ps, _mm512_maskz_loadu_ps, _mm512_movm_epi8, _mm512_permutex2var_ps,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_storeu_ps,
    _mm512_storeu_si512, _mm512_sub_epi8, _mm512_test_epi32_mask,
};

use super::{Crown, ROWS, Rank, Ranks};

/// Leaves that one instruction looks up.
const TABLE: usize = 32;
/// Floats in a vector.
const VECTOR: usize = 16;

/// This machine has AVX-512 with bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token(());

#[expect(clippy::unused_self, reason = "the token is the proof that the machine can")]
impl Token {
    pub(super) fn detect() -> Option<Self> {
        let can = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        can.then_some(Self(()))
    }

    pub(super) fn play(
        self,
        crown: &Crown<Rank>,
        lane: usize,
        lines: &[Ranks],
        ends: &mut [u8; ROWS],
    ) {
        // SAFETY: a token exists only where its instructions do.
        unsafe { play(crown, lane, lines, ends) }
    }

    pub(super) fn add(self, leaves: &[f32], ends: &[u8; ROWS], sums: &mut [f32; ROWS]) {
        // SAFETY: as above.
        unsafe {
            match leaves.len() {
                256 => add(tables::<8>(leaves), ends, sums),
                128 => add(tables::<4>(leaves), ends, sums),
                64 => add(tables::<2>(leaves), ends, sums),
                _ => add([few(leaves)], ends, sums),
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn play(crown: &Crown<Rank>, lane: usize, lines: &[Ranks], ends: &mut [u8; ROWS]) {
    assert!(crown.reach() <= lines.len() * ROWS, "a row is too short");
    macro_rules! winner {
        ($splits:ident, $at:expr;) => { _mm512_movm_epi8(answers($splits[$at], lines)) };
        ($splits:ident, $at:expr; $lower:literal $($below:literal)*) => {{
            let right = winner!($splits, 2 * $at; $($below)*);
            let left = winner!($splits, 2 * $at + 1; $($below)*);
            let answers = answers($splits[$at], lines);
            _mm512_mask_add_epi8(right, answers, left, _mm512_set1_epi8($lower))
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
    let counted = _mm512_sub_epi8(_mm512_setzero_si512(), winners);
    // SAFETY: the ends are a vector long.
    unsafe { _mm512_storeu_si512(ends.as_mut_ptr().cast(), counted) };
}

/// Which rows go left.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn answers(split: Rank, lines: &[Ranks]) -> u64 {
    // SAFETY: the crown that the split is of reaches no further than the lines.
    let line = unsafe { lines.get_unchecked(usize::from(split.line)) };
    // SAFETY: a line is a vector long.
    let line: __m512i = unsafe { _mm512_loadu_si512(line.0.as_ptr().cast()) };
    _mm512_cmplt_epi8_mask(line, _mm512_set1_epi8(split.rank))
}

/// Leaves in registers, [`TABLE`] in each pair.
#[inline]
#[target_feature(enable = "avx512f")]
fn tables<const TABLES: usize>(leaves: &[f32]) -> [[__m512; 2]; TABLES] {
    let mut tables = [[_mm512_setzero_ps(); 2]; TABLES];
    for (table, leaves) in tables.iter_mut().zip(leaves.chunks_exact(TABLE)) {
        for (half, leaves) in table.iter_mut().zip(leaves.chunks_exact(VECTOR)) {
            // SAFETY: the chunk is a vector long.
            *half = unsafe { _mm512_loadu_ps(leaves.as_ptr()) };
        }
    }
    tables
}

/// At most [`TABLE`] leaves.
#[inline]
#[target_feature(enable = "avx512f")]
fn few(leaves: &[f32]) -> [__m512; 2] {
    let mut table = [_mm512_setzero_ps(); 2];
    for (half, leaves) in table.iter_mut().zip(leaves.chunks(VECTOR)) {
        let there = u16::MAX >> (VECTOR - leaves.len());
        // SAFETY: only what is there is read.
        *half = unsafe { _mm512_maskz_loadu_ps(there, leaves.as_ptr()) };
    }
    table
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add<const TABLES: usize>(
    tables: [[__m512; 2]; TABLES],
    ends: &[u8; ROWS],
    sums: &mut [f32; ROWS],
) {
    for (ends, sums) in ends.chunks_exact(VECTOR).zip(sums.chunks_exact_mut(VECTOR)) {
        // SAFETY: there are sixteen ends.
        let ends: __m128i = unsafe { _mm_loadu_si128(ends.as_ptr().cast()) };
        let ends = _mm512_cvtepu8_epi32(ends);
        let mut leaves = tables.map(|[low, high]| _mm512_permutex2var_ps(low, ends, high));
        let (mut left, mut bit) = (TABLES, 32);
        while left > 1 {
            let upper = _mm512_test_epi32_mask(ends, _mm512_set1_epi32(bit));
            left /= 2;
            for pair in 0..left {
                leaves[pair] = _mm512_mask_blend_ps(upper, leaves[2 * pair], leaves[2 * pair + 1]);
            }
            bit *= 2;
        }
        // SAFETY: there are sixteen sums.
        unsafe {
            let sum = _mm512_add_ps(_mm512_loadu_ps(sums.as_ptr()), leaves[0]);
            _mm512_storeu_ps(sums.as_mut_ptr(), sum);
        }
    }
}
