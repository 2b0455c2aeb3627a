//! What a family of jobs brings: its stored form, its pure step, its eyes and its hands.

use std::sync::Arc;

use async_trait::async_trait;
use platform::store::{Conflict, Record, State, Store, StoreError, Token, Write};
use serde::{Serialize, de::DeserializeOwned};
use types::Timestamp;

/// A job as it is stored. Statuses on the wire are derived from it, so the two never disagree.
pub trait Job: Clone + Serialize + DeserializeOwned + PartialEq + Send + Sync {
    /// The word of `List*`: `InProgress`, `Completed`, ….
    fn status(&self) -> &'static str;

    /// For the event that a changed status writes; may be empty.
    fn detail(&self) -> String;

    /// When the driver must look again, whether or not it is woken; `None` once it has ended.
    fn due(&self, now: Timestamp) -> Option<Timestamp>;

    /// The job as the store keeps it.
    fn state(&self, now: Timestamp) -> Result<State, serde_json::Error> {
        Ok(State {
            status: self.status().to_owned(),
            due: self.due(now),
            body: serde_json::to_string(self)?,
            detail: self.detail(),
        })
    }
}

/// What a step decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<J, A> {
    /// The job as it shall be saved.
    pub job: J,
    /// What to do once it is saved.
    pub action: Option<A>,
}

/// One family of jobs.
#[async_trait]
pub trait Machine: Send + Sync {
    /// Its stored form.
    type Job: Job;
    /// What can be seen of it.
    type Seen: Send + Sync;
    /// What can be done about it. Each is safe to repeat.
    type Action: Send;

    /// The kind of its records.
    fn kind(&self) -> &'static str;

    /// Looks. `None` where nothing could be learned now.
    async fn observe(&self, record: &Record, job: &Self::Job) -> Option<Self::Seen>;

    /// Decides, without I/O and without a clock.
    fn step(
        &self,
        job: Self::Job,
        seen: &Self::Seen,
        now: Timestamp,
    ) -> Step<Self::Job, Self::Action>;

    /// Does. What it learned in doing so is the next observation.
    async fn act(
        &self,
        record: &Record,
        job: &Self::Job,
        action: Self::Action,
    ) -> Option<Self::Seen>;
}

/// How far one round of driving came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driven {
    /// Nothing more to do until the time, or until something is seen differently.
    Rests(Option<Timestamp>),
    /// Somebody else wrote the record: look again.
    Overtaken,
}

/// A [`Machine`] of any job type.
#[async_trait]
pub trait Drive: Send + Sync {
    /// The kind of its records.
    fn kind(&self) -> &'static str;

    /// Drives one record until it rests.
    async fn drive(
        &self,
        store: &dyn Store,
        record: Record,
        token: Token,
    ) -> Result<Driven, DriveError>;
}

/// Why a record could not be driven.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Conflict),
    /// The record's body is not what this program writes.
    #[error("the body of {0} cannot be read")]
    Body(String, #[source] serde_json::Error),
}

/// How long to wait before looking again where nothing could be seen.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

#[async_trait]
impl<M: Machine> Drive for Arc<M> {
    fn kind(&self) -> &'static str {
        Machine::kind(&**self)
    }

    async fn drive(
        &self,
        store: &dyn Store,
        mut record: Record,
        token: Token,
    ) -> Result<Driven, DriveError> {
        let mut token = Some(token);
        let mut job: M::Job = read(&record)?;
        let mut seen = self.observe(&record, &job).await;
        while let Some(now_seen) = seen {
            let now = Timestamp::now();
            let Step { job: next, action } = self.step(job.clone(), &now_seen, now);
            let changed = next != job;
            job = next;
            if changed {
                match save(store, &record, token.take(), &job, now).await {
                    Ok(Some(saved)) => record = saved,
                    Ok(None) | Err(Conflict::Stale(_)) => return Ok(Driven::Overtaken),
                    Err(conflict) => return Err(DriveError::Store(conflict)),
                }
            }
            seen = match action {
                Some(action) => match self.act(&record, &job, action).await {
                    Some(learned) => Some(learned),
                    None => return Ok(Driven::Rests(job.due(now))),
                },
                // What was seen may carry a job through several phases: a start and an end that
                // were both missed, say.
                None if changed && job.due(now).is_some() => self.observe(&record, &job).await,
                None => return Ok(Driven::Rests(job.due(now))),
            };
        }
        Ok(Driven::Rests(Some(Timestamp::now() + LOOK_AGAIN)))
    }
}

fn read<J: Job>(record: &Record) -> Result<J, DriveError> {
    serde_json::from_str(&record.body)
        .map_err(|error| DriveError::Body(record.key.to_string(), error))
}

/// Saves what a step decided. `None` where the record is gone by now.
async fn save<J: Job>(
    store: &dyn Store,
    record: &Record,
    token: Option<Token>,
    job: &J,
    now: Timestamp,
) -> Result<Option<Record>, Conflict> {
    let state = job.state(now).map_err(StoreError::new)?;
    let (key, version) = (record.key.clone(), record.version);
    store.commit(vec![Write::Update { key, version, token, state }]).await?;
    store.find(record.id).await.map_err(Conflict::Store)
}
