//! A client of S3, for those without another: it signs its requests and comes in by the same door as
//! everybody, at the running server or wherever `--endpoint-url` says.
//!
//! Transfers read and write in parts of [`transfer::PART`]: a part is in memory while it travels, so
//! memory is bounded by the parts under way and not by the sizes of files.

mod calls;
mod client;
mod copies;
mod download;
mod http;
mod keys;
mod place;
mod progress;
mod sums;
#[cfg(test)]
mod tests;
mod transfer;
mod upload;
mod xml;

pub use client::{Client, Refused};
pub use place::{Local, Object, Place};
pub use transfer::{Failed, Transfers};
