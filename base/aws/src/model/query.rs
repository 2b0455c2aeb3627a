//! The query protocol: forms in, XML out.
//!
//! Lists stand under `member` and maps under `entry`: none of our services flattens them.

mod decode;
mod encode;

pub use decode::decode;
pub use encode::{encode, error};

/// `Content-Type` of its answers.
pub const CONTENT_TYPE: &str = "text/xml";

#[cfg(test)]
mod tests;
