//! Work on several threads from one moment on: how long each piece took, and what the measured
//! process spent meanwhile.

use std::{
    fmt, fs,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};

/// The unit of times in `/proc/PID/stat`: a hundredth of a second wherever Linux runs. The kernel
/// derives them from the scheduler's exact account, so only the sum's end is rounded.
const TICK: Duration = Duration::from_millis(10);

/// User and system time in `/proc/PID/stat`, counted from the field after the command's name.
const CPU_FIELDS: std::ops::Range<usize> = 11..13;

/// What was measured. Its `Display` is one JSON object.
pub struct Measured {
    latencies: Vec<Duration>,
    took: Duration,
    cpu: Duration,
}

/// Runs `prepare` with each worker's number on a thread of its own; once all are prepared, runs
/// what each of them made, which returns how long each of its pieces took. `pid` is the process
/// whose CPU time is told.
pub fn together<W>(
    pid: &str,
    workers: usize,
    prepare: impl Fn(usize) -> Result<W> + Sync,
) -> Result<Measured>
where
    W: FnOnce() -> Result<Vec<Duration>>,
{
    let begin = Barrier::new(workers + 1);
    thread::scope(|scope| {
        let (prepare, begin) = (&prepare, &begin);
        let start = |number| {
            scope.spawn(move || {
                // It comes to the barrier in any case, or the others would wait.
                let prepared = prepare(number);
                begin.wait();
                prepared?()
            })
        };
        let workers: Vec<_> = (0..workers).map(start).collect();
        begin.wait();
        alone(pid, || {
            let mut latencies = Vec::new();
            for worker in workers {
                latencies.extend(worker.join().map_err(|_| anyhow!("a worker panicked"))??);
            }
            Ok(latencies)
        })
    })
}

/// Runs `work` on this thread, which returns how long each of its pieces took.
pub fn alone(pid: &str, work: impl FnOnce() -> Result<Vec<Duration>>) -> Result<Measured> {
    let (start, before) = (Instant::now(), cpu_time(pid)?);
    let mut latencies = work()?;
    let (took, cpu) = (start.elapsed(), cpu_time(pid)?.saturating_sub(before));
    latencies.sort_unstable();
    Ok(Measured { latencies, took, cpu })
}

/// How long `act` took.
pub fn timed<T>(act: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let start = Instant::now();
    act()?;
    Ok(start.elapsed())
}

impl Measured {
    fn percentile(&self, hundredth: usize) -> Duration {
        self.latencies.get(self.latencies.len() * hundredth / 100).copied().unwrap_or_default()
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of requests fits 53 bits")]
    fn count(&self) -> f64 {
        self.latencies.len() as f64
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"{{"requests_per_second":{:.1},"p50_us":{:.1},"p99_us":{:.1},"cpu_us":{:.2},"seconds":{:.4},"cpu_seconds":{:.2}}}"#,
            self.count() / self.took.as_secs_f64(),
            micros(self.percentile(50)),
            micros(self.percentile(99)),
            micros(self.cpu) / self.count(),
            self.took.as_secs_f64(),
            self.cpu.as_secs_f64(),
        )
    }
}

fn micros(time: Duration) -> f64 {
    1e6 * time.as_secs_f64()
}

/// User and system time of a process and of all that it started and that still runs, all their
/// threads together.
fn cpu_time(pid: &str) -> Result<Duration> {
    // One that has ended just now took its account along.
    let of_children = children(pid).into_iter().flat_map(|child| cpu_time(&child));
    Ok(own_cpu_time(pid)? + of_children.sum())
}

/// The processes that a process started, whichever of its threads did.
fn children(pid: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.flat_map(|thread| fs::read_to_string(thread.path().join("children")));
    lists
        .flat_map(|list| list.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn own_cpu_time(pid: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} is not there"))?;
    let (_, fields) = stat.rsplit_once(") ").context("/proc/PID/stat has another form")?;
    let fields = fields.split_ascii_whitespace().take(CPU_FIELDS.end).skip(CPU_FIELDS.start);
    let ticks: u32 = fields.map(str::parse::<u32>).sum::<Result<_, _>>()?;
    Ok(TICK * ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_time_of_a_process_grows_with_its_work() {
        let before = cpu_time("self").unwrap();
        while cpu_time("self").unwrap() == before {}
    }

    #[test]
    fn the_cpu_time_of_what_a_process_started_is_its_own_too() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let found = children("self");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&child.id().to_string()), "{found:?}");
    }

    #[test]
    fn every_workers_pieces_are_counted() {
        let piece = || Ok(vec![Duration::from_micros(2); 3]);
        let measured = together("self", 4, |_| Ok(piece)).unwrap();
        assert_eq!(measured.latencies.len(), 12);
        assert!(measured.to_string().contains(r#""p50_us":2.0,"p99_us":2.0"#));
    }

    #[test]
    fn a_worker_that_cannot_begin_ends_the_measurement_and_not_the_others() {
        let prepare = |number: usize| {
            anyhow::ensure!(number != 1, "no connection");
            Ok(|| Ok(Vec::new()))
        };
        assert_eq!(together("self", 3, prepare).err().unwrap().to_string(), "no connection");
    }
}
