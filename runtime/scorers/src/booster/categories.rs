//! Splits that ask for categories: which of them go to the right.
//!
//! A category is a whole number that a cell holds as a float. What is none of a split's goes to the
//! left, and so does what cannot be one: numbers below 0 and from 2^24 on, where floats no longer
//! tell neighbours apart. Fractions are cut off (`common::Decision` in XGBoost's `categorical.h`).

/// The first number that is no category.
const BEYOND: f32 = 16_777_216.0;

/// The categories of a tree's splits.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Categories {
    /// For each node where its own end among `chosen`. Nothing at all where no split asks for any.
    ends: Vec<u32>,
    /// Node by node, rising.
    chosen: Vec<u32>,
}

impl Categories {
    /// Whether all splits compare numbers.
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Of a tree with so many nodes and categories.
    pub(super) fn with_room(nodes: usize, categories: usize) -> Self {
        Self { ends: Vec::with_capacity(nodes), chosen: Vec::with_capacity(categories) }
    }

    /// Adds those of the next node; none where it is a leaf, or compares numbers.
    pub(super) fn push(&mut self, categories: &[u32]) {
        let start = self.chosen.len();
        self.chosen.extend_from_slice(categories);
        self.chosen[start..].sort_unstable();
        // There are not more than bytes in the file, of which there is less than 4 GiB.
        self.ends.push(u32::try_from(self.chosen.len()).unwrap_or(u32::MAX));
    }

    /// Whether the split at a node sends a value to the left that is not missing; `None` where it
    /// compares numbers.
    pub(crate) fn left(&self, node: usize, value: f32) -> Option<bool> {
        let end = *self.ends.get(node)?;
        let start = node.checked_sub(1).map_or(0, |before| self.ends[before]);
        let chosen = &self.chosen[start as usize..end as usize];
        (!chosen.is_empty()).then(|| !has(chosen, value))
    }
}

fn has(chosen: &[u32], value: f32) -> bool {
    if !(0.0..BEYOND).contains(&value) {
        return false;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "so XGBoost casts")]
    let category = value as u32;
    chosen.binary_search(&category).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_go_right_and_what_is_no_category_goes_left() {
        let mut categories = Categories::default();
        assert_eq!(categories.left(0, 1.0), None);
        for node in [&[7, 0, 16_777_215][..], &[], &[1]] {
            categories.push(node);
        }
        for (value, right) in [
            (0.0, true),
            (-0.0, true),
            (0.9, true),
            (1e-45, true),
            (7.999, true),
            (16_777_215.0, true),
            (1.0, false),
            (8.0, false),
            (-1e-45, false),
            (-7.0, false),
            (16_777_216.0, false),
            (f32::INFINITY, false),
            (f32::NEG_INFINITY, false),
        ] {
            assert_eq!(categories.left(0, value), Some(!right), "{value}");
        }
        assert_eq!(categories.left(1, 0.0), None);
        assert_eq!((categories.left(2, 1.0), categories.left(2, 0.0)), (Some(false), Some(true)));
    }
}
