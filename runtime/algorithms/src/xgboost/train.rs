//! A training job's whole process: from `/opt/ml` to a model, or to a reason.
//!
//! The default action of SIGTERM ends it, as it ended the container's; with
//! `save_model_on_termination` every round leaves a model behind for that case.

use std::{env, fs, io::Write, iter, path::Path};

use xgboost_sys::{Booster, Library};

use super::{
    channels::{self, Inputs, Source},
    custom_metrics::CustomMetric,
    data::Data,
    early_stopping::{EarlyStopping, Verdict},
    era::{self, Era, Labels, Watched},
    evaluation::Round,
    failure::Failure,
    hyperparameters::Hyperparameters,
    input, labels,
    log::Log,
    model,
};
use crate::fetch::{self, FetchError};

/// Set to `1` where nothing may be downloaded.
pub const OFFLINE: &str = "SAGEWRIGHT_OFFLINE";
/// What SageMaker reads of the failure file, characters.
const REASON_LIMIT: usize = 1024;
/// Hyperparameters that the library is not told, or not in the same words.
const CONTAINERS_OWN: [&str; 9] = [
    "num_round",
    "csv_weights",
    "early_stopping_rounds",
    "save_model_on_termination",
    "_tuning_objective_metric",
    "eval_metric",
    "use_dask_gpu_training",
    "silent",
    "updater",
];

/// Trains the job whose `/opt/ml` is `opt_ml` as the version of a tag would, and answers the
/// process's exit status. The library is taken from `lib_dir`, or fetched into it.
pub fn run(version: &str, opt_ml: &Path, lib_dir: &Path, log: &mut dyn Write) -> i32 {
    let mut log = Log::new(log);
    let Err(failure) = job(version, opt_ml, lib_dir, &mut log) else { return 0 };
    // A reason that cannot be written must not hide the failure: the exit status tells it.
    let _ = log.plain(&failure.log_line());
    let reason: String = failure.to_string().chars().take(REASON_LIMIT).collect();
    let output = opt_ml.join("output");
    let _ = fs::create_dir_all(&output).and_then(|()| fs::write(output.join("failure"), reason));
    1
}

fn job(version: &str, opt_ml: &Path, lib_dir: &Path, log: &mut Log<'_>) -> Result<(), Failure> {
    let era = Era::of(version)
        .ok_or_else(|| Failure::User(format!("Version {version} of XGBoost is not known.")))?;
    let chosen = Hyperparameters::validate(&read_hyperparameters(opt_ml)?, era)?;
    refuse_unsupported(&chosen)?;
    let inputs = Inputs::read(opt_ml)?;
    for name in &chosen.unknown {
        log.warning(&format!("{name} is unknown to XGBoost {version} and not used"))?;
    }
    if inputs.ignored > 0 {
        log.warning(&format!("{} files lie too deep and are ignored", inputs.ignored))?;
    }
    let library = library(lib_dir, log)?;
    Job { era, chosen, opt_ml, library, log }.run(&inputs)
}

fn read_hyperparameters(opt_ml: &Path) -> Result<Vec<(String, String)>, Failure> {
    let path = opt_ml.join("input/config/hyperparameters.json");
    let broken = |what: &dyn std::fmt::Display| {
        Failure::Platform(format!("cannot read {}: {what}", path.display()))
    };
    let text = fs::read(&path).map_err(|error| broken(&error))?;
    let values: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&text).map_err(|error| broken(&error))?;
    Ok(values
        .into_iter()
        .map(|(name, value)| match value {
            serde_json::Value::String(text) => (name, text),
            other => (name, other.to_string()),
        })
        .collect())
}

/// What is valid and cannot be done here is refused before anything is read.
fn refuse_unsupported(chosen: &Hyperparameters) -> Result<(), Failure> {
    let refusal = if chosen.has("_kfold") {
        "_kfold (cross validation)"
    } else if chosen.word("use_dask_gpu_training") == Some("true") {
        "use_dask_gpu_training"
    } else if chosen.word("tree_method") == Some("gpu_hist") {
        "tree_method gpu_hist"
    } else if chosen.word("device").is_some_and(|device| device != "cpu") {
        "device other than cpu"
    } else if chosen.word("process_type") == Some("update") {
        "process_type update (there is no earlier model to update)"
    } else {
        return Ok(());
    };
    Err(Failure::User(format!("Hyperparameter {refusal} is not supported by Sagewright 0.1.")))
}

