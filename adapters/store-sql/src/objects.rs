//! The object index in SQLite: one file, `objects/index.db`, apart from the control plane's, for
//! it grows differently and is written far more often.
//!
//! A piece of work looks and writes in one transaction on the one writer, so what it found still
//! holds when it writes. A row of `objects` says where the bytes are, and `blobs` counts how many
//! extents name a blob; whoever writes one must write the other.

mod blob_names;
mod buckets_table;
mod keys_table;
mod objects_table;
mod pages;
mod rows;
mod survey;
mod uploads_table;

#[cfg(test)]
mod tests;

use std::path::Path;

use async_trait::async_trait;
use platform::{
    objects::{
        Acl, Bucket, DeleteIf, Deleted, ListKeys, ListUploads, ListVersions, Listing, ObjectName,
        SettingsChange, Tags, Upload, UploadListing, UploadName, Version, VersionListing,
        index::{Entry, Extent, Found, Guard, IndexError, ObjectIndex, PartEntry},
    },
    store::StoreError,
};
use rusqlite::Connection;
use types::{Id, Timestamp};

use crate::{
    CopyError, OpenError, copies,
    database::{Database, Schema},
};

pub use survey::{NamedBlob, forget_keys, named_blobs, needed_by, needs_master_key};

const SCHEMA: Schema = &[
    include_str!("../migrations-objects/0001_objects.sql"),
    include_str!("../migrations-objects/0002_versions.sql"),
    include_str!("../migrations-objects/0003_sealing_keys.sql"),
    include_str!("../migrations-objects/0004_acls.sql"),
];

/// [`ObjectIndex`] over one SQLite file.
pub struct SqliteIndex {
    database: Database,
}

/// Why a piece of work did nothing: its caller's fault, which it is told, or the file's.
#[derive(Debug)]
enum Refusal {
    Caller(IndexError),
    File(StoreError),
}

impl From<IndexError> for Refusal {
    fn from(refusal: IndexError) -> Self {
        Self::Caller(refusal)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::File(error)
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::File(StoreError::new(error))
    }
}

impl From<Refusal> for IndexError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Caller(refusal) => refusal,
            Refusal::File(StoreError(cause)) => Self::Failed(cause),
        }
    }
}

impl SqliteIndex {
    /// Opens the file, makes it where there is none, and brings its tables up to date; before that
    /// an older file is copied beside itself. Blocks for some milliseconds.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Ok(Self { database: Database::open(path.as_ref(), SCHEMA)? })
    }

    /// Returns once nothing more can be written: the disk failed, and what it holds is not known
    /// until the file is opened again.
    pub async fn stopped(&self) {
        self.database.stopped().await;
    }

    /// Checks a copy of the file, which nobody has open, from end to end.
    pub fn check(path: impl AsRef<Path>) -> Result<(), CopyError> {
        copies::check(path.as_ref(), SCHEMA)
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, IndexError> {
        self.database.write(work).await.map_err(IndexError::from)
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, IndexError> {
        let found = self.database.read(move |connection| Ok(work(connection))).await;
        found.map_err(Refusal::from).flatten().map_err(IndexError::from)
    }
}

/// An object's name for work on another thread.
struct Held {
    bucket: String,
    key: String,
    version: Option<Version>,
}

impl Held {
    fn of(name: ObjectName<'_>) -> Self {
        let ObjectName { bucket, key, version } = name;
        Self { bucket: bucket.to_owned(), key: key.to_owned(), version }
    }

    fn name(&self) -> ObjectName<'_> {
        ObjectName { bucket: &self.bucket, key: &self.key, version: self.version }
    }
}

/// An upload's name for work on another thread.
struct HeldUpload {
    bucket: String,
    key: String,
    id: String,
}

impl HeldUpload {
    fn of(name: UploadName<'_>) -> Self {
        let UploadName { bucket, key, id } = name;
        Self { bucket: bucket.to_owned(), key: key.to_owned(), id: id.to_owned() }
    }

    fn name(&self) -> UploadName<'_> {
        UploadName { bucket: &self.bucket, key: &self.key, id: &self.id }
    }
}

#[async_trait]
impl ObjectIndex for SqliteIndex {
    async fn create_bucket(&self, bucket: Bucket) -> Result<Option<Bucket>, IndexError> {
        self.write(move |connection| buckets_table::insert(connection, &bucket)).await
    }

    async fn delete_bucket(&self, name: &str) -> Result<(), IndexError> {
        let name = name.to_owned();
        self.write(move |connection| buckets_table::remove(connection, &name)).await
    }

    async fn bucket(&self, name: &str) -> Result<Option<Bucket>, IndexError> {
        let name = name.to_owned();
        self.read(move |connection| buckets_table::find(connection, &name)).await
    }

