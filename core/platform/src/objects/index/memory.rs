//! The index in memory, for tests.

mod pages;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use types::{Id, Timestamp};

use super::{Entry, Extent, Found, Guard, IndexError, ObjectIndex, PartEntry};
use crate::objects::{
    Acl, Bucket, DeleteIf, Deleted, ListKeys, ListUploads, ListVersions, Listing, Marker,
    ObjectInfo, ObjectName, SettingsChange, Tags, Upload, UploadListing, UploadName, Version,
    VersionListing, settings::Versioning,
};

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
    /// The versions of each key, the newest first; never none.
    keys: BTreeMap<Vec<u8>, Vec<Row>>,
}

/// A version of a key. `null` has a number as well, by which it is sorted.
#[derive(Clone)]
struct Row {
    number: u64,
    null: bool,
    found: Found,
}

impl Row {
    fn is(&self, version: Version) -> bool {
        match version {
            Version::Null => self.null,
            Version::Numbered(number) => !self.null && self.number == number,
        }
    }

    fn version(&self) -> Version {
        if self.null { Version::Null } else { Version::Numbered(self.number) }
    }

    fn blobs(&self) -> Vec<Id> {
        match &self.found {
            Found::Object(entry) => entry.content.blobs().collect(),
            Found::Marker(_) => Vec::new(),
        }
    }

    fn extents(&self) -> &[Extent] {
        match &self.found {
            Found::Object(entry) => entry.content.extents(),
            Found::Marker(_) => &[],
        }
    }

    fn etag(&self) -> Option<&str> {
        match &self.found {
            Found::Object(entry) => Some(&entry.info.etag),
            Found::Marker(_) => None,
        }
    }

    fn fits(&self, conditions: &DeleteIf) -> bool {
        match &self.found {
            Found::Object(entry) => {
                let info = &entry.info;
                conditions.holds(&info.etag, info.modified, info.size)
            }
            Found::Marker(marker) => conditions.holds("", marker.modified, 0),
        }
    }
}

struct Pending {
    bucket: String,
    upload: Upload,
    parts: BTreeMap<u32, PartEntry>,
}

impl Held {
    fn versioning(&self) -> Versioning {
        self.bucket.settings.versioning
    }

    fn rows(&self, key: &str) -> &[Row] {
        self.keys.get(key.as_bytes()).map(Vec::as_slice).unwrap_or_default()
    }

    fn row(&self, key: &str, version: Option<Version>) -> Option<&Row> {
        let mut rows = self.rows(key).iter();
        match version {
            None => rows.next(),
            Some(version) => rows.find(|row| row.is(version)),
        }
    }

    /// What is told of a row: no version where none was ever kept.
    fn told(&self, row: &Row) -> Option<Version> {
        (self.versioning() != Versioning::Off).then(|| row.version())
    }

    /// Adds the newest version of a key; `null` takes the place of the one before.
    fn add(&mut self, key: &str, found: Found, at: Timestamp) -> (Option<Version>, Vec<Id>) {
        let null = self.versioning() != Versioning::Enabled;
        let newest = self.row(key, None).map(|row| row.number + 1);
        let number = u64::try_from(at.micros()).unwrap_or(0).max(newest.unwrap_or(0));
        let rows = self.keys.entry(key.as_bytes().to_vec()).or_default();
        let replaced = rows.extract_if(.., |row| null && row.null).flat_map(|row| row.blobs());
        let unnamed = replaced.collect();
        let row = Row { number, null, found };
        rows.insert(0, row.clone());
        (self.told(&row), unnamed)
    }

    fn remove(&mut self, key: &str, version: Version) -> Option<Row> {
        let rows = self.keys.get_mut(key.as_bytes())?;
        let place = rows.iter().position(|row| row.is(version))?;
        let removed = rows.remove(place);
        if rows.is_empty() {
            self.keys.remove(key.as_bytes());
        }
        Some(removed)
    }
}

impl State {
    fn held(&mut self, bucket: &str) -> Result<&mut Held, IndexError> {
        self.buckets.get_mut(bucket).ok_or(IndexError::NoSuchBucket)
    }

    fn put(
        &mut self,
        bucket: &str,
        entry: Entry,
        guard: &Guard,
    ) -> Result<Option<Version>, IndexError> {
        let held = self.held(bucket)?;
        let (key, at) = (entry.info.key.clone(), entry.info.modified);
        guard.check(held.row(&key, None).and_then(Row::etag))?;
        let named: Vec<Id> = entry.content.blobs().collect();
        let (version, unnamed) = held.add(&key, Found::Object(Box::new(entry)), at);
        self.name(named);
        self.unname(unnamed);
        Ok(version)
    }

    fn delete(
        &mut self,
        name: ObjectName<'_>,
        conditions: &DeleteIf,
        now: Timestamp,
    ) -> Result<Deleted, IndexError> {
        let held = self.held(name.bucket)?;
        if held.row(name.key, name.version).is_some_and(|row| !row.fits(conditions)) {
            return Err(IndexError::Unmet);
        }
        let gone = match (name.version, held.versioning()) {
            (Some(version), _) => Some(version),
            (None, Versioning::Off) => Some(Version::Null),
            (None, Versioning::Enabled | Versioning::Suspended) => None,
        };
        let Some(gone) = gone else {
            let version = Version::Null;
            let marker = Marker { key: name.key.to_owned(), version, modified: now };
            let (version, unnamed) = held.add(name.key, Found::Marker(marker), now);
            self.unname(unnamed);
            return Ok(Deleted { version, marker: true });
        };
        let removed = held.remove(name.key, gone);
        let marker = removed.as_ref().is_some_and(|row| matches!(row.found, Found::Marker(_)));
        self.unname(removed.iter().flat_map(Row::blobs).collect());
        Ok(Deleted { version: name.version, marker })
    }

    fn change(
        &mut self,
        name: ObjectName<'_>,
        change: impl Fn(&mut ObjectInfo),
    ) -> Result<Option<Version>, IndexError> {
        let held = self.held(name.bucket)?;
        let row = held.row(name.key, name.version).ok_or(IndexError::NoSuchKey)?;
        let (version, told) = (row.version(), held.told(row));
        let rows = held.keys.get_mut(name.key.as_bytes()).into_iter().flatten();
        for row in rows.filter(|row| row.is(version)) {
            match &mut row.found {
                Found::Object(entry) => change(&mut entry.info),
                Found::Marker(_) => return Err(IndexError::NoSuchKey),
            }
        }
        Ok(told)
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

    fn pending(&self, name: UploadName<'_>) -> Option<&Pending> {
        let named = |held: &&Pending| held.bucket == name.bucket && held.upload.key == name.key;
        self.uploads.get(name.id).filter(named)
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

/// A row as it is told.
fn told(row: &Row, version: Option<Version>) -> Found {
    match row.found.clone() {
        Found::Object(mut entry) => {
            entry.info.version = version;
            Found::Object(entry)
        }
        Found::Marker(marker) => Found::Marker(Marker { version: row.version(), ..marker }),
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
