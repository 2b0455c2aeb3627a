//! Reading logs back.

use platform::{
    store::StoreError,
    telemetry::{EventQuery, Events, LogEvent, LogGroup, LogStream, StreamName},
};
use rusqlite::{Connection, Row, named_params, types::Value};
use types::{Owner, Timestamp};

use crate::sql::{self, Select, maybe_time, signed, time, unsigned};

/// Finds a group.
pub(super) fn group_id(
    connection: &Connection,
    owner: &Owner,
    group: &str,
) -> Result<Option<i64>, StoreError> {
    const FIND: &str = "SELECT id FROM log_groups WHERE account = ? AND region = ? AND name = ?";
    let params = (&owner.account, &owner.region, group);
    sql::first(connection, FIND, params, |row| row.get("id"))
}

/// Finds a stream.
pub(super) fn stream_id(
    connection: &Connection,
    owner: &Owner,
    name: &StreamName,
) -> Result<Option<i64>, StoreError> {
    const FIND: &str = "SELECT id FROM log_streams WHERE log_group = ? AND name = ?";
    let Some(group) = group_id(connection, owner, &name.group)? else { return Ok(None) };
    sql::first(connection, FIND, (group, &name.stream), |row| row.get("id"))
}

/// How far a stream's source was read.
pub(super) fn cursor(
    connection: &Connection,
    owner: &Owner,
    name: &StreamName,
) -> Result<u64, StoreError> {
    const CURSOR: &str = "SELECT cursor FROM log_streams WHERE id = ?";
    let Some(id) = stream_id(connection, owner, name)? else { return Ok(0) };
    Ok(sql::first(connection, CURSOR, [id], |row| unsigned(row, "cursor"))?.unwrap_or(0))
}

/// Groups from the prefix on. What no longer begins with it is for the caller to cut off: all that
/// does stands together in binary order.
pub(super) fn groups(owner: &Owner, prefix: &str, after: Option<&str>, limit: usize) -> Select {
    let mut select = Select::new("SELECT name, created, stored_bytes FROM log_groups");
    select.and("account = ?", [Value::from(owner.account.to_string())]);
    select.and("region = ?", [Value::from(owner.region.to_string())]);
    by_name(&mut select, prefix, after, limit);
    select
}

/// A group's streams from the prefix on, as in [`groups`].
pub(super) fn streams(group: i64, prefix: &str, after: Option<&str>, limit: usize) -> Select {
    let mut select = Select::new(
        "SELECT name, created, first_event, last_event, last_ingestion FROM log_streams",
    );
    select.and("log_group = ?", [group.into()]);
    by_name(&mut select, prefix, after, limit);
    select
}

fn by_name(select: &mut Select, prefix: &str, after: Option<&str>, limit: usize) {
    select.and("name >= ?", [Value::from(prefix.to_owned())]);
    select.and_if("name > ?", after.map(str::to_owned));
    select.order("name", limit);
}

pub(super) fn group(row: &Row<'_>) -> rusqlite::Result<LogGroup> {
    let stored_bytes = unsigned(row, "stored_bytes")?;
    Ok(LogGroup { name: row.get("name")?, created: time(row, "created")?, stored_bytes })
}

pub(super) fn stream(row: &Row<'_>) -> rusqlite::Result<LogStream> {
    Ok(LogStream {
        name: row.get("name")?,
        created: time(row, "created")?,
        first_event: maybe_time(row, "first_event")?,
        last_event: maybe_time(row, "last_event")?,
        last_ingestion: maybe_time(row, "last_ingestion")?,
    })
}

/// A page of a stream.
pub(super) fn events(
    connection: &Connection,
    stream: i64,
    query: &EventQuery,
) -> Result<Events, StoreError> {
    let mut select = Select::new("SELECT position, at, ingested, message FROM log_events");
    select.and("stream = ?", [stream.into()]);
    select.and_if("position > ?", query.after.map(signed));
    select.and_if("position < ?", query.before.map(signed));
    select.and_if("at >= ?", query.from.map(Timestamp::micros));
    select.and_if("at < ?", query.until.map(Timestamp::micros));
    select.order(if query.from_head { "position" } else { "position DESC" }, query.limit);

    let mut found = select.all(connection, event)?;
    if !query.from_head {
        found.reverse();
    }
    let ends = found.first().zip(found.last()).map(|((first, _), (last, _))| (*first, *last));
    let (first, last) = match ends {
        Some(ends) => ends,
        None => empty_at(connection, stream, query)?,
    };
    Ok(Events { events: found.into_iter().map(|(_, event)| event).collect(), first, last })
}

fn event(row: &Row<'_>) -> rusqlite::Result<(u64, LogEvent)> {
    let (at, ingested) = (time(row, "at")?, time(row, "ingested")?);
    let event = LogEvent { at, ingested, message: row.get("message")? };
    Ok((unsigned(row, "position")?, event))
}

/// Where the first match would be: behind all in reach that is older than what was asked for.
fn empty_at(
    connection: &Connection,
    stream: i64,
    query: &EventQuery,
) -> Result<(u64, u64), StoreError> {
    const PASSED: &str = "SELECT position FROM log_events WHERE stream = :stream \
                          AND position > :after AND position < :before AND at < :from \
                          ORDER BY position DESC LIMIT 1";
    let after = query.after.unwrap_or(0);
    let params = named_params! {
        ":stream": stream, ":after": signed(after),
        ":before": signed(query.before.unwrap_or(u64::MAX)),
        ":from": query.from.map_or(i64::MIN, Timestamp::micros),
    };
    let passed = sql::first(connection, PASSED, params, |row| unsigned(row, "position"))?;
    let last = passed.unwrap_or(after);
    Ok((last.saturating_add(1), last))
}