/// Finds or fetches the library, and loads it.
fn library(lib_dir: &Path, log: &mut Log<'_>) -> Result<Library, Failure> {
    let offline = env::var_os(OFFLINE).is_some_and(|value| value == "1");
    let mut unsaid = Ok(());
    let folder = fetch::ensure(lib_dir, offline, &mut |line| {
        if unsaid.is_ok() {
            unsaid = log.info(line);
        }
    });
    unsaid?;
    let folder = folder.map_err(|error: FetchError| Failure::platform(&error))?;
    Library::open(&folder).map_err(|error| Failure::platform(&error))
}

/// A job that was found in order.
struct Job<'a, 'log> {
    era: Era,
    chosen: Hyperparameters,
    opt_ml: &'a Path,
    library: Library,
    log: &'a mut Log<'log>,
}

impl Job<'_, '_> {
    fn run(mut self, inputs: &Inputs) -> Result<(), Failure> {
        let mut data = vec![self.read("train", &inputs.train)?];
        if let Some(validation) = &inputs.validation {
            data.push(self.read("validation", validation)?);
        }
        let objective = self.chosen.objective().to_owned();
        let is_custom = |name: &str| CustomMetric::of(name, &objective).is_some();
        let watched = era::watched(self.era, &self.chosen, is_custom);
        let parameters = self.parameters(&data[0], &watched);
        self.tell_differences()?;
        let mut booster = self.booster(&data, &parameters)?;
        let best = self
            .boost(&mut booster, &data, &watched)
            .map_err(|failure| self.placed(failure, inputs, &data))?;
        let trained = self.cut(booster, best)?;
        if let Some(note) = self.era.artifact_note() {
            self.log.info(note)?;
        }
        self.save(&trained)
    }

    fn read(&mut self, channel: &'static str, source: &Source) -> Result<Data, Failure> {
        let read = Data::read(channel, source, &self.chosen, &self.library, self.log)?;
        read.ok_or_else(|| channels::no_data(channel, self.opt_ml))
    }

    /// What the library is told, in order: the user's, then what the version did of itself.
    fn parameters(&self, train: &Data, watched: &Watched) -> Vec<(&'static str, String)> {
        let chosen = &self.chosen;
        let labels = Labels { labels: &train.labels, weights: &train.weights };
        let mut parameters: Vec<_> = chosen
            .iter()
            .filter(|(name, _)| !CONTAINERS_OWN.contains(name))
            .map(|(name, value)| (name, value.to_string()))
            .collect();
        if let Some(updaters) = chosen.words("updater") {
            parameters.push(("updater", updaters.join(",")));
        }
        parameters.push(("objective", chosen.objective().to_owned()));
        parameters.push(("nthread", train.threads.to_string()));
        if let Some(silent) = chosen.integer("silent") {
            parameters.push(("verbosity", (1 - silent).to_string()));
        }
        if let Some(score) = self.era.base_score(chosen, labels) {
            parameters.push(("base_score", score.to_string()));
        }
        if let Some(method) = self.era.tree_method(chosen, train.labels.len()) {
            parameters.push(("tree_method", method.to_owned()));
        }
        parameters.extend(watched.native.iter().map(|metric| ("eval_metric", metric.clone())));
        parameters.push(("validate_parameters", "1".to_owned()));
        parameters
    }

    /// Says which label it is that cannot be learned, where that is what failed.
    fn placed(&self, failure: Failure, inputs: &Inputs, data: &[Data]) -> Failure {
        let Failure::User(text) = failure else { return failure };
        if !text.to_lowercase().contains("label") {
            return Failure::User(text);
        }
        let sources = iter::once(&inputs.train).chain(&inputs.validation);
        let mut refused = data.iter().zip(sources).filter_map(|(data, source)| {
            let row = labels::first_refused(&self.chosen, &data.labels)?;
            let place = input::place(&source.channel, source.format, row);
            Some(format!("{text}: {place} has the label '{}'", data.labels[row]))
        });
        let placed = refused.next();
        Failure::User(placed.unwrap_or(text))
    }

    fn tell_differences(&mut self) -> Result<(), Failure> {
        if self.chosen.word("objective") == Some("reg:linear") {
            self.log.warning("reg:linear is now deprecated in favor of reg:squarederror.")?;
        }
        if self.era.draws_differently(&self.chosen) {
            self.log.info(
                "Rows or columns are sampled: the samples are drawn as by XGBoost 3.2, so that \
                 trees differ in detail from those of the version that the tag names",
            )?;
        }
        Ok(())
    }

