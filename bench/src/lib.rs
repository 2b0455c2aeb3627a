//! What the load generators share: a plain HTTP client, and how an amount of work is measured.
//!
//! Threads with blocking sockets take the least CPU from the server, which shares the machine.

pub mod client;
pub mod measure;
