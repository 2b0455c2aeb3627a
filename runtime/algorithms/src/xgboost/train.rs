//! A training job's whole process: from `/opt/ml` to a model, or to a reason.
//!
//! The default action of SIGTERM ends it, as it ended the container's; with
//! `save_model_on_termination` every round leaves a model behind for that case.

use std::{
    any::Any,
    env, fs,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use xgboost_sys::Library;

use super::{
    channels::{self, Inputs, Source},
    collective::{self, Bond, Hosts, Role},
    cross_validation::CrossValidation,
    data::{self, Data, Width},
    era::Era,
    failure::Failure,
    hyperparameters::Hyperparameters,
    input::{self, Features, Numbers, Rows},
    labels,
    log::Log,
    model,
    watched::{self, Watched},
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
    let (mut log, mut bond) = (Log::new(log), Bond::Free);
    let done = told(|| {
        let numbers = reading(numbers)?;
        job(numbers, version, opt_ml, lib_dir, &mut log, &mut bond)
    });
    let Err(failure) = done else { return 0 };
    // A reason that cannot be written must not hide the failure: the exit status tells it.
    let _ = log.plain(&failure.log_line());
    let reason: String = failure.to_string().chars().take(REASON_LIMIT).collect();
    let output = opt_ml.join("output");
    let _ = fs::create_dir_all(&output).and_then(|()| fs::write(output.join("failure"), reason));
    if bond.holds() || failure.is_of_the_group() {
        collective::abandon(&failure);
    }
    1
}

/// A panic is a mistake of ours, and still no end without a reason.
fn told(job: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| Err(panicked(&*panic)))
}

fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
    Failure::Platform(format!("the training process met a defect of its own: {text}"))
}

fn reading(numbers: &str) -> Result<Numbers, Failure> {
    if numbers.is_empty() {
        return Ok(Numbers::default());
    }
    Numbers::named(numbers).ok_or_else(|| {
        Failure::User(format!("{NUMBERS} is '{numbers}'; it may be 'exact' or 'container'"))
    })
}

/// A job that fails leaves its `bond` to the caller, for the others must not notice before the
/// reason is told.
fn job(
    numbers: Numbers,
    version: &str,
    opt_ml: &Path,
    lib_dir: &Path,
    log: &mut Log<'_>,
    bond: &mut Bond,
) -> Result<(), Failure> {
    let era = Era::of(version)
        .ok_or_else(|| Failure::User(format!("Version {version} of XGBoost is not known.")))?;
    let chosen = Hyperparameters::validate(&read_hyperparameters(opt_ml)?, era)?;
    refuse_unsupported(&chosen)?;
    let inputs = Inputs::read(opt_ml, era)?;
    for name in &chosen.unused {
        log.warning(&format!("{name} has no effect with XGBoost {version} and is not used"))?;
    }
    if inputs.ignored > 0 {
        log.warning(&format!("{} files lie too deep and are ignored", inputs.ignored))?;
    }
    if inputs.markers > 0 {
        log.warning(&format!(
            "{} files are passed over, for their names say that they are no data (_SUCCESS)",
            inputs.markers
        ))?;
    }
    let library = library(lib_dir, log)?;
    let hosts = Hosts::of(opt_ml)?;
    if let Some(hosts) = &hosts {
        *bond = hosts.open(&library)?;
    }
    Job { era, chosen, numbers, opt_ml, library, log, bond }.run(&inputs, hosts)
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
    /// To the hosts that train with this one, where there are others.
    pub bond: &'a mut Bond,
}

impl Job<'_, '_> {
    fn run(mut self, inputs: &Inputs, hosts: Option<Hosts>) -> Result<(), Failure> {
        if inputs.are_text() {
            self.log.info(self.numbers.note())?;
        }
        let ready = match hosts {
            None => Some(Vec::new()),
            Some(hosts) => self.meet(inputs, &hosts)?,
        };
        let Some(ready) = ready else { return Ok(()) };
        self.train_on(inputs, ready)?;
        match self.bond.leave() {
            Err(error) => self.log.warning(&format!("The group was not left well: {error}")),
            Ok(()) => Ok(()),
        }
    }

    /// Reads the channels and finds out with the other hosts which of them have data, as the
    /// container does. `None` where this one is done, because others have the data.
    fn meet(&mut self, inputs: &Inputs, hosts: &Hosts) -> Result<Option<Vec<Rows>>, Failure> {
        let (name, count) = (hosts.own_name(), hosts.count());
        self.log.info(&format!("Distributed node training with {count} hosts"))?;
        let (mut read, mut complete) = (Vec::new(), true);
        for (channel, source) in inputs.sources() {
            let rows = data::read(channel, source, &self.chosen, self.numbers, self.log)?;
            if let Some(rows) = rows {
                read.push(rows);
            } else {
                complete = false;
                self.log.warning(&hosts.without_data(channel))?;
            }
        }
        match hosts.gather(&self.library, complete, self.bond)? {
            Role::Nobody => Err(channels::no_data("train")),
            Role::Idle => {
                self.log
                    .warning(&format!("Host {name} not being used for distributed training."))?;
                Ok(None)
            }
            Role::Alone => Ok(Some(read)),
            Role::Member => {
                self.check_widths(&read)?;
                Ok(Some(read))
            }
        }
    }

