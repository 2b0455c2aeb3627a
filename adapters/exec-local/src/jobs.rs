//! The workloads of this machine: started, watched, looked at and removed.
//!
//! Nothing of them is held here: everything is read from their folders each time, so a server that
//! starts finds what an earlier one left. What is added is to wake whoever waits: for each shim a
//! task waits on the process itself.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, FileExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use platform::{
    executor::{Ending, ExecutorError, LogChunk, Seen, Stop},
    workload::Workload,
};
use rustix::process::Signal;
use tokio::{runtime::Handle, sync::watch};
use types::Id;

use crate::{
    host::{self, HostSeen, Started},
    layout::{self, HostFolder, JobFolder, LaidOut},
    linux::{files, identity, wait},
    records::{self, Submitted},
};

/// The most that one call reads of a log, bytes.
const LOG_PIECE: usize = 1 << 20;

/// The workloads in one folder.
pub struct Jobs {
    folder: PathBuf,
    binary: File,
    environment: Vec<(String, String)>,
    changed: watch::Sender<u64>,
    runtime: Handle,
}

impl Jobs {
    /// Takes over those in `jobs`.
    pub fn open(
        jobs: &Path,
        binary: File,
        environment: Vec<(String, String)>,
    ) -> io::Result<Arc<Self>> {
        /// Nobody but the server's user.
        const PRIVATE: u32 = 0o700;
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        fs::DirBuilder::new().recursive(true).mode(PRIVATE).create(jobs)?;
        let folder = jobs.canonicalize()?;
        let changed = watch::Sender::new(0);
        let jobs = Arc::new(Jobs { folder, binary, environment, changed, runtime });
        jobs.sweep()?;
        for id in jobs.ids()? {
            if let Err(error) = jobs.adopt(id) {
                tracing::error!(%id, %error, "the workload could not be taken over");
            }
        }
        Ok(jobs)
    }

