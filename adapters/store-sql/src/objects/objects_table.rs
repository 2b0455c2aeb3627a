//! Objects, their bytes, and the count of who names a blob.

use bytes::Bytes;
use platform::objects::{
    ListKeys, Listing, ObjectInfo,
    index::{Content, Entry, Extent, Guard, Start, common_prefix, past, start},
};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};
use types::Id;

use super::{
    Refusal, bucket_number,
    rows::{Json, count, id, ids, key, micros, stored, time},
};

/// The version of every object, until buckets can keep more than one.
const NULL_VERSION: i64 = 0;

/// Makes an object in place of the one that has its key.
pub(super) fn put(
    connection: &Connection,
    bucket: &str,
    entry: &Entry,
    guard: &Guard,
) -> Result<(), Refusal> {
    let number = bucket_number(connection, bucket)?;
    let old = replaced(connection, number, &entry.info.key)?;
    guard.check(old.as_ref().map(|old| old.etag.as_str()))?;
    name_all(connection, entry.content.blobs())?;
    let content = insert_content(connection, entry)?;
    insert_object(connection, number, entry, content)?;
    match old {
        Some(old) => remove_content(connection, old.content),
        None => Ok(()),
    }
}

/// What a put takes the place of.
struct Replaced {
    etag: String,
    content: i64,
}

fn replaced(connection: &Connection, bucket: i64, key: &str) -> rusqlite::Result<Option<Replaced>> {
    connection
        .prepare_cached(
            "SELECT etag, content FROM objects WHERE bucket = ?1 AND key = ?2 AND version = ?3",
        )?
        .query_row(params![bucket, key.as_bytes(), NULL_VERSION], |row| {
            Ok(Replaced { etag: row.get(0)?, content: row.get(1)? })
        })
        .optional()
}

fn insert_content(connection: &Connection, entry: &Entry) -> rusqlite::Result<i64> {
    let (inline, extents) = match &entry.content {
        Content::Inline(bytes) => (Some(bytes.as_ref()), None),
        Content::Extents(extents) => (None, Some(Json(extents))),
    };
    connection
        .prepare_cached("INSERT INTO contents (inline, extents, part_sizes) VALUES (?1, ?2, ?3)")?
        .insert(params![inline, extents, Json(&entry.info.part_sizes)])
}

fn insert_object(
    connection: &Connection,
    bucket: i64,
    entry: &Entry,
    content: i64,
) -> rusqlite::Result<()> {
    let Entry { info, upload, .. } = entry;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO objects
                (bucket, key, version, size, etag, modified, headers, checksums, upload, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            bucket,
            info.key.as_bytes(),
            NULL_VERSION,
            stored(info.size)?,
            info.etag,
            micros(info.modified),
            Json(&info.headers),
            Json(&info.checksums),
            upload,
            content,
        ])
        .map(drop)
}

/// Removes an object's bytes, which no object names any more.
fn remove_content(connection: &Connection, content: i64) -> Result<(), Refusal> {
    let extents: Option<Json<Vec<Extent>>> = connection
        .prepare_cached("DELETE FROM contents WHERE id = ?1 RETURNING extents")?
        .query_row([content], |row| row.get(0))?;
    let extents = extents.map(|Json(extents)| extents).unwrap_or_default();
    unname_all(connection, extents.iter().map(|extent| extent.blob))
}

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

/// The object of a key, with its bytes or where they are.
pub(super) fn get(
    connection: &Connection,
    bucket: &str,
    key: String,
) -> Result<Option<Entry>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT size, etag, modified, headers, checksums, part_sizes, upload, inline, extents
         FROM buckets JOIN objects ON objects.bucket = buckets.id
             JOIN contents ON contents.id = objects.content
         WHERE buckets.name = ?1 AND key = ?2
         ORDER BY version DESC LIMIT 1",
    )?;
    let found = statement.query_row(params![bucket, key.as_bytes()], |row| {
        let info = ObjectInfo {
            part_sizes: row.get::<_, Json<_>>(5)?.0,
            ..info_from(row, 0, String::new())?
        };
        Ok(Entry { info, upload: row.get(6)?, content: content_from(row)? })
    });
    let named = |mut entry: Entry| {
        entry.info.key = key;
        entry
    };
    Ok(found.optional()?.map(named))
}

