//! The index in memory, for tests.

mod pages;
mod state;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use types::{Id, Timestamp};

use self::state::{Held, Pending, Row, State, blobs_of, told};
use super::{Entry, Extent, Found, Guard, IndexError, ObjectIndex, PartEntry};
use crate::objects::{
    Acl, Bucket, DeleteIf, Deleted, ListKeys, ListUploads, ListVersions, Listing, ObjectName,
    SettingsChange, Tags, Upload, UploadListing, UploadName, Version, VersionListing,
};

/// Holds its names until it is dropped.
#[derive(Default)]
pub struct MemoryIndex {
    state: Mutex<State>,
}

impl MemoryIndex {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ObjectIndex for MemoryIndex {
    async fn create_bucket(&self, bucket: Bucket) -> Result<Option<Bucket>, IndexError> {
        let mut state = self.state();
        if let Some(held) = state.buckets.get(&bucket.name) {
            return Ok(Some(held.bucket.clone()));
        }
        state.buckets.insert(bucket.name.clone(), Held { bucket, keys: BTreeMap::new() });
        Ok(None)
    }

    async fn delete_bucket(&self, name: &str) -> Result<(), IndexError> {
        let mut state = self.state();
        if !state.held(name)?.keys.is_empty() {
            return Err(IndexError::BucketNotEmpty);
        }
        state.buckets.remove(name);
        let ended: Vec<String> = state
            .uploads
            .iter()
            .filter(|(_, pending)| pending.bucket == name)
            .map(|(id, _)| id.clone())
            .collect();
        for upload in ended {
            state.end(&upload);
        }
        Ok(())
    }

    async fn bucket(&self, name: &str) -> Result<Option<Bucket>, IndexError> {
        Ok(self.state().buckets.get(name).map(|held| held.bucket.clone()))
    }

    async fn buckets(&self, account: &str) -> Result<Vec<Bucket>, IndexError> {
        let state = self.state();
        let all = state.buckets.values().map(|held| &held.bucket);
        Ok(all.filter(|bucket| bucket.account == account).cloned().collect())
    }

    async fn ruled(&self) -> Result<Vec<Bucket>, IndexError> {
        let state = self.state();
        let all = state.buckets.values().map(|held| &held.bucket);
        Ok(all.filter(|bucket| !bucket.settings.lifecycle.is_empty()).cloned().collect())
    }

    async fn change_bucket(&self, name: &str, change: SettingsChange) -> Result<(), IndexError> {
        self.state().held(name)?.bucket.settings.apply(change);
        Ok(())
    }

    async fn put(
        &self,
        bucket: &str,
        entry: Entry,
        guard: Guard,
    ) -> Result<Option<Version>, IndexError> {
        self.state().put(bucket, entry, &guard)
    }

    async fn get(&self, name: ObjectName<'_>) -> Result<Option<Found>, IndexError> {
        let state = self.state();
        let Some(held) = state.buckets.get(name.bucket) else { return Ok(None) };
        let row = held.row(name.key, name.version);
        Ok(row.map(|row| told(row, held.told(row))))
    }

    async fn delete(
        &self,
        name: ObjectName<'_>,
        conditions: &DeleteIf,
        now: Timestamp,
    ) -> Result<Deleted, IndexError> {
        self.state().delete(name, conditions, now)
    }

    async fn set_tags(
        &self,
        name: ObjectName<'_>,
        tags: Tags,
    ) -> Result<Option<Version>, IndexError> {
        self.state().change(name, |info| info.tags.clone_from(&tags))
    }

    async fn set_acl(&self, name: ObjectName<'_>, acl: Acl) -> Result<Option<Version>, IndexError> {
        self.state().change(name, |info| info.acl.clone_from(&acl))
    }

    async fn list(&self, list: &ListKeys) -> Result<Listing, IndexError> {
        Ok(pages::of_keys(self.state().held(&list.bucket)?, list))
    }

