//! Taking lines in. The cursor moves in the same transaction as the lines, so that a source that
//! is read again after a crash adds nothing twice.

use platform::{
    store::StoreError,
    telemetry::{Append, LogEvent, StreamName},
};
use rusqlite::{Connection, named_params};
use types::{Owner, Timestamp};

use super::read::group_id;
use crate::sql::{self, signed, unsigned};

/// Where a stream stands.
struct Stream {
    id: i64,
    last_position: u64,
    cursor: u64,
}

/// Makes a group where there is none.
pub(super) fn make_group(
    connection: &Connection,
    owner: &Owner,
    group: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    const MAKE: &str = "INSERT INTO log_groups (account, region, name, created) \
                        VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let params = (&owner.account, &owner.region, group, now.micros());
    Ok(sql::execute(connection, MAKE, params)? > 0)
}

/// Adds lines to a stream, where the cursor says that they are new.
pub(super) fn append(
    connection: &Connection,
    append: &Append,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Append { owner, stream, events, cursor } = append;
    let (group, stream) = made(connection, owner, stream, now)?;
    if *cursor <= stream.cursor {
        return Ok(());
    }
    for (event, position) in events.iter().zip(stream.last_position + 1..) {
        insert(connection, stream.id, position, event)?;
    }
    move_on(connection, &stream, events, *cursor)?;
    weigh(connection, group, events)
}

fn made(
    connection: &Connection,
    owner: &Owner,
    name: &StreamName,
    now: Timestamp,
) -> Result<(i64, Stream), StoreError> {
    const MAKE: &str = "INSERT INTO log_streams (log_group, name, created) VALUES (?, ?, ?)";
    let StreamName { group, stream } = name;
    let group_id = group_made(connection, owner, group, now)?;
    if let Some(stream) = find(connection, group_id, stream)? {
        return Ok((group_id, stream));
    }
    sql::execute(connection, MAKE, (group_id, stream, now.micros()))?;
    let id = connection.last_insert_rowid();
    Ok((group_id, Stream { id, last_position: 0, cursor: 0 }))
}

fn group_made(
    connection: &Connection,
    owner: &Owner,
    group: &str,
    now: Timestamp,
) -> Result<i64, StoreError> {
    if let Some(id) = group_id(connection, owner, group)? {
        return Ok(id);
    }
    make_group(connection, owner, group, now)?;
    Ok(connection.last_insert_rowid())
}

fn find(connection: &Connection, group: i64, name: &str) -> Result<Option<Stream>, StoreError> {
    const FIND: &str =
        "SELECT id, last_position, cursor FROM log_streams WHERE log_group = ? AND name = ?";
    sql::first(connection, FIND, (group, name), |row| {
        Ok(Stream {
            id: row.get("id")?,
            last_position: unsigned(row, "last_position")?,
            cursor: unsigned(row, "cursor")?,
        })
    })
}

fn insert(
    connection: &Connection,
    stream: i64,
    position: u64,
    event: &LogEvent,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO log_events (stream, position, at, ingested, message) \
                          VALUES (?, ?, ?, ?, ?)";
    let LogEvent { at, ingested, message } = event;
    let params = (stream, signed(position), at.micros(), ingested.micros(), message);
    sql::execute(connection, INSERT, params).map(drop)
}

fn move_on(
    connection: &Connection,
    stream: &Stream,
    events: &[LogEvent],
    cursor: u64,
) -> Result<(), StoreError> {
    const MOVE: &str = "UPDATE log_streams SET cursor = :cursor, last_position = :position, \
                        first_event = coalesce(first_event, :first), \
                        last_event = coalesce(:last, last_event), \
                        last_ingestion = coalesce(:ingested, last_ingestion) WHERE id = :id";
    let (first, last) = (events.first(), events.last());
    let params = named_params! {
        ":cursor": signed(cursor), ":position": signed(stream.last_position + events.len() as u64),
        ":first": first.map(|event| event.at.micros()),
        ":last": last.map(|event| event.at.micros()),
        ":ingested": last.map(|event| event.ingested.micros()), ":id": stream.id,
    };
    sql::execute(connection, MOVE, params).map(drop)
}

fn weigh(connection: &Connection, group: i64, events: &[LogEvent]) -> Result<(), StoreError> {
    const WEIGH: &str = "UPDATE log_groups SET stored_bytes = stored_bytes + ? WHERE id = ?";
    let weight = events.iter().map(LogEvent::weight).sum();
    sql::execute(connection, WEIGH, (signed(weight), group)).map(drop)
}
