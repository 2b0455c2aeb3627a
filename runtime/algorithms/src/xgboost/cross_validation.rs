//! Cross validation (`_kfold`, `_num_cv_round`): a model for each fold of each repetition, and what
//! each of them says of the rows that it did not see.
//!
//! As in the container, the metrics of every round are those of the *channels*, of which a fold's
//! model has seen the greater part: only `predictions.csv` tells how it does on rows held back.

use super::{
    boosting::{Trained, file},
    data::Data,
    evaluation::{self, Round},
    failure::Failure,
    folds::{Classes, Folds, Strata},
    hyperparameters::Hyperparameters,
    input::Rows,
    model,
    predictions::{self, Predictions},
    train::Job,
    watched::Watched,
};

/// Where the predictions go, in the job's folder.
const OUTPUT: &str = "output/data";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrossValidation {
    folds: u32,
    repetitions: i64,
}

impl CrossValidation {
    /// By the hyperparameters, which were checked.
    pub fn asked(chosen: &Hyperparameters) -> Option<Self> {
        let folds = u32::try_from(chosen.integer("_kfold")?).unwrap_or(u32::MAX);
        Some(Self { folds, repetitions: chosen.integer("_num_cv_round").unwrap_or(1) })
    }

    fn folds(self, chosen: &Hyperparameters, labels: &[f32]) -> Result<(Folds, usize), Failure> {
        let refused = |error| Failure::User(format!("Hyperparameter _kfold: {error}"));
        let strata = if classifies(chosen) {
            Strata::Classes(Classes::of(labels).map_err(refused)?)
        } else {
            Strata::None(labels.len())
        };
        let rarest = match &strata {
            Strata::None(rows) => *rows,
            Strata::Classes(classes) => classes.rarest(),
        };
        Ok((Folds::new(self.folds, strata, seed(chosen)).map_err(refused)?, rarest))
    }
}

/// Whether folds have their share of every class.
fn classifies(chosen: &Hyperparameters) -> bool {
    chosen.has("num_class") || chosen.objective().starts_with("binary:")
}

/// NumPy knows no negative seeds; theirs are the lower 32 bits.
fn seed(chosen: &Hyperparameters) -> u32 {
    let seed = chosen.integer("seed").unwrap_or(0);
    u32::try_from(seed & i64::from(u32::MAX)).unwrap_or(0)
}

impl Job<'_, '_> {
    /// All rows as one matrix, where there are two channels.
    pub(super) fn joined(&mut self, channels: Vec<Rows>) -> Result<Data, Failure> {
        self.log.info("Read both train and validation data into one DMatrix")?;
        let rows = Rows::alike(channels).map_err(|what| {
            let text = format!("Cross validation needs train and validation as one: {what}");
            Failure::User(text)
        })?;
        Data::of("train", &rows, &self.chosen, &self.library)
    }

    /// Trains on all folds of the `whole`, watching the channels. Nothing is left in the model's
    /// folder before the last one is done, unless every round is kept.
    pub(super) fn cross_validate(
        &mut self,
        plan: CrossValidation,
        whole: &Data,
        channels: &[Data],
        watched: &Watched,
    ) -> Result<(), Failure> {
        let CrossValidation { folds: count, repetitions } = plan;
        let rows = whole.labels.len();
        self.log.info(&format!(
            "Run {repetitions}-round of {count}-fold cross validation with {rows} rows"
        ))?;
        let (mut folds, rarest) = plan.folds(&self.chosen, &whole.labels)?;
        if rarest < count as usize {
            self.log.warning(&format!(
                "The least populated class in y has only {rarest} members, which is less than \
                 n_splits={count}."
            ))?;
        }
        let mut predictions = Predictions::new(rows, classifies(&self.chosen));
        let (mut models, mut rounds) = (Vec::new(), Vec::new());
        for repetition in 1..=repetitions {
            let dealt = folds.deal();
            predictions.repeat();
            for fold in 0..count {
                self.log.info(&format!("Train cross validation fold {}", fold + 1))?;
                let train = whole.rows(&dealt.learned(fold))?;
                let mut trained = self.train(&train, channels, watched, Some(models.len()))?;
                rounds.push(trained.last.clone());
                let held = dealt.held(fold);
                predictions.record(&held, &predicted(&mut trained, whole, &held)?);
                models.push(self.encoded(&trained.booster)?);
            }
            self.log.info(&format!("The metrics of round {repetition} cross validation"))?;
            self.tell(&rounds[rounds.len() - count as usize..])?;
        }
        self.save_predictions(&predictions, &whole.labels)?;
        if repetitions > 1 {
            self.log
                .info(&format!("The overall metrics of {repetitions}-round cross validation"))?;
            self.tell(&rounds)?;
        }
        if !self.is_first() {
            return Ok(());
        }
        models
            .iter()
            .zip(0..)
            .try_for_each(|(bytes, fold)| model::write(self.opt_ml, &file(Some(fold)), bytes))
    }

    /// The means of the last rounds.
    fn tell(&mut self, rounds: &[Round]) -> Result<(), Failure> {
        if !self.is_first() {
            return Ok(());
        }
        let number = self.chosen.integer("num_round").unwrap_or(0);
        self.log.plain(&evaluation::mean_line(number, rounds))
    }

    fn save_predictions(&mut self, made: &Predictions, labels: &[f32]) -> Result<(), Failure> {
        let folder = self.opt_ml.join(OUTPUT);
        let path = folder.join(predictions::FILE);
        let path = path.display();
        self.log.info(&format!("Storing predictions on validation set(s) in {path}"))?;
        made.save(labels, &folder)
            .map_err(|error| Failure::Platform(format!("cannot write {path}: {error}")))
    }
}

fn predicted(trained: &mut Trained, whole: &Data, rows: &[i32]) -> Result<Vec<f32>, Failure> {
    let failed = |error| Failure::from_training(&error);
    let held = whole.matrix.slice(rows).map_err(failed)?;
    trained.booster.predict(&held).map_err(failed)
}
