//! Blobs on the disk against blobs that the index names.
//!
//! The server is idle and sweeps by itself, so both are the same after a moment.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use rusqlite::{Connection, OpenFlags};

/// How long the sweeper may take, and how often it is looked after.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// All blobs that some object or part stands for.
const NAMED: &str = "
    SELECT json_extract(extent.value, '$.blob') FROM contents, json_each(contents.extents) extent
    UNION
    SELECT json_extract(extent.value, '$.blob') FROM parts, json_each(parts.extents) extent";

/// Fails where a database is damaged, a blob is missing, or one stays that nobody names.
pub async fn check(data: &Path) -> Result<()> {
    for database in ["meta.db", "objects/index.db"] {
        let verdict: String =
            opened(&data.join(database))?
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        ensure!(verdict == "ok", "{database} is damaged: {verdict}");
    }
    let objects = data.join("objects");
    let begun = Instant::now();
    loop {
        let (named, there) = (named(&objects.join("index.db"))?, files(&objects)?);
        if named == there {
            return Ok(());
        }
        let missing: Vec<_> = named.difference(&there).collect();
        ensure!(missing.is_empty(), "the index names blobs that are not there: {missing:?}");
        let strays: Vec<_> = there.difference(&named).collect();
        ensure!(begun.elapsed() < PATIENCE, "nobody sweeps {strays:?}");
        tokio::time::sleep(LOOK).await;
    }
}

fn opened(database: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn named(index: &Path) -> rusqlite::Result<BTreeSet<String>> {
    let index = opened(index)?;
    let mut statement = index.prepare(NAMED)?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Committed blobs and those being written.
fn files(objects: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![objects.join("staging")];
    for shard in fs::read_dir(objects.join("blobs"))? {
        folders.push(shard?.path());
    }
    for folder in folders {
        for file in fs::read_dir(folder)? {
            found.insert(file?.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(found)
}
