//! What is particular to driving training jobs: their launch, their checkpoints on the way to S3, and
//! what becomes of a lost run.

use std::sync::Arc;

use api::Fault;
use async_trait::async_trait;
use jobs::{Machine, Step};
use platform::{
    algorithm::Algorithms,
    executor::{ExecutorError, Stop},
    follow::Follow,
    objects::Objects,
    store::Record,
    workload::CHECKPOINTS,
};
use tracing::warn;
use types::Timestamp;

use super::{
    job::{Action, Process, Seen, TrainingJob},
    launch::{HOST, Plan},
    ledger::Folders,
};
use crate::{
    life::{self, Hands, refusal},
    record::Kind,
};

/// Drives training jobs.
pub struct TrainingMachine {
    /// Runs them.
    pub hands: Hands,
    /// Holds their data and models.
    pub objects: Arc<dyn Objects>,
    /// Carries their output away.
    pub follow: Arc<dyn Follow>,
    /// Knows what is behind their images.
    pub algorithms: Arc<dyn Algorithms>,
}

#[async_trait]
impl Machine for TrainingMachine {
    type Job = TrainingJob;
    type Seen = Seen;
    type Action = Action;

    fn kind(&self) -> &'static str {
        TrainingJob::KIND
    }

    async fn observe(&self, record: &Record, job: &TrainingJob) -> Option<Seen> {
        let process = self.hands.observe(record, HOST).await?;
        let Process::Running { since } = process else { return Some(Seen::Process(process)) };
        let Ok(plan) = Plan::of(&job.request, &*self.algorithms) else {
            return Some(Seen::Process(process));
        };
        self.follow(&plan, record, job).await;
        Some(match self.look(&plan, record, job).await {
            Some(folders) => Seen::Keeping { since, folders },
            None => Seen::Process(process),
        })
    }

    fn step(&self, job: TrainingJob, seen: &Seen, now: Timestamp) -> Step<TrainingJob, Action> {
        let (job, action) = job.step(seen, now);
        Step { job, action }
    }

    async fn act(&self, record: &Record, job: &TrainingJob, action: Action) -> Option<Seen> {
        let done = match action {
            Action::Life(life::Action::Launch) => match self.launch(record, job).await {
                Ok(()) => return self.observe(record, job).await,
                Err(fault) => return Some(Seen::Process(refusal(record, &fault))),
            },
            Action::Life(life::Action::Interrupt) => {
                self.hands.stop(record, Stop::Interrupt).await;
                return None;
            }
            Action::Life(life::Action::Kill) => {
                self.hands.stop(record, Stop::Kill).await;
                return None;
            }
            Action::Life(life::Action::Release) => {
                self.hands.forget(record).await;
                return None;
            }
            Action::Life(life::Action::Salvage) => self.salvage(record, job).await,
            Action::Life(life::Action::Keep) => self.keep(record, job).await.map(Seen::Process),
            Action::Forget => self.forget(record).await,
            Action::Carry(folders) => match self.carry(record, job, &folders).await {
                Ok(seen) => return Some(seen),
                Err(error) => {
                    warn!(job = %record.key, error = ?error, "checkpoints are not kept yet");
                    return None;
                }
            },
        };
        Some(done.unwrap_or_else(|error| {
            warn!(job = %record.key, error = ?error, "what a job made is not kept yet");
            Seen::Process(Process::Hindered(life::INTERNAL.to_owned()))
        }))
    }
}

impl TrainingMachine {
    async fn launch(&self, record: &Record, job: &TrainingJob) -> Result<(), Fault> {
        let plan = Plan::of(&job.request, &*self.algorithms)?;
        let workload = plan.workload(record, &*self.objects).await?;
        self.hands.submit(&workload, TrainingJob::KIND).await
    }

    async fn follow(&self, plan: &Plan, record: &Record, job: &TrainingJob) {
        for source in plan.sources(record, job.life.run()) {
            if let Err(error) = self.follow.follow(source).await {
                warn!(job = %record.key, error = ?error, "a job's log is not followed yet");
            }
        }
    }

    /// What lies in the folders of the job's checkpoints, if it keeps any and they do not rest: a
    /// job is looked at for many reasons.
    async fn look(&self, plan: &Plan, record: &Record, job: &TrainingJob) -> Option<Folders> {
        if job.checkpoints.as_ref()?.rests_until(Timestamp::now()).is_some() {
            return None;
        }
        match self.folders(plan, record).await {
            Ok(folders) => Some(folders),
            Err(error) => {
                warn!(job = %record.key, error = ?error, "a job's checkpoints cannot be seen");
                None
            }
        }
    }

    /// Of every host: any of them may be the one that writes.
    pub(super) async fn folders(
        &self,
        plan: &Plan,
        record: &Record,
    ) -> Result<Folders, ExecutorError> {
        let mut folders = Folders::new();
        for host in plan.hosts() {
            let files = self.hands.0.files(record.id, &host, CHECKPOINTS).await?;
            folders.insert(host, files);
        }
        Ok(folders)
    }

    /// Keeps of a lost run what the next one goes on with.
    async fn salvage(&self, record: &Record, job: &TrainingJob) -> Result<Seen, Fault> {
        let plan = Plan::of(&job.request, &*self.algorithms)?;
        let sources = plan.sources(record, job.life.run());
        let metrics = self.follow.drain(&sources).await.map_err(Fault::internal)?;
        if let Err(reason) = self.carry_last(&plan, record, job).await? {
            // The next run goes on from what is there.
            warn!(job = %record.key, reason, "the last checkpoints of a run are lost");
        }
        Ok(Seen::Salvaged(metrics))
    }

    /// Everything of a lost run is kept, so that the next one may begin.
    async fn forget(&self, record: &Record) -> Result<Seen, Fault> {
        self.hands.0.forget(record.id).await.map_err(Fault::internal)?;
        Ok(Seen::Process(Process::Nothing))
    }
}
