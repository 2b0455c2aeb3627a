//! What rows mean.

use std::borrow::Cow;

use platform::store::{Event, Key, Record};
use rusqlite::{Result, Row};
use types::Owner;

use crate::sql::{id, maybe_time, time, unsigned};

/// The columns that [`record`] reads.
pub(super) const RECORDS: &str = "SELECT id, account, region, kind, name, arn, parent, owner, \
                                  status, created, modified, due, version, body FROM resources";

pub(super) fn record(row: &Row<'_>) -> Result<Record> {
    let key = key(row)?;
    let principal: String = row.get("owner")?;
    Ok(Record {
        id: id(row, "id")?,
        arn: row.get("arn")?,
        owner: Owner::new(key.account.clone(), key.region.clone(), principal),
        key,
        parent: row.get("parent")?,
        status: row.get("status")?,
        created: time(row, "created")?,
        modified: time(row, "modified")?,
        due: maybe_time(row, "due")?,
        version: unsigned(row, "version")?,
        body: row.get("body")?,
    })
}

pub(super) fn event(row: &Row<'_>) -> Result<Event> {
    Ok(Event {
        seq: unsigned(row, "seq")?,
        at: time(row, "at")?,
        id: id(row, "id")?,
        key: key(row)?,
        status: row.get("status")?,
        detail: row.get("detail")?,
    })
}

fn key(row: &Row<'_>) -> Result<Key> {
    let (account, region): (String, String) = (row.get("account")?, row.get("region")?);
    let (kind, name): (String, String) = (row.get("kind")?, row.get("name")?);
    Ok(Key { account: account.into(), region: region.into(), kind: Cow::Owned(kind), name })
}
