//! The count of who names a blob.

use platform::objects::index::Extent;
use rusqlite::Connection;
use types::Id;

use super::{
    Refusal,
    rows::{Json, count, id, ids, stored},
};

/// Counts one more name for each blob.
pub(super) fn name_all(
    connection: &Connection,
    blobs: impl Iterator<Item = Id>,
) -> Result<(), Refusal> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO blobs (id, refs) VALUES (?1, 1) ON CONFLICT DO UPDATE SET refs = refs + 1",
    )?;
    for blob in blobs {
        statement.execute([blob.to_string()])?;
    }
    Ok(())
}

/// Counts one name less for each blob.
pub(super) fn unname_all(
    connection: &Connection,
    blobs: impl Iterator<Item = Id>,
) -> Result<(), Refusal> {
    let mut statement =
        connection.prepare_cached("UPDATE blobs SET refs = refs - 1 WHERE id = ?1")?;
    for blob in blobs {
        statement.execute([blob.to_string()])?;
    }
    Ok(())
}

/// Counts one name less for each blob of a column of extents, which may be empty.
pub(super) fn unname_extents(
    connection: &Connection,
    extents: Option<Json<Vec<Extent>>>,
) -> Result<(), Refusal> {
    let extents = extents.map(|Json(extents)| extents).unwrap_or_default();
    unname_all(connection, extents.iter().map(|extent| extent.blob))
}

/// Contents that are looked at in one go.
const CONTENTS: u64 = 1_000;

/// The extents of the contents with the numbers after this one, and the last of them.
pub(super) fn extents(
    connection: &Connection,
    after: u64,
) -> Result<Option<(u64, Vec<Extent>)>, Refusal> {
    let last = connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM contents")?
        .query_row([], |row| count(row, 0))?;
    if after >= last {
        return Ok(None);
    }
    let until = last.min(after.saturating_add(CONTENTS));
    let mut statement = connection.prepare_cached(
        "SELECT extents FROM contents
         WHERE id > ?1 AND id <= ?2 AND extents IS NOT NULL ORDER BY id",
    )?;
    let found = statement
        .query_map([stored(after)?, stored(until)?], |row| row.get::<_, Json<Vec<Extent>>>(0))?;
    let found: Vec<Json<Vec<Extent>>> = found.collect::<rusqlite::Result<_>>()?;
    Ok(Some((until, found.into_iter().flat_map(|Json(extents)| extents).collect())))
}

/// Blobs that nothing names any more.
pub(super) fn garbage(connection: &Connection, limit: usize) -> Result<Vec<Id>, Refusal> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM blobs WHERE refs = 0 ORDER BY id LIMIT ?1")?;
    let found = statement.query_map([stored(limit as u64)?], |row| id(row, 0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Drops blobs from the list of garbage.
pub(super) fn forget(connection: &Connection, blobs: &[Id]) -> Result<(), Refusal> {
    connection
        .prepare_cached(
            "DELETE FROM blobs WHERE refs = 0 AND id IN (SELECT value FROM json_each(?1))",
        )?
        .execute([ids(blobs)])?;
    Ok(())
}

/// Those of the blobs that have no row.
pub(super) fn unknown(connection: &Connection, blobs: Vec<Id>) -> Result<Vec<Id>, Refusal> {
    let mut statement =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM blobs WHERE id = ?1)")?;
    let mut strangers = Vec::new();
    for blob in blobs {
        let known: bool = statement.query_row([blob.to_string()], |row| row.get(0))?;
        if !known {
            strangers.push(blob);
        }
    }
    Ok(strangers)
}
