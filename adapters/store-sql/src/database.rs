//! One SQLite file with its writer and its readers.
//!
//! Knows nothing of what the tables mean: it is handed a schema and closures that run SQL.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use platform::store::StoreError;
use rusqlite::{Connection, OpenFlags, config::DbConfig};

use crate::{migrations, readers::Readers, writer::Writer};

/// Migrations in order; the file's `user_version` counts how many of them it has seen.
pub(crate) type Schema = &'static [&'static str];

/// How long a connection waits for somebody else's lock: a copy being made from outside.
const BUSY: Duration = Duration::from_secs(5);

/// More than all statements of this crate.
const STATEMENTS: usize = 96;

/// The WAL is cut back to this after a checkpoint, bytes.
const WAL_KEPT: i64 = 16 << 20;

/// Why a file could not be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made or reached.
    #[error("{path} cannot be opened; check its folder, its rights and the free space")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// SQLite cannot work with it.
    #[error("{path} cannot be used as a database; restore it from a copy if it is damaged")]
    Database {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A later program wrote it.
    #[error(
        "{path} has format {found}, and this program knows formats up to {known}; \
         start the newer program that wrote it"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: usize,
        /// The last format known here.
        known: usize,
    },
    /// A step to a newer format failed; the file is as it was.
    #[error("{path} cannot be brought to format {format}; it was left as it was")]
    Migration {
        /// Which file.
        path: PathBuf,
        /// The format that the step leads to.
        format: usize,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// An open file.
pub(crate) struct Database {
    writer: Writer,
    readers: Readers,
}

impl Database {
    /// Opens or makes the file and brings it to the schema's last format.
    pub fn open(path: &Path, schema: Schema) -> Result<Self, OpenError> {
        let file = |source| OpenError::File { path: path.to_owned(), source };
        make_private(path).map_err(file)?;
        let mut connection = writing(path)
            .map_err(|source| OpenError::Database { path: path.to_owned(), source })?;
        migrations::run(&mut connection, path, schema)?;
        let writer = Writer::start(connection).map_err(file)?;
        Ok(Self { writer, readers: Readers::new(path.to_owned()) })
    }

    /// Runs `work` on the writer's thread, all of it or nothing, and answers once it is durable.
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Returns once nothing more can be written, until the file is opened again.
    pub async fn stopped(&self) {
        self.writer.stopped().await;
    }

    /// Runs `work` on a reader; it sees everything that was acknowledged before.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(work).await
    }
}

/// Nobody but the owner may read what the records say; SQLite gives its side files the same rights.
fn make_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => sync_folder(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the file's name durable, as fsync of the file makes its content.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

fn writing(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = prepared(Connection::open_with_flags(path, flags)?)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
    Ok(connection)
}

/// A connection that only reads.
pub(crate) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    prepared(Connection::open_with_flags(path, flags)?)
}

fn prepared(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(BUSY)?;
    // Plans may not depend on bound values: else each new value makes SQLite parse a prepared
    // statement again, which costs a third of a small read.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_waits_for_the_disk_and_references_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.db");
        make_private(&path).unwrap();
        let connection = writing(&path).unwrap();
        let text = |name| connection.pragma_query_value(None, name, |row| row.get::<_, String>(0));
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        assert_eq!(text("journal_mode").unwrap(), "wal");
        assert_eq!(number("synchronous").unwrap(), 2, "2 is FULL");
        assert_eq!(number("foreign_keys").unwrap(), 1);
    }

    #[test]
    fn a_reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.db");
        make_private(&path).unwrap();
        let _writer = writing(&path).unwrap();
        assert!(reading(&path).unwrap().execute_batch("CREATE TABLE t (x)").is_err());
    }
}
