//! Reads the blobs of all objects again, slowly, and compares them with what was written.
//!
//! What it finds is counted and logged, and reading it fails; nothing is removed or mended, for there
//! is no second copy here. Blobs that were written before checksums were kept have none, and parts
//! of uploads are looked at once they are objects. A blob that several objects share is read once
//! for each.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use futures_util::StreamExt as _;
use platform::objects::{ObjectError, index::BlobSum};
use tokio::time::{Instant, sleep, sleep_until};
use types::Id;

use super::{Storage, failed, pins::Pin, sums};

/// How long a server runs before it scrubs, so that a start has the disk to itself.
const FIRST_AFTER: Duration = Duration::from_mins(5);
/// Between the beginnings of two scrubs.
const EVERY: Duration = Duration::from_hours(7 * 24);
/// Before a scrub that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_hours(1);

/// What a scrub went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Blobs that were read.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them are not what was written.
    pub damaged: u64,
}

/// Blobs to look at, and where to go on after them.
struct Page {
    blobs: HashMap<Id, BlobSum>,
    next: u64,
    _pin: Pin,
}

/// Bytes a second, kept on average.
struct Pace {
    begun: Instant,
    rate: u64,
}

impl Pace {
    async fn keep(&self, bytes: u64) {
        let due = bytes.saturating_mul(1_000) / self.rate.max(1);
        sleep_until(self.begun + Duration::from_millis(due)).await;
    }
}

impl Storage {
    /// Scrubs by and by, reading that many bytes a second. Never ends; `bin` spawns it and drops it.
    pub async fn keep_scrubbed(self: Arc<Self>, rate: u64) {
        sleep(FIRST_AFTER).await;
        loop {
            let begun = Instant::now();
            match self.scrub(rate).await {
                Ok(Scrubbed { blobs, bytes, damaged }) => {
                    tracing::info!(blobs, bytes, damaged, "scrubbed");
                    sleep_until(begun + EVERY).await;
                }
                Err(error) => {
                    tracing::warn!(%error, cause = ?error, "a scrub broke off");
                    sleep(AGAIN_AFTER).await;
                }
            }
        }
    }

    /// How many blobs are known to be damaged.
    #[must_use]
    pub fn damaged_blobs(&self) -> Arc<AtomicU64> {
        self.damage.count()
    }

    /// Reads every blob once.
    pub async fn scrub(&self, rate: u64) -> Result<Scrubbed, ObjectError> {
        let pace = Pace { begun: Instant::now(), rate };
        let (mut done, mut at) = (Scrubbed::default(), 0);
        while let Some(page) = self.page_to_scrub(at).await? {
            for (blob, sum) in &page.blobs {
                self.scrub_blob(*blob, *sum, &pace, &mut done).await;
            }
            at = page.next;
        }
        for blob in self.index.unknown(self.damage.blobs()).await.map_err(failed)? {
            self.damage.ended(blob);
        }
        Ok(done)
    }

    async fn page_to_scrub(&self, after: u64) -> Result<Option<Page>, ObjectError> {
        let _looking = self.pins.looking().await;
        let found = self.index.extents(after).await.map_err(failed)?;
        Ok(found.map(|(next, extents)| {
            let blobs: HashMap<Id, BlobSum> =
                extents.into_iter().filter_map(|extent| Some((extent.blob, extent.sum?))).collect();
            Page { _pin: self.pins.pin(blobs.keys().copied()), blobs, next }
        }))
    }

    async fn scrub_blob(&self, blob: Id, sum: BlobSum, pace: &Pace, done: &mut Scrubbed) {
        let mut bytes = sums::read_whole(&*self.blobs, blob, sum, self.damage.clone());
        done.blobs += 1;
        while let Some(chunk) = bytes.next().await {
            let Ok(chunk) = chunk else {
                done.damaged += 1;
                return;
            };
            done.bytes += chunk.len() as u64;
            pace.keep(done.bytes).await;
        }
        self.damage.ended(blob);
    }
}
