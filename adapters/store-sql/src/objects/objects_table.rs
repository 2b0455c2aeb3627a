//! Objects, their versions, and their bytes.
//!
//! A row is a version of a key. Of one key the row with the greatest number is current; a bucket
//! without versions has one row a key, which is replaced. `null` is a name for the one row of a key
//! that is not `kept`, wherever it stands among the others.

use bytes::Bytes;
use platform::objects::{
    Acl, DeleteIf, Deleted, Marker, ObjectInfo, ObjectName, Tags, Version,
    index::{Content, Entry, Found, Guard, IndexError},
    settings::Versioning,
};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};
use types::Timestamp;

use super::{
    Refusal, blob_names,
    buckets_table::{self, Place, read_versioning},
    rows::{Json, count, micros, number_from, seal_from, stored, time, version_from},
};

/// The number of every version while versioning is off.
const UNVERSIONED: i64 = 0;

/// The `content` of a delete marker.
const NO_CONTENT: i64 = 0;

/// Makes an object, and answers which version it is.
pub(super) fn put(
    connection: &Connection,
    bucket: &str,
    entry: &Entry,
    guard: &Guard,
) -> Result<Option<Version>, Refusal> {
    let place = buckets_table::place(connection, bucket)?;
    let key = entry.info.key.as_str();
    let current = current(connection, place, key)?;
    let there = current.as_ref().filter(|current| !current.marker);
    guard.check(there.map(|current| current.etag.as_str()))?;
    let old = replaced(connection, place, key, current.as_ref())?;
    blob_names::name_all(connection, entry.content.blobs())?;
    let content = insert_content(connection, entry)?;
    let number = next_number(place, current.as_ref(), entry.info.modified);
    if let Some(old) = old {
        remove_row(connection, place, key, old)?;
    }
    insert_object(connection, place, entry, number, content)?;
    Ok(told(place, number))
}

/// The row of a key that is current.
struct Current {
    number: i64,
    kept: bool,
    marker: bool,
    etag: String,
    modified: Timestamp,
    size: u64,
}

fn current_from(row: &Row<'_>) -> rusqlite::Result<Current> {
    Ok(Current {
        number: row.get(0)?,
        kept: row.get(1)?,
        marker: row.get(2)?,
        etag: row.get(3)?,
        modified: time(row, 4)?,
        size: count(row, 5)?,
    })
}

fn current(connection: &Connection, place: Place, key: &str) -> rusqlite::Result<Option<Current>> {
    connection
        .prepare_cached(
            "SELECT version, kept, marker, etag, modified, size FROM objects
             WHERE bucket = ?1 AND key = ?2 ORDER BY version DESC LIMIT 1",
        )?
        .query_row(params![place.number, key.as_bytes()], current_from)
        .optional()
}

/// A version by its name; the current one where there is none.
fn named(
    connection: &Connection,
    place: Place,
    key: &str,
    version: Option<Version>,
) -> rusqlite::Result<Option<Current>> {
    let Some(version) = version else { return current(connection, place, key) };
    let (kept, number) = match version {
        Version::Null => (false, None),
        Version::Numbered(number) => (true, Some(stored(number)?)),
    };
    connection
        .prepare_cached(
            "SELECT version, kept, marker, etag, modified, size FROM objects
             WHERE bucket = ?1 AND key = ?2 AND kept = ?3 AND version = ifnull(?4, version)",
        )?
        .query_row(params![place.number, key.as_bytes(), kept, number], current_from)
        .optional()
}

/// The number of the row that a new version takes the place of.
fn replaced(
    connection: &Connection,
    place: Place,
    key: &str,
    current: Option<&Current>,
) -> rusqlite::Result<Option<i64>> {
    match (place.versioning, current) {
        (_, None) | (Versioning::Enabled, Some(_)) => Ok(None),
        (Versioning::Off, Some(current)) => Ok(Some(current.number)),
        (Versioning::Suspended, Some(_)) => {
            let null = named(connection, place, key, Some(Version::Null))?;
            Ok(null.map(|null| null.number))
        }
    }
}

/// The number of a new version: the time, and always more than that of the version before it.
fn next_number(place: Place, current: Option<&Current>, at: Timestamp) -> i64 {
    match place.versioning {
        Versioning::Off => UNVERSIONED,
        Versioning::Enabled | Versioning::Suspended => {
            let next = current.map_or(UNVERSIONED, |current| current.number) + 1;
            micros(at).max(next)
        }
    }
}

