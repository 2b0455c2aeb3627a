//! Runs workloads as processes of this machine, and goes on running them while the server is away.
//!
//! [`Local`] lays a workload out in its folder and starts one *shim* per host: our own binary with
//! the hidden sub-command [`SHIM`], which runs [`shim::main`]. The shim starts the program, writes
//! its log, waits, packs, and records the end. Server and shim share nothing but the folder:
//!
//! ```text
//! jobs/<id>/workload.json      what was submitted, for shims and for the next server
//!          /_data/…            channel data that is read in place
//!          /_meeting/…         what the hosts tell each other
//!          /<host>/lock        held from before the shim starts until it is gone
//!                 /shim.json   which process it is; written before the program starts, and
//!                              touched while the shim lives
//!                 /stop        what it was asked, for a shim that is not up yet
//!                 /ml/…        the program's `/opt/ml`
//!                 /log         what the program wrote
//!                 /archives/…  what was packed
//!                 /exit.json   how it ended; written last, and durable
//! ```
//!
//! What is easily got wrong: the *lock* says whether a shim lives, because the kernel lets go of it
//! however the shim ends; the recorded process says only whom to signal and whose end to wait for.

mod folder;
mod host;
mod inputs;
mod jobs;
mod layout;
mod linux;
mod local;
mod pack;
mod records;
pub mod shim;

pub use local::Local;

/// The hidden sub-command that the binary must hand to [`shim::main`], with the folder that follows
/// it, before it opens anything or starts a thread.
pub const SHIM: &str = "shim";
