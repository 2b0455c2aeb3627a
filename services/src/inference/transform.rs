//! Batch transform: a request becomes a record, and the record a process on each of its instances,
//! which score the objects of its input.

mod check;
mod data;
mod describe;
mod job;
mod launch;
mod ledger;
mod machine;

pub use check::{UNBUILT, check};
pub use describe::{describe, summary};
pub use job::TransformJob;
pub use machine::TransformMachine;
