//! What is particular to driving transform jobs: their launch, and the keeping of predictions.

use std::{fs::File, sync::Arc};

use api::{Fault, inference::TransformJobSpec};
use async_trait::async_trait;
use jobs::{Machine, Step};
use platform::{
    executor::{ExecutorError, Stop},
    follow::Follow,
    objects::{self, ObjectError, ObjectHeaders, Objects, Put},
    store::Record,
    transform::{Line, OUTPUTS, Output, Outputs, shortened},
};
use tokio::io::AsyncReadExt;
use tracing::warn;
use types::Timestamp;

use super::{job::TransformJob, launch, ledger::Ledger};
use crate::{
    life::{Action, Hands, INTERNAL, Outcome, Phase, Seen, refusal},
    record::{Kind, S3Uri},
};

/// How a reason begins where what was made is lost by our own fault.
const LOST: &str = "InternalServerError: We encountered an internal error";
/// How it ends.
const AGAIN: &str = "Please try again.";

/// Drives transform jobs.
pub struct TransformMachine {
    /// Runs them.
    pub hands: Hands,
    /// Holds their data, models and predictions.
    pub objects: Arc<dyn Objects>,
    /// Carries their output away.
    pub follow: Arc<dyn Follow>,
}

#[async_trait]
impl Machine for TransformMachine {
    type Job = TransformJob;
    type Seen = Seen<()>;
    type Action = Action;

    fn kind(&self) -> &'static str {
        TransformJob::KIND
    }

    async fn observe(&self, record: &Record, job: &TransformJob) -> Option<Seen<()>> {
        let spec = launch::spec(job).ok()?;
        let hosts = launch::hosts(&spec);
        let seen = self.hands.observe(record, hosts.first()?).await?;
        if let Seen::Running { .. } = seen {
            for source in launch::sources(record, &spec) {
                if let Err(error) = self.follow.follow(source).await {
                    warn!(job = %record.key, error = ?error, "a job's log is not followed yet");
                }
            }
        }
        Some(seen)
    }

    fn step(
        &self,
        mut job: TransformJob,
        seen: &Seen<()>,
        now: Timestamp,
    ) -> Step<TransformJob, Action> {
        let (life, action) = job.life.step(seen, now);
        job.life = life;
        Step { job, action }
    }

    async fn act(&self, record: &Record, job: &TransformJob, action: Action) -> Option<Seen<()>> {
        match action {
            Action::Launch => match self.launch(record, job).await {
                Ok(()) => return self.observe(record, job).await,
                Err(fault) => return Some(refusal(record, &fault)),
            },
            Action::Interrupt => self.hands.stop(record, Stop::Interrupt).await,
            Action::Kill => self.hands.stop(record, Stop::Kill).await,
            // No transform job begins again: it asks for nothing to endure.
            Action::Salvage | Action::Release => self.hands.forget(record).await,
            Action::Keep => match self.keep(record, job).await {
                Ok(failure) => return Some(Seen::Kept { kept: (), failure }),
                Err(error) => {
                    warn!(job = %record.key, error = ?error, "log and predictions are not kept yet");
                    return Some(Seen::Hindered(INTERNAL.to_owned()));
                }
            },
        }
        None
    }
}

impl TransformMachine {
    async fn launch(&self, record: &Record, job: &TransformJob) -> Result<(), Fault> {
        let workload = launch::workload(record, job, &*self.objects).await?;
        self.hands.submit(&workload, TransformJob::KIND).await
    }

