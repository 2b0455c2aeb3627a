//! Models that answer together: labels are voted for, all else is the mean.

use std::{ops::Range, time::Duration};

use platform::scorer::LoadError;

use crate::{
    objective::Transform,
    predictor::{Predictor, TooWide},
    readable::readable,
    rows::Rows,
};

use super::limits::{Deadline, Late};

/// Models of an archive, at most: a hundred rounds of cross-validation in ten folds.
pub(super) const MAX_MODELS: usize = 1000;
/// Rows that are scored between two looks at the clock: what a forest takes in one block. A call of
/// no more never looks.
pub(super) const BLOCK: usize = 512;

/// Models of one width; one of them alone answers as it is.
#[derive(Debug, Default)]
pub(super) struct Ensemble {
    predictors: Vec<Predictor>,
}

impl Ensemble {
    /// Adds the model that was read from the file `name`.
    pub(super) fn add(&mut self, name: &str, predictor: Predictor) -> Result<(), LoadError> {
        if self.first().is_some_and(|first| first.width() != predictor.width()) {
            let name = readable(name);
            return Err(LoadError(format!(
                "model.tar.gz: `{name}` predicts another number of values than the models before \
                 it, so they cannot answer together. Pack one of them, or set \
                 SAGEMAKER_INFERENCE_ENSEMBLE to `false` to serve only the first."
            )));
        }
        self.predictors.push(predictor);
        Ok(())
    }

    /// The one whose objective counts.
    pub(super) fn first(&self) -> Option<&Predictor> {
        self.predictors.first()
    }

    /// About how long a row takes.
    pub(super) fn row(&self) -> Duration {
        self.predictors.iter().map(Predictor::row).sum()
    }

    /// Whether rows of so many columns can be scored by all of them.
    pub(super) fn fits(&self, columns: usize) -> Result<(), TooWide> {
        self.predictors.iter().try_for_each(|predictor| predictor.fits(columns))
    }

    /// Replaces `values` by the predictions of rows, which fit; block by block, so that memory is
    /// taken for what is answered and not for every model.
    pub(super) fn predict_into(
        &self,
        rows: &Rows,
        deadline: &Deadline,
        values: &mut Vec<f32>,
    ) -> Result<(), Late> {
        values.clear();
        let mut others = Vec::new();
        for start in (0..rows.len()).step_by(BLOCK) {
            if start > 0 {
                deadline.check()?;
            }
            let block = start..rows.len().min(start + BLOCK);
            match &self.predictors[..] {
                [] => {}
                [only] => only.predict_some(rows, block, values),
                [first, rest @ ..] => match first.objective().transform {
                    Transform::LargestClass | Transform::Step => {
                        self.vote(rows, &block, &mut others, values);
                    }
                    Transform::Identity
                    | Transform::Logistic
                    | Transform::Exponential
                    | Transform::WideExponential
                    | Transform::Softmax => {
                        let start = values.len();
                        first.predict_some(rows, block.clone(), values);
                        mean(rest, rows, &block, &mut others, &mut values[start..]);
                    }
                },
            }
        }
        Ok(())
    }

    /// Appends what most models say of each row, one number. `all` is scratch.
    fn vote(&self, rows: &Rows, block: &Range<usize>, all: &mut Vec<f32>, values: &mut Vec<f32>) {
        all.clear();
        for predictor in &self.predictors {
            predictor.predict_some(rows, block.clone(), all);
        }
        let mut votes = Vec::with_capacity(self.predictors.len());
        for row in 0..block.len() {
            votes.clear();
            votes.extend(all.iter().skip(row).step_by(block.len()));
            values.push(most_frequent(&mut votes));
        }
    }
}

/// Makes the first model's predictions the mean of all: summed in `f32` in the order of the models
/// and divided once, as NumPy does it. `other` is scratch.
#[expect(clippy::cast_precision_loss, reason = "there are few models")]
fn mean(
    rest: &[Predictor],
    rows: &Rows,
    block: &Range<usize>,
    other: &mut Vec<f32>,
    sums: &mut [f32],
) {
    for predictor in rest {
        other.clear();
        predictor.predict_some(rows, block.clone(), other);
        sums.iter_mut().zip(&*other).for_each(|(sum, value)| *sum += value);
    }
    let count = (1 + rest.len()) as f32;
    for sum in sums {
        *sum /= count;
    }
}

/// The smallest of the most frequent values, as SciPy's `mode` has it.
fn most_frequent(votes: &mut [f32]) -> f32 {
    votes.sort_by(f32::total_cmp);
    let mut best = &votes[..0];
    for same in votes.chunk_by(|left, right| left.total_cmp(right).is_eq()) {
        if same.len() > best.len() {
            best = same;
        }
    }
    best.first().copied().unwrap_or(f32::NAN)
}
