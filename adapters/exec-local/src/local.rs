//! The executor of this machine: the port, over the folders of its workloads ([`Jobs`]).

use std::{fs::File, io, path::Path, sync::Arc};

use async_trait::async_trait;
use platform::{
    executor::{Ending, Executor, ExecutorError, FolderFile, LogChunk, Seen, Stop},
    workload::Workload,
};
use tokio::sync::watch;
use types::Id;

use crate::{folder, jobs::Jobs};

/// Runs workloads as processes of this machine.
#[derive(Clone)]
pub struct Local(Arc<Jobs>);

impl Local {
    /// Takes over the workloads in `jobs`, which is made where it does not exist: those that were
    /// submitted and not started are started, those that run are watched again. To be called
    /// inside a runtime, and by one server at a time.
    ///
    /// `binary` is our own executable as it was opened at start, so that one that is replaced on
    /// disk cannot mix versions. Every program sees `environment`, which wins over the
    /// workload's; nothing else of the server's own is passed on.
    pub fn open(jobs: &Path, binary: File, environment: Vec<(String, String)>) -> io::Result<Self> {
        Ok(Self(Jobs::open(jobs, binary, environment)?))
    }

    /// What this executor does not hold, one sentence each, for whoever examines the machine.
    #[must_use]
    pub fn report() -> Vec<&'static str> {
        vec![
            "Memory limits of built-in algorithms are not held: an address-space limit would break \
             OpenMP, and no control group is used. Size instance types to the machine.",
            "Scripts and images of users are refused: no isolation for them is set up.",
        ]
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Jobs>) -> Result<T, ExecutorError> + Send + 'static,
    ) -> Result<T, ExecutorError> {
        let jobs = self.0.clone();
        let done = self.0.runtime().spawn_blocking(move || work(&jobs)).await;
        done.map_err(|error| ExecutorError::Io(io::Error::other(error)))?
    }
}

#[async_trait]
impl Executor for Local {
    async fn submit(&self, workload: &Workload) -> Result<(), ExecutorError> {
        let workload = workload.clone();
        self.blocking(move |jobs| jobs.submit(&workload)).await
    }

    async fn observe(&self, id: Id) -> Result<Seen, ExecutorError> {
        self.blocking(move |jobs| jobs.observe(id)).await
    }

    async fn stop(&self, id: Id, how: Stop) -> Result<(), ExecutorError> {
        self.blocking(move |jobs| jobs.stop(id, how)).await
    }

    async fn log(
        &self,
        id: Id,
        host: &str,
        from: u64,
        limit: usize,
    ) -> Result<LogChunk, ExecutorError> {
        let host = host.to_owned();
        self.blocking(move |jobs| jobs.log(id, &host, from, limit)).await
    }

    async fn output(&self, id: Id, host: &str, path: &str) -> Result<Option<File>, ExecutorError> {
        let (host, path) = (host.to_owned(), path.to_owned());
        self.blocking(move |jobs| jobs.output(id, &host, &path)).await
    }

    async fn files(
        &self,
        id: Id,
        host: &str,
        folder: &str,
    ) -> Result<Vec<FolderFile>, ExecutorError> {
        let (host, folder) = (host.to_owned(), folder.to_owned());
        self.blocking(move |jobs| folder::list(&jobs.host(id, &host)?, &folder)).await
    }

    async fn file(
        &self,
        id: Id,
        host: &str,
        folder: &str,
        path: &str,
    ) -> Result<Option<File>, ExecutorError> {
        let (host, folder, path) = (host.to_owned(), folder.to_owned(), path.to_owned());
        let open =
            move |jobs: &Arc<Jobs>| Ok(folder::open_file(&jobs.host(id, &host)?, &folder, &path)?);
        self.blocking(open).await
    }

    async fn endings(&self, id: Id) -> Result<Vec<Ending>, ExecutorError> {
        self.blocking(move |jobs| jobs.endings(id)).await
    }

    async fn forget(&self, id: Id) -> Result<(), ExecutorError> {
        self.blocking(move |jobs| jobs.forget(id)).await
    }

    async fn list(&self) -> Result<Vec<Id>, ExecutorError> {
        self.blocking(|jobs| Ok(jobs.ids()?)).await
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed()
    }
}
