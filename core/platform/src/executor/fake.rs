//! An executor that runs nothing: a test says what is seen, and reads what was asked for.
//!
//! It keeps to the port (submitting twice changes nothing, only what has ended is forgotten), but
//! nothing moves by itself: without [`Fake::set`] a workload stays `Starting` for ever.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Seek, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use types::{Id, Timestamp};

use super::{Ending, Executor, ExecutorError, FolderFile, LogChunk, Seen, Stop};
use crate::workload::Workload;

#[derive(Default)]
struct Staged {
    seen: Option<Seen>,
    endings: Vec<Ending>,
    logs: BTreeMap<String, Vec<u8>>,
    outputs: BTreeMap<(String, String), Bytes>,
    files: BTreeMap<(String, String), BTreeMap<String, Kept>>,
}

/// A file in a program's folder.
struct Kept {
    bytes: Bytes,
    modified: Timestamp,
    version: Id,
}

#[derive(Default)]
struct Stage {
    staged: BTreeMap<Id, Staged>,
    submitted: Vec<Workload>,
    forgotten: Vec<Id>,
    stops: Vec<(Id, Stop)>,
    looks: usize,
    unreachable: bool,
}

/// A scripted executor.
pub struct Fake {
    stage: Mutex<Stage>,
    changed: watch::Sender<u64>,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Fake {
    /// One that nothing was submitted to.
    #[must_use]
    pub fn new() -> Self {
        Self { stage: Mutex::default(), changed: watch::Sender::new(0) }
    }

    /// From now on this is seen of `id`, and whoever waits is woken.
    pub fn set(&self, id: Id, seen: Seen) {
        self.alter(id, |staged| staged.seen = Some(seen));
    }

    /// What [`Executor::endings`] answers for `id`.
    pub fn set_endings(&self, id: Id, endings: Vec<Ending>) {
        self.alter(id, |staged| staged.endings = endings);
    }

    /// Appends to a host's log.
    pub fn write_log(&self, id: Id, host: &str, bytes: &[u8]) {
        self.alter(id, |staged| {
            staged.logs.entry(host.to_owned()).or_default().extend_from_slice(bytes);
        });
    }

    /// Makes an output, or an archive, of a host.
    pub fn put_output(&self, id: Id, host: &str, path: &str, bytes: impl Into<Bytes>) {
        self.alter(id, |staged| {
            staged.outputs.insert((host.to_owned(), path.to_owned()), bytes.into());
        });
    }

    /// Writes a file in a folder of a host.
    pub fn write_file(&self, id: Id, host: &str, folder: &str, path: &str, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        let kept = Kept { bytes, modified: Timestamp::now(), version: Id::random() };
        let folder = (host.to_owned(), folder.to_owned());
        self.alter(id, |staged| {
            staged.files.entry(folder).or_default().insert(path.to_owned(), kept);
        });
    }

    /// Removes a file from a folder of a host.
    pub fn remove_file(&self, id: Id, host: &str, folder: &str, path: &str) {
        let folder = (host.to_owned(), folder.to_owned());
        self.alter(id, |staged| {
            staged.files.entry(folder).or_default().remove(path);
        });
    }

    /// While set, every call fails, as if the executor's machine were cut off.
    pub fn set_unreachable(&self, unreachable: bool) {
        self.lock().unreachable = unreachable;
        self.wake();
    }

    /// What was submitted, in order, repetitions left out.
    #[must_use]
    pub fn submitted(&self) -> Vec<Workload> {
        self.lock().submitted.clone()
    }

    /// What was stopped, in order, repetitions kept.
    #[must_use]
    pub fn stops(&self) -> Vec<(Id, Stop)> {
        self.lock().stops.clone()
    }

    /// How often it was asked which files lie in a folder.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.lock().looks
    }

    fn alter(&self, id: Id, change: impl FnOnce(&mut Staged)) {
        change(self.lock().staged.entry(id).or_default());
        self.wake();
    }

    fn wake(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self) -> Result<MutexGuard<'_, Stage>, ExecutorError> {
        let stage = self.lock();
        if stage.unreachable {
            return Err(ExecutorError::Io(std::io::ErrorKind::NotConnected.into()));
        }
        Ok(stage)
    }
}

#[async_trait]
impl Executor for Fake {
    async fn submit(&self, workload: &Workload) -> Result<(), ExecutorError> {
        let mut stage = self.reach()?;
        let of_it = |id: &&Id| **id == workload.id;
        let times = stage.submitted.iter().filter(|known| known.id == workload.id).count();
        if times > stage.forgotten.iter().filter(of_it).count() {
            return Ok(());
        }
        stage.submitted.push(workload.clone());
        stage.staged.entry(workload.id).or_default().seen.get_or_insert(Seen::Starting);
        drop(stage);
        self.wake();
        Ok(())
    }

    async fn observe(&self, id: Id) -> Result<Seen, ExecutorError> {
        let stage = self.reach()?;
        Ok(stage.staged.get(&id).and_then(|staged| staged.seen.clone()).unwrap_or(Seen::Absent))
    }

    async fn stop(&self, id: Id, how: Stop) -> Result<(), ExecutorError> {
        let mut stage = self.reach()?;
        if !stage.staged.contains_key(&id) {
            return Err(ExecutorError::Absent(id));
        }
        stage.stops.push((id, how));
        Ok(())
    }

    async fn log(
        &self,
        id: Id,
        host: &str,
        from: u64,
        limit: usize,
    ) -> Result<LogChunk, ExecutorError> {
        let stage = self.reach()?;
        let staged = stage.staged.get(&id).ok_or(ExecutorError::Absent(id))?;
        let log = staged.logs.get(host).map_or(&[][..], Vec::as_slice);
        let rest = usize::try_from(from).ok().and_then(|from| log.get(from..)).unwrap_or(&[]);
        let bytes = Bytes::copy_from_slice(&rest[..rest.len().min(limit)]);
        Ok(LogChunk { next: from + bytes.len() as u64, bytes })
    }

