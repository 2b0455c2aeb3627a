//! Pages of keys and of versions.
//!
//! A page walks rows in the order of the table. Where rows fold into a common prefix, or many
//! versions of one key lie behind the current one, it seeks past them: a page costs what it shows,
//! and not what it stands for.

use platform::objects::{
    Kept, ListKeys, ListVersions, Listing, Marker, ObjectInfo, Version, VersionListing,
    index::{Start, common_prefix, past, start},
};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row, params};

use super::{
    Refusal,
    buckets_table::{self, Place},
    objects_table::brief_from,
    rows::{Json, key, number_from, stored, time},
};

/// Older versions of a key that are stepped over before it is sought past: a seek costs as much
/// as about so many steps.
const STEPS: usize = 16;

/// The first key of a list, if there can be one.
fn first_key(prefix: &str, delimiter: Option<&str>, after: Option<&str>) -> Option<Vec<u8>> {
    match start(prefix, delimiter, after) {
        Start::At(key) => Some(key),
        Start::After(key) => Some(next_key(key)),
        Start::Nowhere => None,
    }
}

/// The smallest key that is greater than this one.
fn next_key(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

/// A page of the keys that stand for objects.
pub(super) fn of_keys(connection: &Connection, list: &ListKeys) -> Result<Listing, Refusal> {
    let Place { number, .. } = buckets_table::place(connection, &list.bucket)?;
    let mut page = KeyPage { list, listing: Listing::default(), seen: None };
    if list.limit == 0 {
        return Ok(page.listing);
    }
    let mut statement = connection.prepare_cached(
        "SELECT key, marker, size, etag, modified, checksums, owner
         FROM objects WHERE bucket = ?1 AND key >= ?2 ORDER BY key, version DESC",
    )?;
    let mut from = first_key(&list.prefix, list.delimiter.as_deref(), list.after.as_deref());
    while let Some(key) = from.take() {
        from = page.walk(&mut statement, number, &key)?;
    }
    Ok(page.listing)
}

/// A page being filled.
struct KeyPage<'a> {
    list: &'a ListKeys,
    listing: Listing,
    /// The key whose current version was looked at last.
    seen: Option<Vec<u8>>,
}

impl KeyPage<'_> {
    fn is_full(&self) -> bool {
        self.listing.objects.len() + self.listing.prefixes.len() >= self.list.limit
    }

    /// Takes rows from `from` on, until the page is full, the keys end, or rows are to be skipped;
    /// then answers where to go on.
    fn walk(
        &mut self,
        statement: &mut CachedStatement<'_>,
        bucket: i64,
        from: &[u8],
    ) -> rusqlite::Result<Option<Vec<u8>>> {
        let mut rows = statement.query(params![bucket, from])?;
        let mut older = 0;
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(0)?.as_blob()?;
            if self.seen.as_deref() == Some(bytes) {
                older += 1;
                if older == STEPS {
                    return Ok(Some(next_key(bytes.to_vec())));
                }
                continue;
            }
            older = 0;
            if !bytes.starts_with(self.list.prefix.as_bytes()) {
                return Ok(None);
            }
            self.seen = Some(bytes.to_vec());
            if row.get(1)? {
                continue;
            }
            if self.is_full() {
                self.listing.truncated = true;
                return Ok(None);
            }
            if let Some(common) = self.add(row)? {
                return Ok(past(common.as_bytes()));
            }
        }
        Ok(None)
    }

    /// Adds an object, or the common prefix that it folds into, which is answered.
    fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<Option<String>> {
        let key = key(row, 0)?;
        let delimiter = self.list.delimiter.as_deref();
        if let Some(common) = common_prefix(&self.list.prefix, delimiter, &key) {
            self.listing.prefixes.push(common.to_owned());
            self.listing.last = Some(common.to_owned());
            return Ok(Some(common.to_owned()));
        }
        self.listing.last = Some(key.clone());
        self.listing.objects.push(brief_from(row, 2, key)?);
        Ok(None)
    }
}

/// A page of all versions.
pub(super) fn of_versions(
    connection: &Connection,
    list: &ListVersions,
) -> Result<VersionListing, Refusal> {
    let place = buckets_table::place(connection, &list.bucket)?;
    let mut page = VersionPage { list, listing: VersionListing::default(), current: None };
    if list.limit == 0 {
        return Ok(page.listing);
    }
    let (after, version) = list.after.clone().unzip();
    if let (Some(key), Some(version)) = (after.as_deref(), version.flatten()) {
        page.rest_of(connection, place, key, version)?;
    }
    let mut from = if page.listing.truncated {
        None
    } else {
        first_key(&list.prefix, list.delimiter.as_deref(), after.as_deref())
    };
    let mut statement = connection.prepare_cached(
        "SELECT key, marker, size, etag, modified, checksums, owner, version, kept, tags
         FROM objects WHERE bucket = ?1 AND key >= ?2 ORDER BY key, version DESC",
    )?;
    while let Some(key) = from.take() {
        from = page.walk(&mut statement, params![place.number, key])?;
    }
    Ok(page.listing)
}

/// A page being filled.
struct VersionPage<'a> {
    list: &'a ListVersions,
    listing: VersionListing,
    /// The key whose current version was shown last.
    current: Option<String>,
}

impl VersionPage<'_> {
    fn is_full(&self) -> bool {
        self.listing.versions.len() + self.listing.prefixes.len() >= self.list.limit
    }

    /// The versions of a key that are older than this one.
    fn rest_of(
        &mut self,
        connection: &Connection,
        place: Place,
        key: &str,
        version: Version,
    ) -> Result<(), Refusal> {
        let number = match version {
            Version::Numbered(number) => Some(stored(number)?),
            Version::Null => connection
                .prepare_cached(
                    "SELECT version FROM objects WHERE bucket = ?1 AND key = ?2 AND NOT kept",
                )?
                .query_row(params![place.number, key.as_bytes()], |row| row.get(0))
                .optional()?,
        };
        self.current = Some(key.to_owned());
        let mut statement = connection.prepare_cached(
            "SELECT key, marker, size, etag, modified, checksums, owner, version, kept, tags
             FROM objects WHERE bucket = ?1 AND key = ?2 AND version < ?3 ORDER BY version DESC",
        )?;
        self.walk(&mut statement, params![place.number, key.as_bytes(), number])?;
        Ok(())
    }

    /// Takes rows until the page is full, the keys end, or a row folds; then answers where to go
    /// on.
    fn walk(
        &mut self,
        statement: &mut CachedStatement<'_>,
        from: impl Params,
    ) -> rusqlite::Result<Option<Vec<u8>>> {
        let mut rows = statement.query(from)?;
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
                self.listing.last = Some((common.to_owned(), None));
                return Ok(past(common.as_bytes()));
            }
            let newest = self.current.as_deref() != Some(key.as_str());
            self.current = Some(key.clone());
            let version = kept_from(row, key.clone())?;
            self.listing.last = Some((key, Some(version.version())));
            self.listing.versions.push((version, newest));
        }
        Ok(None)
    }
}

/// `marker, size, etag, modified, checksums, owner, version, kept, tags` from column 1 on.
fn kept_from(row: &Row<'_>, key: String) -> rusqlite::Result<Kept> {
    let version = number_from(row, 7)?;
    if row.get(1)? {
        return Ok(Kept::Marker(Marker { key, version, modified: time(row, 4)? }));
    }
    let tags = row.get::<_, Json<_>>(9)?.0;
    let info = ObjectInfo { tags, version: Some(version), ..brief_from(row, 2, key)? };
    Ok(Kept::Object(Box::new(info)))
}
