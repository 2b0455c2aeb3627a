//! A job's checkpoints: a model for each of the last rounds, and where a job that begins again goes
//! on.
//!
//! Names, number and temporary names are those of the 1.7 container (`contracts`: xgboost 2.4); the
//! 3.x one writes a name that it does not find again. The contents are the library's own UBJSON,
//! whatever the version wrote: today's library does not read the old binary format, and a checkpoint
//! is there to be gone on with.
//!
//! Nothing is flushed: what must outlast this machine is in S3, and a file that a power cut has torn
//! is passed over for the one before it.

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
};

use platform::workload::CHECKPOINTS;
use serde_json::Value;
use xgboost_sys::{Booster, DMatrix, Library};

use super::{failure::Failure, log::Log, ubjson};

/// Before the number of its last round, in a checkpoint's name.
const NAME: &str = "xgboost-checkpoint";
/// So many are kept of those that a job has written.
const KEPT: usize = 5;
/// What is being written: SageMaker carries no file away whose name ends so.
const PARTIAL: &str = "xgboost-checkpoint.sagemaker-ignore";

/// The checkpoints of one model.
pub struct Checkpoints {
    folder: PathBuf,
    /// The folder as the request calls it, for the log.
    called: PathBuf,
    /// The rounds that this job has written, oldest first.
    written: VecDeque<i32>,
}

impl Checkpoints {
    /// Of the job in `opt_ml`, or of one of its folds; `None` where it shall keep none.
    pub fn configured(opt_ml: &Path, fold: Option<usize>) -> Result<Option<Self>, Failure> {
        let path = opt_ml.join("input/config/checkpointconfig.json");
        let called = local_path(&path).map_err(|error| {
            Failure::Platform(format!("cannot read {}: {error}", path.display()))
        })?;
        let Some(mut called) = called else { return Ok(None) };
        let mut folder = opt_ml.join(CHECKPOINTS);
        if let Some(fold) = fold {
            let of_fold = format!("model-{fold}");
            folder.push(&of_fold);
            called.push(of_fold);
        }
        fs::create_dir_all(&folder).map_err(|error| unusable(&called, &error))?;
        Ok(Some(Self { folder, called, written: VecDeque::new() }))
    }

    /// The model of the newest checkpoint that can be read, and how many rounds it has. Predictions
    /// on the `cached` matrices are kept from round to round.
    pub fn resume(
        &self,
        library: &Library,
        cached: &[&DMatrix],
        log: &mut Log<'_>,
    ) -> Result<Option<(Booster, i32)>, Failure> {
        for round in self.rounds()? {
            let shown = self.called.join(name(round));
            let shown = shown.display();
            match self.load(round, library, cached) {
                Ok(booster) => {
                    log.info(&format!("Checkpoint loaded from {shown}"))?;
                    log.info(&format!("Resuming from iteration {}", round + 1))?;
                    return Ok(Some((booster, round + 1)));
                }
                Err(why) => log.warning(&format!("{shown} is passed over: {why}"))?,
            }
        }
        Ok(None)
    }

    /// Keeps the model of a round, and the last few before it.
    pub fn keep(&mut self, round: i32, model: &[u8]) -> Result<(), Failure> {
        self.replace(round, model).map_err(|error| unusable(&self.called, &error))?;
        self.written.push_back(round);
        if self.written.len() > KEPT
            && let Some(oldest) = self.written.pop_front()
        {
            // One that stays costs room and nothing else.
            let _ = fs::remove_file(self.folder.join(name(oldest)));
        }
        Ok(())
    }

    /// The last rounds of all checkpoints that there are, newest first.
    fn rounds(&self) -> Result<Vec<i32>, Failure> {
        let names = fs::read_dir(&self.folder).map_err(|error| unusable(&self.called, &error))?;
        let round = |entry: fs::DirEntry| {
            // A link could lead anywhere, and a folder is no model.
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            entry.file_name().to_str().filter(|_| is_file).and_then(round)
        };
        let mut rounds: Vec<_> = names.flatten().filter_map(round).collect();
        rounds.sort_unstable_by(|a, b| b.cmp(a));
        Ok(rounds)
    }

    fn load(&self, round: i32, library: &Library, cached: &[&DMatrix]) -> Result<Booster, String> {
        let said = |error: xgboost_sys::Error| {
            // XGBoost's errors are paragraphs, of which the first line says it.
            let text = error.to_string();
            format!("it is no model that can be read ({})", text.lines().next().unwrap_or_default())
        };
        let model = fs::read(self.folder.join(name(round))).map_err(|error| error.to_string())?;
        if !ubjson::is_whole(&model) {
            return Err("it is torn, or no model".to_owned());
        }
        let mut booster = Booster::new(library, cached).map_err(said)?;
        booster.load(&model).map_err(said)?;
        let rounds = booster.rounds().map_err(said)?;
        if rounds == round + 1 {
            Ok(booster)
        } else {
            Err(format!("it holds {rounds} rounds, and its name says {}", round + 1))
        }
    }

