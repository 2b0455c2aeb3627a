//! Single requests of each kind, each on a key of its own, written down in the journal.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::Method;

use crate::{
    chance::Chance,
    client::{Answer, Client, Target},
    content::{Object, Piece},
    journal::{Journal, Name},
    load::{BUCKETS, path, shows},
};

/// Bytes of an object that lives in the index, and of one that is a blob.
const SMALL: usize = 1_000;
const LARGE: usize = 1 << 20;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A PUT of an object that lives in the index.
    Small,
    /// A PUT of an object that is a blob.
    Large,
    /// A DELETE of an object that is there.
    Delete,
    /// The beginning of an upload in parts.
    Upload,
}

/// All of them. First one with a blob: where the index fails then, the blob is there, and whether it
/// is named shows only after a restart.
pub const KINDS: [Kind; 4] = [Kind::Large, Kind::Small, Kind::Delete, Kind::Upload];

/// Somebody who asks for one thing after the other.
pub struct Probe<'a> {
    client: Client,
    journal: &'a Journal,
    chance: Chance,
}

impl<'a> Probe<'a> {
    /// Connects.
    pub async fn connect(target: &Target, journal: &'a Journal) -> Result<Self> {
        Ok(Self { client: Client::connect(target).await?, journal, chance: Chance::new()? })
    }

    fn name(&mut self, of: &str) -> Name {
        Name { bucket: BUCKETS[0], key: format!("{of}/{:016x}", self.chance.next()) }
    }

    /// Asks for one thing.
    pub async fn ask(&mut self, kind: Kind) -> Result<Answer> {
        match kind {
            Kind::Small => self.put(SMALL).await,
            Kind::Large => self.put(LARGE).await,
            Kind::Delete => self.delete().await,
            Kind::Upload => self.upload().await,
        }
    }

    async fn put(&mut self, len: usize) -> Result<Answer> {
        let name = self.name("put");
        let piece = Piece::new(&mut self.chance, len);
        let ticket = self.journal.begin(&name, Some(Object::Whole(piece)));
        let answer = self.client.ask(Method::PUT, &path(&name), piece.bytes()).await?;
        if answer.status.is_success() {
            self.journal.acknowledge(&ticket);
        }
        Ok(answer)
    }

    /// Of anything that is known to be there.
    async fn delete(&mut self) -> Result<Answer> {
        let name = self.held().context("there is nothing to delete")?;
        let ticket = self.journal.begin(&name, None);
        let answer = self.client.ask(Method::DELETE, &path(&name), Bytes::new()).await?;
        if answer.status.is_success() {
            self.journal.acknowledge(&ticket);
        }
        Ok(answer)
    }

    fn held(&mut self) -> Option<Name> {
        let mut names = self.journal.names();
        names.retain(|name| matches!(self.journal.possible(name)[..], [Some(_)]));
        (!names.is_empty()).then(|| names.swap_remove(self.chance.below(names.len())))
    }

    async fn upload(&mut self) -> Result<Answer> {
        let name = self.name("upload");
        let begin = format!("{}?uploads", path(&name));
        let answer = self.client.ask(Method::POST, &begin, Bytes::new()).await?;
        if answer.status.is_success() {
            self.journal.open(&answer.text("UploadId")?, &name);
        }
        Ok(answer)
    }

    /// Reads something that was acknowledged, which must succeed.
    pub async fn read(&mut self) -> Result<()> {
        let name = self.held().context("there is nothing to read")?;
        let [value] = &self.journal.possible(&name)[..] else { return Ok(()) };
        let answer = self.client.get(&path(&name)).await?;
        ensure!(shows(&answer, value), "{name:?} cannot be read: {}", answer.said());
        Ok(())
    }

    /// Stores some of each, all of which must succeed.
    pub async fn fill(&mut self) -> Result<()> {
        for _ in 0..12 {
            self.ask(Kind::Small).await?.success()?;
            self.ask(Kind::Large).await?.success()?;
        }
        Ok(())
    }

    /// Whether the server says that it is ready.
    pub async fn is_ready(&mut self) -> Result<bool> {
        Ok(self.client.get("/_/health/ready").await?.status == 200)
    }
}
