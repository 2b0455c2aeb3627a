//! How every service keeps and shows its records: names, pages, and the first Describe.
//!
//! Only what all services do alike stands here. What one kind of resource means stands with it.

mod arn;
pub mod channel;
mod hold;
mod page;
mod shelf;
pub mod unbuilt;

use api::{Fault, What};

pub use arn::{S3Uri, role};
pub use hold::{Holding, Patience};
pub use page::{page, summaries};
pub use shelf::{Kind, Shelf, epoch, read};

/// What is known to AWS and not built here: a sentence without its end, told with our version.
#[must_use]
pub fn unsupported(kind: &'static str, what: &str) -> Fault {
    let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
    Fault::new(What::Unsupported, kind, format_args!("{what} by Sagewright {version}."))
}
