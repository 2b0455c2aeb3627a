//! Models that answer together: labels are voted for, all else is the mean.

use std::time::Duration;

use platform::scorer::LoadError;

use crate::{
    objective::Transform,
    predictor::{Predictor, TooWide},
    reply::Predictions,
    rows::Rows,
};

/// Models of one width; one of them alone answers as it is.
#[derive(Debug, Default)]
pub(super) struct Ensemble {
    predictors: Vec<Predictor>,
}

impl Ensemble {
    /// Adds the model that was read from the file `name`.
    pub(super) fn add(&mut self, name: &str, predictor: Predictor) -> Result<(), LoadError> {
        if self.first().is_some_and(|first| first.width() != predictor.width()) {
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

    pub(super) fn predict(&self, rows: &Rows) -> Result<Predictions, TooWide> {
        if let [only] = &self.predictors[..] {
            return only.predict(rows);
        }
        let all: Result<Vec<_>, _> =
            self.predictors.iter().map(|predictor| predictor.predict(rows)).collect();
        let votes = self.first().is_some_and(|first| {
            matches!(first.objective().transform, Transform::LargestClass | Transform::Step)
        });
        Ok(if votes { most_frequent(&all?) } else { mean(all?) })
    }
}

/// Summed in `f32` in the order of the models and divided once, as NumPy does it.
#[expect(clippy::cast_precision_loss, reason = "there are few models")]
fn mean(all: Vec<Predictions>) -> Predictions {
    let count = all.len() as f32;
    let mut models = all.into_iter();
    let mut sum = models.next().unwrap_or(Predictions { values: Vec::new(), width: 1 });
    for model in models {
        for (sum, value) in sum.values.iter_mut().zip(model.values) {
            *sum += value;
        }
    }
    sum.values.iter_mut().for_each(|value| *value /= count);
    sum
}

/// The smallest of the most frequent values, as SciPy's `mode` has it.
fn most_frequent(all: &[Predictions]) -> Predictions {
    let rows = all.first().map_or(0, |first| first.values.len());
    let vote = |row: usize| {
        let mut votes: Vec<f32> = all.iter().map(|model| model.values[row]).collect();
        votes.sort_by(f32::total_cmp);
        let mut best = &votes[..0];
        for same in votes.chunk_by(|left, right| left.total_cmp(right).is_eq()) {
            if same.len() > best.len() {
                best = same;
            }
        }
        best.first().copied().unwrap_or(f32::NAN)
    };
    Predictions { values: (0..rows).map(vote).collect(), width: 1 }
}