/// How the newest version of a bucket is called.
fn told(place: Place, number: i64) -> Option<Version> {
    match place.versioning {
        Versioning::Off => None,
        Versioning::Enabled => Some(version_from(true, number)),
        Versioning::Suspended => Some(Version::Null),
    }
}

fn insert_content(connection: &Connection, entry: &Entry) -> rusqlite::Result<i64> {
    let (inline, extents) = match &entry.content {
        Content::Inline(bytes) => (Some(bytes.as_ref()), None),
        Content::Extents(extents) => (None, Some(Json(extents))),
    };
    connection
        .prepare_cached(
            "INSERT INTO contents (inline, extents, parts, seal) VALUES (?1, ?2, ?3, ?4)",
        )?
        .insert(params![inline, extents, Json(&entry.info.parts), entry.seal.as_ref().map(Json)])
}

fn insert_object(
    connection: &Connection,
    place: Place,
    entry: &Entry,
    number: i64,
    content: i64,
) -> rusqlite::Result<()> {
    let Entry { info, upload, .. } = entry;
    connection
        .prepare_cached(
            "INSERT INTO objects (bucket, key, version, size, etag, modified, headers, checksums,
                 upload, content, kept, tags, acl, owner)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            place.number,
            info.key.as_bytes(),
            number,
            stored(info.size)?,
            info.etag,
            micros(info.modified),
            Json(&info.headers),
            Json(&info.checksums),
            upload,
            content,
            place.versioning == Versioning::Enabled,
            Json(&info.tags),
            Json(&info.acl),
            info.owner,
        ])
        .map(drop)
}

/// Removes a version, and its bytes, which no version names any more.
fn remove_row(
    connection: &Connection,
    place: Place,
    key: &str,
    number: i64,
) -> Result<(), Refusal> {
    let content: i64 = connection
        .prepare_cached(
            "DELETE FROM objects WHERE bucket = ?1 AND key = ?2 AND version = ?3
             RETURNING content",
        )?
        .query_row(params![place.number, key.as_bytes(), number], |row| row.get(0))?;
    if content == NO_CONTENT {
        return Ok(());
    }
    let extents = connection
        .prepare_cached("DELETE FROM contents WHERE id = ?1 RETURNING extents")?
        .query_row([content], |row| row.get(0))?;
    blob_names::unname_extents(connection, extents)
}

/// What a key or one of its versions stands for, with its bytes or where they are.
pub(super) fn get(
    connection: &Connection,
    bucket: &str,
    key: &str,
    version: Option<Version>,
) -> Result<Option<Found>, Refusal> {
    let (any, kept, number) = match version {
        None => (true, false, None),
        Some(Version::Null) => (false, false, None),
        Some(Version::Numbered(number)) => (false, true, Some(stored(number)?)),
    };
    let mut statement = connection.prepare_cached(
        "SELECT version, kept, size, etag, modified, checksums, owner, headers, parts, upload,
             inline, extents, marker, tags, versioning, seal, acl
         FROM buckets JOIN objects ON objects.bucket = buckets.id
             LEFT JOIN contents ON contents.id = objects.content
         WHERE buckets.name = ?1 AND key = ?2
             AND (?3 OR (kept = ?4 AND version = ifnull(?5, version)))
         ORDER BY version DESC LIMIT 1",
    )?;
    let mut rows = statement.query(params![bucket, key.as_bytes(), any, kept, number])?;
    Ok(rows.next()?.map(|row| found(row, key.to_owned())).transpose()?)
}

fn found(row: &Row<'_>, key: String) -> rusqlite::Result<Found> {
    let version = number_from(row, 0)?;
    if row.get(12)? {
        return Ok(Found::Marker(Marker { key, version, modified: time(row, 4)? }));
    }
    let versioning = read_versioning(row.get(14)?);
    let seal = seal_from(row, 15)?;
    let info = ObjectInfo {
        headers: row.get::<_, Json<_>>(7)?.0,
        parts: row.get::<_, Json<_>>(8)?.0,
        tags: row.get::<_, Json<_>>(13)?.0,
        acl: row.get::<_, Json<_>>(16)?.0,
        version: (versioning != Versioning::Off).then_some(version),
        encryption: seal.as_ref().map(|seal| seal.encryption.clone()),
        ..brief_from(row, 2, key)?
    };
    let content = content_from(row)?;
    Ok(Found::Object(Box::new(Entry { info, upload: row.get(9)?, seal, content })))
}

