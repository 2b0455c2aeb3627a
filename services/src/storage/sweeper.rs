//! Removes what nothing names any more.
//!
//! Two kinds: *garbage*, whose last name went in a commit that also listed it, and *orphans*, blobs
//! of puts that broke off between the blob and the index. Both decisions are exact and take no
//! clock: what a put or a reader holds is pinned ([`super::pins`]).
//!
//! An index that failed in a commit may find that commit on the disk when it is opened again. So
//! nothing is removed unless the index still writes, which it does not after such a failure.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use platform::objects::ObjectError;
use tokio::time::{sleep, timeout};
use types::Id;

use super::{Storage, failed};

/// Between two looks for orphans, which only a crash or a broken connection leaves.
const ORPHANS_EVERY: Duration = Duration::from_mins(10);
/// Between two looks for garbage while objects are being replaced and removed.
const GARBAGE_EVERY: Duration = Duration::from_secs(1);
/// Blobs that are looked at in one go.
const PAGE: usize = 1000;

/// Blobs of which nobody knows whether the index names them. Those that find no place here are
/// found by the next look for orphans.
#[derive(Default)]
pub(super) struct Suspects(Mutex<Vec<Id>>);

impl Suspects {
    fn held(&self) -> MutexGuard<'_, Vec<Id>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, blobs: impl IntoIterator<Item = Id>) {
        let mut held = self.held();
        let room = PAGE.saturating_sub(held.len());
        held.extend(blobs.into_iter().take(room));
    }

    fn take(&self) -> Vec<Id> {
        mem::take(&mut self.held())
    }
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Blobs whose last name was gone.
    pub garbage: usize,
    /// Blobs that never had a name.
    pub orphans: usize,
}

impl Storage {
    /// Sweeps now, after every change, and for orphans every ten minutes. Never ends; `bin` spawns
    /// it and drops it.
    pub async fn keep_swept(self: Arc<Self>) {
        let mut orphans_due = Instant::now();
        loop {
            if let Err(error) = self.sweep_if_due(&mut orphans_due).await {
                tracing::warn!(%error, cause = ?error, "the sweeper will try again");
            }
            sleep(GARBAGE_EVERY).await;
            let until = orphans_due.saturating_duration_since(Instant::now());
            // Either way it sweeps: because something changed, or because it is time.
            drop(timeout(until, self.changed.notified()).await);
        }
    }

    async fn sweep_if_due(&self, orphans_due: &mut Instant) -> Result<(), ObjectError> {
        if Instant::now() >= *orphans_due {
            *orphans_due = Instant::now() + ORPHANS_EVERY;
            let swept = self.sweep().await?;
            tracing::debug!(garbage = swept.garbage, orphans = swept.orphans, "swept");
        } else {
            self.sweep_suspects().await?;
            self.sweep_garbage().await?;
        }
        Ok(())
    }

    /// Removes blobs of puts that the index failed to decide, if it does not know them: a disk that
    /// is full must not fill further with what was refused.
    pub(super) async fn sweep_suspects(&self) -> Result<usize, ObjectError> {
        let suspects = self.suspects.take();
        let strangers = async {
            let free = self.pins.free(suspects.clone());
            self.index.unknown(free).await.map_err(failed)
        };
        let swept = match strangers.await {
            Ok(strangers) => self.remove(&strangers).await.map(|()| strangers.len()),
            Err(error) => Err(error),
        };
        if swept.is_err() {
            self.suspects.add(suspects);
        }
        swept
    }

    /// Removes garbage and orphans, once.
    pub async fn sweep(&self) -> Result<Swept, ObjectError> {
        let garbage = self.sweep_garbage().await?;
        let orphans = self.sweep_orphans().await?;
        Ok(Swept { garbage, orphans })
    }

    /// A blob that is still being read stays garbage until a later sweep.
    async fn sweep_garbage(&self) -> Result<usize, ObjectError> {
        let mut removed = 0;
        loop {
            let blobs = self.removable_garbage().await?;
            if blobs.is_empty() {
                return Ok(removed);
            }
            self.remove(&blobs).await?;
            self.index.forget(&blobs).await.map_err(failed)?;
            removed += blobs.len();
        }
    }

    async fn removable_garbage(&self) -> Result<Vec<Id>, ObjectError> {
        let _deciding = self.pins.deciding().await;
        let garbage = self.index.garbage(PAGE).await.map_err(failed)?;
        Ok(self.pins.free(garbage))
    }

    /// The order is what makes it safe: a blob that was listed while its put was under way is
    /// either still pinned when the pins are asked, or named when the index is asked after them.
    async fn sweep_orphans(&self) -> Result<usize, ObjectError> {
        let (mut removed, mut after) = (0, None);
        loop {
            let listed = self.blobs.list(after, PAGE).await.map_err(ObjectError::internal)?;
            let Some(last) = listed.last() else { return Ok(removed) };
            after = Some(*last);
            let free = self.pins.free(listed);
            let orphans = self.index.unknown(free).await.map_err(failed)?;
            self.remove(&orphans).await?;
            removed += orphans.len();
        }
    }

    /// What has no name never gets one again, so it can wait here for those who keep blobs.
    async fn remove(&self, blobs: &[Id]) -> Result<(), ObjectError> {
        if blobs.is_empty() {
            return Ok(());
        }
        // Forgets nothing: it succeeds only where every commit before it was decided.
        self.index.forget(&[]).await.map_err(failed)?;
        self.keepers.gone().await;
        for blob in blobs {
            self.blobs.delete(*blob).await.map_err(ObjectError::internal)?;
        }
        Ok(())
    }
}
