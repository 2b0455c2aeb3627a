//! Shapes: what a document may be made of.
//!
//! Shapes refer to each other by their place in [`Shapes`], for they may be recursive.

use std::borrow::Cow;

use super::pattern::Pattern;

/// A shape's place among all of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeId(pub usize);

/// All shapes of a service.
pub struct Shapes(pub Vec<Shape>);

impl Shapes {
    /// The shape there; every id was made for a place that is.
    pub fn get(&self, id: ShapeId) -> &Shape {
        &self.0[id.0]
    }

    /// The members of a structure; none where the shape is another kind.
    pub fn members(&self, id: ShapeId) -> &[Member] {
        match &self.get(id).kind {
            Kind::Structure(members) => members,
            _ => &[],
        }
    }
}

/// One shape.
pub struct Shape {
    /// Its value must not be repeated in messages.
    pub sensitive: bool,
    /// What it is.
    pub kind: Kind,
}

/// What a value may be, and within which bounds.
pub enum Kind {
    /// Named members.
    Structure(Vec<Member>),
    /// Elements of one shape; bounds of their number.
    List { element: ShapeId, length: Bounds },
    /// Keys (strings) and values; bounds of their number.
    Map { key: ShapeId, value: ShapeId, length: Bounds },
    /// Text; bounds of its length.
    Text { length: Bounds, pattern: Option<Pattern>, words: Vec<Cow<'static, str>> },
    /// A whole number; bounds of its value.
    Whole { size: Size, value: Bounds },
    /// A number with fractions; bounds of its value.
    Real { value: Bounds },
    /// True or false.
    Boolean,
    /// Epoch seconds.
    Timestamp,
    /// Base64 text.
    Blob,
}

/// How large a whole number may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 32 bits, with sign.
    Integer,
    /// 64 bits, with sign.
    Long,
}

/// Inclusive bounds of a length or a value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// Least.
    pub min: Option<f64>,
    /// Most.
    pub max: Option<f64>,
}

/// A member of a structure.
pub struct Member {
    /// As documents name it.
    pub name: &'static str,
    /// Its shape.
    pub shape: ShapeId,
    /// Must not be null.
    pub required: bool,
    /// Where REST puts it.
    pub location: Location,
}

/// Where a member travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// With the others, in the body.
    Body,
    /// In the path, under this name.
    Path(&'static str),
    /// In the query, under this name.
    Query(&'static str),
    /// In this header.
    Header(&'static str),
}
