//! The shim: starts one program, keeps its log, waits for it, packs, and writes down how it ended.
//!
//! It runs in a process of its own that outlives the server, with one thread and no runtime, and
//! talks to nobody: it is told by signals (`SIGTERM` interrupts the program, `SIGUSR1` kills it)
//! and answers in files. When the program has ended, whatever it left running is killed before the
//! log is closed, so that a log is whole when an end is seen.

use std::{
    fs::File,
    io::{self, PipeReader, Read, Write},
    os::{fd::AsFd, unix::process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use platform::{
    executor::{Exit, Unpacked},
    workload::{ADDRESSES, HOST, MEETING, OPT_ML, Program},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fs::OFlags,
    process::{Pid, Signal, WaitStatus},
};
use types::Timestamp;

use crate::{
    host,
    layout::{self, HostFolder},
    linux::{
        identity::{self, Identity},
        program::{self, Child},
        signals::{Signals, Told},
    },
    pack,
    records::{self, Asked, Ended, Shim, Submitted},
};

/// What a shell answers for a program that cannot be started.
const NOT_STARTED: Exit = Exit::Code(127);

/// Runs the program of the host whose folder this is. To be called before anything is opened and
/// while there is one thread; the answer is the code to exit with.
#[must_use]
pub fn main(host: &Path) -> i32 {
    i32::from(supervise(&HostFolder::at(host)).is_err())
}

fn supervise(host: &HostFolder) -> io::Result<()> {
    program::become_shim()?;
    let signals = Signals::open()?;
    let submitted = records::read::<Submitted>(&host.job().submitted())?;
    let submitted = submitted.ok_or(io::ErrorKind::NotFound)?;
    let mut log = Log::open(host)?;

    // Before the program starts, so that no other shim starts it again.
    let started = Timestamp::now();
    records::write(&host.shim(), &Shim { identity: Identity::own()?, started })?;
    // Wakes the server; one that has gone meanwhile need not know.
    let _ = io::stdout().write_all(b"\n").and_then(|()| io::stdout().flush());

    let exit = run(host, &submitted, &signals, &mut log)?;
    let told = host.stop().exists();
    let (max_resident_bytes, cpu) = program::used_by_children();
    let at = Timestamp::now();
    if exit != Exit::Code(0)
        && let Err(error) = host::end_others(host, &submitted)
    {
        log.trouble(&format!("the other hosts could not be ended: {error}"));
    }
    let unpacked = pack_all(host, &submitted, &mut log);
    let record = Ended {
        exit,
        started,
        at,
        max_resident_bytes,
        cpu_micros: u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX),
        trouble: log.close(),
        settled: false,
        told,
        unpacked,
    };
    records::write_durably(&host.exit(), &record)
}

fn run(
    host: &HostFolder,
    submitted: &Submitted,
    signals: &Signals,
    log: &mut Log,
) -> io::Result<Exit> {
    let (output, writer) = io::pipe()?;
    rustix::fs::fcntl_setfl(&output, OFlags::NONBLOCK)?;
    let mut command = command(host, submitted);
    command.stdin(keys(submitted)?).stdout(writer.try_clone()?).stderr(writer);
    let program = match command.spawn() {
        Ok(child) => i32::try_from(child.id()).ok().and_then(Pid::from_raw),
        Err(error) => {
            log.trouble(&format!("the program could not be started: {error}"));
            return Ok(NOT_STARTED);
        }
    };
    // The command holds the pipe's other end.
    drop(command);
    let program = program.ok_or(io::ErrorKind::InvalidData)?;
    // Of one that cannot be read it is known that something was asked.
    if let Some(asked) = records::read::<Asked>(&host.stop()).unwrap_or(Some(Asked::Interrupt)) {
        tell(program, asked);
    }
    let exit = follow(host, program, &output, signals, log)?;
    kill_what_is_left(signals)?;
    log.take_all(&output);
    Ok(exit)
}

fn command(host: &HostFolder, submitted: &Submitted) -> Command {
    let Program::BuiltIn { arguments } = &submitted.program;
    let mut command = Command::new(program::OWN_BINARY);
    command
        .arg0(format!("sagewright[{}]", submitted.name))
        .args(arguments)
        .env_clear()
        .envs(submitted.environment.iter().map(|(name, value)| (name, value)))
        .env("HOME", host.path())
        .env("TMPDIR", host.temporary())
        .env(HOST, host.path().file_name().unwrap_or_default())
        .env(OPT_ML, host.ml())
        .current_dir(host.ml());
    if submitted.hosts.len() > 1 {
        command.env(ADDRESSES, addresses(&submitted.hosts)).env(MEETING, host.job().meeting());
    }
    program::confine(&mut command, submitted.limits.open_files);
    command
}

fn addresses(hosts: &[String]) -> String {
    let pair = |(number, host): (usize, &String)| format!("{host}={}", layout::address(number));
    hosts.iter().enumerate().map(pair).collect::<Vec<_>>().join(",")
}

/// What the program reads on its standard input: the keys of what lies sealed in its channels,
/// which the server left in the place of this process's errors.
fn keys(submitted: &Submitted) -> io::Result<Stdio> {
    if !submitted.sealed {
        return Ok(Stdio::null());
    }
    Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
}

/// Keeps the log and passes signals on until the program has ended.
fn follow(
    host: &HostFolder,
    program: Pid,
    output: &PipeReader,
    signals: &Signals,
    log: &mut Log,
) -> io::Result<Exit> {
    let mut open = true;
    let mut heart = Heart::of(host);
    loop {
        let mut ready = [
            PollFd::new(signals, PollFlags::IN),
            PollFd::new(output, if open { PollFlags::IN } else { PollFlags::empty() }),
        ];
        // A pipe without writers is ready for ever, whatever is asked of it.
        let watched = if open { &mut ready[..] } else { &mut ready[..1] };
        poll(watched, Some(&heart.rest()))?;
        heart.beat();
        if open && !ready[1].revents().is_empty() {
            open = !matches!(log.take(output), Ok(0));
        }
        while let Some(told) = signals.next()? {
            match told {
                Told::Interrupt => tell(program, Asked::Interrupt),
                Told::Kill => tell(program, Asked::Kill),
                Told::Child => {}
            }
        }
        if let Some(exit) = collect(program)? {
            return Ok(exit);
        }
    }
}

/// Says from time to time that this shim lives.
struct Heart<'a> {
    host: &'a HostFolder,
    last: Instant,
}

