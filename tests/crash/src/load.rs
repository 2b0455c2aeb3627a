//! The load: several connections that write, replace, copy, remove and read until the server dies.
//!
//! Each has keys of its own, whose value it always knows, and all share a few more, on which they
//! collide.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::{Method, StatusCode};

use crate::{
    chance::Chance,
    client::{Answer, Client, Target},
    content::{Object, Piece},
    journal::{Ending, Journal, Name, Value},
};

/// The buckets that are written to.
pub const BUCKETS: [&str; 3] = ["crash-one", "crash-two", KEEPING];
/// The one of them that keeps versions.
pub const KEEPING: &str = "crash-keeping";
/// Connections at once.
const WORKERS: usize = 6;
/// Keys of each worker, and keys that all share.
const KEYS: usize = 6;
/// Objects up to 16 KiB live in the index; sizes on both sides of that, bytes.
const INLINE: usize = 16 << 10;
/// The largest object that is sent in one request, bytes.
const LARGEST: usize = 3 << 20;
/// The smallest part that is not the last (S3's quota), bytes.
const PART: usize = 5 << 20;

/// What a worker needs.
#[derive(Clone)]
pub struct Load {
    /// The server.
    pub target: Target,
    /// Where it writes down what it was told.
    pub journal: Arc<Journal>,
    /// Set before the server is killed: from then on failures are expected.
    pub dying: Arc<AtomicBool>,
}

impl Load {
    /// Runs all workers until the server is dead. A failure before its death is an error.
    pub async fn run(self) -> Result<()> {
        let workers: Vec<_> = (0..WORKERS).map(|n| tokio::spawn(self.clone().work(n))).collect();
        let mut outcome = Ok(());
        for worker in workers {
            outcome = worker.await.context("a worker panicked")?.and(outcome);
        }
        outcome
    }

    async fn work(self, number: usize) -> Result<()> {
        let mut worker = match Worker::start(&self, number).await {
            Ok(worker) => worker,
            Err(error) => return self.after_death(error),
        };
        loop {
            if let Err(error) = worker.step().await {
                return self.after_death(error);
            }
        }
    }

    fn after_death(&self, error: anyhow::Error) -> Result<()> {
        let expected = self.dying.load(Ordering::Acquire) && !error.is::<Wrong>();
        if expected { Ok(()) } else { Err(error) }
    }
}