/// `size, etag, modified, headers, checksums` from column `first` on.
fn info_from(row: &Row<'_>, first: usize, key: String) -> rusqlite::Result<ObjectInfo> {
    Ok(ObjectInfo {
        key,
        size: count(row, first)?,
        etag: row.get(first + 1)?,
        modified: time(row, first + 2)?,
        headers: row.get::<_, Json<_>>(first + 3)?.0,
        checksums: row.get::<_, Json<_>>(first + 4)?.0,
        part_sizes: Vec::new(),
    })
}

fn content_from(row: &Row<'_>) -> rusqlite::Result<Content> {
    let inline: Option<Vec<u8>> = row.get(7)?;
    match inline {
        Some(bytes) => Ok(Content::Inline(Bytes::from(bytes))),
        None => Ok(Content::Extents(row.get::<_, Json<_>>(8)?.0)),
    }
}

/// Removes an object, if there is one.
pub(super) fn delete(connection: &Connection, bucket: &str, key: &str) -> Result<(), Refusal> {
    let number = bucket_number(connection, bucket)?;
    let content: Option<i64> = connection
        .prepare_cached(
            "DELETE FROM objects WHERE bucket = ?1 AND key = ?2 AND version = ?3
             RETURNING content",
        )?
        .query_row(params![number, key.as_bytes(), NULL_VERSION], |row| row.get(0))
        .optional()?;
    match content {
        Some(content) => remove_content(connection, content),
        None => Ok(()),
    }
}

/// A page of keys: walks the rows, and where one folds into a common prefix seeks past all that
/// fold with it, so that a page costs what it shows and not what it stands for.
pub(super) fn list(connection: &Connection, list: &ListKeys) -> Result<Listing, Refusal> {
    let number = bucket_number(connection, &list.bucket)?;
    let delimiter = list.delimiter.as_deref();
    let mut page = Page { list, listing: Listing::default() };
    let mut from = match start(&list.prefix, delimiter, list.after.as_deref()) {
        Start::At(key) => Some(key),
        Start::After(key) => Some(next_key(key)),
        Start::Nowhere => None,
    };
    if list.limit == 0 {
        return Ok(page.listing);
    }
    let mut statement = connection.prepare_cached(
        "SELECT key, size, etag, modified, headers, checksums
         FROM objects WHERE bucket = ?1 AND key >= ?2 ORDER BY key",
    )?;
    while let Some(key) = from.take() {
        from = page.walk(&mut statement, number, &key)?;
    }
    Ok(page.listing)
}

/// The smallest key that is greater than this one.
fn next_key(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

/// A page being filled.
struct Page<'a> {
    list: &'a ListKeys,
    listing: Listing,
}

impl Page<'_> {
    fn is_full(&self) -> bool {
        self.listing.objects.len() + self.listing.prefixes.len() >= self.list.limit
    }

    /// Takes rows from `from` on, until the page is full, the keys end, or a row folds; then
    /// answers where to go on.
    fn walk(
        &mut self,
        statement: &mut CachedStatement<'_>,
        bucket: i64,
        from: &[u8],
    ) -> rusqlite::Result<Option<Vec<u8>>> {
        let mut rows = statement.query(params![bucket, from])?;
        while let Some(row) = rows.next()? {
            let key = key(row, 0)?;
            if !key.starts_with(&self.list.prefix) {
                return Ok(None);
            }
            if self.is_full() {
                self.listing.truncated = true;
                return Ok(None);
            }
            let delimiter = self.list.delimiter.as_deref();
            if let Some(common) = common_prefix(&self.list.prefix, delimiter, &key) {
                self.listing.prefixes.push(common.to_owned());
                self.listing.last = Some(common.to_owned());
                return Ok(past(common.as_bytes()));
            }
            self.listing.last = Some(key.clone());
            self.listing.objects.push(info_from(row, 1, key)?);
        }
        Ok(None)
    }
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
