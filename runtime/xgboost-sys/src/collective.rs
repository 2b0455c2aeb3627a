//! Several processes that train one model: a tracker, where they meet, and what they then share.
//!
//! The group that a process has joined is the *thread's*: everything from [`Communicator::join`] on
//! happens on one thread, which the types hold to. A process that ends without a word is noticed by
//! the others when they next wait for it: their call fails, or hangs where the connection stays
//! open, so whoever started them must end them too.

use std::{
    ffi::{CStr, c_int},
    net::{Ipv4Addr, SocketAddrV4},
    ptr,
};

use crate::{Error, Library, functions::Handle, library::c_text};

/// Where a group meets.
pub type Meeting = SocketAddrV4;

/// The element types and operations of `XGCommunicatorAllreduce`, as `collective.py` numbers them.
const FLOAT64: c_int = 2;
const UINT64: c_int = 11;
const MAX: c_int = 0;
const SUM: c_int = 2;

/// How often a connection is tried. The tracker listens before anybody is told of it, so that one
/// that is refused is gone.
const TRIES: u32 = 1;

/// Where the processes of one group meet. It runs on threads of the library's own until all have
/// left, or it is dropped.
#[derive(Debug)]
pub struct Tracker {
    library: Library,
    handle: Handle,
    meeting: Meeting,
}

impl Tracker {
    /// Listens at `host`, on a port that the system chooses, for a group of so many.
    pub fn start(library: &Library, host: Ipv4Addr, workers: usize) -> Result<Self, Error> {
        // Ranks follow the tasks' names.
        let config = c_text(&format!(
            r#"{{"dmlc_communicator":"rabit","host":"{host}","port":0,"n_workers":{workers},"sortby":1,"timeout":0}}"#
        ))?;
        let mut handle = ptr::null_mut();
        // SAFETY: `config` is a live text, the handle is written on success.
        let status =
            unsafe { (library.functions().tracker_create)(config.as_ptr(), &raw mut handle) };
        library.check(status)?;
        let meeting = SocketAddrV4::new(host, 0);
        let mut tracker = Self { library: library.clone(), handle, meeting };
        // SAFETY: the handle is live.
        let status = unsafe { (library.functions().tracker_run)(handle, c"{}".as_ptr()) };
        library.check(status)?;
        tracker.meeting.set_port(tracker.port()?);
        Ok(tracker)
    }

    fn port(&self) -> Result<u16, Error> {
        let mut arguments = ptr::null();
        // SAFETY: the handle is live, the text is written on success.
        let status = unsafe {
            (self.library.functions().tracker_worker_args)(self.handle, &raw mut arguments)
        };
        self.library.check(status)?;
        // SAFETY: the text is NUL-terminated and valid until the next call on this thread; it is
        // copied here.
        let text = unsafe { CStr::from_ptr(arguments) }.to_string_lossy().into_owned();
        port(&text).ok_or(Error::Tracker(text))
    }

    /// Where the group meets.
    #[must_use]
    pub const fn meeting(&self) -> Meeting {
        self.meeting
    }

    /// Waits until all have left the group, and no longer than so many seconds, of which there is at
    /// least one.
    pub fn wait(&self, seconds: u32) -> Result<(), Error> {
        let config = c_text(&format!(r#"{{"timeout":{}}}"#, seconds.max(1)))?;
        // SAFETY: the handle is live, `config` is a live text.
        let status =
            unsafe { (self.library.functions().tracker_wait)(self.handle, config.as_ptr()) };
        self.library.check(status)
    }
}

/// What the tracker tells workers is `{"dmlc_tracker_port": 40123, "dmlc_tracker_uri": "…"}`.
fn port(arguments: &str) -> Option<u16> {
    let (_, rest) = arguments.split_once("\"dmlc_tracker_port\"")?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|port| *port != 0)
}

impl Drop for Tracker {
    fn drop(&mut self) {
        // SAFETY: the handle is live, ours alone, and not used after this.
        unsafe { (self.library.functions().tracker_free)(self.handle) };
    }
}

/// This process's place in its group. What the library computes while it is held, it computes with
/// the whole group.
#[derive(Debug)]
pub struct Communicator {
    library: Library,
}

impl Communicator {
    /// Waits until the group is whole. Ranks are given in the order of the tasks' names, which
    /// differ.
    pub fn join(library: &Library, meeting: Meeting, task: &str) -> Result<Self, Error> {
        let (host, port) = (meeting.ip(), meeting.port());
        let config = c_text(&format!(
            r#"{{"dmlc_communicator":"rabit","dmlc_tracker_uri":"{host}","dmlc_tracker_port":{port},"dmlc_task_id":"{task}","dmlc_retry":{TRIES}}}"#
        ))?;
        // SAFETY: `config` is a live text.
        let status = unsafe { (library.functions().communicator_init)(config.as_ptr()) };
        library.check(status)?;
        Ok(Self { library: library.clone() })
    }

    /// Its number in the group, from 0.
    #[must_use]
    pub fn rank(&self) -> usize {
        // SAFETY: takes nothing, and answers a number.
        let rank = unsafe { (self.library.functions().communicator_rank)() };
        usize::try_from(rank).unwrap_or(0)
    }

    /// Each number becomes the sum of those that the group's processes have in its place.
    pub fn sum(&self, numbers: &mut [f64]) -> Result<(), Error> {
        self.reduce(numbers.as_mut_ptr().cast(), numbers.len(), FLOAT64, SUM)
    }

    /// Each number becomes the largest of those that the group's processes have in its place.
    pub fn largest(&self, numbers: &mut [u64]) -> Result<(), Error> {
        self.reduce(numbers.as_mut_ptr().cast(), numbers.len(), UINT64, MAX)
    }

    fn reduce(
        &self,
        numbers: *mut std::ffi::c_void,
        count: usize,
        kind: c_int,
        operation: c_int,
    ) -> Result<(), Error> {
        // SAFETY: `numbers` is a live slice of `count` elements of this kind.
        let status = unsafe {
            (self.library.functions().communicator_allreduce)(numbers, count, kind, operation)
        };
        self.library.check(status)
    }

    /// Leaves the group, once all others are where they leave it too.
    pub fn leave(self) -> Result<(), Error> {
        let library = self.library.clone();
        std::mem::forget(self);
        // SAFETY: takes nothing; the group is this thread's, and joined.
        let status = unsafe { (library.functions().communicator_finalize)() };
        library.check(status)
    }
}

impl Drop for Communicator {
    fn drop(&mut self) {
        // One that fails leaves as well as it can: the library must not find its group at exit.
        // SAFETY: takes nothing; the group is this thread's, and joined.
        unsafe { (self.library.functions().communicator_finalize)() };
    }
}

/// Ends this process at once. For one whose group is broken: at an ordinary end the library would
/// take leave of a group that does not answer.
pub fn end_process(status: i32) -> ! {
    // SAFETY: takes a number, and does not return.
    unsafe { libc::_exit(status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_in_what_the_tracker_tells() {
        let told = r#"{"dmlc_tracker_port":40123,"dmlc_tracker_uri":"127.0.1.1"}"#;
        assert_eq!(port(told), Some(40_123));
        assert_eq!(port(r#"{"dmlc_tracker_uri":"x","dmlc_tracker_port": 1}"#), Some(1));
        for told in ["", "{}", r#"{"dmlc_tracker_port":0}"#, r#"{"dmlc_tracker_port":99999}"#] {
            assert_eq!(port(told), None, "{told}");
        }
    }
}
