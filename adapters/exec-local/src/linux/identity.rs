//! Which process is which, across restarts of the server and of the machine.
//!
//! A process id alone is reused; with the start time it is unique until the machine restarts, and
//! with the boot id for ever. A process that has ended but was not yet collected by its parent (in
//! some containers nobody does for long) is gone.

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    thread,
    time::Duration,
};

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use serde::{Deserialize, Serialize};

/// One process, ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its process id.
    pub pid: i32,
    /// When it started, in clock ticks since the machine did: field 22 of `/proc/<pid>/stat`.
    pub start: u64,
    /// Which start of the machine that was.
    pub boot: String,
}

impl Identity {
    /// This process.
    pub fn own() -> io::Result<Self> {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        Ok(Self { pid, start: stat(pid)?.start, boot: boot_id()? })
    }

    /// A handle on the process, if it lives.
    pub fn open(&self) -> io::Result<Option<OwnedFd>> {
        if self.boot != boot_id()? {
            return Ok(None);
        }
        let Some(handle) = handle(self.pid)? else { return Ok(None) };
        // Read after the handle is held, so that it tells of the same process.
        Ok(stat(self.pid)
            .is_ok_and(|stat| stat.start == self.start && !stat.ended)
            .then_some(handle))
    }
}

/// A handle on a process, which becomes readable when the process ends.
pub fn handle(pid: i32) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = Pid::from_raw(pid) else { return Ok(None) };
    match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => Ok(Some(handle)),
        Err(rustix::io::Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Sends a signal; a process that has ended meanwhile needs none.
pub fn signal(handle: impl AsFd, signal: Signal) -> io::Result<()> {
    match rustix::process::pidfd_send_signal(handle, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Collects a process that has ended, where it is a child of ours; else its parent does.
pub fn collect(handle: impl AsFd) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    let _ = rustix::process::waitid(WaitId::PidFd(handle.as_fd()), options);
}

/// Changes whenever the machine starts.
pub fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Kills every process in whose environment `marker` (`NAME=value`) stands.
pub fn kill_marked(marker: &str) -> io::Result<()> {
    /// A program that starts others faster than we kill is given up after this many rounds.
    const ROUNDS: usize = 50;
    /// A process that is just replacing its program shows no environment for a moment, so one
    /// look that finds nothing is not believed.
    const CLEAN_ROUNDS: usize = 4;
    const PAUSE: Duration = Duration::from_millis(10);
    let mut clean = 0;
    for _ in 0..ROUNDS {
        clean = if kill_marked_once(marker)? { 0 } else { clean + 1 };
        if clean == CLEAN_ROUNDS {
            break;
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn kill_marked_once(marker: &str) -> io::Result<bool> {
    let mut found = false;
    for pid in pids()? {
        let Some(handle) = handle(pid)? else { continue };
        if has_marker(pid, marker) {
            found = true;
            signal(&handle, Signal::KILL)?;
        }
    }
    Ok(found)
}

fn has_marker(pid: i32, marker: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == marker.as_bytes())
}

/// Kills every living child of this process.
pub fn kill_children() -> io::Result<()> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    for pid in pids()? {
        if stat(pid).is_ok_and(|stat| stat.parent == own && !stat.ended) {
            // A child of ours keeps its id until we collect it.
            let Some(pid) = Pid::from_raw(pid) else { continue };
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
    Ok(())
}

fn pids() -> io::Result<Vec<i32>> {
    let entries = fs::read_dir(Path::new("/proc"))?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    ended: bool,
    parent: i32,
    start: u64,
}

fn stat(pid: i32) -> io::Result<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat"))?;
    parse_stat(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The second field is the program's name in parentheses, in which anything may stand.
fn parse_stat(text: &[u8]) -> Option<Stat> {
    let name_end = text.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(text.get(name_end + 1..)?).ok()?.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    // Fields 3 and 4 are read; 22 is the eighteenth of the rest.
    let start = fields.nth(17)?.parse().ok()?;
    Some(Stat { ended: matches!(state, "Z" | "X"), parent, start })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_program_may_be_called_anything(name: Vec<u8>, parent: i32, start: u64) {
            let mut text = b"42 (".to_vec();
            text.extend_from_slice(&name);
            let rest = format!(") S {parent} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0\n");
            text.extend_from_slice(rest.as_bytes());
            prop_assert_eq!(parse_stat(&text), Some(Stat { ended: false, parent, start }));
        }

        #[test]
        fn no_text_breaks_the_parser(text: Vec<u8>) {
            parse_stat(&text);
        }
    }

    #[test]
    fn a_process_is_found_again_and_its_namesakes_are_not() {
        let own = Identity::own().unwrap();
        assert!(own.open().unwrap().is_some());
        assert!(Identity { start: own.start + 1, ..own.clone() }.open().unwrap().is_none());
        assert!(Identity { boot: "another".into(), ..own.clone() }.open().unwrap().is_none());
        assert!(Identity { pid: i32::MAX, ..own }.open().unwrap().is_none());
    }

    #[test]
    fn one_that_ended_and_was_not_collected_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let identity = Identity { pid, start: stat(pid).unwrap().start, boot: boot_id().unwrap() };
        while !stat(pid).unwrap().ended {
            std::thread::yield_now();
        }
        assert!(identity.open().unwrap().is_none());
        child.wait().unwrap();
    }
}