    async fn list_versions(&self, list: &ListVersions) -> Result<VersionListing, IndexError> {
        Ok(pages::of_versions(self.state().held(&list.bucket)?, list))
    }

    async fn create_upload(&self, bucket: &str, upload: Upload) -> Result<(), IndexError> {
        let mut state = self.state();
        state.held(bucket)?;
        let pending = Pending { bucket: bucket.to_owned(), upload, parts: BTreeMap::new() };
        state.uploads.insert(pending.upload.id.clone(), pending);
        Ok(())
    }

    async fn upload(&self, name: UploadName<'_>) -> Result<Option<Upload>, IndexError> {
        Ok(self.state().pending(name).map(|pending| pending.upload.clone()))
    }

    async fn uploads(&self, list: &ListUploads) -> Result<UploadListing, IndexError> {
        let state = self.state();
        let pending = state.uploads.values().filter(|held| held.bucket == list.bucket);
        Ok(pages::of_uploads(pending.map(|held| held.upload.clone()).collect(), list))
    }

    async fn put_part(&self, upload: &str, part: PartEntry) -> Result<(), IndexError> {
        let mut state = self.state();
        let named = blobs_of(&part);
        let pending = state.uploads.get_mut(upload).ok_or(IndexError::NoSuchUpload)?;
        let old = pending.parts.insert(part.part.number, part);
        state.name(named);
        state.unname(old.iter().flat_map(blobs_of).collect());
        Ok(())
    }

    async fn parts(
        &self,
        upload: &str,
        after: u32,
        limit: usize,
    ) -> Result<Vec<PartEntry>, IndexError> {
        let state = self.state();
        let pending = state.uploads.get(upload).ok_or(IndexError::NoSuchUpload)?;
        let later = pending.parts.range((Bound::Excluded(after), Bound::Unbounded));
        Ok(later.map(|(_, part)| part.clone()).take(limit).collect())
    }

    async fn complete(
        &self,
        bucket: &str,
        entry: Entry,
        guard: Guard,
    ) -> Result<Option<Version>, IndexError> {
        let mut state = self.state();
        let upload = entry.upload.clone().unwrap_or_default();
        let name = UploadName { bucket, key: &entry.info.key, id: &upload };
        if state.pending(name).is_none() {
            return Err(IndexError::NoSuchUpload);
        }
        let version = state.put(bucket, entry, &guard)?;
        state.end(&upload);
        Ok(version)
    }

    async fn abort(&self, name: UploadName<'_>) -> Result<(), IndexError> {
        let mut state = self.state();
        state.pending(name).ok_or(IndexError::NoSuchUpload)?;
        state.end(name.id);
        Ok(())
    }

    /// All at once.
    async fn extents(&self, after: u64) -> Result<Option<(u64, Vec<Extent>)>, IndexError> {
        let state = self.state();
        let keys = state.buckets.values().flat_map(|held| held.keys.values());
        let extents = keys.flatten().flat_map(Row::extents).copied().collect();
        Ok((after == 0).then_some((1, extents)))
    }

    async fn garbage(&self, limit: usize) -> Result<Vec<Id>, IndexError> {
        let state = self.state();
        let unnamed = state.references.iter().filter(|(_, count)| **count == 0);
        Ok(unnamed.map(|(id, _)| *id).take(limit).collect())
    }

    async fn forget(&self, blobs: &[Id]) -> Result<(), IndexError> {
        let blobs: BTreeSet<Id> = blobs.iter().copied().collect();
        self.state().references.retain(|id, count| *count > 0 || !blobs.contains(id));
        Ok(())
    }

    async fn unknown(&self, blobs: Vec<Id>) -> Result<Vec<Id>, IndexError> {
        let state = self.state();
        Ok(blobs.into_iter().filter(|id| !state.references.contains_key(id)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::index::suite;

    #[tokio::test]
    async fn memory_keeps_what_an_index_promises() {
        suite::all(async || MemoryIndex::default()).await;
    }
}
