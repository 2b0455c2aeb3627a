//! A training job, as stored: its request, its life, and what it made.

use std::time::Duration;

use platform::{follow::FinalMetric, store::State};
use serde::{Deserialize, Serialize};
use types::{Document, Timestamp};

use super::ledger::{Folders, Ledger};
use crate::{
    life::{self, Life, Phase},
    record::Kind,
};

/// How often the folders of its checkpoints are looked at while a job runs.
const LOOKS: Duration = Duration::from_secs(3);

/// A training job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingJob {
    /// The version of this form.
    pub format: u32,
    /// As the client sent it.
    pub request: Document,
    /// Where it stands.
    pub life: Life,
    /// What it made, once that is kept.
    pub made: Made,
    /// What is known of its checkpoints, where it keeps any.
    #[serde(default)]
    pub checkpoints: Option<Ledger>,
}

/// What a training job leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The last value of each metric.
    pub metrics: Vec<FinalMetric>,
    /// Where its model is.
    pub artifact: Option<String>,
}

/// What is seen of a training job's process.
pub type Process = life::Seen<Made>;

/// What is seen of a training job.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// Where its process stands.
    Process(Process),
    /// Its process runs, and keeps checkpoints.
    Keeping {
        /// Since when it runs.
        since: Timestamp,
        /// What lies in their folders.
        folders: Folders,
    },
    /// S3 has more of what was in the folders.
    Carried {
        /// What is known now.
        ledger: Ledger,
        /// Whether that is all of it, as far as it can be had now.
        whole: bool,
    },
    /// What a lost run has left is kept, and these are the last values of its metrics.
    Salvaged(Vec<FinalMetric>),
}

/// What to do about a training job. Each is safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// What is done about every job.
    Life(life::Action),
    /// Make S3 as the checkpoints' folders are.
    Carry(Folders),
    /// Make the executor forget a lost run of which everything is kept.
    Forget,
}

impl TrainingJob {
    /// The form that is written: 1 had one run and no checkpoints.
    const FORMAT: u32 = 2;

    /// A job that was just accepted.
    pub fn new(request: Document, life: Life, keeps_checkpoints: bool) -> Self {
        let checkpoints = keeps_checkpoints.then(Ledger::default);
        Self { format: Self::FORMAT, request, life, made: Made::default(), checkpoints }
    }

    /// Decides what becomes of the job.
    pub fn step(self, seen: &Seen, now: Timestamp) -> (Self, Option<Action>) {
        match seen {
            Seen::Process(process) => self.live(process, now),
            Seen::Keeping { since, folders } => {
                let (job, action) = self.live(&Process::Running { since: *since }, now);
                match action {
                    Some(action) => (job, Some(action)),
                    None => job.look_through(folders, *since, now),
                }
            }
            Seen::Carried { ledger, whole } => {
                let rest_until = if *whole { now + LOOKS } else { now };
                let ledger = ledger.clone().resting_until(rest_until);
                (Self { checkpoints: Some(ledger), ..self }, None)
            }
            Seen::Salvaged(metrics) => {
                let made = Made { metrics: metrics.clone(), ..self.made };
                (Self { made, ..self }, Some(Action::Forget))
            }
        }
    }

    /// What its process means for it.
    fn live(mut self, process: &Process, now: Timestamp) -> (Self, Option<Action>) {
        let (life, action) = self.life.step(process, now);
        self.life = life;
        match process {
            Process::Kept { kept, .. } => self.made = kept.clone(),
            // The next run finds in its folder what is in S3, and nothing is known of that.
            Process::Nothing if self.life.phase == Phase::Pending => {
                self.checkpoints = self.checkpoints.map(|_| Ledger::default());
            }
            Process::Nothing
            | Process::Refused(_)
            | Process::Hindered(_)
            | Process::Starting
            | Process::Running { .. }
            | Process::Exited { .. } => {}
        }
        (self, action.map(Action::Life))
    }

    /// Notes what is to be carried before it is.
    fn look_through(
        mut self,
        folders: &Folders,
        since: Timestamp,
        now: Timestamp,
    ) -> (Self, Option<Action>) {
        let Some(ledger) =
            self.checkpoints.as_mut().filter(|ledger| ledger.rests_until(now).is_none())
        else {
            return (self, None);
        };
        ledger.note(folders, since);
        let action = (!ledger.is_current(folders)).then(|| Action::Carry(folders.clone()));
        (self, action)
    }

    /// When its checkpoints must be looked at.
    fn next_look(&self, now: Timestamp) -> Option<Timestamp> {
        let ledger = self.checkpoints.as_ref()?;
        let runs = matches!(self.life.phase, Phase::Running { .. });
        runs.then(|| ledger.rests_until(now).unwrap_or(now + LOOKS))
    }
}

impl jobs::Job for TrainingJob {
    fn status(&self) -> &'static str {
        self.life.status()
    }

    fn detail(&self) -> String {
        self.life.failure().unwrap_or_default().to_owned()
    }

    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let due = self.life.due(now)?;
        Some(self.next_look(now).map_or(due, |look| look.min(due)))
    }
}

