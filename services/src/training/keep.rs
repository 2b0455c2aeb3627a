//! What a training job leaves behind: its log to the end, its checkpoints, and its archives.

use std::{fs::File, io};

use api::Fault;
use platform::{
    executor::{Ending, ExecutorError, FolderFile},
    objects::{self, ObjectError, Put},
    store::Record,
};
use tracing::warn;

use super::{
    job::{Made, Process, Seen, TrainingJob},
    launch::{MODEL, MODEL_FOLDER, OUTPUT, Plan},
    ledger::Folders,
    machine::TrainingMachine,
};
use crate::{
    life::{Outcome, Phase},
    record::S3Uri,
};

/// How much of a job's checkpoints is carried while nothing else is done about it, bytes: half a
/// second's work of a slow disk. A larger file goes alone.
const AT_ONCE: u64 = 64 << 20;

/// What was kept, or the job's `FailureReason`.
type Kept<T> = Result<T, String>;

impl TrainingMachine {
    /// Reads the log to its end and keeps what the job made. An error is ours, and tried again.
    pub(super) async fn keep(&self, record: &Record, job: &TrainingJob) -> Result<Process, Fault> {
        let plan = Plan::of(&job.request, &*self.algorithms)?;
        let sources = plan.sources(record, job.life.run());
        let metrics = self.follow.drain(&sources).await.map_err(Fault::internal)?;
        let failed = matches!(job.life.phase, Phase::Finishing { outcome: Outcome::Failed(_) });
        let carried = self.carry_last(&plan, record, job).await?;
        let uploaded = self.upload_all(&plan, record, failed).await?;
        let (artifact, failure) = match carried.and(uploaded) {
            Ok(artifact) => (artifact, None),
            Err(reason) => (None, Some(reason)),
        };
        Ok(Process::Kept { kept: Made { metrics, artifact }, failure })
    }

    /// Makes S3 as the checkpoints' folders were, or a part of it.
    pub(super) async fn carry(
        &self,
        record: &Record,
        job: &TrainingJob,
        folders: &Folders,
    ) -> Result<Seen, Fault> {
        let plan = Plan::of(&job.request, &*self.algorithms)?;
        let mut ledger = job.checkpoints.clone().unwrap_or_default();
        let Some(carrier) = plan.carrier(record, &*self.objects) else {
            return Ok(Seen::Carried { ledger, whole: true });
        };
        let outcome = carrier.carry(&self.hands, &mut ledger, folders, AT_ONCE).await;
        let whole = outcome.unwrap_or_else(|error| {
            warn!(job = %record.key, error = ?error, "a job's checkpoints are not carried yet");
            // The rest is tried when the folders are looked at again.
            true
        });
        Ok(Seen::Carried { ledger, whole })
    }

    /// The same for the last time: the process has ended.
    pub(super) async fn carry_last(
        &self,
        plan: &Plan,
        record: &Record,
        job: &TrainingJob,
    ) -> Result<Kept<()>, Fault> {
        let Some(carrier) = plan.carrier(record, &*self.objects) else { return Ok(Ok(())) };
        let folders = match self.folders(plan, record).await {
            Ok(folders) => folders,
            // It never began, so nothing of it was removed either.
            Err(ExecutorError::Absent(_)) => return Ok(Ok(())),
            Err(ExecutorError::Unsupported(why)) => return Ok(Err(format!("ClientError: {why}"))),
            Err(error) => return Err(Fault::internal(error)),
        };
        let mut ledger = job.checkpoints.clone().unwrap_or_default();
        ledger.note(&folders, job.life.last_started().unwrap_or(record.created));
        let outcome = carrier.carry(&self.hands, &mut ledger, &folders, u64::MAX).await;
        kept(outcome, |error| {
            format!("ClientError: Checkpoint upload failed: {}: {error}", carrier.place.uri())
        })
        .map(|kept| kept.map(drop))
    }

    /// Keeps what the program left beside its model, and the model unless the job has failed; the
    /// former may tell why. Answers with where the model is.
    async fn upload_all(
        &self,
        plan: &Plan,
        record: &Record,
        failed: bool,
    ) -> Result<Kept<Option<String>>, Fault> {
        match self.upload(plan, record, OUTPUT).await? {
            Ok(_) if failed => Ok(Ok(None)),
            Ok(_) if plan.packs_model() => self.upload(plan, record, MODEL).await,
            Ok(_) => self.upload_files(plan, record).await,
            Err(reason) => Ok(Err(reason)),
        }
    }

