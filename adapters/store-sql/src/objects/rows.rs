//! Between rows and the port's types.

use platform::objects::{Seal, Upload, UploadedPart, Version, index::PartEntry};
use rusqlite::{
    Error, Row,
    types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef},
};
use serde_json::Value;
use types::{Id, Timestamp};

/// A column of JSON text.
pub(super) struct Json<T>(pub(super) T);

impl<T: serde::de::DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        serde_json::from_str(text).map(Json).map_err(|error| FromSqlError::Other(error.into()))
    }
}

impl<T: serde::Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(&self.0)
            .map_err(|error| Error::ToSqlConversionFailure(error.into()))?;
        Ok(text.into())
    }
}

/// A time, as it is stored.
pub(super) const fn micros(time: Timestamp) -> i64 {
    time.micros()
}

/// A time column.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

/// A count, as it is stored: SQLite's integers have a sign.
pub(super) fn stored(count: u64) -> rusqlite::Result<i64> {
    i64::try_from(count).map_err(|error| Error::ToSqlConversionFailure(error.into()))
}

/// A column that counts something.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(column, value))
}

/// A column of bytes that are a key.
pub(super) fn key(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    let bytes: Vec<u8> = row.get(column)?;
    String::from_utf8(bytes)
        .map_err(|error| Error::FromSqlConversionFailure(column, Type::Blob, error.into()))
}

/// A column with an id.
pub(super) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<Id> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: types::NotAnId| {
        Error::FromSqlConversionFailure(column, Type::Text, error.into())
    })
}

/// A version by its columns `kept` and `version`.
pub(super) fn version_from(kept: bool, number: i64) -> Version {
    match (kept, u64::try_from(number)) {
        (true, Ok(number)) => Version::Numbered(number),
        (false, _) | (true, Err(_)) => Version::Null,
    }
}

/// `version, kept` from column `first` on.
pub(super) fn number_from(row: &Row<'_>, first: usize) -> rusqlite::Result<Version> {
    Ok(version_from(row.get(first + 1)?, row.get(first)?))
}

/// `key, id, created, headers, checksums, tags, seal, acl, owner, initiator`.
pub(super) fn upload_from(row: &Row<'_>) -> rusqlite::Result<Upload> {
    Ok(Upload {
        key: key(row, 0)?,
        id: row.get(1)?,
        created: time(row, 2)?,
        headers: row.get::<_, Json<_>>(3)?.0,
        checksums: row.get::<_, Json<_>>(4)?.0,
        tags: row.get::<_, Json<_>>(5)?.0,
        seal: seal_from(row, 6)?,
        acl: row.get::<_, Json<_>>(7)?.0,
        owner: row.get(8)?,
        initiator: row.get(9)?,
    })
}

/// A column with what bytes are sealed with, if they are.
pub(super) fn seal_from(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Seal>> {
    let seal: Option<Json<Seal>> = row.get(column)?;
    Ok(seal.map(|Json(seal)| seal))
}

/// `number, size, etag, modified, checksums, extents`.
pub(super) fn part_from(row: &Row<'_>) -> rusqlite::Result<PartEntry> {
    let part = UploadedPart {
        number: row.get(0)?,
        size: count(row, 1)?,
        etag: row.get(2)?,
        modified: time(row, 3)?,
        checksums: row.get::<_, Json<_>>(4)?.0,
        encryption: None,
    };
    Ok(PartEntry { part, extents: row.get::<_, Json<_>>(5)?.0 })
}

/// Ids as one JSON array, for statements over many.
pub(super) fn ids(ids: &[Id]) -> Json<Value> {
    Json(ids.iter().map(|id| Value::String(id.to_string())).collect())
}
