//! Scoring by vectors and in lock-step: the one place of this crate with unsafe code.
//!
//! **Crowns** are the padded first levels of neighbouring trees; a row goes down all of them at once.
//!
//! **The tournament** asks the splits of a crown for [`ROWS`] rows at once, a byte for each row, and
//! then the ends play: at each split the winner of the left subtree meets that of the right, and the
//! split's answer says, row by row, which of them goes on. What wins at the root is where the row
//! ends. No branch and no address depends on data.
//!
//! A [`Kernel`] is a token that only exists where the machine has its instructions. What is read
//! without a check was checked when it was made, in the same module.
#![expect(unsafe_code, reason = "vector instructions, and reads that were checked before")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod crown;

pub(crate) use crown::{Crown, LANES, LEVELS, Split};

/// Rows that a kernel takes at once: two vectors of AVX2.
pub(crate) const ROWS: usize = 64;
/// Thresholds that a kernel looks at to rank a value: a vector of AVX2.
pub(crate) const WINDOW: usize = 8;

/// The ranks of as many rows in one column, each biased by −128: smaller is further left.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Ranks(pub(crate) [i8; ROWS]);

impl Ranks {
    /// All of them, line after line.
    pub(crate) fn flat(lines: &[Self]) -> &[i8] {
        // SAFETY: a line is `ROWS` bytes and nothing else.
        unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), size_of_val(lines)) }
    }
}

/// A split between keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// What goes left is less.
    pub(crate) key: u32,
    /// Which cell of a row is compared.
    pub(crate) cell: u32,
}

impl Split for Key {
    const NEVER: Self = Self { key: 0, cell: 0 };
    type Cell = u32;

    fn cell(self) -> usize {
        self.cell as usize
    }

    fn left(self, cell: u32) -> bool {
        cell < self.key
    }
}

/// A split between ranks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rank {
    /// Which [`Ranks`] are compared.
    pub(crate) line: u16,
    /// What goes left is less; biased as those are.
    pub(crate) rank: i8,
}

impl Split for Rank {
    const NEVER: Self = Self { line: 0, rank: i8::MIN };
    type Cell = i8;

    fn cell(self) -> usize {
        usize::from(self.line) * ROWS
    }

    fn left(self, cell: i8) -> bool {
        cell < self.rank
    }
}

/// What a value is ranked by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    /// Rising; at least [`WINDOW`] NaN follow the last.
    pub(crate) thresholds: &'a [f32],
    /// For each bucket, how many thresholds are in lower ones; at most `WINDOW` are in it. As many
    /// as a power of two.
    pub(crate) starts: &'a [u8],
    /// Where the buckets begin, about.
    pub(crate) low: f32,
    /// Buckets in a unit.
    pub(crate) slope: f32,
}

impl Table<'_> {
    /// A value's bucket: never falls as the value rises. NaN has any.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "there are at most 1024 buckets")]
    pub(crate) fn bucket(self, value: f32) -> usize {
        /// A float of this size has no fraction: the last bits of such a sum are the integer.
        const WHOLE: f32 = 8_388_608.0;
        let last = self.starts.len() - 1;
        let place = (value - self.low) * self.slope;
        // As comparisons: a NaN is 0 then, and what is too large for an integer is the last.
        let place = if place > 0.0 { place } else { 0.0 };
        let place = if place < last as f32 { place } else { last as f32 };
        (place + WHOLE).to_bits() as usize & last
    }
}

/// Instructions that this machine has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kernel {
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Token),
    /// AVX-512 beside AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx512(avx2::Token, avx512::Token),
}

#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(unused_variables, reason = "there is no kernel to hand them to")
)]
impl Kernel {
    /// All that this machine has; none where it is another than x86-64.
    pub(crate) fn all() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = avx2::Token::detect();
            let avx512 = avx2.zip(avx512::Token::detect());
            let wide = avx512.map(|(avx2, avx512)| Self::Avx512(avx2, avx512));
            avx2.map(Self::Avx2).into_iter().chain(wide).collect()
        }
        #[cfg(not(target_arch = "x86_64"))]
        Vec::new()
    }

    /// How many thresholds of the table each value has reached.
    pub(crate) fn rank(self, table: Table<'_>, values: &[f32; ROWS], ranks: &mut [u8; ROWS]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) | Self::Avx512(avx2, _) => avx2.rank(table, values, ranks),
        }
    }

    /// The end that each row comes to in one of the trees of a crown.
    pub(crate) fn play(
        self,
        crown: &Crown<Rank>,
        lane: usize,
        lines: &[Ranks],
        ends: &mut [u8; ROWS],
    ) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.play(crown, lane, lines, ends),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_, avx512) => avx512.play(crown, lane, lines, ends),
        }
    }

    /// Adds the leaf at its end to the sum of each row. There are as many leaves as ends.
    pub(crate) fn add(self, leaves: &[f32], ends: &[u8; ROWS], sums: &mut [f32; ROWS]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.add(leaves, ends, sums),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_, avx512) => avx512.add(leaves, ends, sums),
        }
    }
}
