//! A document against its shape, as AWS does it: every violation is found before one is told.
//!
//! Types come first: a value of the wrong kind ends the check, for AWS cannot even read it.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Number, Value as Json};
use types::Document;

use super::{
    invalid::{Found, Invalid, Value, Violation, Wanted},
    pattern::Pattern,
    shape::{Bounds, Kind, Member, Shape, ShapeId, Shapes, Size},
};
use crate::wire::json::DEPTH;

/// How many violations one answer tells. A hostile list has millions.
const TOLD: usize = 100;
/// How much of a value a message shows, in bytes.
const SHOWN: usize = 1_024;

/// Checks `document` against the structure there.
pub fn document(shapes: &Shapes, shape: ShapeId, document: &Document) -> Result<(), Invalid> {
    let mut check = Check { shapes, violations: Vec::new() };
    check.structure(shapes.members(shape), document, &Path::ROOT)?;
    if check.violations.is_empty() { Ok(()) } else { Err(Invalid::Constraint(check.violations)) }
}

/// Where in a document, as a chain on the stack: it is only written out for a message.
struct Path<'a> {
    above: Option<&'a Path<'a>>,
    step: Step<'a>,
    depth: usize,
}

enum Step<'a> {
    Root,
    Member(&'a str),
    /// Counted from 0, told from 1.
    Element(usize),
    Key(&'a str),
    Value(&'a str),
}

impl<'a> Path<'a> {
    const ROOT: Self = Self { above: None, step: Step::Root, depth: 1 };

    fn to(&'a self, step: Step<'a>) -> Self {
        Self { above: Some(self), step, depth: self.depth + 1 }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            above.fmt(f)?;
            if above.above.is_some() {
                f.write_str(".")?;
            }
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Member(name) => f.write_str(&camel(name)),
            Step::Element(index) => write!(f, "{}.member", index + 1),
            Step::Key(key) => write!(f, "{}.key", shown(key)),
            Step::Value(key) => write!(f, "{}.member", shown(key)),
        }
    }
}

/// AWS tells members with their first letter lowered.
pub fn camel(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// At most [`SHOWN`] bytes of a text.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN)]
}

struct Check<'a> {
    shapes: &'a Shapes,
    violations: Vec<Violation>,
}

