//! The API of training jobs.

use std::sync::Arc;

use api::{
    Caller, Document, Fault, Input, What,
    training::{ListTrainingJobs, TrainingApi, TrainingJobName, TrainingJobSpec},
};
use async_trait::async_trait;
use jobs::Wake;
use platform::{
    algorithm::Algorithms,
    objects::Objects,
    store::{Record, Store},
};
use types::Timestamp;

use super::{
    describe::{describe, summary},
    job::TrainingJob,
    launch::Plan,
};
use crate::{
    life::{Endurance, Life},
    record::{self, Holding, Kind, Shelf, unbuilt},
};

/// A day, in seconds: `MaxRuntimeInSeconds` where it is not said (semantics 1.1).
const DAY: u64 = 86_400;

/// What a request may ask for and would not get.
const UNBUILT: &[&str] = &[
    "ResourceConfig.InstanceGroups",
    "ResourceConfig.KeepAlivePeriodInSeconds",
    "ResourceConfig.VolumeKmsKeyId",
];

/// Answers for training jobs.
pub struct TrainingService {
    shelf: Shelf<TrainingJob>,
    objects: Arc<dyn Objects>,
    algorithms: Arc<dyn Algorithms>,
    holding: Arc<Holding>,
    wake: Wake,
}

impl TrainingService {
    /// Over this store; `wake` wakes the driver of its jobs.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        objects: Arc<dyn Objects>,
        algorithms: Arc<dyn Algorithms>,
        holding: Arc<Holding>,
        wake: Wake,
    ) -> Self {
        Self { shelf: Shelf::new(store), objects, algorithms, holding, wake }
    }

    fn show(&self, record: &Record) -> Result<Document, Fault> {
        let job: TrainingJob = record::read(record)?;
        let plan = Plan::of(&job.request, &*self.algorithms)?;
        Ok(describe(record, &job, &plan.metrics()))
    }
}

#[async_trait]
impl TrainingApi for TrainingService {
    async fn create_training_job(
        &self,
        caller: &Caller,
        input: Input<TrainingJobSpec>,
    ) -> Result<Document, Fault> {
        let Input { document, view } = input;
        let owner = caller.owner();
        record::role(owner, &view.role_arn)?;
        unbuilt::refuse(TrainingJob::KIND, &document, UNBUILT)?;
        let plan = Plan::new(view, &*self.algorithms)?;
        plan.check_data(owner, &*self.objects).await?;
        let life = life(&plan.spec)?;
        let request = Arc::unwrap_or_clone(document);
        let job = TrainingJob::new(request, life, plan.checkpoints.is_some());
        let name = &plan.spec.training_job_name;
        let (id, writes) = Shelf::create(owner, name, &job, &plan.spec.tags)?;
        self.holding.created(id);
        self.shelf.commit(owner, writes).await?;
        self.wake.wake();
        let arn = Shelf::<TrainingJob>::arn(owner, name);
        Ok(record::one("TrainingJobArn", arn))
    }

    async fn describe_training_job(
        &self,
        caller: &Caller,
        input: Input<TrainingJobName>,
    ) -> Result<Document, Fault> {
        let (record, _) = self.shelf.get(caller.owner(), &input.view.training_job_name).await?;
        let ended = |record: &Record| record.due.is_none();
        let held = self.holding.first_look(self.shelf.store(), caller, record, ended).await;
        self.show(&held.map_err(Fault::internal)?)
    }

    async fn list_training_jobs(
        &self,
        caller: &Caller,
        input: Input<ListTrainingJobs>,
    ) -> Result<Document, Fault> {
        let arguments = &input.view.page;
        let (records, next) =
            record::page(self.shelf.store(), caller.owner(), TrainingJob::KIND, arguments).await?;
        let mut shown = Vec::with_capacity(records.len());
        for record in &records {
            shown.push(summary(record, &record::read(record)?));
        }
        Ok(record::summaries("TrainingJobSummaries", shown, next))
    }

    async fn stop_training_job(
        &self,
        caller: &Caller,
        input: Input<TrainingJobName>,
    ) -> Result<Document, Fault> {
        let name = &input.view.training_job_name;
        let now = Timestamp::now();
        let change = |job: &mut TrainingJob| job.life.ask_to_stop(TrainingJob::KIND, now);
        self.shelf.update(caller.owner(), name, change).await?;
        self.wake.wake();
        Ok(Document::new())
    }
}

/// The life of a job that was asked for like this.
fn life(spec: &TrainingJobSpec) -> Result<Life, Fault> {
    let asked = spec.stopping_condition.as_ref();
    let max_runtime = asked.and_then(|asked| asked.max_runtime_in_seconds).unwrap_or(DAY);
    let max_wait = asked.and_then(|asked| asked.max_wait_time_in_seconds);
    let wrong = match (spec.enable_managed_spot_training, max_wait) {
        (true, Some(wait)) if wait >= max_runtime => None,
        (true, _) => Some("It must be present and be greater than or equal to MaxRuntimeInSeconds"),
        (false, Some(_)) => {
            Some("It is only supported when EnableManagedSpotTraining is set to true")
        }
        (false, None) => None,
    };
    if let Some(wrong) = wrong {
        let message = format!("Invalid MaxWaitTimeInSeconds. {wrong}");
        return Err(Fault::new(What::Invalid, TrainingJob::KIND, message));
    }
    let retries = spec.retry_strategy.as_ref().map_or(0, |retry| retry.maximum_retry_attempts);
    let life = Life::new(max_runtime, Timestamp::now());
    Ok(life.enduring(Endurance { max_wait, retries }))
}
