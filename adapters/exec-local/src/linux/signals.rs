//! Signals as something to wait for beside the program's output.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd},
};

/// What a shim is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// `SIGTERM`: the program may save its work.
    Interrupt,
    /// `SIGUSR1`: the program is to be killed.
    Kill,
    /// `SIGCHLD`: a child has ended.
    Child,
}

/// The signals of a shim, held back and read one by one.
pub struct Signals(File);

impl Signals {
    /// Holds the signals back in this thread, and in all that it starts from now on; a program gets
    /// them back in [`super::program::confine`].
    pub fn open() -> io::Result<Self> {
        // SAFETY: an all-zero `sigset_t` is a valid value, and `sigemptyset` sets it anyway.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: `set` is ours for the duration of each call; the signal numbers are valid.
        unsafe {
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGTERM);
            libc::sigaddset(&raw mut set, libc::SIGUSR1);
            libc::sigaddset(&raw mut set, libc::SIGCHLD);
        }
        // SAFETY: `set` was initialised above; a null third argument asks for no old mask.
        let refused =
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        if refused != 0 {
            return Err(io::Error::from_raw_os_error(refused));
        }
        // SAFETY: `set` was initialised above; -1 asks for a new descriptor.
        let fd =
            unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor; nobody else knows it.
        Ok(Self(File::from(unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// The next one that waits; `None` where there is none.
    pub fn next(&self) -> io::Result<Option<Told>> {
        /// `sizeof(struct signalfd_siginfo)`; its first member is the signal's number.
        const RECORD: usize = 128;
        let mut record = [0; RECORD];
        match (&self.0).read(&mut record) {
            Ok(RECORD) => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        let number = i32::from_ne_bytes([record[0], record[1], record[2], record[3]]);
        Ok(match number {
            libc::SIGTERM => Some(Told::Interrupt),
            libc::SIGUSR1 => Some(Told::Kill),
            _ => Some(Told::Child),
        })
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
