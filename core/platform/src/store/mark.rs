//! Where a page of a list ended, and so where the next one begins.
//!
//! Shared by all stores, for the order of a list is the port's promise. What goes out is text that
//! a client hands back; it may have been tampered with, which at worst moves the page's beginning
//! within what the same query may see anyway.

use serde::{Deserialize, Serialize};
use types::Timestamp;

use super::{Query, Record, SortBy};

/// The sorted column's value of one record. Within one list all are of the same variant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Sorted {
    /// Sorted by name alone.
    Name,
    /// When it was created.
    Created(Timestamp),
    /// When it was last written.
    Modified(Timestamp),
    /// Its status.
    Status(String),
}

/// A place in a list. Marks compare as the list's records do when ascending.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// By what the list is sorted.
    pub sorted: Sorted,
    /// The record's name, which tells equal values apart.
    pub name: String,
}

impl Mark {
    /// The place of a record in a list sorted that way.
    #[must_use]
    pub fn of(record: &Record, sort_by: SortBy) -> Self {
        let sorted = match sort_by {
            SortBy::Name => Sorted::Name,
            SortBy::Created => Sorted::Created(record.created),
            SortBy::Modified => Sorted::Modified(record.modified),
            SortBy::Status => Sorted::Status(record.status.clone()),
        };
        Self { sorted, name: record.key.name.clone() }
    }

    /// The text for [`super::Page::next`].
    #[must_use]
    pub fn to_text(&self, descending: bool) -> String {
        hex::encode(serde_json::json!((descending, self)).to_string())
    }

    /// Reads a [`Query::after`]. `None` where it is not the text of a mark, or that of a list in
    /// another order.
    #[must_use]
    pub fn from_text(text: &str, query: &Query) -> Option<Self> {
        let json = hex::decode(text).ok()?;
        let (descending, mark): (bool, Self) = serde_json::from_slice(&json).ok()?;
        (descending == query.descending && mark.fits(query.sort_by)).then_some(mark)
    }

    fn fits(&self, sort_by: SortBy) -> bool {
        match self.sorted {
            Sorted::Name => sort_by == SortBy::Name,
            Sorted::Created(_) => sort_by == SortBy::Created,
            Sorted::Modified(_) => sort_by == SortBy::Modified,
            Sorted::Status(_) => sort_by == SortBy::Status,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use types::Owner;

    use super::*;

    fn query(sort_by: SortBy, descending: bool) -> Query {
        let owner = Owner::new("123456789012", "us-east-1", "arn");
        Query { sort_by, descending, ..Query::all(&owner, "model") }
    }

    proptest! {
        #[test]
        fn a_mark_survives_being_written_down(name in ".*", micros: i64, status in ".*") {
            let at = Timestamp::from_micros(micros);
            for (sorted, sort_by) in [
                (Sorted::Name, SortBy::Name),
                (Sorted::Created(at), SortBy::Created),
                (Sorted::Modified(at), SortBy::Modified),
                (Sorted::Status(status), SortBy::Status),
            ] {
                let mark = Mark { sorted, name: name.clone() };
                let text = mark.to_text(true);
                prop_assert_eq!(Mark::from_text(&text, &query(sort_by, true)), Some(mark));
                prop_assert_eq!(Mark::from_text(&text, &query(sort_by, false)), None);
            }
        }

        #[test]
        fn any_text_is_a_mark_or_none(text in "([0-9a-f]{2})*|.*") {
            let _ = Mark::from_text(&text, &query(SortBy::Created, true));
        }
    }

    #[test]
    fn a_mark_of_another_order_is_none() {
        let text = Mark { sorted: Sorted::Name, name: "a".into() }.to_text(true);
        assert_eq!(Mark::from_text(&text, &query(SortBy::Created, true)), None);
    }
}
