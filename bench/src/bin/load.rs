//! `load PORT PID CONNECTIONS REQUESTS FILE [RATE]`: sends the request in FILE so many times over so
//! many connections, and prints one JSON object: throughput, latencies, and the CPU time that
//! process PID, the server, and all that it started spent on each request. Without RATE a connection asks again as soon as it
//! was answered; with it, so many requests a second arrive whatever the answers do.
//!
//! The request is sent as it stands, byte for byte, so that one that was signed beforehand can be
//! sent: what is measured is the server, not the signing. Every answer must be a 200.

use std::{env, fs};

use anyhow::{Context, Result, bail};
use bench::{
    crowd::{Crowd, Pace},
    measure::alone,
};

/// Requests of each connection that are sent before the clock starts, unless that is more than are
/// measured.
const WARM_UP: usize = 200;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let given: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (port, pid, connections, requests, file, pace) = match given[..] {
        [port, pid, connections, requests, file] => {
            (port, pid, connections, requests, file, Pace::Answered)
        }
        [port, pid, connections, requests, file, rate] => {
            (port, pid, connections, requests, file, Pace::PerSecond(rate.parse()?))
        }
        _ => bail!("usage: load PORT PID CONNECTIONS REQUESTS FILE [RATE]"),
    };
    let request = fs::read(file).with_context(|| format!("reading {file}"))?;
    let (connections, requests): (usize, usize) = (connections.parse()?, requests.parse()?);
    let mut crowd = Crowd::gather(port.parse()?, connections, request)?;
    crowd.ask((WARM_UP * connections).min(requests), Pace::Answered)?;
    println!("{}", alone(pid, || crowd.ask(requests, pace))?);
    Ok(())
}
