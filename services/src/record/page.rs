//! Lists: the arguments that they share, and the token that carries them on.

use api::{Fault, What, search::ListArguments};
use platform::store::{Query, Record, SortBy, Store};
use serde_json::Value;
use types::{Document, Owner, Timestamp};

/// What `MaxResults` is where it is not said (`contracts`: semantics 1.0).
const PAGE: usize = 10;

/// A page of `kind`, and the token of the next one.
pub async fn page(
    store: &dyn Store,
    owner: &Owner,
    kind: &'static str,
    arguments: &ListArguments,
) -> Result<(Vec<Record>, Option<String>), Fault> {
    let query = query(owner, kind, arguments)?;
    let page = store.list(&query).await.map_err(Fault::internal)?;
    Ok((page.records, page.next))
}

/// The answer of a list: its summaries under `member`, and the token where there is more.
#[must_use]
pub fn summaries(member: &str, summaries: Vec<Value>, next: Option<String>) -> Document {
    let mut document = Document::new();
    document.insert(member.to_owned(), Value::Array(summaries));
    if let Some(next) = next {
        document.insert("NextToken".to_owned(), next.into());
    }
    document
}

fn query(owner: &Owner, kind: &'static str, arguments: &ListArguments) -> Result<Query, Fault> {
    let sort_by = match arguments.sort_by.as_deref() {
        None | Some("CreationTime") => SortBy::Created,
        Some("Name") => SortBy::Name,
        Some("Status") => SortBy::Status,
        Some("LastModifiedTime") => SortBy::Modified,
        Some(other) => {
            let message = format!("Lists cannot be sorted by `{other}`.");
            return Err(Fault::new(What::Invalid, kind, message));
        }
    };
    let limit = arguments.max_results.and_then(|most| usize::try_from(most).ok());
    Ok(Query {
        name_contains: arguments.name_contains.clone(),
        status: arguments.status_equals.clone(),
        created_after: arguments.creation_time_after.map(timestamp),
        created_before: arguments.creation_time_before.map(timestamp),
        modified_after: arguments.last_modified_time_after.map(timestamp),
        modified_before: arguments.last_modified_time_before.map(timestamp),
        sort_by,
        descending: arguments.sort_order.as_deref() != Some("Ascending"),
        limit: limit.unwrap_or(PAGE),
        after: arguments.next_token.clone(),
        ..Query::all(owner, kind)
    })
}

/// From epoch seconds.
#[expect(clippy::cast_possible_truncation, reason = "a float-to-int cast saturates")]
fn timestamp(seconds: f64) -> Timestamp {
    Timestamp::from_micros((seconds * 1e6).round() as i64)
}