/// An answer that no death excuses.
#[derive(Debug)]
struct Wrong(String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

struct Worker {
    number: usize,
    chance: Chance,
    client: Client,
    journal: Arc<Journal>,
}

/// The path of an object.
pub fn path(name: &Name) -> String {
    format!("/{}/{}", name.bucket, name.key)
}

/// Whether an answer to a GET shows this value, whole.
pub fn shows(answer: &Answer, value: &Value) -> bool {
    match value {
        None => answer.status == StatusCode::NOT_FOUND,
        Some(object) => {
            answer.status == StatusCode::OK
                && answer.body.len() == object.len()
                && answer.header("etag") == object.etag()
                && object.is(&answer.body)
        }
    }
}

impl Worker {
    async fn start(load: &Load, number: usize) -> Result<Self> {
        let client = Client::connect(&load.target).await?;
        Ok(Self { number, chance: Chance::new()?, client, journal: load.journal.clone() })
    }

    fn own(&mut self) -> Name {
        let key = format!("worker-{}/{}", self.number, self.chance.below(KEYS));
        Name { bucket: self.chance.one_of(&BUCKETS), key }
    }

    fn any(&mut self) -> Name {
        if self.chance.percent(70) {
            return self.own();
        }
        let key = format!("shared/{}", self.chance.below(KEYS));
        Name { bucket: self.chance.one_of(&BUCKETS), key }
    }

    fn piece(&mut self) -> Piece {
        let len = match self.chance.below(10) {
            0 => 0,
            1..=4 => self.chance.below(INLINE),
            5..=7 => INLINE - 8 + self.chance.below(16),
            8 => self.chance.below(256 << 10),
            _ => self.chance.below(LARGEST),
        };
        Piece::new(&mut self.chance, len)
    }

    async fn step(&mut self) -> Result<()> {
        match self.chance.below(100) {
            0..45 => self.put().await,
            45..60 => self.delete().await,
            60..68 => self.copy().await,
            68..88 => self.read().await,
            88..92 => self.break_off().await,
            _ => self.upload().await,
        }
    }

    async fn put(&mut self) -> Result<()> {
        let (name, piece) = (self.any(), self.piece());
        let object = Object::Whole(piece);
        let ticket = self.journal.begin(&name, Some(object));
        let answer = self.client.put(&path(&name), piece).await?;
        ensure!(answer.header("etag") == piece.etag(), Wrong(format!("{name:?}: wrong ETag")));
        self.journal.acknowledge(&ticket);
        if name.bucket == KEEPING {
            self.journal.keep(&name, answer.header("x-amz-version-id"), Object::Whole(piece));
        }
        Ok(())
    }

    async fn delete(&mut self) -> Result<()> {
        let name = self.any();
        let ticket = self.journal.begin(&name, None);
        self.client.ask(Method::DELETE, &path(&name), Bytes::new()).await?.success()?;
        self.journal.acknowledge(&ticket);
        Ok(())
    }

    /// From a key of its own, whose value nobody else changes meanwhile.
    async fn copy(&mut self) -> Result<()> {
        let (from, to) = (self.own(), self.own());
        let [Some(object)] = &self.journal.possible(&from)[..] else { return Ok(()) };
        if from == to {
            return Ok(());
        }
        let ticket = self.journal.begin(&to, Some(object.clone()));
        let source = Some(("x-amz-copy-source", path(&from)));
        let source = source.as_ref().map(|(name, path)| (*name, path.as_str()));
        let copied = self.client.ask_with(Method::PUT, &path(&to), source, Bytes::new()).await?;
        copied.success()?;
        self.journal.acknowledge(&ticket);
        Ok(())
    }

    async fn read(&mut self) -> Result<()> {
        let name = self.any();
        let mut allowed = self.journal.possible(&name);
        let before = self.journal.sent(&name).len();
        let answer = self.client.get(&path(&name)).await?;
        allowed.extend(self.journal.sent(&name).into_iter().skip(before));
        let fits = allowed.iter().any(|value| shows(&answer, value));
        ensure!(fits, Wrong(format!("{name:?} shows what nobody wrote: {}", answer.said())));
        Ok(())
    }

    /// A client that goes away in the middle of its body. The server may have had it all.
    async fn break_off(&mut self) -> Result<()> {
        let name = Name { bucket: BUCKETS[0], key: format!("broken/{}", self.number) };
        let piece = Piece::new(&mut self.chance, LARGEST);
        self.journal.begin(&name, Some(Object::Whole(piece)));
        let mut other = self.client.again().await?;
        let patience = self.chance.millis(&(1..20));
        let path = path(&name);
        // Either way the connection is gone after this.
        drop(tokio::time::timeout(patience, other.put(&path, piece)).await);
        Ok(())
    }

    /// An upload in parts, some of them replaced; completed, given up or left as it is.
    async fn upload(&mut self) -> Result<()> {
        let key = format!("parts-{}/{}", self.number, self.chance.below(2));
        let name = Name { bucket: self.chance.one_of(&BUCKETS), key };
        let uploads = format!("{}?uploads", path(&name));
        let begun = self.client.ask(Method::POST, &uploads, Bytes::new()).await?.success()?;
        let id = begun.text("UploadId")?;
        self.journal.open(&id, &name);
        let last = 1 + u32::try_from(self.chance.below(2))?;
        for number in 1..=last {
            self.part(&name, &id, number, number == last).await?;
        }
        if self.chance.percent(30) {
            self.part(&name, &id, last, true).await?;
        }
        match self.chance.below(10) {
            0..6 => self.complete(&name, &id).await,
            6..8 => self.abort(&name, &id).await,
            _ => Ok(()),
        }
    }

    async fn part(&mut self, name: &Name, id: &str, number: u32, last: bool) -> Result<()> {
        let len = if last { self.chance.below(300 << 10) } else { PART };
        let piece = Piece::new(&mut self.chance, len);
        self.journal.note(id, |upload| upload.sending = Some((number, piece)));
        let put = format!("{}?partNumber={number}&uploadId={id}", path(name));
        self.client.put(&put, piece).await?;
        self.journal.part(id, number, piece);
        Ok(())
    }

    async fn complete(&mut self, name: &Name, id: &str) -> Result<()> {
        let Some(upload) = self.journal.uploads().remove(id) else { bail!("{id} is not known") };
        let parts = upload.parts.iter().map(|(number, piece)| (*number, piece.etag()));
        let parts: Vec<_> = parts.collect();
        let ticket = self.journal.begin(name, Some(upload.object()));
        self.journal.note(id, |upload| upload.ending = Some(Ending::Completed));
        let end = format!("{}?uploadId={id}", path(name));
        let answer = self.client.complete(&end, &parts).await?.success()?;
        let etag = answer.text("ETag")?;
        ensure!(etag == upload.object().etag(), Wrong(format!("{name:?}: ETag {etag}")));
        self.journal.acknowledge(&ticket);
        self.journal.close(id);
        Ok(())
    }

    async fn abort(&mut self, name: &Name, id: &str) -> Result<()> {
        self.journal.note(id, |upload| upload.ending = Some(Ending::Aborted));
        let end = format!("{}?uploadId={id}", path(name));
        self.client.ask(Method::DELETE, &end, Bytes::new()).await?.success()?;
        self.journal.close(id);
        Ok(())
    }
}