    fn booster(
        &self,
        data: &[Data],
        parameters: &[(&'static str, String)],
    ) -> Result<Booster, Failure> {
        let cached: Vec<_> = data.iter().map(|data| &data.matrix).collect();
        let failed = |error| Failure::from_training(&error);
        let mut booster = Booster::new(&self.library, &cached).map_err(failed)?;
        for (name, value) in parameters {
            booster.set_parameter(name, value).map_err(failed)?;
        }
        Ok(booster)
    }

    /// All rounds; answers the best one where one was looked for.
    fn boost(
        &mut self,
        booster: &mut Booster,
        data: &[Data],
        watched: &Watched,
    ) -> Result<Option<(i32, f64)>, Failure> {
        let rounds = i32::try_from(self.chosen.integer("num_round").unwrap_or(0))
            .map_err(|_| Failure::User("num_round is larger than XGBoost can count".into()))?;
        let keeps_every_round = self.chosen.word("save_model_on_termination") == Some("true");
        let mut stopping = None;
        for number in 0..rounds {
            booster
                .update(number, &data[0].matrix)
                .map_err(|error| Failure::from_training(&error))?;
            let round = evaluate(booster, number, data, watched, self.chosen.objective())?;
            self.log.plain(&round.line())?;
            if keeps_every_round {
                self.save(booster)?;
            }
            if number == 0 {
                stopping = self.stopping(&round, data.len() > 1, watched)?;
            }
            if let Some((metric, stopping)) = &mut stopping
                && judge(booster, stopping, metric, number, &round)? == Verdict::Stop
            {
                break;
            }
        }
        Ok(stopping.and_then(|(_, stopping)| stopping.best()))
    }

    /// What can stop the job early. Asked for in vain, it says why nothing will.
    fn stopping(
        &mut self,
        first: &Round,
        validated: bool,
        watched: &Watched,
    ) -> Result<Option<(String, EarlyStopping)>, Failure> {
        let Some(patience) = self.chosen.integer("early_stopping_rounds") else { return Ok(None) };
        if !validated {
            self.log
                .warning("early_stopping_rounds has no effect: there is no validation channel")?;
            return Ok(None);
        }
        let default =
            first.last_metric("validation").filter(|_| self.era.stops_on_default_metric());
        let Some(metric) = watched.stopping.as_deref().or(default) else {
            self.log.warning("early_stopping_rounds has no effect: eval_metric is not set")?;
            return Ok(None);
        };
        Ok(Some((metric.to_owned(), EarlyStopping::new(patience, metric))))
    }

    /// Keeps the rounds up to the best one.
    fn cut(&mut self, booster: Booster, best: Option<(i32, f64)>) -> Result<Booster, Failure> {
        let Some((round, score)) = best else { return Ok(booster) };
        let failed = |error| Failure::from_training(&error);
        self.log.info(&format!("The best round is {round}; the model is cut behind it"))?;
        if self.chosen.word("booster") == Some("gblinear") {
            return Ok(booster);
        }
        let mut cut = booster.slice(0, round + 1).map_err(failed)?;
        note_best(&mut cut, round, score).map_err(failed)?;
        Ok(cut)
    }

    fn save(&self, booster: &Booster) -> Result<(), Failure> {
        model::write(self.opt_ml, &model::encode(booster, self.era.artifact())?)
    }
}

/// One round's metrics on every channel.
fn evaluate(
    booster: &mut Booster,
    number: i32,
    data: &[Data],
    watched: &Watched,
    objective: &str,
) -> Result<Round, Failure> {
    let failed = |error| Failure::from_training(&error);
    let matrices: Vec<_> = data.iter().map(|data| (data.channel, &data.matrix)).collect();
    let channels: Vec<_> = data.iter().map(|data| data.channel).collect();
    let line = booster.evaluate(number, &matrices).map_err(failed)?;
    let mut round = Round::parse(number, &line, &channels);
    if watched.custom.is_empty() {
        return Ok(round);
    }
    for Data { channel, matrix, labels, .. } in data {
        let margins = booster.predict_margin(matrix).map_err(failed)?;
        for name in &watched.custom {
            if let Some(metric) = CustomMetric::of(name, objective) {
                round.push(channel, name, metric.score(&margins, labels)?);
            }
        }
    }
    Ok(round)
}

/// Takes a round's score and notes the best in the model.
fn judge(
    booster: &mut Booster,
    stopping: &mut EarlyStopping,
    metric: &str,
    number: i32,
    round: &Round,
) -> Result<Verdict, Failure> {
    let score = round.score("validation", metric).ok_or_else(|| {
        Failure::Algorithm(format!(
            "XGB train call failed with exception:\nNo metric named: {metric}"
        ))
    })?;
    let verdict = stopping.judge(number, score);
    if verdict == Verdict::Best {
        note_best(booster, number, score).map_err(|error| Failure::from_training(&error))?;
    }
    Ok(verdict)
}

fn note_best(booster: &mut Booster, round: i32, score: f64) -> Result<(), xgboost_sys::Error> {
    booster.set_attribute("best_iteration", &round.to_string())?;
    booster.set_attribute("best_score", &super::python::Float(score).to_string())
}
