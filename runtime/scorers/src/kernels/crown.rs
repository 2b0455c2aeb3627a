//! The padded first levels of neighbouring trees.
//!
//! The root is 1; the children of the split `i` are `2i`, to the right, and `2i + 1`, to the left. So
//! a row's way is told by its answers, and after the last level comes an end: its number is the
//! answers in their order, 1 for left.

/// Trees side by side: a row goes down all of them at once, so that their loads overlap.
pub(crate) const LANES: usize = 8;
/// The most levels of a crown: 256 ends, whose numbers are bytes.
pub(crate) const LEVELS: usize = 8;

/// An inner node. Made here alone: [`Crown`] trusts that a split always names the same cell.
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
    /// `2^levels` for each of [`LANES`] trees, of which the first is never looked at.
    splits: Vec<S>,
    /// Cells that a row must have: one more than any split looks at.
    reach: usize,
}

impl<S: Split> Crown<S> {
    /// Bytes of a crown.
    pub(crate) const fn bytes(levels: usize) -> usize {
        (LANES * size_of::<S>()) << levels
    }

    /// Of at most [`LEVELS`] levels: lane by lane, `2^levels` splits each.
    pub(crate) fn new(levels: usize, splits: Vec<S>) -> Self {
        assert!(levels <= LEVELS && splits.len() == LANES << levels, "no perfect trees");
        let reach = splits.iter().map(|split| split.cell() + 1).max().unwrap_or(0);
        Self { levels, splits, reach }
    }

    /// How many levels.
    pub(crate) fn levels(&self) -> usize {
        self.levels
    }

    /// The splits of a tree, of which the first is never looked at.
    pub(crate) fn tree(&self, lane: usize) -> &[S] {
        &self.splits[lane << self.levels..(lane + 1) << self.levels]
    }

    /// Cells that a row must have.
    pub(crate) fn reach(&self) -> usize {
        self.reach
    }

    /// The end that a row comes to in each tree.
    pub(crate) fn descend(&self, row: &[S::Cell]) -> [usize; LANES] {
        match self.levels {
            1 => self.descend_levels::<1>(row),
            2 => self.descend_levels::<2>(row),
            3 => self.descend_levels::<3>(row),
            4 => self.descend_levels::<4>(row),
            5 => self.descend_levels::<5>(row),
            6 => self.descend_levels::<6>(row),
            7 => self.descend_levels::<7>(row),
            8 => self.descend_levels::<8>(row),
            _ => [0; LANES],
        }
    }

    /// With the number of levels known, a lane's trees stand at a constant distance.
    fn descend_levels<const LEVELS: usize>(&self, row: &[S::Cell]) -> [usize; LANES] {
        let splits = &self.splits[..LANES << LEVELS];
        let row = &row[..self.reach];
        let mut places = [1; LANES];
        for _ in 0..LEVELS {
            for (lane, place) in places.iter_mut().enumerate() {
                // SAFETY: after fewer than `LEVELS` answers a place is below `2^LEVELS`.
                let split = unsafe { *splits.get_unchecked((lane << LEVELS) + *place) };
                // SAFETY: `reach` was reckoned from this very split.
                let cell = unsafe { *row.get_unchecked(split.cell()) };
                *place = opaque(2 * *place + usize::from(split.left(cell)));
            }
        }
        places.map(|place| place - (1 << LEVELS))
    }
}

/// The same number, of which the compiler knows nothing: else it packs the lanes of a level into
/// vectors and unpacks them again for each load, which takes longer.
#[inline]
fn opaque(mut place: usize) -> usize {
    // SAFETY: no instruction.
    unsafe {
        std::arch::asm!("/* {} */", inout(reg) place, options(pure, nomem, nostack, preserves_flags));
    }
    place
}
