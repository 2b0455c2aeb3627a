//! What a backup asks of a copy of the index: which blobs it needs, and whether keys.
//!
//! Copies may be of every format that ever was, for nobody brings them up to date before they are
//! opened: keys came with the third.

use std::path::Path;

use platform::objects::index::BlobSum;
use rusqlite::{Connection, OptionalExtension as _, Row};
use types::Id;

use super::rows::{Json, count, id, key};
use crate::{CopyError, copies::writing, database::reading};

/// A blob that the index names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedBlob {
    /// Its name.
    pub id: Id,
    /// The bytes that it must have at least: where the last extent of it ends.
    pub len: u64,
    /// What it was when it was written; older programs did not keep it.
    pub sum: Option<BlobSum>,
}

/// What extents say of each blob, beside what its count says.
const NAMED: &str = "
    WITH extents (extent) AS (
        SELECT value FROM contents, json_each(contents.extents) WHERE contents.extents IS NOT NULL
        UNION ALL
        SELECT value FROM parts, json_each(parts.extents)
    ), named (blob, names, len, sum) AS (
        SELECT extent ->> 'blob', count(*), max((extent ->> 'offset') + (extent ->> 'len')),
               max(extent -> 'sum')
            FROM extents GROUP BY 1
    )
    SELECT coalesce(named.blob, blobs.id) AS id, ifnull(named.len, 0), named.sum,
           ifnull(named.names, 0), ifnull(blobs.refs, 0)
        FROM named FULL JOIN blobs ON blobs.id = named.blob
        WHERE named.names > 0 OR blobs.refs <> 0
        ORDER BY id";

const NEEDED_BY: &str = "
    SELECT buckets.name, objects.key FROM objects
        JOIN buckets ON buckets.id = objects.bucket
        JOIN contents ON contents.id = objects.content
        JOIN json_each(contents.extents)
        WHERE contents.extents IS NOT NULL AND value ->> 'blob' = ? LIMIT 1";

const HAS_KEYS: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sealing_keys')";

/// One key is the store's own, which is made before anything is encrypted.
const NEEDS_KEYS: &str = "
    SELECT (SELECT count(*) FROM sealing_keys) > 1
        OR EXISTS (SELECT 1 FROM contents WHERE seal IS NOT NULL)
        OR EXISTS (SELECT 1 FROM uploads WHERE seal IS NOT NULL)";

/// Tells of every blob that the index at `path` names, by name, and ends with the first error of
/// `tell`. A count that is not the number of names is damage.
pub fn named_blobs<E: From<CopyError>>(
    path: &Path,
    mut tell: impl FnMut(NamedBlob) -> Result<(), E>,
) -> Result<(), E> {
    let index = reading(path).map_err(CopyError::database(path))?;
    let mut statement = index.prepare(NAMED).map_err(CopyError::database(path))?;
    let rows = statement.query_map([], named).map_err(CopyError::database(path))?;
    for row in rows {
        let (blob, names, counted) = row.map_err(CopyError::database(path))?;
        if names != counted {
            let what = format!("blob {} is named {names} times, and counted {counted}", blob.id);
            return Err(CopyError::Damaged { path: path.to_owned(), what }.into());
        }
        tell(blob)?;
    }
    Ok(())
}

fn named(row: &Row<'_>) -> rusqlite::Result<(NamedBlob, u64, u64)> {
    let sum: Option<Json<BlobSum>> = row.get(2)?;
    let blob = NamedBlob { id: id(row, 0)?, len: count(row, 1)?, sum: sum.map(|Json(sum)| sum) };
    Ok((blob, count(row, 3)?, count(row, 4)?))
}

/// An object that needs the blob, as `BUCKET/KEY`, if it is not one of an upload alone.
pub fn needed_by(path: &Path, blob: Id) -> Result<Option<String>, CopyError> {
    let found = reading(path).and_then(|index| {
        let name = |row: &Row<'_>| Ok(format!("{}/{}", row.get::<_, String>(0)?, key(row, 1)?));
        index.query_row(NEEDED_BY, [blob.to_string()], name).optional()
    });
    found.map_err(CopyError::database(path))
}

/// Whether something in the index at `path` was encrypted, or named keys were made to do so: then
/// it is of use to nobody without the master key.
pub fn needs_master_key(path: &Path) -> Result<bool, CopyError> {
    let needs = reading(path).and_then(|index| Ok(has_keys(&index)? && asks(&index, NEEDS_KEYS)?));
    needs.map_err(CopyError::database(path))
}

/// Takes the store's own key out of a copy that does not need the master key, so that it can be
/// used with a new one.
pub fn forget_keys(copy: &Path) -> Result<(), CopyError> {
    let forgotten = writing(copy).and_then(|index| {
        if has_keys(&index)? { index.execute_batch("DELETE FROM sealing_keys") } else { Ok(()) }
    });
    forgotten.map_err(CopyError::database(copy))
}

fn has_keys(index: &Connection) -> rusqlite::Result<bool> {
    asks(index, HAS_KEYS)
}

