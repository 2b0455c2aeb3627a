//! Uploads and their parts.

use platform::objects::{
    Upload,
    index::{Entry, Extent, Guard, IndexError, PartEntry, past},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    Refusal, bucket_number, objects_table,
    rows::{Json, micros, part_from, stored, upload_from},
};

/// Begins an upload.
pub(super) fn create(
    connection: &Connection,
    bucket: &str,
    upload: &Upload,
) -> Result<(), Refusal> {
    let number = bucket_number(connection, bucket)?;
    let Upload { key, id, created, headers, checksums } = upload;
    connection
        .prepare_cached(
            "INSERT INTO uploads (id, bucket, key, created, headers, checksums)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            id,
            number,
            key.as_bytes(),
            micros(*created),
            Json(headers),
            Json(checksums)
        ])?;
    Ok(())
}

/// The upload with that id for that key.
pub(super) fn find(
    connection: &Connection,
    bucket: &str,
    key: &str,
    upload: &str,
) -> Result<Option<Upload>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT key, uploads.id, uploads.created, headers, checksums
         FROM uploads JOIN buckets ON buckets.id = uploads.bucket
         WHERE uploads.id = ?1 AND key = ?2 AND buckets.name = ?3",
    )?;
    let found = statement.query_row(params![upload, key.as_bytes(), bucket], upload_from);
    Ok(found.optional()?)
}

/// A bucket's uploads by key and time.
pub(super) fn list(
    connection: &Connection,
    bucket: &str,
    prefix: &str,
) -> Result<Vec<Upload>, Refusal> {
    let number = bucket_number(connection, bucket)?;
    let mut statement = connection.prepare_cached(
        "SELECT key, id, created, headers, checksums FROM uploads
         WHERE bucket = ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3)
         ORDER BY key, created, id",
    )?;
    let bounds = params![number, prefix.as_bytes(), past(prefix.as_bytes())];
    let found = statement.query_map(bounds, upload_from)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn require(connection: &Connection, upload: &str) -> Result<(), Refusal> {
    let there: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM uploads WHERE id = ?1)")?
        .query_row([upload], |row| row.get(0))?;
    if there { Ok(()) } else { Err(IndexError::NoSuchUpload.into()) }
}

/// Adds a part in place of the one that has its number.
pub(super) fn put_part(
    connection: &Connection,
    upload: &str,
    entry: &PartEntry,
) -> Result<(), Refusal> {
    require(connection, upload)?;
    let old: Option<Json<Vec<Extent>>> = connection
        .prepare_cached("SELECT extents FROM parts WHERE upload = ?1 AND number = ?2")?
        .query_row(params![upload, entry.part.number], |row| row.get(0))
        .optional()?;
    let part = &entry.part;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO parts
                (upload, number, size, etag, modified, checksums, extents)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            upload,
            part.number,
            stored(part.size)?,
            part.etag,
            micros(part.modified),
            Json(&part.checksums),
            Json(&entry.extents)
        ])?;
    objects_table::name_all(connection, entry.extents.iter().map(|extent| extent.blob))?;
    let old = old.map(|Json(extents)| extents).unwrap_or_default();
    objects_table::unname_all(connection, old.iter().map(|extent| extent.blob))
}

/// An upload's parts after a number.
pub(super) fn parts(
    connection: &Connection,
    upload: &str,
    after: u32,
    limit: usize,
) -> Result<Vec<PartEntry>, Refusal> {
    require(connection, upload)?;
    let mut statement = connection.prepare_cached(
        "SELECT number, size, etag, modified, checksums, extents FROM parts
         WHERE upload = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
    )?;
    let found = statement.query_map(params![upload, after, stored(limit as u64)?], part_from)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Makes the object, then ends the upload: the parts that it uses are named throughout.
pub(super) fn complete(
    connection: &Connection,
    bucket: &str,
    entry: &Entry,
    guard: &Guard,
) -> Result<(), Refusal> {
    let upload = entry.upload.as_deref().unwrap_or_default();
    if find(connection, bucket, &entry.info.key, upload)?.is_none() {
        return Err(IndexError::NoSuchUpload.into());
    }
    objects_table::put(connection, bucket, entry, guard)?;
    end(connection, upload)
}

/// Ends an upload of that key.
pub(super) fn abort(
    connection: &Connection,
    bucket: &str,
    key: &str,
    upload: &str,
) -> Result<(), Refusal> {
    match find(connection, bucket, key, upload)? {
        Some(found) => end(connection, &found.id),
        None => Err(IndexError::NoSuchUpload.into()),
    }
}

/// Ends every upload of a bucket.
pub(super) fn end_all(connection: &Connection, bucket: i64) -> Result<(), Refusal> {
    let mut statement = connection.prepare_cached("SELECT id FROM uploads WHERE bucket = ?1")?;
    let found = statement.query_map([bucket], |row| row.get(0))?;
    let uploads: Vec<String> = found.collect::<rusqlite::Result<_>>()?;
    uploads.iter().try_for_each(|upload| end(connection, upload))
}

fn end(connection: &Connection, upload: &str) -> Result<(), Refusal> {
    let mut statement =
        connection.prepare_cached("DELETE FROM parts WHERE upload = ?1 RETURNING extents")?;
    let found = statement.query_map([upload], |row| row.get::<_, Json<Vec<Extent>>>(0))?;
    let extents: Vec<Json<Vec<Extent>>> = found.collect::<rusqlite::Result<_>>()?;
    let blobs = extents.iter().flat_map(|Json(extents)| extents).map(|extent| extent.blob);
    objects_table::unname_all(connection, blobs)?;
    connection.prepare_cached("DELETE FROM uploads WHERE id = ?1")?.execute([upload])?;
    Ok(())
}
