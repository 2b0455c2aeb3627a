//! How a shim sets itself apart, and what a program is given and denied.

use std::{
    fs::File,
    io::{self, Seek, Write},
    os::{fd::RawFd, unix::process::CommandExt},
    process::Command,
    time::Duration,
};

use rustix::{
    fs::{MemfdFlags, Mode},
    process::{Pid, Resource, Rlimit, Signal, WaitOptions, WaitStatus},
};

/// Where the binary of this process is found, even if the file was replaced or removed since.
pub const OWN_BINARY: &str = "/proc/self/exe";

/// Where a descriptor's file is found by a child of ours, whatever became of its name.
pub fn path_of(fd: RawFd) -> String {
    format!("/proc/self/fd/{fd}")
}

/// A file that has no name, lies on no disk and goes with its last descriptor; it stands at its
/// beginning.
pub fn in_memory(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create(c"keys", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// Makes this process a shim: a session of its own, parent of all that its program leaves behind,
/// with no privileges to gain and no descriptors but the three that it was started with.
pub fn become_shim() -> io::Result<()> {
    /// The first descriptor after input, output and errors.
    const FIRST: libc::c_uint = 3;
    // SAFETY: this is the first thing that a shim does, so no object of this process owns a
    // descriptor yet; what is open was left open by whoever started us.
    if unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // Refused only for one that leads a session already.
    let _ = rustix::process::setsid();
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    rustix::thread::set_no_new_privs(true)?;
    rustix::thread::set_name(c"sagewright-shim")?;
    Ok(())
}

/// Puts the program into a process group of its own, lets it be signalled (a program inherits what
/// its shim holds back), ends it should its shim be killed, and holds its limits: no core dumps,
/// and at most `open_files` descriptors where given.
pub fn confine(command: &mut Command, open_files: Option<u64>) {
    command.process_group(0);
    let shim = rustix::process::getpid();
    let confine = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // A shim that was killed before that call can send nothing.
        if rustix::process::getppid() != Some(shim) {
            return Err(rustix::io::Errno::SRCH.into());
        }
        release_signals()?;
        lower(Resource::Core, 0)?;
        open_files.map_or(Ok(()), |limit| lower(Resource::Nofile, limit))
    };
    // SAFETY: the closure runs between fork and exec of a process with one thread. It makes five
    // direct system calls and allocates nothing.
    unsafe { command.pre_exec(confine) };
}

/// No signal is held back any more: `Command` leaves the mask as it is.
fn release_signals() -> io::Result<()> {
    // SAFETY: an all-zero `sigset_t` is a valid value, and `sigemptyset` sets it anyway.
    let mut none: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `none` is ours for the duration of both calls; a null third argument asks for no old
    // mask.
    let refused = unsafe {
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut())
    };
    if refused == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(refused)) }
}

fn lower(resource: Resource, limit: u64) -> io::Result<()> {
    let hard = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let limit = Some(limit.min(hard));
    Ok(rustix::process::setrlimit(resource, Rlimit { current: limit, maximum: limit })?)
}

/// The next child that has ended.
#[derive(Clone, Copy, Debug)]
pub enum Child {
    /// This one, in this way.
    Ended(Pid, WaitStatus),
    /// All that there are still run.
    Running,
    /// There is none.
    None,
}

/// Collects a child that has ended, if there is one.
pub fn next_child() -> io::Result<Child> {
    match rustix::process::wait(WaitOptions::NOHANG) {
        Ok(Some((pid, status))) => Ok(Child::Ended(pid, status)),
        Ok(None) => Ok(Child::Running),
        Err(rustix::io::Errno::CHILD) => Ok(Child::None),
        Err(error) => Err(error.into()),
    }
}

/// What all collected children used: the largest one's resident bytes, and their processor time.
pub fn used_by_children() -> (u64, Duration) {
    // SAFETY: an all-zero `rusage` is a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is ours for the duration of the call. It fails only for a wrong first
    // argument; then the zeroes remain.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    // Linux counts resident memory in KiB.
    let resident = u64::try_from(usage.ru_maxrss).unwrap_or(0).saturating_mul(1024);
    (resident, duration(usage.ru_utime) + duration(usage.ru_stime))
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}
