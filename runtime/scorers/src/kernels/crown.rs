//! The padded first levels of neighbouring trees.
//!
//! The children of the split `i` are `2i + 1` and `2i + 2`; behind the last split come the ends.

/// Trees whose splits lie side by side: a row goes down all of them at once, so that loads overlap.
pub(crate) const LANES: usize = 8;
/// The most levels of a crown: 256 ends, whose numbers are bytes.
pub(crate) const LEVELS: usize = 8;

/// An inner node. Only made here: [`Crown`] trusts that a split always names the same cell.
pub(crate) trait Split: Copy {
    /// One that no row goes left at.
    const NEVER: Self;
    /// What a row has for each split to look at.
    type Cell: Copy;

    /// Which cell of a row it looks at.
    fn cell(self) -> usize;

    /// Whether a row with this in its cell goes left.
    fn left(self, cell: Self::Cell) -> bool;
}

/// Perfect trees of one depth.
#[derive(Debug)]
pub(crate) struct Crown<S> {
    levels: usize,
    /// `2^levels - 1`
    splits: Vec<[S; LANES]>,
    /// Cells that a row must have: one more than any split looks at.
    reach: usize,
}

impl<S: Split> Crown<S> {
    /// Of at most [`LEVELS`] levels.
    pub(crate) fn new(levels: usize, splits: Vec<[S; LANES]>) -> Self {
        assert!(levels <= LEVELS && splits.len() + 1 == 1 << levels, "no perfect tree");
        let reach = splits.iter().flatten().map(|split| split.cell() + 1).max().unwrap_or(0);
        Self { levels, splits, reach }
    }

    /// How many levels.
    pub(crate) fn levels(&self) -> usize {
        self.levels
    }

    /// The splits, level by level.
    pub(crate) fn splits(&self) -> &[[S; LANES]] {
        &self.splits
    }

    /// Cells that a row must have.
    pub(crate) fn reach(&self) -> usize {
        self.reach
    }

    /// The end that a row comes to in each tree.
    pub(crate) fn descend(&self, row: &[S::Cell]) -> [usize; LANES] {
        let row = &row[..self.reach];
        let mut places = [0; LANES];
        for _ in 0..self.levels {
            for (lane, place) in places.iter_mut().enumerate() {
                // SAFETY: `place` has gone down fewer than `levels` levels of a perfect tree.
                let split = unsafe { self.splits.get_unchecked(*place) }[lane];
                // SAFETY: `reach` was reckoned from this very split.
                let cell = unsafe { *row.get_unchecked(split.cell()) };
                *place = opaque(2 * *place + 1 + usize::from(!split.left(cell)));
            }
        }
        places.map(|place| place - self.splits.len())
    }
}

/// The same number, of which the compiler knows nothing: else it packs the lanes of a level into
/// vectors and unpacks them again for each load, which takes three times as long.
#[inline]
fn opaque(mut place: usize) -> usize {
    // SAFETY: no instruction.
    unsafe {
        std::arch::asm!("/* {} */", inout(reg) place, options(pure, nomem, nostack, preserves_flags));
    }
    place
}
