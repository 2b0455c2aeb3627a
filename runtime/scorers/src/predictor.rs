//! A booster laid out for scoring: rows in, predictions out.

use crate::{
    booster::{Booster, Model},
    forest::Forest,
    linear,
    objective::Objective,
    reply::Predictions,
    rows::Rows,
};

/// More columns than the model knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Check failed: learner_model_param_.num_feature >= p_fmat->Info().num_col_ ({features} vs. \
     {columns}) : Number of columns does not match number of features in booster."
)]
pub(crate) struct TooWide {
    features: usize,
    columns: usize,
}

#[derive(Debug)]
enum Engine {
    Forest(Forest),
    Linear(Vec<f32>),
}

/// A model that is ready.
#[derive(Debug)]
pub(crate) struct Predictor {
    features: usize,
    outputs: usize,
    base_margins: Vec<f32>,
    objective: Objective,
    engine: Engine,
}

impl Predictor {
    /// Lays out a booster.
    pub(crate) fn new(booster: Booster) -> Self {
        let Booster { features, outputs, base_margins, objective, model } = booster;
        let engine = match model {
            Model::Trees(trees) => Engine::Forest(Forest::new(&trees)),
            Model::Linear(weights) => Engine::Linear(weights),
        };
        Self { features, outputs, base_margins, objective, engine }
    }

    /// What it was trained for.
    pub(crate) fn objective(&self) -> &Objective {
        &self.objective
    }

    /// Numbers that a row's prediction holds.
    pub(crate) fn width(&self) -> usize {
        self.objective.width(self.outputs)
    }

    /// Scores rows. Columns that a row lacks are missing; too many are an error.
    pub(crate) fn predict(&self, rows: &Rows) -> Result<Predictions, TooWide> {
        let margins = self.margins(rows)?;
        let values = self.objective.predictions(margins, self.outputs);
        Ok(Predictions { values, width: self.width() })
    }

    /// The margins, as many a row as there are outputs.
    pub(crate) fn margins(&self, rows: &Rows) -> Result<Vec<f32>, TooWide> {
        let (features, columns) = (self.features, rows.columns());
        if columns > features {
            return Err(TooWide { features, columns });
        }
        let mut margins = self.base_margins.repeat(rows.len());
        match &self.engine {
            Engine::Forest(forest) => forest.add(rows, &mut margins, self.outputs),
            Engine::Linear(weights) => linear::score(weights, rows, &mut margins, self.outputs),
        }
        Ok(margins)
    }
}
