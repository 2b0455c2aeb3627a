//! One host of a workload, seen from the server: start its shim, look at it, signal it.

use std::{
    fs::{File, TryLockError},
    io::{self, PipeReader},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use platform::{executor::Exit, workload::OPT_ML};
use rustix::process::Signal;
use types::Timestamp;

use crate::{
    SHIM,
    layout::HostFolder,
    linux::{identity, program},
    records::{self, Asked, Ended, Shim, Submitted},
};

/// What is seen of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostSeen {
    /// Its shim is on its way.
    Starting,
    /// Its shim is up since then, and its program with it.
    Running(Timestamp),
    /// It is over.
    Ended(Ended),
}

/// A shim that was just started.
pub struct Started {
    /// Becomes readable when the shim ends.
    pub process: OwnedFd,
    /// Becomes readable when the shim has said who it is.
    pub up: PipeReader,
}

/// Starts the shim of a host. It takes over `lock`, which says from now on that it lives, and hands
/// `keys` to the program, which reads none where this host sees nothing sealed; they are in memory
/// only.
pub fn start(host: &HostFolder, lock: File, binary: &File, keys: &[u8]) -> io::Result<Started> {
    let (up, writer) = io::pipe()?;
    let shim = Command::new(program::path_of(binary.as_raw_fd()))
        .arg0("sagewright")
        .arg(SHIM)
        .arg(host.path())
        .env_clear()
        .current_dir(host.path())
        .stdin(Stdio::from(lock))
        .stdout(Stdio::from(writer))
        .stderr(Stdio::from(program::in_memory(keys)?))
        .spawn()?;
    // Not collected before the handle is held, so the id is still this shim's.
    let pid = i32::try_from(shim.id()).map_err(io::Error::other)?;
    let process = identity::handle(pid)?.ok_or(io::ErrorKind::NotFound)?;
    Ok(Started { process, up })
}

/// The lock of a host whose shim was never started; `None` where one is there, or was.
pub fn unstarted(host: &HostFolder) -> io::Result<Option<File>> {
    let lock = File::open(host.lock())?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let was_started = host.shim().exists() || host.exit().exists();
    Ok((!was_started).then_some(lock))
}

/// What is seen of a host now.
pub fn observe(host: &HostFolder) -> io::Result<HostSeen> {
    // Asked first: a shim that has gone writes nothing any more.
    let lives = lives(host)?;
    if let Some(ended) = records::read(&host.exit())? {
        return Ok(HostSeen::Ended(ended));
    }
    if !lives {
        return settle(host).map(HostSeen::Ended);
    }
    let shim = records::read::<Shim>(&host.shim())?;
    Ok(shim.map_or(HostSeen::Starting, |shim| HostSeen::Running(shim.started)))
}

fn lives(host: &HostFolder) -> io::Result<bool> {
    // Shared, so that two who look at once do not take each other for a shim.
    match File::open(host.lock())?.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A shim has gone without a word: it was killed, or the machine went down. What it has left
/// running is killed, and its end is written down, so that it is the same whenever it is seen.
fn settle(host: &HostFolder) -> io::Result<Ended> {
    /// How the shim was most likely ended, and how its program was.
    const KILLED: Exit = Exit::Signal(9);
    const WITHOUT_A_WORD: &str = "the process that watched over the program was killed, or the \
        machine restarted; nothing was packed";
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(settled) = records::read(&host.exit())? {
        return Ok(settled);
    }
    identity::kill_marked(&format!("{OPT_ML}={}", host.ml().display()))?;
    let shim = match records::read::<Shim>(&host.shim()) {
        Err(error) if records::is_torn(&error) => None,
        shim => shim?,
    };
    let last = last_alive(host)?;
    let settled = Ended {
        exit: KILLED,
        started: shim.as_ref().map_or(last, |shim| shim.started),
        at: shim.map_or(last, |shim| last.max(shim.started)),
        max_resident_bytes: 0,
        cpu_micros: 0,
        trouble: Some(WITHOUT_A_WORD.to_owned()),
        settled: true,
        told: host.stop().exists(),
        unpacked: Vec::new(),
    };
    // First: once its end is written down nobody comes here again.
    if let Some(submitted) = records::read(&host.job().submitted())? {
        end_others(host, &submitted)?;
    }
    records::write_durably(&host.exit(), &settled)?;
    Ok(settled)
}

/// When a host whose shim is gone was last known to live. Whoever finds it so may come a long time
/// after, and what passed meanwhile was no training.
fn last_alive(host: &HostFolder) -> io::Result<Timestamp> {
    let now = Timestamp::now();
    let signs = [host.log(), host.shim(), host.lock()];
    let signs = signs.iter().map(|path| written(path)).collect::<io::Result<Vec<_>>>()?;
    Ok(signs.into_iter().flatten().max().map_or(now, |last| last.min(now)))
}

/// When a file was last written, or touched ([`beat`]).
fn written(path: &Path) -> io::Result<Option<Timestamp>> {
    let modified = match path.metadata() {
        Ok(metadata) => metadata.modified()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Some(Timestamp::from_micros(0) + since))
}

/// How often a shim says that it lives: by so much its program's time may be told too short.
pub const BEAT: Duration = Duration::from_secs(1);

/// Says that a shim lives, in the time of its record.
pub fn beat(host: &HostFolder) -> io::Result<()> {
    File::open(host.shim())?.set_modified(SystemTime::now())
}

/// The program of a host has failed, and those of the others would wait for it: they are killed.
/// One that was told to end has not failed. All are told, whatever becomes of one of them.
pub fn end_others(host: &HostFolder, submitted: &Submitted) -> io::Result<()> {
    if host.stop().exists() {
        return Ok(());
    }
    let job = host.job();
    let others = submitted.hosts.iter().map(|name| job.host(name));
    others
        .filter(|other| other.path() != host.path())
        .map(|other| stop(&other, Asked::Kill))
        .fold(Ok(()), Result::and)
}

/// Asks the program of a host to end.
pub fn stop(host: &HostFolder, asked: Asked) -> io::Result<()> {
    if host.exit().exists() {
        return Ok(());
    }
    // Written first: a shim that is not up yet looks for it once it is.
    records::write(&host.stop(), &asked)?;
    let Some(process) = process(host)? else { return Ok(()) };
    let signal = match asked {
        Asked::Interrupt => Signal::TERM,
        Asked::Kill => Signal::USR1,
    };
    identity::signal(process, signal)
}

/// A handle on a host's shim; `None` where it is not up, or gone.
pub fn process(host: &HostFolder) -> io::Result<Option<OwnedFd>> {
    // What one that is gone has left may be torn.
    if !lives(host)? {
        return Ok(None);
    }
    records::read::<Shim>(&host.shim())?.map_or(Ok(None), |shim| shim.identity.open())
}
