//! Batch transform: a request becomes a record, and the record a process that scores every object
//! of its input.

mod describe;
mod job;
mod launch;
mod machine;

pub use describe::{describe, summary};
pub use job::TransformJob;
pub use launch::{UNBUILT, check};
pub use machine::TransformMachine;