impl Check<'_> {
    fn structure(
        &mut self,
        members: &[Member],
        document: &Document,
        at: &Path<'_>,
    ) -> Result<(), Invalid> {
        for member in members {
            let at = at.to(Step::Member(member.name));
            match document.get(member.name) {
                None | Some(Json::Null) if member.required => {
                    self.tell(&at, Value::Null, "Member must not be null".to_owned());
                }
                None | Some(Json::Null) => {}
                Some(value) => self.value(member.shape, value, &at)?,
            }
        }
        Ok(())
    }

    fn value(&mut self, shape: ShapeId, value: &Json, at: &Path<'_>) -> Result<(), Invalid> {
        if at.depth > DEPTH {
            return Err(Invalid::TooDeep);
        }
        let shapes = self.shapes;
        let shape = shapes.get(shape);
        match (&shape.kind, value) {
            (Kind::Structure(members), Json::Object(value)) => self.structure(members, value, at),
            (Kind::List { element, length }, Json::Array(elements)) => {
                self.length(shape, *length, elements.len(), value, at);
                self.list(*element, elements, at)
            }
            (Kind::Map { key, value: of, length }, Json::Object(entries)) => {
                self.length(shape, *length, entries.len(), value, at);
                self.map((*key, *of), entries, at)
            }
            (Kind::Text { length, pattern, words }, Json::String(text)) => {
                self.length(shape, *length, text.encode_utf16().count(), value, at);
                self.text(shape, pattern.as_ref(), words, text, at);
                Ok(())
            }
            (Kind::Whole { size, value: bounds }, Json::Number(number)) if fits(number, *size) => {
                self.within(shape, *bounds, number, at);
                Ok(())
            }
            (Kind::Real { value: bounds }, Json::Number(number)) => {
                self.within(shape, *bounds, number, at);
                Ok(())
            }
            (Kind::Boolean, Json::Bool(_)) | (Kind::Timestamp, Json::Number(_)) => Ok(()),
            (Kind::Blob, Json::String(text)) if STANDARD.decode(text).is_ok() => Ok(()),
            (kind, value) => Err(mismatch(kind, value, at)),
        }
    }

    /// Nulls in lists and maps are dropped with the rest, see [`super::filter`].
    fn list(&mut self, element: ShapeId, elements: &[Json], at: &Path<'_>) -> Result<(), Invalid> {
        for (index, value) in elements.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            self.value(element, value, &at.to(Step::Element(index)))?;
        }
        Ok(())
    }

    fn map(
        &mut self,
        (key_shape, value_shape): (ShapeId, ShapeId),
        entries: &Document,
        at: &Path<'_>,
    ) -> Result<(), Invalid> {
        for (key, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
            self.key(key_shape, key, &at.to(Step::Key(key)));
            self.value(value_shape, value, &at.to(Step::Value(key)))?;
        }
        Ok(())
    }

    fn key(&mut self, shape: ShapeId, key: &str, at: &Path<'_>) {
        let shapes = self.shapes;
        let shape = shapes.get(shape);
        if let Kind::Text { length, pattern, words } = &shape.kind {
            self.bounds(shape, *length, key.encode_utf16().count(), at, || key.to_owned());
            self.text(shape, pattern.as_ref(), words, key, at);
        }
    }

    fn text(
        &mut self,
        shape: &Shape,
        pattern: Option<&Pattern>,
        words: &[std::borrow::Cow<'static, str>],
        text: &str,
        at: &Path<'_>,
    ) {
        if let Some(pattern) = pattern
            && !pattern.matches(text)
        {
            let source = pattern.source();
            let constraint = format!("Member must satisfy regular expression pattern: {source}");
            self.tell(at, show(shape, text), constraint);
        }
        if !words.is_empty() && !words.iter().any(|word| word == text) {
            let set = words.join(", ");
            let constraint = format!("Member must satisfy enum value set: [{set}]");
            self.tell(at, show(shape, text), constraint);
        }
    }

    fn length(
        &mut self,
        shape: &Shape,
        bounds: Bounds,
        length: usize,
        value: &Json,
        at: &Path<'_>,
    ) {
        self.bounds(shape, bounds, length, at, || match value {
            Json::String(text) => text.clone(),
            value => value.to_string(),
        });
    }

    #[expect(clippy::cast_precision_loss, reason = "lengths and bounds are far below 2^52")]
    fn bounds(
        &mut self,
        shape: &Shape,
        bounds: Bounds,
        length: usize,
        at: &Path<'_>,
        value: impl Fn() -> String,
    ) {
        if let Some((bound, word)) = outside(bounds, length as f64) {
            let constraint = format!("Member must have length {word} than or equal to {bound}");
            self.tell(at, show(shape, &value()), constraint);
        }
    }

    fn within(&mut self, shape: &Shape, bounds: Bounds, number: &Number, at: &Path<'_>) {
        let value = number.as_f64().unwrap_or(f64::NAN);
        if let Some((bound, word)) = outside(bounds, value) {
            let constraint = format!("Member must have value {word} than or equal to {bound}");
            self.tell(at, show(shape, &number.to_string()), constraint);
        }
    }

    fn tell(&mut self, at: &Path<'_>, value: Value, constraint: String) {
        if self.violations.len() < TOLD {
            self.violations.push(Violation { path: at.to_string(), value, constraint });
        }
    }
}

/// The bound that a number is outside of, and the word that belongs to it.
fn outside(bounds: Bounds, number: f64) -> Option<(f64, &'static str)> {
    match bounds {
        Bounds { max: Some(max), .. } if number > max => Some((max, "less")),
        Bounds { min: Some(min), .. } if number < min => Some((min, "greater")),
        Bounds { .. } => None,
    }
}

fn show(shape: &Shape, value: &str) -> Value {
    if shape.sensitive { Value::Hidden } else { Value::Shown(shown(value).to_owned()) }
}

/// Some clients write whole numbers as `1.0`, which AWS does not take either.
fn fits(number: &Number, size: Size) -> bool {
    match size {
        Size::Integer => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        Size::Long => number.is_i64(),
    }
}

fn mismatch(kind: &Kind, value: &Json, at: &Path<'_>) -> Invalid {
    let expected = match kind {
        Kind::Structure(_) | Kind::Map { .. } => Wanted::Object,
        Kind::List { .. } => Wanted::List,
        Kind::Text { .. } => Wanted::String,
        Kind::Whole { size: Size::Integer, .. } => Wanted::Integer,
        Kind::Whole { size: Size::Long, .. } => Wanted::Long,
        Kind::Real { .. } => Wanted::Number,
        Kind::Boolean => Wanted::Boolean,
        Kind::Timestamp => Wanted::Timestamp,
        Kind::Blob => Wanted::Blob,
    };
    let found = match value {
        Json::Object(_) => Found::Object,
        Json::Array(_) => Found::List,
        Json::Number(_) => Found::Number,
        Json::Bool(true) => Found::True,
        Json::Bool(false) => Found::False,
        // Nulls are dropped before they get here.
        Json::String(_) | Json::Null => Found::String,
    };
    Invalid::Type { path: at.to_string(), expected, found }
}