    async fn output(&self, id: Id, host: &str, path: &str) -> Result<Option<File>, ExecutorError> {
        let stage = self.reach()?;
        let staged = stage.staged.get(&id).ok_or(ExecutorError::Absent(id))?;
        let output = staged.outputs.get(&(host.to_owned(), path.to_owned()));
        Ok(output.map(|bytes| as_file(id, bytes)).transpose()?)
    }

    async fn files(
        &self,
        id: Id,
        host: &str,
        folder: &str,
    ) -> Result<Vec<FolderFile>, ExecutorError> {
        let mut stage = self.reach()?;
        stage.looks += 1;
        let staged = stage.staged.get(&id).ok_or(ExecutorError::Absent(id))?;
        let told = |(path, kept): (&String, &Kept)| FolderFile {
            path: path.clone(),
            size: kept.bytes.len() as u64,
            modified: kept.modified,
            version: kept.version.to_string(),
        };
        let files = staged.files.get(&(host.to_owned(), folder.to_owned()));
        Ok(files.into_iter().flatten().map(told).collect())
    }

    async fn file(
        &self,
        id: Id,
        host: &str,
        folder: &str,
        path: &str,
    ) -> Result<Option<File>, ExecutorError> {
        let stage = self.reach()?;
        let staged = stage.staged.get(&id).ok_or(ExecutorError::Absent(id))?;
        let files = staged.files.get(&(host.to_owned(), folder.to_owned()));
        let kept = files.and_then(|files| files.get(path));
        Ok(kept.map(|kept| as_file(id, &kept.bytes)).transpose()?)
    }

    async fn endings(&self, id: Id) -> Result<Vec<Ending>, ExecutorError> {
        let stage = self.reach()?;
        let staged = stage.staged.get(&id).ok_or(ExecutorError::Absent(id))?;
        Ok(staged.endings.clone())
    }

    async fn forget(&self, id: Id) -> Result<(), ExecutorError> {
        let mut stage = self.reach()?;
        match stage.staged.get(&id).map(|staged| &staged.seen) {
            None => return Ok(()),
            Some(Some(Seen::Ended { .. } | Seen::Absent) | None) => {}
            Some(Some(Seen::Queued | Seen::Starting | Seen::Running { .. } | Seen::Unknown)) => {
                return Err(ExecutorError::StillRunning(id));
            }
        }
        stage.staged.remove(&id);
        stage.forgotten.push(id);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Id>, ExecutorError> {
        let stage = self.reach()?;
        let known = |staged: &Staged| !matches!(staged.seen, None | Some(Seen::Absent));
        Ok(stage.staged.iter().filter(|(_, staged)| known(staged)).map(|(id, _)| *id).collect())
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

/// A file without a name that holds `bytes`, read from its start.
fn as_file(id: Id, bytes: &[u8]) -> std::io::Result<File> {
    let path = std::env::temp_dir().join(format!("fake-output-{id}-{}", Id::random()));
    let mut file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{super::Exit, *};
    use crate::workload::{Limits, Program};

    fn workload() -> Workload {
        Workload {
            id: Id::from_bits(7),
            name: "churn-1".into(),
            program: Program::BuiltIn { arguments: vec!["xgboost-train".into()] },
            hosts: vec!["algo-1".into()],
            environment: vec![],
            files: vec![],
            own_files: vec![],
            copies: vec![],
            inputs: vec![],
            packs: vec![],
            limits: Limits::default(),
        }
    }

    #[tokio::test]
    async fn a_test_decides_what_is_seen_and_reads_what_was_asked() {
        let fake = Fake::new();
        let id = workload().id;
        assert_eq!(fake.observe(id).await.unwrap(), Seen::Absent);
        fake.submit(&workload()).await.unwrap();
        fake.submit(&workload()).await.unwrap();
        assert_eq!(fake.submitted().len(), 1);
        assert_eq!(fake.observe(id).await.unwrap(), Seen::Starting);
        fake.stop(id, Stop::Interrupt).await.unwrap();
        assert_eq!(fake.stops(), [(id, Stop::Interrupt)]);
        assert!(matches!(fake.forget(id).await, Err(ExecutorError::StillRunning(_))));

        let mut changed = fake.changed();
        changed.mark_unchanged();
        fake.set(id, Seen::Ended { at: Timestamp::now(), exits: vec![Exit::Code(0)] });
        assert!(changed.has_changed().unwrap());
        fake.forget(id).await.unwrap();
        assert_eq!(fake.list().await.unwrap(), []);
        fake.submit(&workload()).await.unwrap();
        assert_eq!(fake.submitted().len(), 2, "what was forgotten may be submitted again");
    }

    #[tokio::test]
    async fn logs_and_outputs_are_what_the_test_put_there() {
        let fake = Fake::new();
        let id = workload().id;
        fake.submit(&workload()).await.unwrap();
        fake.write_log(id, "algo-1", b"hello");
        fake.put_output(id, "algo-1", "failure", "bad row");
        let chunk = fake.log(id, "algo-1", 2, 2).await.unwrap();
        assert_eq!(chunk, LogChunk { bytes: Bytes::from_static(b"ll"), next: 4 });
        let mut text = String::new();
        let output = fake.output(id, "algo-1", "failure").await.unwrap();
        output.unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "bad row");
        fake.set_unreachable(true);
        assert!(matches!(fake.observe(id).await, Err(ExecutorError::Io(_))));
    }
}
