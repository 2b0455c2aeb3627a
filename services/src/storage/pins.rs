//! Which blobs must not be removed now.
//!
//! A blob is pinned from before it appears until the index names it, and from when the index told
//! its name until the last byte was read. Looking up and pinning happen under a lock that the
//! sweeper takes alone, so it never sees a blob between the two. With that no clock decides whether
//! a blob is still wanted.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use types::Id;

/// How many hold each blob.
#[derive(Default)]
pub(super) struct Pins {
    held: Mutex<HashMap<Id, usize>>,
    looking: RwLock<()>,
}

/// Holds blobs until it is dropped.
pub(super) struct Pin {
    pins: Arc<Pins>,
    blobs: Vec<Id>,
}

impl Pins {
    fn held(&self) -> MutexGuard<'_, HashMap<Id, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held from before the index is asked until its answer is pinned.
    pub(super) async fn looking(&self) -> RwLockReadGuard<'_, ()> {
        self.looking.read().await
    }

    /// Held by the sweeper while it decides: nobody is between asking and pinning.
    pub(super) async fn deciding(&self) -> RwLockWriteGuard<'_, ()> {
        self.looking.write().await
    }

    /// Holds these blobs.
    pub(super) fn pin(self: &Arc<Self>, blobs: impl IntoIterator<Item = Id>) -> Pin {
        let mut held = self.held();
        let blobs: Vec<Id> = blobs.into_iter().collect();
        for blob in &blobs {
            *held.entry(*blob).or_default() += 1;
        }
        Pin { pins: self.clone(), blobs }
    }

    /// Those that nobody holds.
    pub(super) fn free(&self, blobs: Vec<Id>) -> Vec<Id> {
        let held = self.held();
        blobs.into_iter().filter(|blob| !held.contains_key(blob)).collect()
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut held = self.pins.held();
        for blob in &self.blobs {
            let left = held.get(blob).map_or(0, |count| count - 1);
            if left == 0 {
                held.remove(blob);
            } else {
                held.insert(*blob, left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_free_when_its_last_pin_goes() {
        let pins = Arc::new(Pins::default());
        let blob = Id::from_bits(1);
        let one = pins.pin([blob, blob]);
        let two = pins.pin([blob]);
        drop(one);
        assert_eq!(pins.free(vec![blob]), []);
        drop(two);
        assert_eq!(pins.free(vec![blob]), [blob]);
        assert!(pins.held().is_empty());
    }
}
