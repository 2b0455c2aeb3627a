//! The one thread that writes, and the group commit.
//!
//! Whatever waits in the queue goes into one transaction, each request inside its own savepoint, so
//! that a conflict undoes only its own; one fsync then answers all. No request is answered before
//! that COMMIT, not even with a conflict, for the conflict may be with a neighbour that is not
//! durable either.
//!
//! After an I/O error in COMMIT nothing is known about what the disk holds, and a second fsync
//! would say nothing true: the writer stops for good, and every later request fails. A failed fsync
//! in a checkpoint is another matter: SQLite keeps the pages in the log, which is durable, and
//! writes all of them again the next time.

use std::{io, iter, sync::Arc, thread};

use platform::store::StoreError;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

/// Requests that wait; who comes then waits before the queue.
const QUEUE: usize = 1_024;

/// Requests that share one fsync.
const GROUP: usize = 256;

type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

#[derive(Debug, thiserror::Error)]
#[error("the store stopped writing after an error, see its log; restart the server")]
struct Stopped;

#[derive(Debug, thiserror::Error)]
#[error("the transaction was rolled back while it was written")]
struct RolledBack;

pub(crate) struct Writer {
    queue: mpsc::Sender<Job>,
}

impl Writer {
    /// The thread ends when the writer is dropped.
    pub fn start(connection: Connection) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        thread::Builder::new().name("store-writer".into()).spawn(move || run(&connection, jobs))?;
        Ok(Self { queue })
    }

    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = in_savepoint(connection, work);
            Box::new(move |durable| {
                // Who no longer listens has lost only the answer.
                let _ = tell.send(durable.map_err(E::from).and(result));
            })
        });
        let stopped = || E::from(StoreError::new(Stopped));
        self.queue.send(job).await.map_err(|_| stopped())?;
        told.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Returns once the writer has stopped for good.
    pub async fn stopped(&self) {
        self.queue.closed().await;
    }
}

/// Leaves all of the work in the transaction, or none of it, or no transaction at all.
fn in_savepoint<T, E: From<StoreError>>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    step(connection, "SAVEPOINT request").map_err(StoreError::new)?;
    let result = work(connection);
    if connection.is_autocommit() {
        return result;
    }
    let undone = match &result {
        Ok(_) => Ok(()),
        Err(_) => step(connection, "ROLLBACK TO request"),
    };
    match undone.and_then(|()| step(connection, "RELEASE request")) {
        Ok(()) => result,
        Err(error) => {
            // Half of the work may still stand there: rather none of the group.
            let _ = step(connection, "ROLLBACK");
            Err(StoreError::new(error).into())
        }
    }
}

