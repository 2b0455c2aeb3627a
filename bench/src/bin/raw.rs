//! `raw FOLDER ROWS`: what this disk and SQLite can do for small durable writes. Sixteen writers
//! each put rows of 4 KiB into one file, one row at a time, and wait until it is on the disk; rows
//! that wait share one commit. Prints one JSON object, as `load` does.
//!
//! It does nothing of what an object store does: no HTTP, no signature, no MD5, no key that must be
//! found again.

use std::{
    env,
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use bench::measure::{timed, together};
use rusqlite::Connection;

const WRITERS: usize = 16;
/// Bytes of a row.
const ROW: usize = 4096;
/// How long the first row of a group waits for others at most.
const GATHER: Duration = Duration::from_millis(5);

/// Whoever sends a row hears when it is durable.
type Row = (Vec<u8>, SyncSender<()>);

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let usage = || anyhow!("usage: raw FOLDER ROWS");
    let folder = arguments.next().ok_or_else(usage)?;
    let rows = arguments.next().ok_or_else(usage)?.parse::<usize>()? / WRITERS;
    let connection = open(Path::new(&folder))?;
    let (queue, waiting) = sync_channel(WRITERS);
    let writer = thread::spawn(move || write(connection, &waiting));
    let measured = together("self", WRITERS, |_| {
        let queue = queue.clone();
        Ok(move || (0..rows).map(|_| timed(|| put(&queue))).collect())
    })?;
    drop(queue);
    writer.join().map_err(|_| anyhow!("the writer panicked"))??;
    println!("{measured}");
    Ok(())
}

fn open(folder: &Path) -> Result<Connection> {
    let connection = Connection::open(folder.join("raw.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         CREATE TABLE row (number INTEGER PRIMARY KEY, body BLOB NOT NULL);",
    )?;
    Ok(connection)
}

fn put(queue: &SyncSender<Row>) -> Result<()> {
    let (tell, told) = sync_channel(1);
    queue.send((vec![1; ROW], tell)).context("the writer ended")?;
    told.recv().context("the row was lost")
}

/// Ends when no writer is left.
fn write(mut connection: Connection, waiting: &Receiver<Row>) -> Result<()> {
    while let Ok(first) = waiting.recv() {
        let group = gather(first, waiting);
        let transaction = connection.transaction()?;
        for (body, _) in &group {
            transaction.prepare_cached("INSERT INTO row (body) VALUES (?1)")?.execute([body])?;
        }
        transaction.commit()?;
        group.into_iter().try_for_each(|(_, tell)| tell.send(()))?;
    }
    Ok(())
}

/// Every row that comes within the time; not longer than until all writers wait.
fn gather(first: Row, waiting: &Receiver<Row>) -> Vec<Row> {
    let end = Instant::now() + GATHER;
    let mut group = vec![first];
    while group.len() < WRITERS {
        let Ok(row) = waiting.recv_timeout(end.saturating_duration_since(Instant::now())) else {
            break;
        };
        group.push(row);
    }
    group
}
