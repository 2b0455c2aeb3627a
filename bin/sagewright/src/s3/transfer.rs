//! Transfers: how many at once, in which parts, and what is said about each.

use std::{fmt, path::PathBuf, sync::Arc};

use anyhow::{Context, Result, bail};
use http::HeaderMap;
use tokio::{
    sync::{Semaphore, SemaphorePermit, mpsc, watch},
    task::{JoinSet, spawn_blocking},
};

use super::{
    calls::Stored,
    client::Client,
    keys,
    place::{Local, Object, Place},
    progress::Progress,
};

/// What is larger travels in parts of so many bytes: as the AWS command line does it.
pub const PART: u64 = 8 << 20;
/// The most parts that an object is made of (S3 API reference).
const PARTS: u64 = 10_000;
/// Parts, and files, that travel at once.
const PARALLEL: u32 = 8;

/// One file or object on its way.
#[derive(Clone, Debug)]
pub enum Transfer {
    /// From here to a bucket.
    Upload(Local, Object),
    /// From a bucket to here.
    Download(Object, Local),
    /// From bucket to bucket.
    Copy(Object, Object),
}

impl fmt::Display for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upload(from, to) => write!(f, "{from} to {to}"),
            Self::Download(from, to) => write!(f, "{from} to {to}"),
            Self::Copy(from, to) => write!(f, "{from} to {to}"),
        }
    }
}

impl Transfer {
    fn verb(&self) -> &'static str {
        match self {
            Self::Upload(..) => "upload",
            Self::Download(..) => "download",
            Self::Copy(..) => "copy",
        }
    }
}

/// Some transfers failed; each was told of when it did.
#[derive(Debug, thiserror::Error)]
#[error("{0} of them failed")]
pub struct Failed(usize);

/// The user asked to stop.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
struct Interrupted;

/// Carries transfers out.
pub struct Transfers {
    pub(super) client: Client,
    pub(super) progress: Progress,
    slots: Semaphore,
    stop: watch::Receiver<bool>,
}

/// What a search finds: a transfer, or why there is none.
type Found = Result<Transfer, String>;

impl Transfers {
    /// Over this client, until `stop` says so.
    pub fn new(client: Client, stop: watch::Receiver<bool>) -> Arc<Self> {
        let slots = Semaphore::new(PARALLEL as usize);
        Arc::new(Self { client, progress: Progress::new(), slots, stop })
    }

    /// Copies one file or object.
    pub async fn one(self: &Arc<Self>, from: Place, to: Place) -> Result<()> {
        let transfer = match (from, to) {
            (Place::Local(from), Place::Remote(to)) => {
                let name = from.0.file_name().and_then(|name| name.to_str());
                let name = name.context("the file's name is no key")?;
                if from.0.is_dir() {
                    bail!("{from} is a folder; add --recursive to copy what is in it");
                }
                let to = to.receive(name);
                Transfer::Upload(from, to)
            }
            (Place::Remote(from), Place::Local(to)) => {
                let to = to.receive(file_name(&from)?);
                Transfer::Download(from, to)
            }
            (Place::Remote(from), Place::Remote(to)) => {
                let to = to.receive(file_name(&from)?);
                Transfer::Copy(from, to)
            }
            (Place::Local(_), Place::Local(_)) => bail!("neither of both begins with s3://"),
        };
        self.every(|found| async move {
            found.send(Ok(transfer)).await?;
            Ok(())
        })
        .await
    }

    /// Copies everything in a folder.
    pub async fn folder(self: &Arc<Self>, from: Place, to: Place) -> Result<()> {
        match (from, to) {
            (Place::Local(from), Place::Remote(to)) => {
                if !from.0.is_dir() {
                    bail!("{from} is no folder, which --recursive asks for");
                }
                self.every(|found| files(from, to.as_folder(), found)).await
            }
            (Place::Remote(from), Place::Local(to)) => {
                let below = move |from: Object, rest: &str| match keys::file_of(&to.0, rest) {
                    Some(path) => Ok(Transfer::Download(from, Local(path))),
                    None => Err(format!("download failed: {from} its key is no path of a file")),
                };
                self.every(|found| self.objects(from.as_folder(), below, found)).await
            }
            (Place::Remote(from), Place::Remote(to)) => {
                let to = to.as_folder();
                let below = move |from: Object, rest: &str| {
                    let key = format!("{}{rest}", to.key);
                    Ok(Transfer::Copy(from, to.with_key(key)))
                };
                self.every(|found| self.objects(from.as_folder(), below, found)).await
            }
            (Place::Local(_), Place::Local(_)) => bail!("neither of both begins with s3://"),
        }
    }

