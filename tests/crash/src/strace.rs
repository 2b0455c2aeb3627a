//! Lets calls of a running process fail, by `strace -e inject=`.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long it may take until all threads are followed, or no longer.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(5);

/// Calls fail while this lives.
pub struct Injection {
    strace: Child,
    process: u32,
    threads: Threads,
}

/// Whose calls fail.
#[derive(Clone, Copy, Debug)]
pub enum Threads {
    /// Those of all.
    All,
    /// Those of all that have this name now.
    Named(&'static str),
}

/// Whether strace is there and may follow others.
pub fn probe() -> Result<()> {
    let mut trial = Command::new("strace");
    trial.args(["-f", "-qq", "-e", "inject=fsync:error=EIO", "-o", "/dev/null", "true"]);
    let status = trial.stderr(Stdio::null()).status().context("strace is not installed")?;
    ensure!(status.success(), "strace may not be used here: {status}");
    Ok(())
}

impl Injection {
    /// From when this returns, every call that `rule` is about fails, `fsync:error=EIO`.
    pub fn begin(process: u32, threads: Threads, rule: &str) -> Result<Self> {
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o", "/dev/null", "-e"]).arg(format!("inject={rule}"));
        match threads {
            Threads::All => {
                strace.args(["-f", "-p", &process.to_string()]);
            }
            Threads::Named(_) => {
                for (id, _) in tasks(process, threads)? {
                    strace.args(["-p", &id]);
                }
            }
        }
        let strace = strace.spawn().context("starting strace")?;
        let injection = Self { strace, process, threads };
        injection.wait_until(true)?;
        Ok(injection)
    }

    /// Lets calls succeed again.
    pub fn end(mut self) -> Result<()> {
        self.release()?;
        self.wait_until(false)
    }

    fn release(&mut self) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.strace.id())?).context("strace has a number")?;
        kill_process(pid, Signal::INT)?;
        self.strace.wait()?;
        Ok(())
    }

    fn wait_until(&self, followed: bool) -> Result<()> {
        let begun = Instant::now();
        while !self.all_are(followed)? {
            ensure!(begun.elapsed() < PATIENCE, "strace does not follow all threads");
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn all_are(&self, followed: bool) -> Result<bool> {
        let tasks = tasks(self.process, self.threads)?;
        ensure!(!tasks.is_empty(), "the process has no threads of {:?}", self.threads);
        Ok(tasks.iter().all(|(_, status)| (field(status, "TracerPid:") != Some("0")) == followed))
    }
}

/// The number of each thread, and what the kernel says of it.
fn tasks(process: u32, threads: Threads) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let task = task?;
        // A thread that ended meanwhile makes no calls.
        let Ok(status) = fs::read_to_string(task.path().join("status")) else { continue };
        let meant = match threads {
            Threads::All => true,
            Threads::Named(name) => field(&status, "Name:") == Some(name),
        };
        if meant {
            found.push((task.file_name().to_string_lossy().into_owned(), status));
        }
    }
    Ok(found)
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

impl Drop for Injection {
    fn drop(&mut self) {
        // One that has ended need not be stopped.
        if matches!(self.strace.try_wait(), Ok(None)) {
            let _ = self.release();
        }
    }
}
