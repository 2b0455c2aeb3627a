//! `load PORT PID CONNECTIONS REQUESTS FILE`: sends the request in FILE over and over, on each
//! connection REQUESTS times, and prints one JSON object: throughput, latencies, and the CPU time
//! that process PID, the server, spent on each request.
//!
//! The request is sent as it stands, byte for byte, so that one that was signed beforehand can be
//! sent: what is measured is the server, not the signing. Every answer must be a 200. Threads with
//! blocking sockets take the least CPU from the server, which shares the machine.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};

/// Requests of each connection that are sent before the clock starts.
const WARM_UP: usize = 200;

/// The unit of times in `/proc/PID/stat`: a hundredth of a second wherever Linux runs.
const TICK: Duration = Duration::from_millis(10);

/// User and system time in `/proc/PID/stat`, counted from the field after the command's name.
const CPU_FIELDS: std::ops::Range<usize> = 11..13;

fn main() -> Result<()> {
    let [port, pid, connections, requests, file] = arguments()?;
    let request: Arc<[u8]> = fs::read(&file).with_context(|| format!("reading {file}"))?.into();
    let (port, connections, requests): (u16, usize, usize) =
        (port.parse()?, connections.parse()?, requests.parse()?);

    let begin = Arc::new(Barrier::new(connections + 1));
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (request, begin) = (request.clone(), begin.clone());
            thread::spawn(move || work(port, &request, requests, &begin))
        })
        .collect();
    begin.wait();
    let (start, cpu) = (Instant::now(), cpu_time(&pid)?);
    let mut latencies = Vec::with_capacity(connections * requests);
    for worker in workers {
        latencies.extend(worker.join().map_err(|_| anyhow!("a connection's thread panicked"))??);
    }
    print(latencies, start.elapsed(), cpu_time(&pid)?.saturating_sub(cpu))
}

fn arguments() -> Result<[String; 5]> {
    let given: Vec<String> = env::args().skip(1).collect();
    given.try_into().map_err(|_| anyhow!("usage: load PORT PID CONNECTIONS REQUESTS FILE"))
}

/// One connection's latencies. It comes to the barrier in any case, or the others would wait.
fn work(port: u16, request: &[u8], count: usize, begin: &Barrier) -> Result<Vec<Duration>> {
    let ready = Connection::warm(port, request);
    begin.wait();
    let mut connection = ready?;
    (0..count).map(|_| connection.ask(request)).collect()
}

struct Connection {
    to: TcpStream,
    from: BufReader<TcpStream>,
}

impl Connection {
    fn warm(port: u16, request: &[u8]) -> Result<Self> {
        let to = TcpStream::connect(("127.0.0.1", port))?;
        to.set_nodelay(true)?;
        let from = BufReader::new(to.try_clone()?);
        let mut connection = Self { to, from };
        for _ in 0..WARM_UP {
            connection.ask(request)?;
        }
        Ok(connection)
    }

    /// Sends the request and reads the whole answer.
    fn ask(&mut self, request: &[u8]) -> Result<Duration> {
        let start = Instant::now();
        self.to.write_all(request)?;
        answer(&mut self.from)?;
        Ok(start.elapsed())
    }
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
    let said = String::from_utf8_lossy(&body);
    ensure!(status.starts_with("HTTP/1.1 200"), "not a 200: {} {said}", status.trim());
    Ok(())
}

/// User and system time of a process, all its threads together.
fn cpu_time(pid: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} is not there"))?;
    let (_, fields) = stat.rsplit_once(") ").context("/proc/PID/stat has another form")?;
    let fields = fields.split_ascii_whitespace().take(CPU_FIELDS.end).skip(CPU_FIELDS.start);
    let ticks: u32 = fields.map(str::parse::<u32>).sum::<Result<_, _>>()?;
    Ok(TICK * ticks)
}

fn print(mut latencies: Vec<Duration>, took: Duration, cpu: Duration) -> Result<()> {
    latencies.sort_unstable();
    let count = latencies.len();
    let at = |hundredth: usize| {
        let latency =
            latencies.get(count * hundredth / 100).context("no requests were asked for")?;
        Ok::<_, anyhow::Error>(micros(*latency))
    };
    let requests = u32::try_from(count)?;
    println!(
        r#"{{"requests_per_second":{:.0},"p50_us":{:.1},"p99_us":{:.1},"cpu_us":{:.2}}}"#,
        f64::from(requests) / took.as_secs_f64(),
        at(50)?,
        at(99)?,
        micros(cpu) / f64::from(requests),
    );
    Ok(())
}

fn micros(time: Duration) -> f64 {
    1e6 * time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> Result<()> {
        answer(&mut text.as_bytes())
    }

    #[test]
    fn an_answer_is_read_to_its_end_and_no_further() {
        let mut two = &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n11HTTP/1.1 200 OK\r\n\r\n"[..];
        answer(&mut two).unwrap();
        assert_eq!(two, b"HTTP/1.1 200 OK\r\n\r\n");
    }

    #[test]
    fn a_refusal_is_shown_in_the_servers_words() {
        let refused = heard("HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nkey?").unwrap_err();
        assert_eq!(refused.to_string(), "not a 200: HTTP/1.1 403 Forbidden key?");
    }

    #[test]
    fn a_connection_that_ends_is_not_taken_for_an_answer() {
        assert!(heard("").is_err());
        assert!(heard("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").is_err());
    }

    #[test]
    fn the_cpu_time_of_a_process_grows_with_its_work() {
        let pid = std::process::id().to_string();
        let before = cpu_time(&pid).unwrap();
        while cpu_time(&pid).unwrap() == before {}
    }
}