    /// Rows that state every column have as many on every host. Where columns may be absent, the
    /// library takes the largest width for all.
    fn check_widths(&self, read: &[Rows]) -> Result<(), Failure> {
        for rows in read {
            let own = rows.columns() as u64;
            let mut widths = [own, u64::MAX - own];
            self.bond.largest(&mut widths)?;
            let (most, least) = (widths[0], u64::MAX - widths[1]);
            if matches!(rows.features, Features::Dense { .. }) && most != least {
                return Err(Failure::User(format!(
                    "This host's rows have {own} columns behind the label; those of the job's \
                     hosts have between {least} and {most}. All files of a job must have the same \
                     columns."
                )));
            }
        }
        Ok(())
    }

    /// Trains on the channels, of which some may be `ready`, `train` first.
    fn train_on(&mut self, inputs: &Inputs, ready: Vec<Rows>) -> Result<(), Failure> {
        let plan = CrossValidation::asked(&self.chosen);
        let (channels, kept) = self.read(inputs, ready, plan.is_some())?;
        let watched = watched::watched(self.era, &self.chosen);
        self.tell_differences(&channels[0])?;
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
    fn read(
        &mut self,
        inputs: &Inputs,
        ready: Vec<Rows>,
        kept: bool,
    ) -> Result<(Vec<Data>, Vec<Rows>), Failure> {
        let (mut ready, mut channels, mut all) = (ready.into_iter(), Vec::new(), Vec::new());
        let mut learned = None;
        for (channel, source) in inputs.sources() {
            let rows = match ready.next() {
                Some(rows) => rows,
                None => self.rows(channel, source)?,
            };
            self.check(learned, &rows)?;
            learned = learned.or_else(|| Some(Width::of(&rows)));
            channels.push(Data::of(channel, &rows, &self.chosen, &self.library)?);
            if kept {
                all.push(rows);
            }
        }
        Ok((channels, all))
    }

    /// Rows to learn from, or to watch where it is known what was `learned` from. What hosts that
    /// train together lack, another one may have.
    fn check(&self, learned: Option<Width>, rows: &Rows) -> Result<(), Failure> {
        let alone = !self.bond.is_shared();
        match learned {
            Some(learned) if alone || learned.is_stated() => learned.check(rows),
            None if alone => data::check_train(rows),
            Some(_) | None => Ok(()),
        }
    }

    fn rows(&mut self, channel: &str, source: &Source) -> Result<Rows, Failure> {
        let read = data::read(channel, source, &self.chosen, self.numbers, self.log)?;
        read.ok_or_else(|| channels::no_data(channel))
    }

    fn one_model(&mut self, channels: &[Data], watched: &Watched) -> Result<(), Failure> {
        let trained = self.train(&channels[0], channels, watched, None)?;
        self.save(&trained.booster, model::FILE)
    }

    /// Says which label it is that cannot be learned, where that is what failed.
    fn placed(&self, failure: Failure, inputs: &Inputs, data: &[Data]) -> Failure {
        let Failure::User(text) = failure else { return failure };
        let of_labels =
            ["label", "relevance deg"].iter().any(|it| text.to_lowercase().contains(it));
        if !of_labels {
            return Failure::User(text);
        }
        let mut refused = data.iter().zip(inputs.sources()).filter_map(|(data, (_, source))| {
            let row = labels::first_refused(&self.chosen, &data.labels)?;
            let place = input::place(&source.channel, source.format, row);
            Some(format!("{text}: {place} has the label '{}'", data.labels[row]))
        });
        let placed = refused.next();
        Failure::User(placed.unwrap_or(text))
    }

    fn tell_differences(&mut self, train: &Data) -> Result<(), Failure> {
        if self.chosen.word("objective") == Some("reg:linear") {
            self.log.warning("reg:linear is now deprecated in favor of reg:squarederror.")?;
        }
        if self.era.draws_differently(&self.chosen) {
            self.log.info(
                "Rows, columns or pairs of a ranking are sampled: they are drawn as by XGBoost \
                 3.2, so that trees differ in detail from those of the version that the tag names",
            )?;
        }
        if self.era.bins_differently(&self.chosen, self.tree_method(train)) {
            self.log.info(
                "Features are cut into bins as by XGBoost 3.2, so that trees differ in detail \
                 from those of the version that the tag names",
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_a_job_with_a_reason() {
        let failure = told(|| panic!("row {}", 7)).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "InternalServerError: the training process met a defect of its own: row 7"
        );
        assert_eq!(told(|| Ok(())), Ok(()));
    }
}