    /// A kill leaves the file whole or not at all.
    fn replace(&self, round: i32, model: &[u8]) -> io::Result<()> {
        let partial = self.folder.join(PARTIAL);
        fs::write(&partial, model)?;
        fs::rename(partial, self.folder.join(name(round)))
    }
}

/// The folder as the request calls it, where it asks for checkpoints.
fn local_path(config: &Path) -> io::Result<Option<PathBuf>> {
    let config: Value = match fs::read(config) {
        Ok(text) => serde_json::from_slice(&text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(config.get("LocalPath").and_then(Value::as_str).map(PathBuf::from))
}

fn name(round: i32) -> String {
    format!("{NAME}.{round}")
}

/// The last round of the checkpoint with this name, if it is one.
fn round(name: &str) -> Option<i32> {
    let digits = name.strip_prefix(NAME)?.strip_prefix('.')?;
    let round = digits.parse().ok().filter(|round| (0..i32::MAX).contains(round))?;
    // Neither a sign nor leading zeroes, so that a round has one name.
    (round.to_string() == digits).then_some(round)
}

fn unusable(folder: &Path, error: &io::Error) -> Failure {
    Failure::Platform(format!("cannot keep checkpoints in {}: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn configured(text: &str, fold: Option<usize>) -> (tempfile::TempDir, Option<Checkpoints>) {
        let opt_ml = tempfile::tempdir().unwrap();
        fs::create_dir_all(opt_ml.path().join("input/config")).unwrap();
        fs::write(opt_ml.path().join("input/config/checkpointconfig.json"), text).unwrap();
        let checkpoints = Checkpoints::configured(opt_ml.path(), fold).unwrap();
        (opt_ml, checkpoints)
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(name).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_job_that_is_told_no_folder_keeps_none() {
        assert!(configured("{}", None).1.is_none());
        let opt_ml = tempfile::tempdir().unwrap();
        assert!(Checkpoints::configured(opt_ml.path(), None).unwrap().is_none());
    }

    #[test]
    fn the_last_five_are_kept_and_what_lay_there_before_stays() {
        let (opt_ml, checkpoints) = configured(r#"{"LocalPath": "/elsewhere"}"#, None);
        let (folder, mut checkpoints) = (opt_ml.path().join(CHECKPOINTS), checkpoints.unwrap());
        fs::write(folder.join("xgboost-checkpoint.1"), "earlier").unwrap();
        for round in 2..10 {
            checkpoints.keep(round, b"model").unwrap();
        }
        let expected = [1, 5, 6, 7, 8, 9].map(|round| format!("xgboost-checkpoint.{round}"));
        assert_eq!(names(&folder), expected);
        assert_eq!(checkpoints.rounds().unwrap(), [9, 8, 7, 6, 5, 1]);
    }

    #[test]
    fn each_fold_has_its_own() {
        let (opt_ml, checkpoints) = configured(r#"{"LocalPath": "/opt/ml/checkpoints"}"#, Some(3));
        checkpoints.unwrap().keep(0, b"model").unwrap();
        let folder = opt_ml.path().join(CHECKPOINTS).join("model-3");
        assert_eq!(names(&folder), ["xgboost-checkpoint.0"]);
    }

    #[test]
    fn only_files_with_a_checkpoints_name_are_any() {
        let (opt_ml, checkpoints) = configured(r#"{"LocalPath": "/c"}"#, None);
        let folder = opt_ml.path().join(CHECKPOINTS);
        for name in ["xgboost-checkpoint.7", PARTIAL, "xgboost-checkpoint_0.ubj", "other.9"] {
            fs::write(folder.join(name), "").unwrap();
        }
        fs::create_dir(folder.join("xgboost-checkpoint.8")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.join("xgboost-checkpoint.9")).unwrap();
        assert_eq!(checkpoints.unwrap().rounds().unwrap(), [7]);
    }

    proptest! {
        #[test]
        fn every_round_is_found_by_its_name(number in 0..i32::MAX) {
            prop_assert_eq!(round(&name(number)), Some(number));
        }

        #[test]
        fn a_round_has_one_name(text in r"(xgboost-checkpoint)?\.?[+0-9-]{0,12}[a-z]?") {
            if let Some(number) = round(&text) {
                prop_assert_eq!(name(number), text);
                prop_assert!(number >= 0);
            }
        }
    }
}
