//! What is durable, in SQLite: the control plane's records, logs and metrics in one file.
//!
//! One thread writes and gathers what arrives meanwhile into one transaction, so that many commits
//! share one fsync; readers stand beside it and see every commit that was acknowledged. Whoever
//! opens the same file twice at once breaks no data, but the writers then wait for each other.

mod copies;
mod database;
mod logs;
mod metrics;
mod migrations;
pub mod objects;
mod readers;
mod sql;
mod store;
mod writer;

use std::path::Path;

use database::{Database, Schema};
use tokio::sync::watch;

pub use copies::{CopyError, copy};
pub use database::OpenError;

const SCHEMA: Schema = &[include_str!("../migrations/0001_start.sql")];

/// [`platform::store::Store`], [`platform::telemetry::Logs`] and [`platform::telemetry::Metrics`]
/// over one SQLite file.
pub struct Sqlite {
    database: Database,
    changed: watch::Sender<u64>,
}

impl Sqlite {
    /// Opens the file, makes it where there is none, and brings its tables up to date; before that
    /// an older file is copied beside itself. Blocks for some milliseconds.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let database = Database::open(path.as_ref(), SCHEMA)?;
        Ok(Self { database, changed: watch::Sender::new(0) })
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
}