    /// Tells of all objects below `from`, but of no marker of a folder, which holds nothing.
    async fn objects(
        &self,
        from: Object,
        transfer: impl Fn(Object, &str) -> Found,
        found: mpsc::Sender<Found>,
    ) -> Result<()> {
        let mut after = None;
        loop {
            let page = self.client.page(&from, "", after.as_deref()).await?;
            for object in page.objects {
                let rest = object.key.strip_prefix(&from.key).unwrap_or_default();
                if object.size == 0 && (rest.is_empty() || rest.ends_with('/')) {
                    continue;
                }
                found.send(transfer(from.with_key(object.key.clone()), rest)).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Carries out what `search` finds while it still searches.
    async fn every<S, F>(self: &Arc<Self>, search: S) -> Result<()>
    where
        S: FnOnce(mpsc::Sender<Found>) -> F,
        F: Future<Output = Result<()>>,
    {
        let (tell, mut found) = mpsc::channel(PARALLEL as usize);
        // Owns the receiver: when it ends, the search has nobody to tell and ends too.
        let carry_out = async move {
            let (mut tasks, mut failed) = (JoinSet::new(), 0);
            while let Some(found) = found.recv().await {
                if *self.stop.borrow() {
                    break;
                }
                while tasks.len() >= PARALLEL as usize {
                    failed += ended(tasks.join_next().await)?;
                }
                let this = Arc::clone(self);
                tasks.spawn(async move { this.carry_out(found).await });
            }
            while !tasks.is_empty() {
                failed += ended(tasks.join_next().await)?;
            }
            anyhow::Ok(failed)
        };
        // Where a search fails, what it had found is carried out nevertheless.
        let (searched, failed) = tokio::join!(search(tell), carry_out);
        self.progress.clear();
        let failed = failed?;
        if *self.stop.borrow() {
            return Err(Interrupted.into());
        }
        searched?;
        if failed == 0 { Ok(()) } else { Err(Failed(failed).into()) }
    }

    /// Carries one out, says so, and tells how many failed: none or one.
    async fn carry_out(self: Arc<Self>, found: Found) -> Result<usize> {
        let transfer = match found {
            Ok(transfer) => transfer,
            Err(line) => {
                self.progress.warn(&line);
                return Ok(1);
            }
        };
        let verb = transfer.verb();
        match self.carry(&transfer).await {
            Ok(()) => self.progress.say(&format!("{verb}: {transfer}"))?,
            Err(error) if error.is::<Interrupted>() => return Ok(1),
            Err(error) => {
                self.progress.warn(&format!("{verb} failed: {transfer} {error:#}"));
                return Ok(1);
            }
        }
        Ok(0)
    }

    async fn carry(self: &Arc<Self>, transfer: &Transfer) -> Result<()> {
        match transfer {
            Transfer::Upload(from, to) => Box::pin(self.upload(from, to)).await,
            Transfer::Download(from, to) => {
                Box::pin(self.unless_stopped(self.download(from, to))).await
            }
            Transfer::Copy(from, to) => self.copy(from, to).await,
        }
    }

    /// Does the work, or drops it when the user asks to stop.
    pub(super) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            // An error means that nobody can ask any more, and nobody did.
            Ok(_) = stop.wait_for(|stop| *stop) => Err(Interrupted.into()),
            done = work => done,
        }
    }

    /// Room for `bytes` in memory, and for a request. What is larger than all the room takes all.
    pub(super) async fn room(&self, bytes: u64) -> Result<SemaphorePermit<'_>> {
        let parts = u32::try_from(bytes.div_ceil(PART)).unwrap_or(PARALLEL);
        Ok(self.slots.acquire_many(parts.clamp(1, PARALLEL)).await?)
    }

