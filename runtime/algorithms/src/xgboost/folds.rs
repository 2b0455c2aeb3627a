//! Which rows are held back by which fold: scikit-learn's `RepeatedKFold` and
//! `RepeatedStratifiedKFold`, equal to the row for the same `random_state`.
//!
//! The container passes none, so that its folds differ from run to run; ours come from the job's
//! `seed` and are the same again.

use std::{collections::HashMap, ops::Range, vec};

use super::random_state::RandomState;

/// Why rows cannot be dealt to folds, in scikit-learn's words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfoldable {
    /// Some fold would be empty.
    #[error(
        "Cannot have number of splits n_splits={folds} greater than the number of samples: \
         n_samples={rows}."
    )]
    Rows { folds: u32, rows: usize },
    /// No class is in every fold.
    #[error("n_splits={folds} cannot be greater than the number of members in each class.")]
    Classes { folds: u32 },
    /// Labels between classes.
    #[error("Supported target types are: ('binary', 'multiclass'). Got 'continuous' instead.")]
    Continuous,
}

/// What folds have alike.
#[derive(Debug)]
pub enum Strata {
    /// Only their size, for so many rows.
    None(usize),
    /// Their share of every class.
    Classes(Classes),
}

/// The classes of rows, in the order in which they first occur.
#[derive(Debug)]
pub struct Classes {
    of_rows: Vec<usize>,
    sizes: Vec<usize>,
}

impl Classes {
    /// By their labels.
    pub fn of(labels: &[f32]) -> Result<Self, Unfoldable> {
        let mut known = HashMap::new();
        let mut classes = Self { of_rows: Vec::with_capacity(labels.len()), sizes: Vec::new() };
        for label in labels {
            if label.fract() != 0.0 {
                return Err(Unfoldable::Continuous);
            }
            // Zero has two signs, and is one class.
            let class = *known.entry((label + 0.0).to_bits()).or_insert(classes.sizes.len());
            if class == classes.sizes.len() {
                classes.sizes.push(0);
            }
            classes.sizes[class] += 1;
            classes.of_rows.push(class);
        }
        Ok(classes)
    }

    /// How many rows the rarest class has.
    pub fn rarest(&self) -> usize {
        self.sizes.iter().copied().min().unwrap_or(0)
    }
}

/// Deals rows to folds, as often as asked.
pub struct Folds {
    count: u32,
    strata: Strata,
    random: RandomState,
}

impl Folds {
    /// At least two folds.
    pub fn new(count: u32, strata: Strata, seed: u32) -> Result<Self, Unfoldable> {
        let (rows, largest) = match &strata {
            Strata::None(rows) => (*rows, *rows),
            Strata::Classes(classes) => {
                (classes.of_rows.len(), classes.sizes.iter().copied().max().unwrap_or(0))
            }
        };
        if count as usize > rows {
            return Err(Unfoldable::Rows { folds: count, rows });
        }
        if count as usize > largest {
            return Err(Unfoldable::Classes { folds: count });
        }
        Ok(Self { count, strata, random: RandomState::new(seed) })
    }

    /// The next dealing of all rows.
    pub fn deal(&mut self) -> Dealt {
        Dealt(match &self.strata {
            Strata::None(rows) => shuffled(*rows, self.count, &mut self.random),
            Strata::Classes(classes) => by_class(classes, self.count, &mut self.random),
        })
    }
}

/// Which fold holds each row back.
#[derive(Debug, PartialEq, Eq)]
pub struct Dealt(Vec<u32>);

impl Dealt {
    /// The rows that a fold learns from, rising.
    pub fn learned(&self, fold: u32) -> Vec<i32> {
        self.rows(|of| of != fold)
    }

    /// The rows that a fold holds back, rising.
    pub fn held(&self, fold: u32) -> Vec<i32> {
        self.rows(|of| of == fold)
    }

    fn rows(&self, wanted: impl Fn(u32) -> bool) -> Vec<i32> {
        (0..).zip(&self.0).filter(|(_, fold)| wanted(**fold)).map(|(row, _)| row).collect()
    }
}

/// As `KFold(shuffle=True)`: rows are shuffled and cut into runs; the first ones are longer by one
/// where the rows do not divide.
fn shuffled(rows: usize, count: u32, random: &mut RandomState) -> Vec<u32> {
    let mut order: Vec<usize> = (0..rows).collect();
    random.shuffle(&mut order);
    let (size, longer) = (rows / count as usize, rows % count as usize);
    let mut folds = vec![0; rows];
    let mut rest = order.into_iter();
    for (at, fold) in (0..count).enumerate() {
        for row in rest.by_ref().take(size + usize::from(at < longer)) {
            folds[row] = fold;
        }
    }
    folds
}

