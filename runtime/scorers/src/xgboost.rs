//! The built-in XGBoost's serving contract around the predictors.
//!
//! The order of checks is the container's: an empty payload, then the payload, then its width, and
//! only then what the client accepts.

use std::collections::BTreeMap;

use platform::scorer::{Invocation, LoadError, Rejection, Reply, Scorer};

use crate::{
    model_file,
    objective::Transform,
    predictor::{Predictor, TooWide},
    reply::{Accept, Predictions},
    request,
    rows::Rows,
};

/// Part of the container's refusal of an `Accept`: what it names, in its words.
const ACCEPTED: &str = "['application/json', 'application/jsonlines', \
                        'application/x-recordio-protobuf', 'text/csv']";
const RECORDIO: &str = "application/x-recordio-protobuf";

/// One model, or several that answer together.
#[derive(Debug)]
pub(crate) struct Xgboost {
    /// At least one, all of the first one's width.
    predictors: Vec<Predictor>,
    /// What is sent to who accepts anything.
    default_accept: Accept,
    /// Whether batch transform asks.
    batch: bool,
}

impl Xgboost {
    /// Reads the model files of an archive as `environment` says.
    pub(crate) fn load(
        files: BTreeMap<String, Vec<u8>>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, LoadError> {
        let set = |name: &str| environment.get(name).map(String::as_str);
        refuse_unserved(environment)?;
        let ensemble = set("SAGEMAKER_INFERENCE_ENSEMBLE").is_none_or(|value| value == "true");
        let count = if ensemble { files.len() } else { 1 };
        let mut predictors: Vec<Predictor> = Vec::with_capacity(count);
        for (name, bytes) in files.into_iter().take(count) {
            let booster = model_file::read(&bytes)
                .map_err(|error| LoadError(format!("model.tar.gz: `{name}` {error}.")))?;
            let predictor = Predictor::new(booster, bytes.len());
            if predictors.first().is_some_and(|first| first.width() != predictor.width()) {
                return Err(LoadError(format!(
                    "model.tar.gz: `{name}` predicts another number of values than the models \
                     before it, so they cannot answer together. Pack one of them, or set \
                     SAGEMAKER_INFERENCE_ENSEMBLE to `false` to serve only the first."
                )));
            }
            predictors.push(predictor);
        }
        let default_accept = default_accept(set("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"))?;
        let batch = set("SAGEMAKER_BATCH").is_some_and(|value| !value.is_empty());
        Ok(Self { predictors, default_accept, batch })
    }

    fn predict(&self, rows: &Rows) -> Result<Predictions, TooWide> {
        if let [only] = &self.predictors[..] {
            return only.predict(rows);
        }
        let all: Result<Vec<_>, _> =
            self.predictors.iter().map(|predictor| predictor.predict(rows)).collect();
        let votes = self.predictors.first().is_some_and(|first| {
            matches!(first.objective().transform, Transform::LargestClass | Transform::Step)
        });
        Ok(if votes { most_frequent(&all?) } else { mean(all?) })
    }

    fn accept(&self, sent: Option<&str>) -> Result<Accept, Rejection> {
        let sent = sent.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if matches!(sent, "" | "*/*") {
            return Ok(self.default_accept);
        }
        let lower = sent.to_ascii_lowercase();
        Accept::named(&lower)
            .ok_or_else(|| Rejection { status: 406, message: refusal(sent, &lower) })
    }
}

impl Scorer for Xgboost {
    fn invoke(&self, call: Invocation<'_>) -> Result<Reply, Rejection> {
        if call.body.is_empty() {
            let content_type = "text/html; charset=utf-8".into();
            return Ok(Reply { status: 204, content_type, body: Vec::new() });
        }
        let rows = request::read(call.content_type, call.body)?;
        let predictions = self.predict(&rows).map_err(|error| Rejection {
            status: 400,
            message: format!("Unable to evaluate payload provided: {error}"),
        })?;
        let accept = self.accept(call.accept)?;
        let body = if self.batch { predictions.encode_batch() } else { predictions.encode(accept) };
        Ok(Reply { status: 200, content_type: accept.content_type().into(), body })
    }
}

/// Environment that would make the container answer otherwise than we do is an error, not ignored.
fn refuse_unserved(environment: &BTreeMap<String, String>) -> Result<(), LoadError> {
    for (name, what) in [
        ("SAGEMAKER_PROGRAM", "inference by a script of your own"),
        ("SAGEMAKER_INFERENCE_OUTPUT", "the choice of what an answer holds"),
        ("SAGEMAKER_MULTI_MODEL", "many models behind one endpoint"),
    ] {
        if environment.get(name).is_some_and(|value| !value.is_empty()) {
            return Err(LoadError(format!(
                "the built-in XGBoost does not support {what} here; remove {name} from the \
                 model's environment."
            )));
        }
    }
    Ok(())
}

fn default_accept(set: Option<&str>) -> Result<Accept, LoadError> {
    let Some(name) = set else { return Ok(Accept::Csv) };
    Accept::named(name).ok_or_else(|| {
        LoadError(format!(
            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT is `{name}`; use text/csv, application/json or \
             application/jsonlines."
        ))
    })
}

fn refusal(sent: &str, lower: &str) -> String {
    if lower == RECORDIO {
        return format!(
            "Accept type {sent} is not supported here. Please use application/json, \
             application/jsonlines or text/csv."
        );
    }
    format!("Accept type {sent} is not supported. Please use supported accept types: {ACCEPTED}.")
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

#[cfg(test)]
mod tests;