    /// Answers with where an archive went, if there is one.
    async fn upload(
        &self,
        plan: &Plan,
        record: &Record,
        archive: &str,
    ) -> Result<Kept<Option<String>>, Fault> {
        let file = match self.archive(plan, record, archive).await? {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Ok(None)),
            Err(reason) => return Ok(Err(reason)),
        };
        let uri = plan.place(archive)?;
        let put = self.put(plan, record, &uri, file).await?;
        Ok(put.map(|()| Some(uri.to_string())))
    }

    /// An archive of the host that has one: of several, one saves. Where that could not be packed,
    /// the job has failed by our own fault.
    async fn archive(
        &self,
        plan: &Plan,
        record: &Record,
        archive: &str,
    ) -> Result<Kept<Option<File>>, Fault> {
        let endings = match self.hands.0.endings(record.id).await {
            Ok(endings) => endings,
            // A job that was stopped before it was laid out has left nothing.
            Err(ExecutorError::Absent(_)) => return Ok(Ok(None)),
            Err(error) => return Err(Fault::internal(error)),
        };
        for host in plan.hosts() {
            if let Some(why) = unpacked(&endings, &host, archive) {
                return Ok(Err(format!("InternalServerError: {why}")));
            }
            match self.hands.0.output(record.id, &host, archive).await {
                Ok(Some(file)) => return Ok(Ok(Some(file))),
                Ok(None) => {}
                Err(ExecutorError::Absent(_)) => return Ok(Ok(None)),
                Err(error) => return Err(Fault::internal(error)),
            }
        }
        Ok(Ok(None))
    }

    /// The model as it lies, an object for each file. Answers with their prefix, if there is one.
    async fn upload_files(
        &self,
        plan: &Plan,
        record: &Record,
    ) -> Result<Kept<Option<String>>, Fault> {
        let prefix = plan.place(MODEL_FOLDER)?;
        let mut kept = None;
        for host in plan.hosts() {
            let files = match self.hands.0.files(record.id, &host, MODEL_FOLDER).await {
                Ok(files) => files,
                Err(ExecutorError::Absent(_)) => return Ok(Ok(None)),
                Err(ExecutorError::Unsupported(why)) => {
                    return Ok(Err(format!("ClientError: {why}")));
                }
                Err(error) => return Err(Fault::internal(error)),
            };
            for FolderFile { path, .. } in &files {
                let file = self.hands.0.file(record.id, &host, MODEL_FOLDER, path).await;
                let file = file.map_err(Fault::internal)?.ok_or_else(|| gone(path))?;
                if let Err(reason) = self.put(plan, record, &prefix.join(path), file).await? {
                    return Ok(Err(reason));
                }
                kept = Some(format!("{prefix}/"));
            }
        }
        Ok(Ok(kept))
    }

    async fn put(
        &self,
        plan: &Plan,
        record: &Record,
        uri: &S3Uri,
        file: File,
    ) -> Result<Kept<()>, Fault> {
        let protection = plan.protection();
        let put = Put { protection, ..Put::new(&*uri.bucket, &*uri.key, objects::of_file(file)) };
        let put = self.objects.put(&record.owner, put).await;
        let put = kept(put, |error| format!("ClientError: Artifact upload failed: {uri}: {error}"));
        put.map(|kept| kept.map(drop))
    }
}

/// Why a host has no archive that it should have.
fn unpacked<'a>(endings: &'a [Ending], host: &str, archive: &str) -> Option<&'a str> {
    let ending = endings.iter().find(|ending| ending.host == host)?;
    let unpacked = ending.unpacked.iter().find(|unpacked| unpacked.archive == archive)?;
    Some(&unpacked.why)
}

/// The program has ended, and nobody else writes there.
fn gone(path: &str) -> Fault {
    Fault::internal(io::Error::other(format!("{path} went away while it was kept")))
}

/// Whose fault it is that something could not be kept.
fn kept<T>(
    done: Result<T, ObjectError>,
    reason: impl FnOnce(ObjectError) -> String,
) -> Result<Kept<T>, Fault> {
    match done {
        Ok(kept) => Ok(Ok(kept)),
        Err(error @ (ObjectError::Internal(_) | ObjectError::Body(_))) => {
            Err(Fault::internal(error))
        }
        Err(error) => Ok(Err(reason(error))),
    }
}
