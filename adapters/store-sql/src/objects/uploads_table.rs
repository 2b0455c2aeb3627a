//! Uploads and their parts.

use platform::objects::{
    ListUploads, Upload, UploadListing, UploadName, Version,
    index::{Entry, Extent, Guard, IndexError, PartEntry, Start, common_prefix, past, start},
};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, params};

use super::{
    Refusal, blob_names, buckets_table, objects_table,
    rows::{Json, micros, part_from, stored, upload_from},
};

/// Begins an upload.
pub(super) fn create(
    connection: &Connection,
    bucket: &str,
    upload: &Upload,
) -> Result<(), Refusal> {
    let place = buckets_table::place(connection, bucket)?;
    let Upload { key, id, created, headers, tags, acl, owner, initiator, checksums, seal } = upload;
    connection
        .prepare_cached(
            "INSERT INTO uploads (id, bucket, key, created, headers, checksums, tags, seal, acl, owner,
                 initiator)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            id,
            place.number,
            key.as_bytes(),
            micros(*created),
            Json(headers),
            Json(checksums),
            Json(tags),
            seal.as_ref().map(Json),
            Json(acl),
            owner,
            initiator,
        ])?;
    Ok(())
}

/// The upload with that id for that key.
pub(super) fn find(
    connection: &Connection,
    name: UploadName<'_>,
) -> Result<Option<Upload>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT key, uploads.id, uploads.created, headers, checksums, tags, seal, acl, owner, initiator
         FROM uploads JOIN buckets ON buckets.id = uploads.bucket
         WHERE uploads.id = ?1 AND key = ?2 AND buckets.name = ?3",
    )?;
    let UploadName { bucket, key, id } = name;
    Ok(statement.query_row(params![id, key.as_bytes(), bucket], upload_from).optional()?)
}

/// A page of a bucket's uploads by key and time.
pub(super) fn list(connection: &Connection, list: &ListUploads) -> Result<UploadListing, Refusal> {
    let place = buckets_table::place(connection, &list.bucket)?;
    let mut page = Page { list, listing: UploadListing::default() };
    if list.limit == 0 {
        return Ok(page.listing);
    }
    let (after, upload) = list.after.clone().unzip();
    if let (Some(key), Some(upload)) = (after.as_deref(), upload.flatten()) {
        let mut statement = connection.prepare_cached(
            "SELECT key, id, created, headers, checksums, tags, seal, acl, owner, initiator
             FROM uploads
             WHERE bucket = ?1 AND key = ?2
                 AND (created, id) > (SELECT created, id FROM uploads WHERE id = ?3)
             ORDER BY created, id",
        )?;
        page.walk(&mut statement, params![place.number, key.as_bytes(), upload])?;
    }
    let mut from = match start(&list.prefix, list.delimiter.as_deref(), after.as_deref()) {
        _ if page.listing.truncated => None,
        Start::At(key) => Some(key),
        Start::After(mut key) => {
            key.push(0);
            Some(key)
        }
        Start::Nowhere => None,
    };
    let mut statement = connection.prepare_cached(
        "SELECT key, id, created, headers, checksums, tags, seal, acl, owner, initiator
             FROM uploads
         WHERE bucket = ?1 AND key >= ?2 ORDER BY key, created, id",
    )?;
    while let Some(key) = from.take() {
        from = page.walk(&mut statement, params![place.number, key])?;
    }
    Ok(page.listing)
}

/// A page being filled.
struct Page<'a> {
    list: &'a ListUploads,
    listing: UploadListing,
}

impl Page<'_> {
    /// Takes rows until the page is full, the keys end, or a row folds; then answers where to go
    /// on.
    fn walk(
        &mut self,
        statement: &mut CachedStatement<'_>,
        from: impl Params,
    ) -> rusqlite::Result<Option<Vec<u8>>> {
        let mut rows = statement.query(from)?;
        while let Some(row) = rows.next()? {
            let upload = upload_from(row)?;
            if !upload.key.starts_with(&self.list.prefix) {
                return Ok(None);
            }
            if self.listing.uploads.len() + self.listing.prefixes.len() >= self.list.limit {
                self.listing.truncated = true;
                return Ok(None);
            }
            let delimiter = self.list.delimiter.as_deref();
            if let Some(common) = common_prefix(&self.list.prefix, delimiter, &upload.key) {
                self.listing.last = Some((common.to_owned(), None));
                self.listing.prefixes.push(common.to_owned());
                return Ok(past(common.as_bytes()));
            }
            self.listing.last = Some((upload.key.clone(), Some(upload.id.clone())));
            self.listing.uploads.push(upload);
        }
        Ok(None)
    }
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
    blob_names::name_all(connection, entry.extents.iter().map(|extent| extent.blob))?;
    blob_names::unname_extents(connection, old)
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
) -> Result<Option<Version>, Refusal> {
    let id = entry.upload.as_deref().unwrap_or_default();
    if find(connection, UploadName { bucket, key: &entry.info.key, id })?.is_none() {
        return Err(IndexError::NoSuchUpload.into());
    }
    let version = objects_table::put(connection, bucket, entry, guard)?;
    end(connection, id)?;
    Ok(version)
}

/// Ends an upload of that key.
pub(super) fn abort(connection: &Connection, name: UploadName<'_>) -> Result<(), Refusal> {
    match find(connection, name)? {
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
    blob_names::unname_all(connection, blobs)?;
    connection.prepare_cached("DELETE FROM uploads WHERE id = ?1")?.execute([upload])?;
    Ok(())
}
