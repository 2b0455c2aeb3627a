//! The gateway over real sockets: a server with fakes behind its ports, and a small signed client.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests say what they expect; a panic there is the report"
)]

mod allocations;
mod client;
mod control;
mod guards;
mod invoke;
mod ours;
mod proxy;
mod server;
mod shutdown;