    /// Makes the object of its parts, or forgets the upload where one is missing.
    pub(super) async fn finish<T: Into<Stored>>(
        &self,
        to: &Object,
        upload: &str,
        parts: impl Future<Output = Result<Vec<T>>>,
        crc: impl FnOnce(&[T]) -> Option<String>,
    ) -> Result<()> {
        let done = async {
            let parts = self.unless_stopped(parts).await?;
            let crc = crc(&parts);
            let parts: Vec<_> = parts.into_iter().map(Into::into).collect();
            self.client.complete_upload(to, upload, &parts, crc.as_deref()).await
        };
        let done = done.await;
        if done.is_err()
            && let Err(error) = self.client.abort_upload(to, upload).await
        {
            self.progress.warn(&format!("warning: an upload of {to} is left behind: {error:#}"));
        }
        done
    }
}

/// The name that an object has as a file.
fn file_name(object: &Object) -> Result<&str> {
    match object.name() {
        "" => bail!("{object} names no object; add --recursive to copy what is below it"),
        name => Ok(name),
    }
}

/// Tells of all files below `from`.
async fn files(from: Local, to: Object, found: mpsc::Sender<Found>) -> Result<()> {
    let search = move || {
        keys::walk(&from.0, &mut |file: Result<(PathBuf, String), _>| {
            let transfer = match file {
                Ok((path, key)) => {
                    Ok(Transfer::Upload(Local(path), to.with_key(format!("{}{key}", to.key))))
                }
                Err((path, error)) => Err(format!("upload failed: {} {error}", Local(path))),
            };
            found.blocking_send(transfer).is_ok()
        });
    };
    Ok(spawn_blocking(search).await?)
}

fn ended(task: Option<Result<Result<usize>, tokio::task::JoinError>>) -> Result<usize> {
    task.map_or(Ok(0), |task| task?)
}

/// Runs all of them at once and gathers what they bring, in order; the first that fails ends the
/// others. Each takes its own [`Transfers::room`].
pub(super) async fn all<T, F>(tasks: impl Iterator<Item = F>) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let mut running = JoinSet::new();
    for (at, task) in tasks.enumerate() {
        running.spawn(async move { task.await.map(|result| (at, result)) });
    }
    let mut results = Vec::with_capacity(running.len());
    while let Some(result) = running.join_next().await {
        results.push(result??);
    }
    results.sort_unstable_by_key(|(at, _)| *at);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// The ranges that `size` bytes travel in, first and last inclusive: of `part` bytes, or of as many
/// as it takes to be [`PARTS`].
pub(super) fn ranges(size: u64, part: u64) -> impl Iterator<Item = (u64, u64)> {
    let part = part.max(size.div_ceil(PARTS));
    (0..size.div_ceil(part)).map(move |at| (at * part, ((at + 1) * part).min(size) - 1))
}

pub(super) fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.with_context(|| format!("the server did not say the object's {name}"))
}

pub(super) fn size_of(headers: &HeaderMap) -> Result<u64> {
    Ok(text_of(headers, "content-length")?.parse()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_cover_every_byte_once_and_are_never_too_many(size in 0_u64..6 << 40) {
            let mut next = 0;
            let mut count = 0;
            for (first, last) in ranges(size, PART) {
                prop_assert!(first == next && last >= first);
                (next, count) = (last + 1, count + 1);
            }
            prop_assert!(next == size && count <= PARTS);
        }
    }

    #[tokio::test]
    async fn the_first_that_fails_ends_the_others() {
        let (sender, mut dropped) = mpsc::channel::<()>(1);
        let tasks = (0..3).map(move |at| {
            let sender = sender.clone();
            async move {
                if at == 1 {
                    bail!("one failed");
                }
                std::future::pending::<()>().await;
                drop(sender);
                Ok(at)
            }
        });
        assert_eq!(all(tasks).await.unwrap_err().to_string(), "one failed");
        assert!(dropped.recv().await.is_none());
    }
}
