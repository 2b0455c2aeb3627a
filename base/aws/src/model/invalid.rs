//! What is wrong with a document, in AWS's own sentences.

use std::fmt;

use crate::wire::json::DEPTH;

/// A document that does not fit its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// Well formed, but outside what the model allows: `ValidationException`.
    Constraint(Vec<Violation>),
    /// A value of another kind than the member's: `SerializationException`.
    Type {
        /// Where, as AWS writes paths.
        path: String,
        /// What the shape wants.
        expected: Wanted,
        /// What was there.
        found: Found,
    },
    /// Nested beyond [`DEPTH`]: `SerializationException`.
    TooDeep,
}

/// What a shape wants, as the messages call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A structure or a map.
    Object,
    /// A list.
    List,
    /// A string.
    String,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// A finite number.
    Number,
    /// True or false.
    Boolean,
    /// Epoch seconds (ISO 8601 in the query protocol).
    Timestamp,
    /// Base64 text.
    Blob,
}

/// What a document has, as the messages call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// `{}`.
    Object,
    /// `[]`.
    List,
    /// Text.
    String,
    /// Any number.
    Number,
    /// True.
    True,
    /// False.
    False,
}

/// One member outside what the model allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// `resourceConfig.instanceType`.
    pub path: String,
    /// What was there, as AWS prints it.
    pub value: Value,
    /// `Member must …`.
    pub constraint: String,
}

/// How a message shows the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// There was none.
    Null,
    /// This.
    Shown(String),
    /// One that must not be repeated.
    Hidden,
}

impl Invalid {
    /// AWS's code for it in the JSON protocols.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Constraint(_) => "ValidationException",
            Self::Type { .. } | Self::TooDeep => "SerializationException",
        }
    }

    /// AWS's code for it in the query protocol.
    #[must_use]
    pub fn query_code(&self) -> &'static str {
        match self {
            Self::Constraint(_) => "ValidationError",
            Self::Type { .. } | Self::TooDeep => "MalformedInput",
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constraint(violations) => sentences(violations, f),
            Self::Type { path, expected, found } => mismatch(path, *expected, *found, f),
            Self::TooDeep => write!(f, "The document is nested deeper than {DEPTH} levels"),
        }
    }
}

impl std::error::Error for Invalid {}

/// `2 validation errors detected: …; …`
fn sentences(violations: &[Violation], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let plural = if violations.len() == 1 { "" } else { "s" };
    write!(f, "{} validation error{plural} detected: ", violations.len())?;
    for (index, violation) in violations.iter().enumerate() {
        let separator = if index == 0 { "" } else { "; " };
        write!(f, "{separator}{violation}")?;
    }
    Ok(())
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Null => f.write_str("Value null")?,
            Value::Shown(value) => write!(f, "Value '{value}'")?,
            Value::Hidden => f.write_str("Value")?,
        }
        write!(f, " at '{}' failed to satisfy constraint: {}", self.path, self.constraint)
    }
}

fn mismatch(path: &str, expected: Wanted, found: Found, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (found, expected) = (found.word(), expected.words());
    write!(f, "{found} can not be converted to {expected} at '{path}'")
}

impl Found {
    fn word(self) -> &'static str {
        match self {
            Self::Object => "START_OBJECT",
            Self::List => "START_ARRAY",
            Self::String => "STRING_VALUE",
            Self::Number => "NUMBER_VALUE",
            Self::True => "TRUE_VALUE",
            Self::False => "FALSE_VALUE",
        }
    }
}

impl Wanted {
    fn words(self) -> &'static str {
        match self {
            Self::Object => "an Object",
            Self::List => "a List",
            Self::String => "a String",
            Self::Integer => "an Integer",
            Self::Long => "a Long",
            Self::Number => "a Double",
            Self::Boolean => "a Boolean",
            Self::Timestamp => "a Timestamp",
            Self::Blob => "a Blob",
        }
    }
}
