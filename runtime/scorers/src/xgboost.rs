//! The built-in XGBoost's serving contract around the predictors.
//!
//! The order of checks is the container's: the payload's size, an empty payload, then the payload,
//! then its width, and only then what the client accepts.

mod bounds;
mod ensemble;
mod limits;
mod settings;
mod spare;
mod widths;

use std::collections::BTreeMap;

use platform::scorer::{Estimate, Invocation, LoadError, Rejection, Reply, Scorer};

use crate::{
    model_file,
    predictor::{MEASURING, Predictor},
    readable::readable,
    reply::{self, Accept, Predictions, Selection},
    request::{self, Format},
    rows::Rows,
};

use bounds::Bounds;
use ensemble::{BLOCK, Ensemble};
use limits::{Deadline, check_values};
pub(crate) use settings::Settings;
use spare::Spare;
use widths::{Unfit, Widths};

/// Part of the container's refusal of an `Accept`: what it names, in its words.
const ACCEPTED: &str = "['application/json', 'application/jsonlines', \
                        'application/x-recordio-protobuf', 'text/csv']";

/// One model, or several that answer together.
#[derive(Debug)]
pub(crate) struct Xgboost {
    models: Ensemble,
    /// What the first model asks of payloads.
    widths: Widths,
    /// What is sent instead of the bare predictions.
    selection: Option<Selection>,
    settings: Settings,
    /// What its calls take.
    bounds: Bounds,
}

impl Xgboost {
    /// Reads the model files of an archive as `settings` say, and with as many trees as a file
    /// notes to be the best where `noted` says so.
    pub(crate) fn load(
        noted: bool,
        files: BTreeMap<String, Vec<u8>>,
        settings: Settings,
    ) -> Result<Self, LoadError> {
        let count = if settings.ensemble { files.len() } else { 1 };
        let measuring = MEASURING / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        let widths = files.values().next().map_or(Widths::Padded, |file| Widths::of(file));
        let mut models = Ensemble::default();
        for (name, bytes) in files.into_iter().take(count) {
            let booster = model_file::read(&bytes, noted).map_err(|error| {
                LoadError(format!("model.tar.gz: `{}` {error}.", readable(&name)))
            })?;
            models.add(&name, Predictor::new(booster, bytes.len(), measuring))?;
        }
        let select = |asked: &String| {
            let first = models.first()?;
            Some(Selection::new(asked, &first.objective().name, first.outputs().max(2)))
        };
        let selection = settings.output.as_ref().and_then(select);
        let width = models.first().map_or(1, Predictor::width);
        let row_bytes = |selection: &Selection| selection.row_bytes(width);
        let reply = selection.as_ref().map_or_else(|| reply::row_bytes(width), row_bytes);
        let bounds = Bounds { row: models.row(), reply };
        Ok(Self { models, widths, selection, settings, bounds })
    }

    fn reply(
        &self,
        call: Invocation<'_>,
        format: Format,
        rows: &Rows,
        predictions: &mut Predictions,
    ) -> Result<Reply, Rejection> {
        let features = self.models.first().map_or(0, Predictor::features);
        self.widths.check(format, rows.columns(), features)?;
        self.models.fits(rows.columns()).map_err(Unfit::from)?;
        check_values(rows.len(), predictions.width, call.body.len())?;
        self.bounds.check(rows.len())?;
        let hurried = !self.settings.batch && rows.len() > BLOCK;
        let deadline = if hurried { Deadline::of_call() } else { Deadline::NONE };
        self.models.predict_into(rows, &deadline, &mut predictions.values)?;
        let accept = self.accept(call.accept)?;
        let body = self.encode(predictions, accept)?;
        Ok(Reply { status: 200, content_type: accept.content_type().into(), body })
    }

    fn encode(&self, predictions: &Predictions, accept: Accept) -> Result<Vec<u8>, Rejection> {
        let batch = self.settings.batch;
        match &self.selection {
            Some(selection) => selection
                .encode(predictions, accept, batch)
                .map_err(|error| Rejection { status: 500, message: error.to_string() }),
            None if batch => Ok(predictions.encode_batch()),
            None => Ok(predictions.encode(accept)),
        }
    }

    fn accept(&self, sent: Option<&str>) -> Result<Accept, Rejection> {
        let sent = sent.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if matches!(sent, "" | "*/*") {
            return Ok(self.settings.default_accept);
        }
        let refused = || {
            let message = format!(
                "Accept type {sent} is not supported. Please use supported accept types: \
                 {ACCEPTED}."
            );
            Rejection { status: 406, message }
        };
        Accept::named(&request::lower(sent)).ok_or_else(refused)
    }
}

impl Scorer for Xgboost {
    fn invoke(&self, call: Invocation<'_>) -> Result<Reply, Rejection> {
        if call.body.len() > self.settings.max_content_length {
            return Err(self.settings.too_large());
        }
        if call.body.is_empty() {
            let content_type = "text/html; charset=utf-8".into();
            return Ok(Reply { status: 204, content_type, body: Vec::new() });
        }
        let Spare { cells, values } = Spare::take();
        let (format, rows) = request::read(call.content_type, call.body, cells)?;
        let width = self.models.first().map_or(1, Predictor::width);
        let mut predictions = Predictions { values, width };
        let reply = self.reply(call, format, &rows, &mut predictions);
        Spare { cells: rows.into_cells(), values: predictions.values }.leave();
        reply
    }

    fn estimate(&self, body: &[u8]) -> Estimate {
        self.bounds.estimate(body)
    }
}

#[cfg(test)]
mod tests;
