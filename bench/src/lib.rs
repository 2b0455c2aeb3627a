//! What the load generators share: a plain HTTP client, and how an amount of work is measured.
//!
//! They take little CPU from the server, which shares the machine: [`crowd`] for small requests from
//! many connections, threads with blocking sockets where bodies are large.

pub mod client;
pub mod crowd;
pub mod measure;