    /// Reads the logs to their ends and keeps the predictions of a job that was not stopped: one that
    /// failed has those of the objects that did not. Answers with the job's `FailureReason` where
    /// objects failed or predictions cannot be kept; an error is ours, and tried again.
    async fn keep(&self, record: &Record, job: &TransformJob) -> Result<Option<String>, Fault> {
        let spec = launch::spec(job)?;
        self.follow.drain(&launch::sources(record, &spec)).await.map_err(Fault::internal)?;
        let Phase::Finishing { outcome: Outcome::Completed | Outcome::Failed(_) } = job.life.phase
        else {
            return Ok(None);
        };
        let hosts = launch::hosts(&spec);
        let mut ledger = Ledger::default();
        for (place, host) in hosts.iter().enumerate() {
            let lines = self.list(record, host).await?;
            if lines.last() != Some(&Line::End) {
                ledger.trouble(format!("{LOST}: what {host} made is not known. {AGAIN}"));
            }
            for line in lines {
                match line {
                    Line::Made(output) => {
                        self.store(record, &spec, host, &output, &mut ledger).await?;
                    }
                    // Objects are shared out in turns.
                    Line::Failed(object) => {
                        ledger.failed(object.number * hosts.len() + place, object);
                    }
                    Line::End => {}
                }
            }
        }
        Ok(ledger.reason())
    }

    /// What the program on a host says of its objects, as far as it came.
    async fn list(&self, record: &Record, host: &str) -> Result<Vec<Line>, Fault> {
        if let Some(list) = self.left(record, host, OUTPUTS).await? {
            return Ok(Line::read(&list).collect());
        }
        // A program of an older version wrote its list once, when all was made.
        let Some(list) = self.left(record, host, Outputs::PATH).await? else {
            return Ok(Vec::new());
        };
        let Outputs { outputs } = serde_json::from_slice(&list).map_err(Fault::internal)?;
        Ok(outputs.into_iter().map(Line::Made).chain([Line::End]).collect())
    }

    /// Keeps an object's predictions. Those that cannot be kept do not keep the next ones from it.
    async fn store(
        &self,
        record: &Record,
        spec: &TransformJobSpec,
        host: &str,
        output: &Output,
        ledger: &mut Ledger,
    ) -> Result<(), Fault> {
        ledger.made();
        let to = launch::target(spec, &output.input)?;
        let file = self.hands.0.output(record.id, host, &output.file).await;
        let Some(file) = file.map_err(Fault::internal)? else {
            let input = shortened(&output.input);
            ledger.trouble(format!("{LOST}: the predictions for {input} are gone. {AGAIN}"));
            return Ok(());
        };
        match self.upload(record, spec, file, output, &to).await {
            Ok(()) => {}
            Err(error @ (ObjectError::Internal(_) | ObjectError::Body(_))) => {
                return Err(Fault::internal(error));
            }
            Err(error) => {
                let to = to.to_string();
                let to = shortened(&to);
                ledger.trouble(format!("ClientError: Output upload failed: {to}: {error}"));
            }
        }
        Ok(())
    }

    /// What the program on a host left in a file.
    async fn left(
        &self,
        record: &Record,
        host: &str,
        path: &str,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let file = match self.hands.0.output(record.id, host, path).await {
            Ok(Some(file)) => file,
            // Its folder is gone, or never was.
            Ok(None) | Err(ExecutorError::Absent(_)) => return Ok(None),
            Err(error) => return Err(Fault::internal(error)),
        };
        let mut bytes = Vec::new();
        let mut file = tokio::fs::File::from_std(file);
        file.read_to_end(&mut bytes).await.map_err(Fault::internal)?;
        Ok(Some(bytes))
    }

    async fn upload(
        &self,
        record: &Record,
        spec: &TransformJobSpec,
        file: File,
        output: &Output,
        to: &S3Uri,
    ) -> Result<(), ObjectError> {
        let content_type = Some(output.content_type.clone()).filter(|name| !name.is_empty());
        let headers = ObjectHeaders { content_type, ..ObjectHeaders::default() };
        let protection = launch::protection(spec);
        let put = Put::new(&*to.bucket, &*to.key, objects::of_file(file));
        let put = Put { headers, protection, ..put };
        self.objects.put(&record.owner, put).await.map(|_| ())
    }
}
