//! A training job's whole process: from `/opt/ml` to a model, or to a reason.
//!
//! The default action of SIGTERM ends it, as it ended the container's; with
//! `save_model_on_termination` every round leaves a model behind for that case.

use std::{env, fs, io::Write, iter, path::Path};

use xgboost_sys::Library;

use super::{
    channels::{self, Inputs, Source},
    cross_validation::CrossValidation,
    custom_metrics::CustomMetric,
    data::{self, Data},
    era::{self, Era, Watched},
    failure::Failure,
    hyperparameters::Hyperparameters,
    input::{self, Numbers, Rows},
    labels,
    log::Log,
    model,
};
use crate::fetch::{self, FetchError};

/// Set to `1` where nothing may be downloaded.
pub const OFFLINE: &str = "SAGEWRIGHT_OFFLINE";
/// How a job reads numbers in text, in its own environment: `exact` or `container`.
pub const NUMBERS: &str = "XGBOOST_NUMBERS";
/// The same for all jobs that say nothing, by the server.
pub const DEFAULT_NUMBERS: &str = "SAGEWRIGHT_XGBOOST_NUMBERS";
/// What SageMaker reads of the failure file, characters.
const REASON_LIMIT: usize = 1024;

/// Trains the job whose `/opt/ml` is `opt_ml` as the version of a tag would, and answers the
/// process's exit status. The library is taken from `lib_dir`, or fetched into it. Numbers are read
/// as the environment says ([`NUMBERS`], [`DEFAULT_NUMBERS`]).
pub fn run(version: &str, opt_ml: &Path, lib_dir: &Path, log: &mut dyn Write) -> i32 {
    let said = |name| env::var_os(name).filter(|numbers| !numbers.is_empty());
    let numbers = said(NUMBERS).or_else(|| said(DEFAULT_NUMBERS)).unwrap_or_default();
    run_reading(&numbers.to_string_lossy(), version, opt_ml, lib_dir, log)
}

/// As [`run`], with numbers read as `numbers` says; nothing is the default.
pub fn run_reading(
    numbers: &str,
    version: &str,
    opt_ml: &Path,
    lib_dir: &Path,
    log: &mut dyn Write,
) -> i32 {
    let mut log = Log::new(log);
    let done =
        reading(numbers).and_then(|numbers| job(numbers, version, opt_ml, lib_dir, &mut log));
    let Err(failure) = done else { return 0 };
    // A reason that cannot be written must not hide the failure: the exit status tells it.
    let _ = log.plain(&failure.log_line());
    let reason: String = failure.to_string().chars().take(REASON_LIMIT).collect();
    let output = opt_ml.join("output");
    let _ = fs::create_dir_all(&output).and_then(|()| fs::write(output.join("failure"), reason));
    1
}

fn reading(numbers: &str) -> Result<Numbers, Failure> {
    if numbers.is_empty() {
        return Ok(Numbers::default());
    }
    Numbers::named(numbers).ok_or_else(|| {
        Failure::User(format!("{NUMBERS} is '{numbers}'; it may be 'exact' or 'container'"))
    })
}

fn job(
    numbers: Numbers,
    version: &str,
    opt_ml: &Path,
    lib_dir: &Path,
    log: &mut Log<'_>,
) -> Result<(), Failure> {
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
    Job { era, chosen, numbers, opt_ml, library, log }.run(&inputs)
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
    let refusal = if chosen.word("use_dask_gpu_training") == Some("true") {
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
pub(super) struct Job<'a, 'log> {
    pub era: Era,
    pub chosen: Hyperparameters,
    pub numbers: Numbers,
    pub opt_ml: &'a Path,
    pub library: Library,
    pub log: &'a mut Log<'log>,
}

impl Job<'_, '_> {
    fn run(mut self, inputs: &Inputs) -> Result<(), Failure> {
        let plan = CrossValidation::asked(&self.chosen);
        let (channels, kept) = self.read(inputs, plan.is_some())?;
        let objective = self.chosen.objective().to_owned();
        let is_custom = |name: &str| CustomMetric::of(name, &objective).is_some();
        let watched = era::watched(self.era, &self.chosen, is_custom);
        self.tell_differences()?;
        let done = match plan {
            None => self.one_model(&channels, &watched),
            Some(plan) if kept.len() > 1 => {
                let whole = self.joined(kept)?;
                self.cross_validate(plan, &whole, &channels, &watched)
            }
            Some(plan) => self.cross_validate(plan, &channels[0], &channels, &watched),
        };
        done.map_err(|failure| self.placed(failure, inputs, &channels))
    }

    /// The channels, `train` first; their rows too, if they are to be `kept`.
    fn read(&mut self, inputs: &Inputs, kept: bool) -> Result<(Vec<Data>, Vec<Rows>), Failure> {
        let sources = iter::once(("train", &inputs.train));
        let sources = sources.chain(inputs.validation.iter().map(|source| ("validation", source)));
        if inputs.are_text() {
            self.log.info(self.numbers.note())?;
        }
        let (mut channels, mut all) = (Vec::new(), Vec::new());
        for (channel, source) in sources {
            let rows = self.rows(channel, source)?;
            channels.push(Data::of(channel, &rows, &self.chosen, &self.library)?);
            if kept {
                all.push(rows);
            }
        }
        Ok((channels, all))
    }

    fn rows(&mut self, channel: &str, source: &Source) -> Result<Rows, Failure> {
        let read = data::read(channel, source, &self.chosen, self.numbers, self.log)?;
        read.ok_or_else(|| channels::no_data(channel, self.opt_ml))
    }

    fn one_model(&mut self, channels: &[Data], watched: &Watched) -> Result<(), Failure> {
        let trained = self.train(&channels[0], channels, watched, None)?;
        self.save(&trained.booster, model::FILE)
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
}