    /// Removes what was being laid out or forgotten when the last server ended.
    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(b".")
                && let Err(error) = fs::remove_dir_all(entry.path())
            {
                let folder = entry.path();
                tracing::warn!(?folder, %error, "left-overs of a workload could not be removed");
            }
        }
        Ok(())
    }

    pub fn ids(&self) -> io::Result<Vec<Id>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            ids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<Id>().ok()));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    fn job(&self, id: Id) -> JobFolder {
        JobFolder::of(&self.folder, id)
    }

    fn submitted(&self, id: Id) -> Result<Submitted, ExecutorError> {
        let submitted = records::read::<Submitted>(&self.job(id).submitted())?;
        let submitted = submitted.ok_or(ExecutorError::Absent(id))?;
        if submitted.format > Submitted::FORMAT {
            return Err(ExecutorError::Unsupported(format!(
                "Workload {id} was written by a newer program; start that one to go on with it."
            )));
        }
        Ok(submitted)
    }

    pub fn host(&self, id: Id, host: &str) -> Result<HostFolder, ExecutorError> {
        let known = self.submitted(id)?.hosts.iter().any(|known| known == host);
        if known { Ok(self.job(id).host(host)) } else { Err(ExecutorError::Absent(id)) }
    }

    fn hosts(&self, id: Id) -> Result<Vec<(String, HostFolder)>, ExecutorError> {
        let job = self.job(id);
        let hosts = self.submitted(id)?.hosts.into_iter();
        Ok(hosts.map(|host| (host.clone(), job.host(&host))).collect())
    }

    fn adopt(self: &Arc<Self>, id: Id) -> Result<(), ExecutorError> {
        let Submitted { boot, sealed, .. } = self.submitted(id)?;
        let same_boot = boot == identity::boot_id()?;
        for (_, folder) in self.hosts(id)? {
            let unstarted = if same_boot { host::unstarted(&folder)? } else { None };
            match unstarted {
                // Its keys went with the server that laid it out: it is as if it had never been
                // submitted, which happens again.
                Some(_) if sealed => return self.withdraw(id),
                Some(lock) => self.watch(host::start(&folder, lock, &self.binary, &[])?),
                None => {
                    self.runtime.spawn(self.clone().find_again(folder));
                }
            }
        }
        Ok(())
    }

    /// Waits for the end of a shim that an earlier server started, be it still on its way up.
    async fn find_again(self: Arc<Self>, host: HostFolder) {
        /// The window between a shim's start and its first record is milliseconds.
        const PAUSE: Duration = Duration::from_millis(20);
        loop {
            match host::process(&host) {
                Ok(Some(process)) => {
                    self.wake();
                    return self.wake_at_end(process).await;
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "a running workload was not found again"),
            }
            if !matches!(host::observe(&host), Ok(HostSeen::Starting)) {
                return self.wake();
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub fn submit(self: &Arc<Self>, workload: &Workload) -> Result<(), ExecutorError> {
        let laid_out = layout::lay_out(&self.folder, workload, &self.environment)?;
        let Some(laid_out) = laid_out else { return Ok(()) };
        let job = self.job(workload.id);
        let hosts = workload.hosts.iter().map(|host| job.host(host));
        let mut started = Vec::new();
        for (host, LaidOut { lock, keys }) in hosts.zip(laid_out) {
            match host::start(&host, lock, &self.binary, &keys) {
                Ok(shim) => started.push(shim),
                Err(error) => {
                    self.abandon(workload.id, &started)?;
                    return Err(error.into());
                }
            }
        }
        for shim in started {
            self.watch(shim);
        }
        self.wake();
        Ok(())
    }

    /// All hosts or none: those that did start end before they are seen.
    fn abandon(&self, id: Id, started: &[Started]) -> Result<(), ExecutorError> {
        for shim in started {
            identity::signal(&shim.process, Signal::KILL)?;
        }
        self.remove(id)
    }

    /// All hosts or none: those that an earlier server did start end before they are seen.
    fn withdraw(&self, id: Id) -> Result<(), ExecutorError> {
        for (_, folder) in self.hosts(id)? {
            if let Some(process) = host::process(&folder)? {
                identity::signal(process, Signal::KILL)?;
            }
        }
        self.remove(id)
    }

    fn watch(self: &Arc<Self>, shim: Started) {
        let jobs = self.clone();
        self.runtime.spawn(async move {
            if let Err(error) = wait::readable(shim.up.into()).await {
                tracing::error!(%error, "a shim's start cannot be waited for");
            }
            jobs.wake();
            jobs.wake_at_end(shim.process).await;
        });
    }

    async fn wake_at_end(&self, process: OwnedFd) {
        match wait::readable(process).await {
            Ok(process) => identity::collect(&process),
            Err(error) => tracing::error!(%error, "a shim's end cannot be waited for"),
        }
        self.wake();
    }

    /// Where work that blocks is done.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Counts what has happened to any of them.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn wake(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub fn observe(&self, id: Id) -> Result<Seen, ExecutorError> {
        let hosts = match self.hosts(id) {
            Ok(hosts) => hosts,
            Err(ExecutorError::Absent(_)) => return Ok(Seen::Absent),
            Err(error) => return Err(error),
        };
        let seen = hosts.iter().map(|(_, host)| host::observe(host)).collect::<io::Result<_>>()?;
        Ok(together(seen))
    }

    pub fn stop(&self, id: Id, how: Stop) -> Result<(), ExecutorError> {
        for (_, folder) in self.hosts(id)? {
            host::stop(&folder, how.into())?;
        }
        Ok(())
    }

    pub fn log(
        &self,
        id: Id,
        host: &str,
        from: u64,
        limit: usize,
    ) -> Result<LogChunk, ExecutorError> {
        let log = match File::open(self.host(id, host)?.log()) {
            Ok(log) => log,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(LogChunk { bytes: Bytes::new(), next: from });
            }
            Err(error) => return Err(error.into()),
        };
        let waiting = log.metadata()?.len().saturating_sub(from);
        let limit = usize::try_from(waiting).unwrap_or(LOG_PIECE).min(limit).min(LOG_PIECE);
        let mut bytes = vec![0; limit];
        let count = log.read_at(&mut bytes, from)?;
        bytes.truncate(count);
        Ok(LogChunk { bytes: bytes.into(), next: from + count as u64 })
    }

    pub fn output(&self, id: Id, host: &str, path: &str) -> Result<Option<File>, ExecutorError> {
        let submitted = self.submitted(id)?;
        let host = files::folder(self.host(id, host)?.path())?;
        let is_archive = submitted.packs.iter().any(|pack| pack.archive == path);
        let below = if is_archive { "archives" } else { "ml/output" };
        let below = match files::folder_below(&host, Path::new(below)) {
            Ok(below) => below,
            // A program may have put anything in the place of its folder.
            Err(_) if !is_archive => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(files::file_below(below, Path::new(path))?)
    }

    pub fn endings(&self, id: Id) -> Result<Vec<Ending>, ExecutorError> {
        let mut endings = Vec::new();
        for (name, folder) in self.hosts(id)? {
            if let HostSeen::Ended(ended) = host::observe(&folder)? {
                endings.push(ended.on(&name));
            }
        }
        Ok(endings)
    }

    pub fn forget(&self, id: Id) -> Result<(), ExecutorError> {
        match self.observe(id)? {
            Seen::Absent => Ok(()),
            Seen::Ended { .. } => self.remove(id),
            Seen::Queued | Seen::Starting | Seen::Running { .. } | Seen::Unknown => {
                Err(ExecutorError::StillRunning(id))
            }
        }
    }

    /// Gone at once for everybody, then removed; what cannot be is swept at the next start.
    fn remove(&self, id: Id) -> Result<(), ExecutorError> {
        let gone = self.folder.join(format!(".gone-{}", Id::random()));
        match fs::rename(self.job(id).path(), &gone) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        records::sync_folder(&self.folder)?;
        if let Err(error) = fs::remove_dir_all(&gone) {
            tracing::warn!(%id, %error, "a forgotten workload's folder could not be removed");
        }
        Ok(())
    }
}

/// What is seen of a workload, from what is seen of its hosts.
fn together(hosts: Vec<HostSeen>) -> Seen {
    let mut since = None;
    let mut ended = Vec::new();
    for host in hosts {
        match host {
            HostSeen::Starting => return Seen::Starting,
            HostSeen::Running(started) => since = since.max(Some(started)),
            HostSeen::Ended(end) => ended.push(end),
        }
    }
    match since {
        Some(since) => Seen::Running { since },
        None => Seen::Ended {
            at: ended.iter().map(|end| end.at).max().unwrap_or_default(),
            exits: ended.into_iter().map(|end| end.exit).collect(),
        },
    }
}
