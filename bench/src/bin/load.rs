//! `load PORT PID CONNECTIONS REQUESTS FILE`: sends the request in FILE over and over, on each
//! connection REQUESTS times, and prints one JSON object: throughput, latencies, and the CPU time
//! that process PID, the server, spent on each request.
//!
//! The request is sent as it stands, byte for byte, so that one that was signed beforehand can be
//! sent: what is measured is the server, not the signing. Every answer must be a 200.

use std::{env, fs};

use anyhow::{Context, Result, anyhow};
use bench::{
    client::Connection,
    measure::{timed, together},
};

/// Requests of each connection that are sent before the clock starts.
const WARM_UP: usize = 200;

fn main() -> Result<()> {
    let [port, pid, connections, requests, file] = arguments()?;
    let request = fs::read(&file).with_context(|| format!("reading {file}"))?;
    let (port, connections, requests): (u16, usize, usize) =
        (port.parse()?, connections.parse()?, requests.parse()?);
    let measured = together(&pid, connections, |_| {
        let mut connection = warm(port, &request)?;
        let request = &request;
        Ok(move || (0..requests).map(|_| timed(|| connection.ask(request))).collect())
    })?;
    println!("{measured}");
    Ok(())
}

fn arguments() -> Result<[String; 5]> {
    let given: Vec<String> = env::args().skip(1).collect();
    given.try_into().map_err(|_| anyhow!("usage: load PORT PID CONNECTIONS REQUESTS FILE"))
}

fn warm(port: u16, request: &[u8]) -> Result<Connection> {
    let mut connection = Connection::open(port)?;
    for _ in 0..WARM_UP {
        connection.ask(request)?;
    }
    Ok(connection)
}
