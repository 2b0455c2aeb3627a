//! Buckets, and what is set about them.

use platform::objects::{
    Bucket, BucketSettings, SettingsChange, index::IndexError, settings::Versioning,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    Refusal,
    rows::{Json, micros, time},
    uploads_table,
};

/// What every call on objects asks of their bucket.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// By which its objects are kept.
    pub(super) number: i64,
    /// Whether they have versions.
    pub(super) versioning: Versioning,
}

/// Where the objects of a bucket are.
pub(super) fn place(connection: &Connection, name: &str) -> Result<Place, Refusal> {
    let mut statement =
        connection.prepare_cached("SELECT id, versioning FROM buckets WHERE name = ?1")?;
    let found = statement.query_row([name], |row| {
        Ok(Place { number: row.get(0)?, versioning: read_versioning(row.get(1)?) })
    });
    found.optional()?.ok_or(Refusal::Caller(IndexError::NoSuchBucket))
}

pub(super) fn read_versioning(column: i64) -> Versioning {
    match column {
        1 => Versioning::Enabled,
        2 => Versioning::Suspended,
        _ => Versioning::Off,
    }
}

const fn column(versioning: Versioning) -> i64 {
    match versioning {
        Versioning::Off => 0,
        Versioning::Enabled => 1,
        Versioning::Suspended => 2,
    }
}

/// `name, account, region, created, settings`.
fn bucket_from(row: &Row<'_>) -> rusqlite::Result<Bucket> {
    Ok(Bucket {
        name: row.get(0)?,
        account: row.get(1)?,
        region: row.get(2)?,
        created: time(row, 3)?,
        settings: row.get::<_, Json<_>>(4)?.0,
    })
}

/// The bucket of that name.
pub(super) fn find(connection: &Connection, name: &str) -> Result<Option<Bucket>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT name, account, region, created, settings FROM buckets WHERE name = ?1",
    )?;
    Ok(statement.query_row([name], bucket_from).optional()?)
}

/// An account's buckets, by name.
pub(super) fn of(connection: &Connection, account: &str) -> Result<Vec<Bucket>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT name, account, region, created, settings FROM buckets
         WHERE account = ?1 ORDER BY name",
    )?;
    let found = statement.query_map([account], bucket_from)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// All buckets that have lifecycle rules, by name.
pub(super) fn ruled(connection: &Connection) -> Result<Vec<Bucket>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT name, account, region, created, settings FROM buckets
         WHERE json_array_length(settings, '$.lifecycle') > 0 ORDER BY name",
    )?;
    let found = statement.query_map([], bucket_from)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Makes a bucket, or answers with the one that has its name.
pub(super) fn insert(connection: &Connection, bucket: &Bucket) -> Result<Option<Bucket>, Refusal> {
    let known = find(connection, &bucket.name)?;
    if known.is_none() {
        let Bucket { name, account, region, created, settings } = bucket;
        let versioning = column(settings.versioning);
        connection
            .prepare_cached(
                "INSERT INTO buckets (name, account, region, created, settings, versioning)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                name,
                account,
                region,
                micros(*created),
                Json(settings),
                versioning
            ])?;
    }
    Ok(known)
}

/// Removes a bucket that holds no version of anything.
pub(super) fn remove(connection: &Connection, name: &str) -> Result<(), Refusal> {
    let Place { number, .. } = place(connection, name)?;
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

/// Changes one thing that is set about a bucket.
pub(super) fn change(
    connection: &Connection,
    name: &str,
    change: SettingsChange,
) -> Result<(), Refusal> {
    let Place { number, .. } = place(connection, name)?;
    let Json(mut settings): Json<BucketSettings> = connection
        .prepare_cached("SELECT settings FROM buckets WHERE id = ?1")?
        .query_row([number], |row| row.get(0))?;
    settings.apply(change);
    connection
        .prepare_cached("UPDATE buckets SET settings = ?2, versioning = ?3 WHERE id = ?1")?
        .execute(params![number, Json(&settings), column(settings.versioning)])?;
    Ok(())
}