fn step(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

fn run(connection: &Connection, mut jobs: mpsc::Receiver<Job>) {
    while let Some(first) = jobs.blocking_recv() {
        let more = iter::from_fn(|| jobs.try_recv().ok()).take(GROUP - 1);
        if let Err(error) = group(connection, iter::once(first).chain(more)) {
            tracing::error!(%error, "the store could not write");
            if is_fatal(&error) {
                tracing::error!("the store stops writing; restart the server");
                return;
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum GroupError {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error(transparent)]
    RolledBack(#[from] RolledBack),
}

fn group(connection: &Connection, jobs: impl Iterator<Item = Job>) -> Result<(), Arc<GroupError>> {
    let mut answers = Vec::new();
    let written = write_all(connection, jobs, &mut answers).map_err(Arc::new);
    if written.is_err() && !connection.is_autocommit() {
        // What cannot even be rolled back was not committed either.
        let _ = step(connection, "ROLLBACK");
    }
    for answer in answers {
        answer(written.clone().map_err(StoreError::new));
    }
    written
}

/// A job that is not run is dropped, which tells its caller that nothing was written.
fn write_all(
    connection: &Connection,
    jobs: impl Iterator<Item = Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), GroupError> {
    step(connection, "BEGIN IMMEDIATE")?;
    for job in jobs {
        answers.push(job(connection));
        if connection.is_autocommit() {
            // A full disk or an I/O error made SQLite undo the whole group.
            return Err(RolledBack.into());
        }
    }
    step(connection, "COMMIT")?;
    Ok(())
}

/// A full disk may have room again; broken writes and broken files stay.
fn is_fatal(error: &GroupError) -> bool {
    let GroupError::Sql(error) = error else { return false };
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    fn writer(table: &str) -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(table).unwrap();
        Writer::start(connection).unwrap()
    }

    async fn insert(writer: &Writer, number: i64) -> Result<i64, StoreError> {
        let work = move |connection: &Connection| {
            connection.execute("INSERT INTO t VALUES (?)", [number]).map_err(StoreError::new)?;
            if number % 2 == 0 { Ok(number) } else { Err(StoreError::new("odd")) }
        };
        writer.write(work).await
    }

    async fn numbers(writer: &Writer) -> Vec<i64> {
        let work = |connection: &Connection| -> Result<Vec<i64>, StoreError> {
            let mut select = connection.prepare("SELECT n FROM t ORDER BY n").unwrap();
            let numbers = select.query_map([], |row| row.get(0)).unwrap();
            Ok(numbers.map(Result::unwrap).collect())
        };
        writer.write(work).await.unwrap()
    }

    #[tokio::test]
    async fn a_request_that_fails_undoes_only_itself() {
        let writer = writer("CREATE TABLE t (n INTEGER UNIQUE)");
        let answers = join_all((0..10).map(|number| insert(&writer, number))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 5);
        assert_eq!(numbers(&writer).await, [0, 2, 4, 6, 8]);
    }

    #[tokio::test]
    async fn a_commit_that_fails_fails_every_request_in_it_and_the_next_go_on() {
        // A deferred constraint is checked by COMMIT alone.
        let writer = writer(
            "PRAGMA foreign_keys = ON; CREATE TABLE p (n INTEGER PRIMARY KEY);
             CREATE TABLE t (n INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED);
             INSERT INTO p VALUES (4)",
        );
        let (broken, whole) = tokio::join!(insert(&writer, 2), insert(&writer, 2));
        assert!(broken.is_err() && whole.is_err());
        assert_eq!(insert(&writer, 4).await.unwrap(), 4);
        assert_eq!(numbers(&writer).await, [4]);
    }

    #[tokio::test]
    async fn a_transaction_that_is_lost_halfway_acknowledges_nothing() {
        let writer = writer("CREATE TABLE t (n INTEGER)");
        let lost = |connection: &Connection| -> Result<(), StoreError> {
            connection.execute_batch("INSERT INTO t VALUES (1); ROLLBACK").unwrap();
            Ok(())
        };
        assert!(writer.write(lost).await.is_err());
        assert_eq!(insert(&writer, 2).await.unwrap(), 2);
        assert_eq!(numbers(&writer).await, [2]);
    }

    #[test]
    fn io_errors_stop_the_writer_and_a_full_disk_does_not() {
        let failure = |code| {
            GroupError::Sql(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None))
        };
        assert!(is_fatal(&failure(rusqlite::ffi::SQLITE_IOERR_FSYNC)));
        assert!(is_fatal(&failure(rusqlite::ffi::SQLITE_CORRUPT)));
        assert!(!is_fatal(&failure(rusqlite::ffi::SQLITE_FULL)));
        assert!(!is_fatal(&failure(rusqlite::ffi::SQLITE_BUSY)));
    }

    #[tokio::test]
    async fn a_file_that_breaks_stops_the_writer_for_good_and_whoever_waits_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
        let writer = Writer::start(connection).unwrap();
        insert(&writer, 2).await.unwrap();
        std::fs::write(&path, "no database, only some text".repeat(400)).unwrap();
        assert!(insert(&writer, 4).await.is_err());
        writer.stopped().await;
        let refused = insert(&writer, 6).await.unwrap_err();
        assert!(refused.0.to_string().contains("restart the server"), "{refused:?}");
    }
}
