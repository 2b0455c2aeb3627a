//! What each host may use of the machine that all of a job's hosts run on.

use std::{num::NonZero, thread};

use platform::workload::Limits;

/// Hosts that share this machine share its cores.
pub fn share(hosts: usize) -> Limits {
    if hosts == 1 {
        return Limits::default();
    }
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = u32::try_from(cores / hosts.max(1)).unwrap_or(1).max(1);
    Limits { threads, ..Limits::default() }
}
