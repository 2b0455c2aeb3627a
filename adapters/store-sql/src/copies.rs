//! Copies of a database for backups, and whether one is whole.
//!
//! Works on files by their paths, so that a backup needs no running server: SQLite's own locks keep
//! a copy apart from a writer in another process, and in WAL mode neither waits for the other.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use crate::{
    database::{Schema, reading},
    migrations::format,
};

/// Every page in one step: one commit's state, however much is written meanwhile.
const ALL_PAGES: i32 = -1;

/// Why there is no copy, or none that can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A file cannot be made.
    #[error("{path} cannot be made; check its folder, its rights and the free space")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// SQLite cannot work with it.
    #[error("{path} cannot be read or written as a database")]
    Database {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Somebody has it for himself.
    #[error("{path} is locked by another program; try again")]
    Busy {
        /// Which file.
        path: PathBuf,
    },
    /// A later program wrote it.
    #[error("{path} has format {found}, and this program knows formats up to {known}")]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: usize,
        /// The last format known here.
        known: usize,
    },
    /// The file is damaged.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl CopyError {
    pub(crate) fn database(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Database { path: path.to_owned(), source }
    }
}

/// Writes what `from` holds, as of one commit, to the new file `to`, which stands alone and is for
/// its owner's eyes. It is not on the disk yet when this returns.
pub fn copy(from: &Path, to: &Path) -> Result<(), CopyError> {
    let make = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    make.map_err(|source| CopyError::File { path: to.to_owned(), source })?;
    let source = reading(from).map_err(CopyError::database(from))?;
    let mut target = writing(to).map_err(CopyError::database(to))?;
    match copy_pages(&source, &mut target).map_err(CopyError::database(from))? {
        StepResult::Done => {}
        _ => return Err(CopyError::Busy { path: from.to_owned() }),
    }
    // The copied pages say that there is a WAL.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(CopyError::database(to))
}

/// A copy that nobody else has.
pub(crate) fn writing(copy: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(copy, flags)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    Ok(connection)
}

fn copy_pages(source: &Connection, target: &mut Connection) -> rusqlite::Result<StepResult> {
    Backup::new(source, target)?.step(ALL_PAGES)
}

/// Checks a database from end to end: its format, every page, every index against its table.
pub(crate) fn check(path: &Path, schema: Schema) -> Result<(), CopyError> {
    let (known, owned) = (schema.len(), || path.to_owned());
    let file = reading(path).map_err(CopyError::database(path))?;
    let found = format(&file).map_err(CopyError::database(path))?;
    if found > known {
        return Err(CopyError::Newer { path: owned(), found, known });
    }
    if found == 0 {
        return Err(CopyError::Damaged { path: owned(), what: "it has no tables".to_owned() });
    }
    let what: String = file
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(CopyError::database(path))?;
    if what == "ok" { Ok(()) } else { Err(CopyError::Damaged { path: owned(), what }) }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn rows(path: &Path) -> i64 {
        let file = reading(path).unwrap();
        file.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_copy_is_one_commit_of_a_file_that_is_being_written() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from.db"), folder.path().join("to.db"));
        let writer = Connection::open(&from).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
        writer.execute_batch("BEGIN; INSERT INTO t VALUES (2)").unwrap();
        copy(&from, &to).unwrap();
        writer.execute_batch("COMMIT").unwrap();

        assert_eq!((rows(&from), rows(&to)), (2, 1));
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        let beside = names.filter(|name| name.to_string_lossy().starts_with("to.db-")).count();
        assert_eq!(beside, 0, "a copy is one file");
        assert!(copy(&from, &to).is_err(), "and takes no other's place");
    }

    #[test]
    fn what_a_killed_writer_committed_is_copied_from_its_wal() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from.db"), folder.path().join("to.db"));
        let writer = Connection::open(folder.path().join("alive.db")).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
        for suffix in ["", "-wal"] {
            let name = |name| folder.path().join(format!("{name}.db{suffix}"));
            fs::copy(name("alive"), name("from")).unwrap();
        }
        copy(&from, &to).unwrap();
        assert_eq!(rows(&to), 1);
    }

    #[test]
    fn a_page_that_was_damaged_is_found_and_so_is_what_others_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let writer = Connection::open(&path).unwrap();
        let rows = "CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES ('abcdefgh')";
        writer.execute_batch(rows).unwrap();
        assert!(matches!(check(&path, &["", ""]), Err(CopyError::Damaged { .. })), "no format");
        writer.pragma_update(None, "user_version", 2).unwrap();
        drop(writer);
        check(&path, &["", ""]).unwrap();
        assert!(matches!(check(&path, &[""]), Err(CopyError::Newer { found: 2, known: 1, .. })));
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(8).position(|window| window == b"abcdefgh").unwrap();
        bytes[at] = b'z';
        fs::write(&path, bytes).unwrap();
        assert!(matches!(check(&path, &["", ""]), Err(CopyError::Damaged { .. })));
    }
}