fn asks(index: &Connection, question: &str) -> rusqlite::Result<bool> {
    index.query_row(question, [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::{SCHEMA, SqliteIndex};

    const A: &str = "0000000000000000000000000000000a";
    const B: &str = "0000000000000000000000000000000b";
    const SUM: BlobSum = BlobSum { crc64nvme: u64::MAX, len: 10 };

    fn extent(blob: &str, offset: u64, len: u64) -> String {
        format!("{{\"blob\":\"{blob}\",\"offset\":{offset},\"len\":{len}}}")
    }

    /// An index with these rows, and the folder that it is in.
    fn index(rows: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.db");
        drop(SqliteIndex::open(&path).unwrap());
        let writer = Connection::open(&path).unwrap();
        writer.pragma_update(None, "foreign_keys", false).unwrap();
        writer.execute_batch(rows).unwrap();
        (folder, path)
    }

    fn survey(rows: &str) -> Result<Vec<NamedBlob>, CopyError> {
        let (_folder, path) = index(rows);
        let mut found = Vec::new();
        named_blobs(&path, |blob| {
            found.push(blob);
            Ok::<_, CopyError>(())
        })?;
        Ok(found)
    }

    fn rows(refs: u64) -> String {
        let (first, second, part) = (extent(A, 0, 5), extent(A, 7, 3), extent(B, 0, 4));
        let sum = serde_json::to_string(&SUM).unwrap();
        let second = second.replace('}', &format!(",\"sum\":{sum}}}"));
        format!(
            "INSERT INTO buckets (name, account, region, created) VALUES ('photos', '', '', 0);
             INSERT INTO objects (bucket, key, version, size, etag, modified, headers, checksums, content)
                 VALUES (1, x'6b', 0, 8, '', 0, '{{}}', '{{}}', 1);
             INSERT INTO contents (id, extents, parts) VALUES (1, '[{first},{second}]', '[]');
             INSERT INTO contents (inline, parts) VALUES (x'00', '[]');
             INSERT INTO parts (upload, number, size, etag, modified, checksums, extents)
                 VALUES ('u', 1, 4, '', 0, '{{}}', '[{part}]');
             INSERT INTO blobs VALUES ('{A}', {refs}), ('{B}', 1),
                 ('0000000000000000000000000000000c', 0)"
        )
    }

    #[test]
    fn blobs_of_objects_and_of_parts_are_needed_and_garbage_is_not() {
        let (a, b) = (A.parse().unwrap(), B.parse().unwrap());
        let needed =
            [NamedBlob { id: a, len: 10, sum: Some(SUM) }, NamedBlob { id: b, len: 4, sum: None }];
        assert_eq!(survey(&rows(2)).unwrap(), needed);
        assert_eq!(survey("").unwrap(), []);
        let (_folder, path) = index(&rows(2));
        assert_eq!(needed_by(&path, a).unwrap().unwrap(), "photos/k");
        assert_eq!(needed_by(&path, b).unwrap(), None);
    }

    #[test]
    fn a_count_that_is_not_the_number_of_names_is_damage() {
        let uncounted = rows(2) + &format!("; DELETE FROM blobs WHERE id = '{B}'");
        let unnamed = rows(2) + "; DELETE FROM parts";
        for damaged in [&rows(1), &rows(3), &uncounted, &unnamed] {
            assert!(matches!(survey(damaged), Err(CopyError::Damaged { .. })), "{damaged}");
        }
    }

    #[test]
    fn the_stores_own_key_is_idle_until_something_is_encrypted() {
        let key = |account, id| {
            format!("INSERT INTO sealing_keys VALUES ('{account}', '{id}', NULL, x'00', 0);")
        };
        let own = key("store", "sse-s3");
        let sealed = "INSERT INTO contents (inline, parts, seal) VALUES (x'00', '[]', '{}')";
        let upload = "INSERT INTO uploads (id, bucket, key, created, headers, checksums, seal)
             VALUES ('u', 1, x'6b', 0, '{}', '{}', '{}')";
        let needs = |rows: &str| needs_master_key(&index(rows).1).unwrap();
        assert!(!needs("") && !needs(&own));
        for more in [sealed, upload, &key("123456789012", "mine")] {
            assert!(needs(&(own.clone() + more)), "{more}");
        }

        let (_folder, path) = index(&own);
        forget_keys(&path).unwrap();
        let left = "SELECT EXISTS (SELECT 1 FROM sealing_keys)";
        assert!(!asks(&reading(&path).unwrap(), left).unwrap());
    }

    #[test]
    fn an_index_from_before_there_were_keys_needs_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.db");
        Connection::open(&path).unwrap().execute_batch(SCHEMA[0]).unwrap();
        assert!(!needs_master_key(&path).unwrap());
        forget_keys(&path).unwrap();
        let none = |_| Err(CopyError::Busy { path: path.clone() });
        named_blobs(&path, none).unwrap();
    }
}
