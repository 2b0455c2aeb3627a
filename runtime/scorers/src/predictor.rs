//! A booster laid out for scoring: rows in, predictions out.

use std::{ops::Range, time::Duration};

use platform::scorer::LoadError;

use crate::{
    booster::{Booster, Model, Order},
    forest::{Forest, whole},
    linear, model_file,
    objective::Objective,
    rows::Rows,
};

/// More columns than the model knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Check failed: learner_model_param_.num_feature >= p_fmat->Info().num_col_ ({features} vs. \
     {columns}) : Number of columns does not match number of features in booster."
)]
pub struct TooWide {
    features: usize,
    columns: usize,
}

/// How many times its file a model may take laid out: half of the bound of four, for the file and
/// what was read of it are there too while it is made.
const LAID_OUT: usize = 2;

/// Nanoseconds of `expf` and what is around it.
const TRANSFORM: u64 = 10;
/// How long it is measured how a model is laid out.
pub(crate) const MEASURING: Duration = Duration::from_millis(1);

#[derive(Debug)]
enum Engine {
    Forest(Forest),
    Linear(Vec<f32>),
}

/// A model that is ready.
#[derive(Debug)]
pub struct Predictor {
    features: usize,
    outputs: usize,
    base_margins: Vec<f32>,
    objective: Objective,
    engine: Engine,
    order: Order,
}

impl Predictor {
    /// Reads a model file and lays it out.
    pub fn read(file: &[u8]) -> Result<Self, LoadError> {
        let booster = model_file::read(file, false)
            .map_err(|error| LoadError(format!("the model file {error}.")))?;
        Ok(Self::new(booster, file.len(), MEASURING))
    }

    /// Lays out a booster that was read from so many bytes, and measures about that long how.
    pub(crate) fn new(booster: Booster, file: usize, measuring: Duration) -> Self {
        let Booster { features, outputs, base_margins, objective, model, order, .. } = booster;
        let engine = match model {
            Model::Trees(trees) => {
                Engine::Forest(Forest::new(trees, outputs, LAID_OUT * file, measuring))
            }
            Model::Linear(weights) => Engine::Linear(weights),
        };
        Self { features, outputs, base_margins, objective, engine, order }
    }

    /// Every way to lay out a booster, by name.
    #[cfg(test)]
    pub(crate) fn every(booster: &Booster) -> Vec<(String, Self)> {
        let Model::Trees(trees) = &booster.model else { return Vec::new() };
        let engines = Forest::every(trees, booster.outputs).into_iter();
        let with = |engine| Self { engine, ..Self::new(booster.clone(), 0, MEASURING) };
        engines.map(|(name, forest)| (name, with(Engine::Forest(forest)))).collect()
    }

    /// What it was trained for.
    pub(crate) fn objective(&self) -> &Objective {
        &self.objective
    }

    /// How many columns it knows.
    pub(crate) fn features(&self) -> usize {
        self.features
    }

    /// Margins that a row has.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Numbers that a row's prediction holds.
    pub(crate) fn width(&self) -> usize {
        self.objective.width(self.outputs)
    }

    /// About how long a row takes, on the dear side: the sum and what becomes of each margin.
    pub(crate) fn row(&self) -> Duration {
        let sum = match &self.engine {
            Engine::Forest(forest) => forest.row(),
            Engine::Linear(weights) => Duration::from_nanos(whole(weights.len())),
        };
        sum + Duration::from_nanos(TRANSFORM * whole(self.outputs))
    }

    /// Whether rows of so many columns can be scored. Columns that they lack are missing; too many
    /// are an error.
    pub(crate) fn fits(&self, columns: usize) -> Result<(), TooWide> {
        let features = self.features;
        if columns > features { Err(TooWide { features, columns }) } else { Ok(()) }
    }

    /// Scores rows as a call of the container would; `values` are replaced and their memory is
    /// used again.
    pub fn predict_into(&self, rows: &Rows, values: &mut Vec<f32>) -> Result<(), TooWide> {
        self.fits(rows.columns())?;
        values.clear();
        self.predict_some(rows, 0..rows.len(), values);
        Ok(())
    }

    /// Appends the predictions of some rows, which fit.
    pub(crate) fn predict_some(&self, rows: &Rows, some: Range<usize>, values: &mut Vec<f32>) {
        let start = values.len();
        self.margins_of(rows, some, values);
        let count = self.objective.predict(&mut values[start..], self.outputs);
        values.truncate(start + count);
    }

    /// The predictions alone.
    #[cfg(test)]
    pub(crate) fn predict(&self, rows: &Rows) -> Result<Vec<f32>, TooWide> {
        let mut values = Vec::new();
        self.predict_into(rows, &mut values)?;
        Ok(values)
    }

    /// The margins alone, as many a row as there are outputs.
    #[cfg(test)]
    pub(crate) fn margins(&self, rows: &Rows) -> Result<Vec<f32>, TooWide> {
        self.fits(rows.columns())?;
        let mut margins = Vec::new();
        self.margins_of(rows, 0..rows.len(), &mut margins);
        Ok(margins)
    }

    /// Appends the margins of some rows, as many a row as there are outputs.
    fn margins_of(&self, rows: &Rows, some: Range<usize>, margins: &mut Vec<f32>) {
        let (start, first) = (margins.len(), some.start);
        match &self.engine {
            Engine::Forest(forest) if self.order == Order::BaseLast => {
                margins.resize(start + some.len() * self.outputs, 0.0);
                let margins = &mut margins[start..];
                forest.add(rows, first, margins);
                for (margin, base) in margins.iter_mut().zip(self.base_margins.iter().cycle()) {
                    *margin += base;
                }
            }
            Engine::Forest(forest) => {
                self.begin(some, margins);
                forest.add(rows, first, &mut margins[start..]);
            }
            Engine::Linear(weights) => {
                self.begin(some, margins);
                linear::score(weights, rows, first, &mut margins[start..], self.outputs);
            }
        }
    }

    /// Each row's base margins.
    fn begin(&self, some: Range<usize>, margins: &mut Vec<f32>) {
        margins.reserve(some.len() * self.outputs);
        for _ in some {
            margins.extend_from_slice(&self.base_margins);
        }
    }
}
