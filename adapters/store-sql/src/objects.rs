//! The object index in SQLite: one file, `objects/index.db`, apart from the control plane's, for
//! it grows differently and is written far more often.
//!
//! A piece of work looks and writes in one transaction on the one writer, so what it found still
//! holds when it writes. A row of `objects` says where the bytes are, and `blobs` counts how many
//! extents name a blob; whoever writes one must write the other.

mod objects_table;
mod rows;
mod uploads_table;

#[cfg(test)]
mod tests;

use std::path::Path;

use async_trait::async_trait;
use platform::{
    objects::{
        Bucket, ListKeys, Listing, Upload,
        index::{Entry, Guard, IndexError, ObjectIndex, PartEntry},
    },
    store::StoreError,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use types::Id;

use crate::{
    OpenError,
    database::{Database, Schema},
};
use rows::{bucket_from, micros};

const SCHEMA: Schema = &[include_str!("../migrations-objects/0001_objects.sql")];

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

/// The number of a bucket, by which its objects are kept.
fn bucket_number(connection: &Connection, name: &str) -> Result<i64, Refusal> {
    let mut statement = connection.prepare_cached("SELECT id FROM buckets WHERE name = ?1")?;
    let number = statement.query_row([name], |row| row.get(0)).optional()?;
    number.ok_or(Refusal::Caller(IndexError::NoSuchBucket))
}

fn find_bucket(connection: &Connection, name: &str) -> Result<Option<Bucket>, Refusal> {
    let mut statement = connection
        .prepare_cached("SELECT name, account, region, created FROM buckets WHERE name = ?1")?;
    Ok(statement.query_row([name], bucket_from).optional()?)
}

fn buckets_of(connection: &Connection, account: &str) -> Result<Vec<Bucket>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT name, account, region, created FROM buckets WHERE account = ?1 ORDER BY name",
    )?;
    let found = statement.query_map([account], bucket_from)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn insert_bucket(connection: &Connection, bucket: &Bucket) -> Result<Option<Bucket>, Refusal> {
    let known = find_bucket(connection, &bucket.name)?;
    if known.is_none() {
        let Bucket { name, account, region, created } = bucket;
        connection
            .prepare_cached(
                "INSERT INTO buckets (name, account, region, created) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![name, account, region, micros(*created)])?;
    }
    Ok(known)
}

fn remove_bucket(connection: &Connection, name: &str) -> Result<(), Refusal> {
    let number = bucket_number(connection, name)?;
    let used: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM objects WHERE bucket = ?1)")?
        .query_row([number], |row| row.get(0))?;
    if used {
        return Err(Refusal::Caller(IndexError::BucketNotEmpty));
    }
    uploads_table::end_all(connection, number)?;
    connection.prepare_cached("DELETE FROM buckets WHERE id = ?1")?.execute([number])?;
    Ok(())
}

#[async_trait]
impl ObjectIndex for SqliteIndex {
    async fn create_bucket(&self, bucket: Bucket) -> Result<Option<Bucket>, IndexError> {
        self.write(move |connection| insert_bucket(connection, &bucket)).await
    }

    async fn delete_bucket(&self, name: &str) -> Result<(), IndexError> {
        let name = name.to_owned();
        self.write(move |connection| remove_bucket(connection, &name)).await
    }

    async fn bucket(&self, name: &str) -> Result<Option<Bucket>, IndexError> {
        let name = name.to_owned();
        self.read(move |connection| find_bucket(connection, &name)).await
    }

    async fn buckets(&self, account: &str) -> Result<Vec<Bucket>, IndexError> {
        let account = account.to_owned();
        self.read(move |connection| buckets_of(connection, &account)).await
    }

    async fn put(&self, bucket: &str, entry: Entry, guard: Guard) -> Result<(), IndexError> {
        let bucket = bucket.to_owned();
        self.write(move |connection| objects_table::put(connection, &bucket, &entry, &guard)).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Entry>, IndexError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.read(move |connection| objects_table::get(connection, &bucket, key)).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), IndexError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.write(move |connection| objects_table::delete(connection, &bucket, &key)).await
    }

    async fn list(&self, list: &ListKeys) -> Result<Listing, IndexError> {
        let list = list.clone();
        self.read(move |connection| objects_table::list(connection, &list)).await
    }

    async fn create_upload(&self, bucket: &str, upload: Upload) -> Result<(), IndexError> {
        let bucket = bucket.to_owned();
        self.write(move |connection| uploads_table::create(connection, &bucket, &upload)).await
    }

    async fn upload(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
    ) -> Result<Option<Upload>, IndexError> {
        let (bucket, key, upload) = (bucket.to_owned(), key.to_owned(), upload.to_owned());
        self.read(move |connection| uploads_table::find(connection, &bucket, &key, &upload)).await
    }

    async fn uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<Upload>, IndexError> {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        self.read(move |connection| uploads_table::list(connection, &bucket, &prefix)).await
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

    async fn complete(&self, bucket: &str, entry: Entry, guard: Guard) -> Result<(), IndexError> {
        let bucket = bucket.to_owned();
        self.write(move |connection| uploads_table::complete(connection, &bucket, &entry, &guard))
            .await
    }

    async fn abort(&self, bucket: &str, key: &str, upload: &str) -> Result<(), IndexError> {
        let (bucket, key, upload) = (bucket.to_owned(), key.to_owned(), upload.to_owned());
        self.write(move |connection| uploads_table::abort(connection, &bucket, &key, &upload)).await
    }

    async fn garbage(&self, limit: usize) -> Result<Vec<Id>, IndexError> {
        self.read(move |connection| objects_table::garbage(connection, limit)).await
    }

    async fn forget(&self, blobs: &[Id]) -> Result<(), IndexError> {
        let blobs = blobs.to_vec();
        self.write(move |connection| objects_table::forget(connection, &blobs)).await
    }

    async fn unknown(&self, blobs: Vec<Id>) -> Result<Vec<Id>, IndexError> {
        self.read(move |connection| objects_table::unknown(connection, blobs)).await
    }
}
