//! A few connections that only read, each on a blocking thread while it works.
//!
//! They are opened when first needed and kept. In WAL a reader sees the last commit at the moment
//! its statement begins, so never less than what was acknowledged to whoever asks.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use platform::store::StoreError;
use rusqlite::Connection;
use tokio::{sync::Semaphore, task};

use crate::database::reading;

/// Reads at once. More would only wait for each other on a machine of few cores.
const READERS: usize = 4;

pub(crate) struct Readers {
    pool: Arc<Pool>,
    free: Arc<Semaphore>,
}

struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub fn new(path: PathBuf) -> Self {
        let pool = Arc::new(Pool { path, idle: Mutex::default() });
        Self { pool, free: Arc::new(Semaphore::new(READERS)) }
    }

    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // Moved into the thread, for it may outlive the caller who stopped waiting.
        let permit = self.free.clone().acquire_owned().await.map_err(StoreError::new)?;
        let pool = self.pool.clone();
        let read = move || {
            let _permit = permit;
            let connection = pool.take().map_err(StoreError::new)?;
            let answer = work(&connection);
            pool.put(connection);
            answer
        };
        task::spawn_blocking(read).await.map_err(StoreError::new)?
    }
}

impl Pool {
    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| reading(&self.path), Ok)
    }

    fn put(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}