/// `size, etag, modified, checksums, owner` from column `first` on.
pub(super) fn brief_from(row: &Row<'_>, first: usize, key: String) -> rusqlite::Result<ObjectInfo> {
    Ok(ObjectInfo {
        key,
        size: count(row, first)?,
        etag: row.get(first + 1)?,
        modified: time(row, first + 2)?,
        checksums: row.get::<_, Json<_>>(first + 3)?.0,
        owner: row.get(first + 4)?,
        ..ObjectInfo::default()
    })
}

fn content_from(row: &Row<'_>) -> rusqlite::Result<Content> {
    let inline: Option<Vec<u8>> = row.get(10)?;
    match inline {
        Some(bytes) => Ok(Content::Inline(Bytes::from(bytes))),
        None => Ok(Content::Extents(row.get::<_, Json<_>>(11)?.0)),
    }
}

/// Removes a version, or makes a delete marker.
pub(super) fn delete(
    connection: &Connection,
    name: ObjectName<'_>,
    conditions: &DeleteIf,
    now: Timestamp,
) -> Result<Deleted, Refusal> {
    let place = buckets_table::place(connection, name.bucket)?;
    let there = named(connection, place, name.key, name.version)?;
    if there.as_ref().is_some_and(|it| !conditions.holds(&it.etag, it.modified, it.size)) {
        return Err(IndexError::Unmet.into());
    }
    if name.version.is_none() && place.versioning != Versioning::Off {
        return mark(connection, place, name.key, there.as_ref(), now);
    }
    let marker = there.as_ref().is_some_and(|there| there.marker);
    if let Some(there) = there {
        remove_row(connection, place, name.key, there.number)?;
    }
    Ok(Deleted { version: name.version, marker })
}

/// Puts a delete marker before what is there.
fn mark(
    connection: &Connection,
    place: Place,
    key: &str,
    current: Option<&Current>,
    now: Timestamp,
) -> Result<Deleted, Refusal> {
    let number = next_number(place, current, now);
    if let Some(old) = replaced(connection, place, key, current)? {
        remove_row(connection, place, key, old)?;
    }
    connection
        .prepare_cached(
            "INSERT INTO objects (bucket, key, version, size, etag, modified, headers, checksums,
                 content, kept, marker)
             VALUES (?1, ?2, ?3, 0, '', ?4, '{}', '{}', ?5, ?6, TRUE)",
        )?
        .execute(params![
            place.number,
            key.as_bytes(),
            number,
            micros(now),
            NO_CONTENT,
            place.versioning == Versioning::Enabled,
        ])?;
    Ok(Deleted { version: told(place, number), marker: true })
}

/// Replaces an object's tags.
pub(super) fn set_tags(
    connection: &Connection,
    name: ObjectName<'_>,
    tags: &Tags,
) -> Result<Option<Version>, Refusal> {
    let sql = "UPDATE objects SET tags = ?4 WHERE bucket = ?1 AND key = ?2 AND version = ?3";
    set(connection, name, sql, &Json(tags))
}

/// Replaces an object's ACL.
pub(super) fn set_acl(
    connection: &Connection,
    name: ObjectName<'_>,
    acl: &Acl,
) -> Result<Option<Version>, Refusal> {
    let sql = "UPDATE objects SET acl = ?4 WHERE bucket = ?1 AND key = ?2 AND version = ?3";
    set(connection, name, sql, &Json(acl))
}

/// Replaces what `sql` names of an object.
fn set(
    connection: &Connection,
    name: ObjectName<'_>,
    sql: &str,
    value: &dyn ToSql,
) -> Result<Option<Version>, Refusal> {
    let place = buckets_table::place(connection, name.bucket)?;
    let there = named(connection, place, name.key, name.version)?;
    let there = there.filter(|there| !there.marker).ok_or(IndexError::NoSuchKey)?;
    connection.prepare_cached(sql)?.execute(params![
        place.number,
        name.key.as_bytes(),
        there.number,
        value
    ])?;
    let version = version_from(there.kept, there.number);
    Ok((place.versioning != Versioning::Off).then_some(version))
}
