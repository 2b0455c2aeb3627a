//! What is particular to driving training jobs: their launch, and the keeping of their models.

use std::sync::Arc;

use api::Fault;
use async_trait::async_trait;
use jobs::{Machine, Step};
use platform::{
    algorithm::Algorithms,
    executor::Stop,
    follow::Follow,
    objects::{self, ObjectError, Objects, Put},
    store::Record,
};
use tracing::warn;
use types::Timestamp;

use super::{
    job::{Made, Seen, TrainingJob},
    launch::{HOST, MODEL, Plan},
};
use crate::{
    life::{Action, Hands, Outcome, Phase, refusal},
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
        let seen = self.hands.observe(record, HOST).await?;
        if let Seen::Running { .. } = seen {
            self.follow(record, job).await;
        }
        Some(seen)
    }

    fn step(&self, job: TrainingJob, seen: &Seen, now: Timestamp) -> Step<TrainingJob, Action> {
        let (job, action) = job.step(seen, now);
        Step { job, action }
    }

    async fn act(&self, record: &Record, job: &TrainingJob, action: Action) -> Option<Seen> {
        match action {
            Action::Launch => match self.launch(record, job).await {
                Ok(()) => return self.observe(record, job).await,
                Err(fault) => return refusal(record, &fault),
            },
            Action::Interrupt => self.hands.stop(record, Stop::Interrupt).await,
            Action::Kill => self.hands.stop(record, Stop::Kill).await,
            Action::Release => self.hands.forget(record).await,
            Action::Keep => match self.keep(record, job).await {
                Ok(seen) => return Some(seen),
                Err(error) => {
                    warn!(job = %record.key, error = ?error, "log and model are not kept yet");
                }
            },
        }
        None
    }
}

impl TrainingMachine {
    async fn launch(&self, record: &Record, job: &TrainingJob) -> Result<(), Fault> {
        let plan = Plan::of(&job.request, &*self.algorithms)?;
        let workload = plan.workload(record, &*self.objects).await?;
        self.hands.submit(&workload, TrainingJob::KIND).await
    }

    async fn follow(&self, record: &Record, job: &TrainingJob) {
        let Ok(plan) = Plan::of(&job.request, &*self.algorithms) else { return };
        if let Err(error) = self.follow.follow(plan.source(record)).await {
            warn!(job = %record.key, error = ?error, "a job's log is not followed yet");
        }
    }

    /// Reads the log to its end and keeps the model. An error is ours, and tried again.
    async fn keep(&self, record: &Record, job: &TrainingJob) -> Result<Seen, Fault> {
        let plan = Plan::of(&job.request, &*self.algorithms)?;
        let metrics = self.follow.drain(&[plan.source(record)]).await.map_err(Fault::internal)?;
        let failed = matches!(job.life.phase, Phase::Finishing { outcome: Outcome::Failed(_) });
        let uploaded = if failed { Ok(None) } else { self.upload(&plan, record).await? };
        Ok(match uploaded {
            Ok(artifact) => Seen::Kept { kept: Made { metrics, artifact }, failure: None },
            Err(reason) => {
                Seen::Kept { kept: Made { metrics, artifact: None }, failure: Some(reason) }
            }
        })
    }

    /// The inner error is the job's `FailureReason`; the outer one is ours.
    async fn upload(
        &self,
        plan: &Plan,
        record: &Record,
    ) -> Result<Result<Option<String>, String>, Fault> {
        let archive = self.hands.0.output(record.id, HOST, MODEL).await;
        let Some(file) = archive.map_err(Fault::internal)? else { return Ok(Ok(None)) };
        let uri = plan.artifact()?;
        let protection = plan.protection();
        let put = Put { protection, ..Put::new(&*uri.bucket, &*uri.key, objects::of_file(file)) };
        match self.objects.put(&record.owner, put).await {
            Ok(_) => Ok(Ok(Some(uri.to_string()))),
            Err(error @ (ObjectError::Internal(_) | ObjectError::Body(_))) => {
                Err(Fault::internal(error))
            }
            Err(error) => Ok(Err(format!("ClientError: Artifact upload failed: {uri}: {error}"))),
        }
    }
}
