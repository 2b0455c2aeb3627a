//! How every service keeps and shows its records: names, pages, and the first Describe.
//!
//! Only what all services do alike stands here. What one kind of resource means stands with it.

mod arn;
pub mod channel;
mod hold;
pub mod output;
mod page;
mod shelf;
pub mod unbuilt;

use api::{Document, Fault, What};
use serde_json::Value;

pub use arn::{S3Uri, role};
pub use hold::{Holding, Patience};
pub use page::{page, summaries};
pub use shelf::{Kind, Shelf, epoch, read, readable};

/// What is known to AWS and not built here: a sentence without its end, told with our version.
#[must_use]
pub fn unsupported(kind: &'static str, what: &str) -> Fault {
    let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
    Fault::new(What::Unsupported, kind, format_args!("{what} by Sagewright {version}."))
}

/// An answer written as a JSON object.
#[must_use]
pub fn document(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        _ => Document::new(),
    }
}

/// An answer of one member.
#[must_use]
pub fn one(member: &str, value: impl Into<Value>) -> Document {
    Document::from_iter([(member.to_owned(), value.into())])
}