    async fn buckets(&self, account: &str) -> Result<Vec<Bucket>, IndexError> {
        let account = account.to_owned();
        self.read(move |connection| buckets_table::of(connection, &account)).await
    }

    async fn ruled(&self) -> Result<Vec<Bucket>, IndexError> {
        self.read(buckets_table::ruled).await
    }

    async fn change_bucket(&self, name: &str, change: SettingsChange) -> Result<(), IndexError> {
        let name = name.to_owned();
        self.write(move |connection| buckets_table::change(connection, &name, change)).await
    }

    async fn put(
        &self,
        bucket: &str,
        entry: Entry,
        guard: Guard,
    ) -> Result<Option<Version>, IndexError> {
        let bucket = bucket.to_owned();
        self.write(move |connection| objects_table::put(connection, &bucket, &entry, &guard)).await
    }

    async fn get(&self, name: ObjectName<'_>) -> Result<Option<Found>, IndexError> {
        let Held { bucket, key, version } = Held::of(name);
        self.read(move |connection| objects_table::get(connection, &bucket, &key, version)).await
    }

    async fn delete(
        &self,
        name: ObjectName<'_>,
        conditions: &DeleteIf,
        now: Timestamp,
    ) -> Result<Deleted, IndexError> {
        let (held, conditions) = (Held::of(name), conditions.clone());
        self.write(move |connection| {
            objects_table::delete(connection, held.name(), &conditions, now)
        })
        .await
    }

    async fn set_tags(
        &self,
        name: ObjectName<'_>,
        tags: Tags,
    ) -> Result<Option<Version>, IndexError> {
        let held = Held::of(name);
        self.write(move |connection| objects_table::set_tags(connection, held.name(), &tags)).await
    }

    async fn set_acl(&self, name: ObjectName<'_>, acl: Acl) -> Result<Option<Version>, IndexError> {
        let held = Held::of(name);
        self.write(move |connection| objects_table::set_acl(connection, held.name(), &acl)).await
    }

    async fn list(&self, list: &ListKeys) -> Result<Listing, IndexError> {
        let list = list.clone();
        self.read(move |connection| pages::of_keys(connection, &list)).await
    }

    async fn list_versions(&self, list: &ListVersions) -> Result<VersionListing, IndexError> {
        let list = list.clone();
        self.read(move |connection| pages::of_versions(connection, &list)).await
    }

    async fn create_upload(&self, bucket: &str, upload: Upload) -> Result<(), IndexError> {
        let bucket = bucket.to_owned();
        self.write(move |connection| uploads_table::create(connection, &bucket, &upload)).await
    }

    async fn upload(&self, name: UploadName<'_>) -> Result<Option<Upload>, IndexError> {
        let held = HeldUpload::of(name);
        self.read(move |connection| uploads_table::find(connection, held.name())).await
    }

    async fn uploads(&self, list: &ListUploads) -> Result<UploadListing, IndexError> {
        let list = list.clone();
        self.read(move |connection| uploads_table::list(connection, &list)).await
    }

    async fn put_part(&self, upload: &str, part: PartEntry) -> Result<(), IndexError> {
        let upload = upload.to_owned();
        self.write(move |connection| uploads_table::put_part(connection, &upload, &part)).await
    }

    async fn parts(
        &self,
        upload: &str,
        after: u32,
        limit: usize,
    ) -> Result<Vec<PartEntry>, IndexError> {
        let upload = upload.to_owned();
        self.read(move |connection| uploads_table::parts(connection, &upload, after, limit)).await
    }

    async fn complete(
        &self,
        bucket: &str,
        entry: Entry,
        guard: Guard,
    ) -> Result<Option<Version>, IndexError> {
        let bucket = bucket.to_owned();
        self.write(move |connection| uploads_table::complete(connection, &bucket, &entry, &guard))
            .await
    }

    async fn abort(&self, name: UploadName<'_>) -> Result<(), IndexError> {
        let held = HeldUpload::of(name);
        self.write(move |connection| uploads_table::abort(connection, held.name())).await
    }

    async fn extents(&self, after: u64) -> Result<Option<(u64, Vec<Extent>)>, IndexError> {
        self.read(move |connection| blob_names::extents(connection, after)).await
    }

    async fn garbage(&self, limit: usize) -> Result<Vec<Id>, IndexError> {
        self.read(move |connection| blob_names::garbage(connection, limit)).await
    }

    async fn forget(&self, blobs: &[Id]) -> Result<(), IndexError> {
        let blobs = blobs.to_vec();
        self.write(move |connection| blob_names::forget(connection, &blobs)).await
    }

    async fn unknown(&self, blobs: Vec<Id>) -> Result<Vec<Id>, IndexError> {
        self.read(move |connection| blob_names::unknown(connection, blobs)).await
    }
}