/// As `StratifiedKFold(shuffle=True)`: the rows sorted by class go round the folds, which settles
/// how many of each class a fold gets; which ones is then drawn.
fn by_class(classes: &Classes, count: u32, random: &mut RandomState) -> Vec<u32> {
    let mut begin = 0;
    let mut dealt: Vec<vec::IntoIter<u32>> = Vec::with_capacity(classes.sizes.len());
    for size in &classes.sizes {
        let mut folds = round(begin..begin + size, count);
        folds.sort_unstable();
        random.shuffle(&mut folds);
        dealt.push(folds.into_iter());
        begin += size;
    }
    classes.of_rows.iter().map(|class| dealt[*class].next().unwrap_or_default()).collect()
}

/// The folds of places, one after the other.
fn round(places: Range<usize>, count: u32) -> Vec<u32> {
    (0..count).cycle().skip(places.start % count as usize).take(places.len()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LABELS: [f32; 12] = [2.0, 0.0, 1.0, 0.0, 2.0, 2.0, 0.0, -0.0, 1.0, 2.0, 0.0, 1.0];

    fn folds(count: u32, rows: usize, seed: u32) -> Folds {
        Folds::new(count, Strata::None(rows), seed).unwrap()
    }

    fn stratified(count: u32, labels: &[f32], seed: u32) -> Result<Folds, Unfoldable> {
        Folds::new(count, Strata::Classes(Classes::of(labels)?), seed)
    }

    #[test]
    fn folds_are_those_of_scikit_learn_1_9() {
        for (seed, first, second) in [
            (0, [2, 1, 0, 2, 0, 2, 1, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 2, 2, 2, 0, 0]),
            (42, [0, 1, 1, 2, 1, 0, 2, 2, 1, 0, 0], [0, 0, 1, 2, 2, 1, 0, 2, 0, 1, 1]),
            (u32::MAX, [1, 1, 2, 2, 1, 0, 0, 2, 0, 1, 0], [0, 1, 0, 0, 0, 1, 2, 2, 1, 1, 2]),
        ] {
            let mut folds = folds(3, 11, seed);
            assert_eq!(folds.deal().0, first, "{seed}");
            assert_eq!(folds.deal().0, second, "{seed}");
        }
    }

    #[test]
    fn stratified_folds_are_those_of_scikit_learn_1_9() {
        for (seed, first, second) in [
            (0, [1, 0, 2, 1, 2, 0, 1, 2, 0, 0, 2, 1], [0, 2, 0, 1, 2, 1, 1, 2, 1, 0, 0, 2]),
            (42, [0, 1, 0, 2, 2, 0, 0, 2, 1, 1, 1, 2], [0, 2, 0, 1, 0, 2, 0, 2, 1, 1, 1, 2]),
            (u32::MAX, [0, 1, 2, 2, 0, 1, 1, 0, 0, 2, 2, 1], [0, 2, 1, 0, 0, 1, 1, 1, 0, 2, 2, 2]),
        ] {
            let mut folds = stratified(3, &LABELS, seed).unwrap();
            assert_eq!(folds.deal().0, first, "{seed}");
            assert_eq!(folds.deal().0, second, "{seed}");
        }
    }

    #[test]
    fn many_rows_are_dealt_as_scikit_learn_1_9_deals_them() {
        let dealt = folds(7, 100_003, 7).deal().0;
        let hashed = dealt.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, fold| {
            (hash ^ u64::from(*fold)).wrapping_mul(0x100_0000_01b3)
        });
        assert_eq!(hashed, 0x03f8_d8a3_0f74_c5c5);
    }

    #[test]
    fn what_cannot_be_dealt_is_told_in_scikit_learns_words() {
        let refused = |made: Result<Folds, Unfoldable>| made.err().unwrap().to_string();
        assert_eq!(
            refused(Folds::new(5, Strata::None(4), 0)),
            "Cannot have number of splits n_splits=5 greater than the number of samples: \
             n_samples=4."
        );
        assert_eq!(
            refused(stratified(3, &[0.0, 0.0, 1.0, 1.0], 0)),
            "n_splits=3 cannot be greater than the number of members in each class."
        );
        for between in [0.5, f32::NAN, f32::INFINITY] {
            assert_eq!(stratified(2, &[0.0, between], 0).err(), Some(Unfoldable::Continuous));
        }
        assert_eq!(Classes::of(&LABELS).unwrap().rarest(), 3);
    }

    proptest! {
        #[test]
        fn every_row_is_held_back_once_and_folds_and_classes_are_even(
            labels in proptest::collection::vec(0_u8..4, 8..200), count in 2_u32..9, seed: u32
        ) {
            let labels: Vec<f32> = labels.into_iter().map(f32::from).collect();
            let Ok(mut folds) = stratified(count, &labels, seed) else { return Ok(()) };
            let dealt = folds.deal();
            for fold in 0..count {
                let (learned, held) = (dealt.learned(fold), dealt.held(fold));
                prop_assert_eq!(learned.len() + held.len(), labels.len());
                prop_assert!(held.iter().all(|row| learned.binary_search(row).is_err()));
                prop_assert!(held.len().abs_diff(labels.len() / count as usize) <= 1);
            }
        }
    }
}
