//! The index in memory, for tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use types::Id;

use super::{Entry, Guard, IndexError, ObjectIndex, PartEntry, Start, common_prefix, past, start};
use crate::objects::{Bucket, ListKeys, Listing, ObjectInfo, Upload};

/// Holds its names until it is dropped.
#[derive(Default)]
pub struct MemoryIndex {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    buckets: BTreeMap<String, Held>,
    uploads: BTreeMap<String, Pending>,
    references: BTreeMap<Id, u64>,
}

struct Held {
    bucket: Bucket,
    objects: BTreeMap<Vec<u8>, Entry>,
}

struct Pending {
    bucket: String,
    upload: Upload,
    parts: BTreeMap<u32, PartEntry>,
}

impl State {
    fn objects(&mut self, bucket: &str) -> Result<&mut BTreeMap<Vec<u8>, Entry>, IndexError> {
        let held = self.buckets.get_mut(bucket).ok_or(IndexError::NoSuchBucket)?;
        Ok(&mut held.objects)
    }

    fn put(&mut self, bucket: &str, entry: Entry, guard: &Guard) -> Result<(), IndexError> {
        let key = entry.info.key.clone().into_bytes();
        let objects = self.objects(bucket)?;
        guard.check(objects.get(&key).map(|old| old.info.etag.as_str()))?;
        let named: Vec<Id> = entry.content.blobs().collect();
        let old = objects.insert(key, entry);
        self.name(named);
        self.unname(old.iter().flat_map(|old| old.content.blobs()).collect());
        Ok(())
    }

    fn name(&mut self, blobs: Vec<Id>) {
        for blob in blobs {
            *self.references.entry(blob).or_default() += 1;
        }
    }

    fn unname(&mut self, blobs: Vec<Id>) {
        for blob in blobs {
            self.references.entry(blob).and_modify(|count| *count = count.saturating_sub(1));
        }
    }

    fn end(&mut self, upload: &str) {
        let parts = self.uploads.remove(upload).map(|pending| pending.parts).unwrap_or_default();
        self.unname(parts.into_values().flat_map(|part| blobs_of(&part)).collect());
    }

    fn pending(&self, bucket: &str, key: &str, upload: &str) -> Option<&Pending> {
        self.uploads.get(upload).filter(|held| held.bucket == bucket && held.upload.key == key)
    }
}

fn blobs_of(part: &PartEntry) -> Vec<Id> {
    part.extents.iter().map(|extent| extent.blob).collect()
}

impl MemoryIndex {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Folds a bucket's keys one by one, as a page is defined.
fn page(objects: &BTreeMap<Vec<u8>, Entry>, list: &ListKeys) -> Listing {
    let delimiter = list.delimiter.as_deref();
    let mut listing = Listing::default();
    if list.limit == 0 {
        return listing;
    }
    let mut from = match start(&list.prefix, delimiter, list.after.as_deref()) {
        Start::At(key) => Bound::Included(key),
        Start::After(key) => Bound::Excluded(key),
        Start::Nowhere => return listing,
    };
    while let Some((_, entry)) = objects.range((from, Bound::Unbounded)).next() {
        let key = &entry.info.key;
        if !key.starts_with(&list.prefix) {
            break;
        }
        if listing.objects.len() + listing.prefixes.len() == list.limit {
            listing.truncated = true;
            break;
        }
        if let Some(common) = common_prefix(&list.prefix, delimiter, key) {
            listing.prefixes.push(common.to_owned());
            listing.last = Some(common.to_owned());
            let Some(next) = past(common.as_bytes()) else { break };
            from = Bound::Included(next);
        } else {
            listing.objects.push(ObjectInfo { part_sizes: Vec::new(), ..entry.info.clone() });
            listing.last = Some(key.clone());
            from = Bound::Excluded(key.clone().into_bytes());
        }
    }
    listing
}

#[async_trait]
impl ObjectIndex for MemoryIndex {
    async fn create_bucket(&self, bucket: Bucket) -> Result<Option<Bucket>, IndexError> {
        let mut state = self.state();
        if let Some(held) = state.buckets.get(&bucket.name) {
            return Ok(Some(held.bucket.clone()));
        }
        state.buckets.insert(bucket.name.clone(), Held { bucket, objects: BTreeMap::new() });
        Ok(None)
    }

    async fn delete_bucket(&self, name: &str) -> Result<(), IndexError> {
        let mut state = self.state();
        if !state.objects(name)?.is_empty() {
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

    async fn put(&self, bucket: &str, entry: Entry, guard: Guard) -> Result<(), IndexError> {
        self.state().put(bucket, entry, &guard)
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Entry>, IndexError> {
        let state = self.state();
        let held = state.buckets.get(bucket);
        Ok(held.and_then(|held| held.objects.get(key.as_bytes())).cloned())
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), IndexError> {
        let mut state = self.state();
        let old = state.objects(bucket)?.remove(key.as_bytes());
        state.unname(old.iter().flat_map(|old| old.content.blobs()).collect());
        Ok(())
    }

    async fn list(&self, list: &ListKeys) -> Result<Listing, IndexError> {
        Ok(page(self.state().objects(&list.bucket)?, list))
    }

    async fn create_upload(&self, bucket: &str, upload: Upload) -> Result<(), IndexError> {
        let mut state = self.state();
        state.objects(bucket)?;
        let pending = Pending { bucket: bucket.to_owned(), upload, parts: BTreeMap::new() };
        state.uploads.insert(pending.upload.id.clone(), pending);
        Ok(())
    }

    async fn upload(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
    ) -> Result<Option<Upload>, IndexError> {
        Ok(self.state().pending(bucket, key, upload).map(|pending| pending.upload.clone()))
    }

    async fn uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<Upload>, IndexError> {
        let state = self.state();
        let mut found: Vec<Upload> = state
            .uploads
            .values()
            .filter(|held| held.bucket == bucket && held.upload.key.starts_with(prefix))
            .map(|held| held.upload.clone())
            .collect();
        found.sort_by(|a, b| (&a.key, a.created, &a.id).cmp(&(&b.key, b.created, &b.id)));
        Ok(found)
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

    async fn complete(&self, bucket: &str, entry: Entry, guard: Guard) -> Result<(), IndexError> {
        let mut state = self.state();
        let upload = entry.upload.clone().unwrap_or_default();
        if state.pending(bucket, &entry.info.key, &upload).is_none() {
            return Err(IndexError::NoSuchUpload);
        }
        state.put(bucket, entry, &guard)?;
        state.end(&upload);
        Ok(())
    }

    async fn abort(&self, bucket: &str, key: &str, upload: &str) -> Result<(), IndexError> {
        let mut state = self.state();
        state.pending(bucket, key, upload).ok_or(IndexError::NoSuchUpload)?;
        state.end(upload);
        Ok(())
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
