//! Documents cut to their shapes.
//!
//! Requests lose what AWS ignores: nulls and unknown members. Answers also lose structures and maps
//! with nothing in them, for clients read `{}` as something that was set; lists stay, empty or not.

use serde_json::{Map, Value};
use types::Document;

use super::shape::{Kind, Member, ShapeId, Shapes};
use crate::wire::json::DEPTH;

/// A request's document.
pub fn input(shapes: &Shapes, shape: ShapeId, document: Document) -> Document {
    Cut { shapes, hollow: Hollow::Kept }.structure(shapes.members(shape), document, 1)
}

/// An answer's document.
pub fn output(shapes: &Shapes, shape: ShapeId, document: Document) -> Document {
    Cut { shapes, hollow: Hollow::Dropped }.structure(shapes.members(shape), document, 1)
}

/// What becomes of `{}` as a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hollow {
    Kept,
    Dropped,
}

struct Cut<'a> {
    shapes: &'a Shapes,
    hollow: Hollow,
}

impl Cut<'_> {
    fn structure(&self, members: &[Member], document: Document, depth: usize) -> Document {
        let mut kept = Map::with_capacity(document.len());
        for (name, value) in document {
            let Some(member) = members.iter().find(|member| member.name == name) else {
                continue;
            };
            if let Some(value) = self.value(member.shape, value, depth)
                && !self.drops(&value)
            {
                kept.insert(name, value);
            }
        }
        kept
    }

    fn drops(&self, value: &Value) -> bool {
        self.hollow == Hollow::Dropped && value.as_object().is_some_and(Map::is_empty)
    }

    /// Nothing for null, and for what nests deeper than any document may.
    fn value(&self, shape: ShapeId, value: Value, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        let depth = depth + 1;
        match (&self.shapes.get(shape).kind, value) {
            (_, Value::Null) => None,
            (Kind::Structure(members), Value::Object(value)) => {
                Some(self.structure(members, value, depth).into())
            }
            (Kind::List { element, .. }, Value::Array(elements)) => Some(
                elements
                    .into_iter()
                    .filter_map(|value| self.value(*element, value, depth))
                    .collect(),
            ),
            (Kind::Map { value: of, .. }, Value::Object(entries)) => {
                let entries = entries
                    .into_iter()
                    .filter_map(|(key, value)| Some((key, self.value(*of, value, depth)?)));
                Some(Value::Object(entries.collect()))
            }
            (_, value) => Some(value),
        }
    }
}