impl<'a> Heart<'a> {
    /// One that has just beaten, for the shim's record was written just now.
    fn of(host: &'a HostFolder) -> Self {
        Self { host, last: Instant::now() }
    }

    /// How long to wait for anything else.
    fn rest(&self) -> Timespec {
        let rest = host::BEAT.saturating_sub(self.last.elapsed());
        Timespec::try_from(rest).unwrap_or_default()
    }

    fn beat(&mut self) {
        if self.last.elapsed() >= host::BEAT {
            // Without it an end that nobody sees is only told too early.
            let _ = host::beat(self.host);
            self.last = Instant::now();
        }
    }
}

/// The program is not collected yet, so its group is still its own.
fn tell(program: Pid, asked: Asked) {
    let signal = match asked {
        Asked::Interrupt => Signal::TERM,
        Asked::Kill => Signal::KILL,
    };
    // Refused only when all of the group have ended, which is seen next.
    let _ = rustix::process::kill_process_group(program, signal);
}

/// Collects all that have ended; the program's own end is answered.
fn collect(program: Pid) -> io::Result<Option<Exit>> {
    let mut exit = None;
    while let Child::Ended(pid, status) = program::next_child()? {
        if pid == program {
            exit = Some(as_exit(status));
        }
    }
    Ok(exit)
}

fn as_exit(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => NOT_STARTED,
    }
}

/// Whatever the program started and did not end is ours now; it ends here.
fn kill_what_is_left(signals: &Signals) -> io::Result<()> {
    /// After it, those are looked for that came to us meanwhile.
    const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
    loop {
        match program::next_child()? {
            Child::None => return Ok(()),
            Child::Ended(..) => {}
            Child::Running => {
                identity::kill_children()?;
                poll(&mut [PollFd::new(signals, PollFlags::IN)], Some(&PAUSE))?;
                while signals.next()?.is_some() {}
            }
        }
    }
}

fn poll(ready: &mut [PollFd<'_>], timeout: Option<&Timespec>) -> io::Result<()> {
    match rustix::event::poll(ready, timeout) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Answers with what could not be packed.
fn pack_all(host: &HostFolder, submitted: &Submitted, log: &mut Log) -> Vec<Unpacked> {
    let mut unpacked = Vec::new();
    for wanted in &submitted.packs {
        match pack::pack(host, wanted) {
            Ok(left_out) => {
                for link in left_out {
                    let archive = &wanted.archive;
                    // Quoted, for a name may hold the end of a line.
                    let link = link.to_string_lossy();
                    log.note(&format!("{link:?} leads out of its folder; {archive} is without it"));
                }
            }
            Err(error) => {
                let (folder, archive) = (&wanted.folder, &wanted.archive);
                let why = format!("{folder} could not be packed into {archive}: {error}");
                log.trouble(&why);
                unpacked.push(Unpacked { archive: archive.clone(), why });
            }
        }
    }
    unpacked
}

/// The program's log. It never stops a program: what cannot be written is counted and dropped.
struct Log {
    file: File,
    lost: u64,
    trouble: Vec<String>,
}

impl Log {
    fn open(host: &HostFolder) -> io::Result<Self> {
        let file = File::options().append(true).create(true).open(host.log())?;
        Ok(Self { file, lost: 0, trouble: Vec::new() })
    }

    /// Writes what waits in the pipe, up to a buffer's worth. 0 when there will be no more; an
    /// error when nothing waits.
    fn take(&mut self, mut output: &PipeReader) -> io::Result<usize> {
        /// What a pipe holds, bytes.
        const BUFFER: usize = 65_536;
        let mut buffer = vec![0; BUFFER];
        let count = output.read(&mut buffer)?;
        self.append(&buffer[..count]);
        Ok(count)
    }

    /// Writes all that waits in the pipe, and waits for nothing.
    fn take_all(&mut self, output: &PipeReader) {
        while self.take(output).is_ok_and(|count| count > 0) {}
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.file.write_all(bytes).is_err() {
            self.lost += bytes.len() as u64;
        }
    }

    fn note(&mut self, line: &str) {
        self.append(format!("sagewright: {line}\n").as_bytes());
    }

    fn trouble(&mut self, line: &str) {
        self.note(line);
        self.trouble.push(line.to_owned());
    }

    /// Makes the log last; answers with all that went wrong.
    fn close(mut self) -> Option<String> {
        if self.lost > 0 {
            self.trouble.push(format!("{} bytes of the log could not be written", self.lost));
        }
        if let Err(error) = self.file.sync_data() {
            self.trouble.push(format!("the log could not be made durable: {error}"));
        }
        (!self.trouble.is_empty()).then(|| self.trouble.join("; "))
    }
}
