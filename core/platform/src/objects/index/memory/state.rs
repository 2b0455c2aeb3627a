//! What the index in memory holds: rows by key, uploads, and how often each blob is named.

use std::collections::BTreeMap;

use types::{Id, Timestamp};

use crate::objects::{
    Bucket, DeleteIf, Deleted, Marker, ObjectInfo, ObjectName, Upload, UploadName, Version,
    index::{Entry, Extent, Found, Guard, IndexError, PartEntry},
    settings::Versioning,
};

#[derive(Default)]
pub(super) struct State {
    pub(super) buckets: BTreeMap<String, Held>,
    pub(super) uploads: BTreeMap<String, Pending>,
    pub(super) references: BTreeMap<Id, u64>,
}

pub(super) struct Held {
    pub(super) bucket: Bucket,
    /// The versions of each key, the newest first; never none.
    pub(super) keys: BTreeMap<Vec<u8>, Vec<Row>>,
}

/// A version of a key. `null` has a number as well, by which it is sorted.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) null: bool,
    pub(super) found: Found,
}

impl Row {
    pub(super) fn is(&self, version: Version) -> bool {
        match version {
            Version::Null => self.null,
            Version::Numbered(number) => !self.null && self.number == number,
        }
    }

    pub(super) fn version(&self) -> Version {
        if self.null { Version::Null } else { Version::Numbered(self.number) }
    }

    pub(super) fn blobs(&self) -> Vec<Id> {
        match &self.found {
            Found::Object(entry) => entry.content.blobs().collect(),
            Found::Marker(_) => Vec::new(),
        }
    }

    pub(super) fn extents(&self) -> &[Extent] {
        match &self.found {
            Found::Object(entry) => entry.content.extents(),
            Found::Marker(_) => &[],
        }
    }

    pub(super) fn etag(&self) -> Option<&str> {
        match &self.found {
            Found::Object(entry) => Some(&entry.info.etag),
            Found::Marker(_) => None,
        }
    }

    pub(super) fn fits(&self, conditions: &DeleteIf) -> bool {
        match &self.found {
            Found::Object(entry) => {
                let info = &entry.info;
                conditions.holds(&info.etag, info.modified, info.size)
            }
            Found::Marker(marker) => conditions.holds("", marker.modified, 0),
        }
    }
}

pub(super) struct Pending {
    pub(super) bucket: String,
    pub(super) upload: Upload,
    pub(super) parts: BTreeMap<u32, PartEntry>,
}

impl Held {
    pub(super) fn versioning(&self) -> Versioning {
        self.bucket.settings.versioning
    }

    pub(super) fn rows(&self, key: &str) -> &[Row] {
        self.keys.get(key.as_bytes()).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn row(&self, key: &str, version: Option<Version>) -> Option<&Row> {
        let mut rows = self.rows(key).iter();
        match version {
            None => rows.next(),
            Some(version) => rows.find(|row| row.is(version)),
        }
    }

    /// What is told of a row: no version where none was ever kept.
    pub(super) fn told(&self, row: &Row) -> Option<Version> {
        (self.versioning() != Versioning::Off).then(|| row.version())
    }

    /// Adds the newest version of a key; `null` takes the place of the one before.
    pub(super) fn add(
        &mut self,
        key: &str,
        found: Found,
        at: Timestamp,
    ) -> (Option<Version>, Vec<Id>) {
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

    pub(super) fn remove(&mut self, key: &str, version: Version) -> Option<Row> {
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
    pub(super) fn held(&mut self, bucket: &str) -> Result<&mut Held, IndexError> {
        self.buckets.get_mut(bucket).ok_or(IndexError::NoSuchBucket)
    }

    pub(super) fn put(
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

    pub(super) fn delete(
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

    pub(super) fn change(
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

    pub(super) fn name(&mut self, blobs: Vec<Id>) {
        for blob in blobs {
            *self.references.entry(blob).or_default() += 1;
        }
    }

    pub(super) fn unname(&mut self, blobs: Vec<Id>) {
        for blob in blobs {
            self.references.entry(blob).and_modify(|count| *count = count.saturating_sub(1));
        }
    }

    pub(super) fn end(&mut self, upload: &str) {
        let parts = self.uploads.remove(upload).map(|pending| pending.parts).unwrap_or_default();
        self.unname(parts.into_values().flat_map(|part| blobs_of(&part)).collect());
    }

    pub(super) fn pending(&self, name: UploadName<'_>) -> Option<&Pending> {
        let named = |held: &&Pending| held.bucket == name.bucket && held.upload.key == name.key;
        self.uploads.get(name.id).filter(named)
    }
}

pub(super) fn blobs_of(part: &PartEntry) -> Vec<Id> {
    part.extents.iter().map(|extent| extent.blob).collect()
}

/// A row as it is told.
pub(super) fn told(row: &Row, version: Option<Version>) -> Found {
    match row.found.clone() {
        Found::Object(mut entry) => {
            entry.info.version = version;
            Found::Object(entry)
        }
        Found::Marker(marker) => Found::Marker(Marker { version: row.version(), ..marker }),
    }
}