impl Kind for TrainingJob {
    const KIND: &'static str = "training-job";

    fn missing(_: &str) -> String {
        "Requested resource not found.".to_owned()
    }

    fn taken(arn: &str) -> String {
        format!(
            "Training job names must be unique within an AWS account and region, and a training \
             job with this name already exists ({arn})"
        )
    }

    fn state(&self, now: Timestamp) -> Result<State, serde_json::Error> {
        jobs::Job::state(self, now)
    }
}

#[cfg(test)]
mod tests {
    use platform::executor::{Exit, FolderFile};

    use super::*;
    use crate::life::Endurance;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn job() -> TrainingJob {
        let endurance = Endurance { max_wait: Some(1_000), retries: 0 };
        let life = Life::new(600, at(0)).enduring(endurance);
        TrainingJob::new(Document::new(), life, true)
    }

    fn keeping(paths: &[&str]) -> Seen {
        let file = |path: &&str| FolderFile {
            path: (*path).to_owned(),
            size: 1,
            modified: at(6),
            version: "1".into(),
        };
        let folders = Folders::from([("algo-1".into(), paths.iter().map(file).collect())]);
        Seen::Keeping { since: at(5), folders }
    }

    fn running() -> TrainingJob {
        let job = job().step(&Seen::Process(Process::Nothing), at(0)).0;
        job.step(&Seen::Process(Process::Running { since: at(5) }), at(5)).0
    }

    #[test]
    fn a_checkpoint_is_noted_before_it_is_carried_and_then_the_folder_rests() {
        let seen = keeping(&["a"]);
        let (job, action) = running().step(&seen, at(7));
        let Seen::Keeping { folders, .. } = &seen else { unreachable!() };
        assert_eq!(action, Some(Action::Carry(folders.clone())));
        let mut noted = Ledger::default();
        noted.note(folders, at(5));
        assert_eq!(job.checkpoints, Some(noted.clone()));
        // A server that was killed before it carried does so again.
        assert_eq!(job.clone().step(&seen, at(8)).1, Some(Action::Carry(folders.clone())));

        let part = Seen::Carried { ledger: noted.clone(), whole: false };
        let goes_on = job.clone().step(&part, at(8)).0;
        assert!(goes_on.step(&seen, at(8)).1.is_some(), "the rest follows at once");

        let (job, action) = job.step(&Seen::Carried { ledger: noted, whole: true }, at(8));
        assert_eq!((action, jobs::Job::due(&job, at(8))), (None, Some(at(11))));
        assert_eq!(job.clone().step(&keeping(&["a", "b"]), at(10)), (job.clone(), None));
        assert!(job.step(&keeping(&["a", "b"]), at(11)).1.is_some());
    }

    #[test]
    fn what_must_be_done_about_a_process_comes_before_its_checkpoints() {
        let mut job = running();
        job.life.stop_asked = true;
        let (job, action) = job.step(&keeping(&["a"]), at(7));
        assert_eq!(action, Some(Action::Life(life::Action::Interrupt)));
        assert_eq!(job.checkpoints, Some(Ledger::default()));
    }

    #[test]
    fn of_the_files_of_a_lost_run_nothing_is_known_to_the_next() {
        let (job, _) = running().step(&keeping(&["a"]), at(7));
        let exits = vec![Exit::Signal(9)];
        let killed =
            Process::Exited { started: None, at: at(9), exits, failure: None, settled: false };
        let (job, action) = job.step(&Seen::Process(killed), at(9));
        assert_eq!(action, Some(Action::Life(life::Action::Salvage)));
        assert_ne!(job.checkpoints, Some(Ledger::default()), "they are carried once more");
        let metrics = vec![FinalMetric { name: "rmse".into(), value: 1.5, at: at(8) }];
        let (job, action) = job.step(&Seen::Salvaged(metrics.clone()), at(10));
        assert_eq!(action, Some(Action::Forget));
        assert_eq!(job.made.metrics, metrics, "of a job that ends before its next run, too");
        let (job, action) = job.step(&Seen::Process(Process::Nothing), at(20));
        assert_eq!((job.life.phase, action), (Phase::Pending, None));
        assert_eq!(job.checkpoints, Some(Ledger::default()));
    }

    #[test]
    fn a_job_that_an_older_program_wrote_is_read() {
        let old = r#"{"format":1,"request":{"TrainingJobName":"churn"},"life":{
            "phase":{"phase":"finishing","outcome":"completed"},"stop_asked":false,
            "max_runtime":60,"transitions":[{"status":"Starting","start":1,"end":null}],
            "started":5,"ended":6},"made":{"metrics":[],"artifact":null}}"#;
        let job: TrainingJob = serde_json::from_str(old).unwrap();
        assert_eq!((job.checkpoints, job.life.run()), (None, 0));
        let again: TrainingJob =
            serde_json::from_str(&serde_json::to_string(&running()).unwrap()).unwrap();
        assert_eq!(again, running());
    }
}
