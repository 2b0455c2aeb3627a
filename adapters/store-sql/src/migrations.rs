//! Brings a file to the format that this program knows.
//!
//! All pending steps happen in one transaction: the file has the old format or the new one, never
//! something between. A step that was released is never edited; the next one is added.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, TransactionBehavior};

use crate::{
    database::{OpenError, Schema, sync_folder},
    sql::signed,
};

/// Applies what the file has not seen. A file that is not new is copied first, to `NAME.format-N`.
pub(crate) fn run(
    connection: &mut Connection,
    path: &Path,
    schema: Schema,
) -> Result<(), OpenError> {
    let unusable = |source| OpenError::Database { path: path.to_owned(), source };
    let found = format(connection).map_err(unusable)?;
    if found > schema.len() {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: schema.len() });
    }
    if found == schema.len() {
        return Ok(());
    }
    if found > 0 {
        copy(connection, path, found)?;
    }
    apply(connection, path, schema, found)
}

pub(crate) fn format(connection: &Connection) -> rusqlite::Result<usize> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

fn apply(
    connection: &mut Connection,
    path: &Path,
    schema: Schema,
    found: usize,
) -> Result<(), OpenError> {
    let failed =
        |format| move |source| OpenError::Migration { path: path.to_owned(), format, source };
    let last = schema.len();
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed(last))?;
    for (step, format) in schema.iter().zip(1..).skip(found) {
        transaction.execute_batch(step).map_err(failed(format))?;
    }
    transaction.pragma_update(None, "user_version", signed(last as u64)).map_err(failed(last))?;
    transaction.commit().map_err(failed(last))
}

/// Written beside and renamed, so that a copy under its final name is whole.
fn copy(connection: &Connection, path: &Path, found: usize) -> Result<(), OpenError> {
    let target = beside(path, &format!(".format-{found}"));
    let unfinished = beside(path, ".copying");
    let file = |source| OpenError::File { path: target.clone(), source };
    remove(&unfinished).map_err(file)?;
    connection
        .execute("VACUUM INTO ?", [unfinished.to_string_lossy()])
        .map_err(|source| OpenError::Database { path: path.to_owned(), source })?;
    finish(&unfinished, path, &target).map_err(file)
}

fn finish(unfinished: &Path, original: &Path, target: &Path) -> io::Result<()> {
    fs::set_permissions(unfinished, fs::metadata(original)?.permissions())?;
    File::open(unfinished)?.sync_all()?;
    fs::rename(unfinished, target)?;
    sync_folder(target)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (7);";
    const SECOND: &str = "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;";

    fn migrated(path: &Path, schema: Schema) -> Result<Connection, OpenError> {
        let mut connection = Connection::open(path).unwrap();
        run(&mut connection, path, schema).map(|()| connection)
    }

    fn columns(connection: &Connection) -> usize {
        connection.prepare("SELECT * FROM a").unwrap().column_count()
    }

    #[test]
    fn an_older_file_is_copied_and_then_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.db");
        drop(migrated(&path, &[FIRST]).unwrap());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "a new file needs no copy");

        let connection = migrated(&path, &[FIRST, SECOND]).unwrap();
        let sum: i64 = connection.query_row("SELECT y FROM a", [], |row| row.get(0)).unwrap();
        assert_eq!((sum, format(&connection).unwrap()), (8, 2));
        let copy = Connection::open(folder.path().join("meta.db.format-1")).unwrap();
        assert_eq!((columns(&copy), format(&copy).unwrap()), (1, 1));
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.db");
        drop(migrated(&path, &[FIRST]).unwrap());
        let failed = migrated(&path, &[FIRST, SECOND, "CREATE TABLE a (x)"]);
        assert!(matches!(failed, Err(OpenError::Migration { format: 3, .. })));

        let connection = migrated(&path, &[FIRST]).unwrap();
        assert_eq!((columns(&connection), format(&connection).unwrap()), (1, 1));
    }

    #[test]
    fn a_newer_file_is_refused_and_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.db");
        drop(migrated(&path, &[FIRST, SECOND]).unwrap());
        let refused = migrated(&path, &[FIRST]).unwrap_err();
        assert!(matches!(refused, OpenError::Newer { found: 2, known: 1, .. }));
        assert!(refused.to_string().contains("start the newer program"));
    }

    #[test]
    fn what_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.db");
        fs::write(&path, "no database, only some text".repeat(100)).unwrap();
        assert!(matches!(migrated(&path, &[FIRST]), Err(OpenError::Database { .. })));
    }
}
