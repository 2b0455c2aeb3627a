//! `load PORT CONNECTIONS REQUESTS FILE`: sends the request in FILE over and over, and prints the
//! median latency in microseconds and the requests per second of all connections together.
//!
//! The request is sent as it stands, byte for byte, so that one that was signed beforehand can be
//! sent: what is measured is the server, not the signing. Every answer must be a 200.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};

/// Requests of each connection that are sent before the clock starts.
const WARM_UP: usize = 200;

fn main() -> Result<()> {
    let [port, connections, requests, file] = arguments()?;
    let request = fs::read(&file).with_context(|| format!("reading {file}"))?;
    let (port, connections, requests): (u16, usize, usize) =
        (port.parse()?, connections.parse()?, requests.parse()?);
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let request = request.clone();
            thread::spawn(move || exchange(port, &request, requests))
        })
        .collect();
    let mut latencies = Vec::new();
    let mut longest = Duration::ZERO;
    for worker in workers {
        let (seen, took) = worker.join().map_err(|_| anyhow!("a connection's thread panicked"))??;
        latencies.extend(seen);
        longest = longest.max(took);
    }
    latencies.sort_unstable();
    let median = latencies.get(latencies.len() / 2).context("no requests were asked for")?;
    println!("{} {}", median.as_micros(), per_second(latencies.len(), longest));
    Ok(())
}

fn arguments() -> Result<[String; 4]> {
    let given: Vec<String> = env::args().skip(1).collect();
    given.try_into().map_err(|_| anyhow!("usage: load PORT CONNECTIONS REQUESTS FILE"))
}

fn per_second(count: usize, took: Duration) -> u128 {
    count as u128 * 1_000_000 / took.as_micros().max(1)
}

/// One connection: the latency of each request, and how long all of them took.
fn exchange(port: u16, request: &[u8], count: usize) -> Result<(Vec<Duration>, Duration)> {
    let mut to = TcpStream::connect(("127.0.0.1", port))?;
    to.set_nodelay(true)?;
    let mut from = BufReader::new(to.try_clone()?);
    let mut ask = || -> Result<Duration> {
        let start = Instant::now();
        to.write_all(request)?;
        answer(&mut from)?;
        Ok(start.elapsed())
    };
    for _ in 0..WARM_UP {
        ask()?;
    }
    let start = Instant::now();
    let latencies = (0..count).map(|_| ask()).collect::<Result<_>>()?;
    Ok((latencies, start.elapsed()))
}

/// Reads one answer, which must be a 200 with a length.
fn answer(from: &mut impl BufRead) -> Result<()> {
    let mut status = String::new();
    from.read_line(&mut status)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    ensure!(status.starts_with("HTTP/1.1 "), "no answer: {status:?}");
    if !status.starts_with("HTTP/1.1 200") {
        bail!("{} {}", status.trim(), String::from_utf8_lossy(&body));
    }
    Ok(())
}
