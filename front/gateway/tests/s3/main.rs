//! The S3 front from the verified request to the port, over a store in memory.

#![expect(clippy::unwrap_used, reason = "tests")]

mod acls;
mod bodies;
mod browsers;
mod client;
mod forms;
mod protocol;
mod rights;
mod settings;
