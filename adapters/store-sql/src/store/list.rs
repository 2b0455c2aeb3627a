//! Lists: filters, order and pages as one SELECT.

use platform::store::{
    Page, Query, Record, SortBy,
    mark::{Mark, Sorted},
};
use rusqlite::types::Value;
use types::Timestamp;

use super::rows::RECORDS;
use crate::sql::Select;

/// The SELECT of a page and one record more, which tells whether another page follows. `None`
/// where [`Query::after`] is nothing that this store wrote.
pub(super) fn select(query: &Query) -> Option<Select> {
    let mut select = Select::new(RECORDS);
    filter(&mut select, query);
    let column = column(query.sort_by);
    if let Some(text) = &query.after {
        beyond(&mut select, Mark::from_text(text, query)?, column, query.descending);
    }
    let direction = if query.descending { "DESC" } else { "ASC" };
    let order = match column {
        None => format!("name {direction}"),
        Some(column) => format!("{column} {direction}, name {direction}"),
    };
    select.order(&order, query.limit.saturating_add(1));
    Some(select)
}

/// Cuts what [`select`] found to a page.
pub(super) fn page(mut records: Vec<Record>, query: &Query) -> Page {
    let more = records.len() > query.limit;
    records.truncate(query.limit);
    let last = records.last().filter(|_| more);
    let next = last.map(|last| Mark::of(last, query.sort_by).to_text(query.descending));
    Page { records, next }
}

/// `None` where the name alone is the order.
fn column(sort_by: SortBy) -> Option<&'static str> {
    match sort_by {
        SortBy::Name => None,
        SortBy::Created => Some("created"),
        SortBy::Modified => Some("modified"),
        SortBy::Status => Some("status"),
    }
}

fn filter(select: &mut Select, query: &Query) {
    let text = |text: &str| [Value::from(text.to_owned())];
    select.and("kind = ?", text(&query.kind));
    select.and("account = ?", text(&query.account));
    select.and("region = ?", text(&query.region));
    select.and_if("instr(name, ?) > 0", query.name_contains.clone());
    select.and_if("status = ?", query.status.clone());
    select.and_if("parent = ?", query.parent.clone());
    for (condition, bound) in [
        ("created > ?", query.created_after),
        ("created < ?", query.created_before),
        ("modified > ?", query.modified_after),
        ("modified < ?", query.modified_before),
    ] {
        select.and_if(condition, bound.map(Timestamp::micros));
    }
}

fn beyond(select: &mut Select, mark: Mark, column: Option<&str>, descending: bool) {
    let than = if descending { "<" } else { ">" };
    let name = Value::from(mark.name);
    let value = match mark.sorted {
        Sorted::Name => None,
        Sorted::Created(at) | Sorted::Modified(at) => Some(Value::from(at.micros())),
        Sorted::Status(status) => Some(Value::from(status)),
    };
    match column.zip(value) {
        None => select.and(&format!("name {than} ?"), [name]),
        Some((column, value)) => {
            select.and(&format!("({column}, name) {than} (?, ?)"), [value, name]);
        }
    }
}
