//! Drives every long job: claims what is due, observes, lets the job's own pure step decide, saves,
//! and only then acts.
//!
//! The driver takes no hint of what changed: it is woken, and looks at everything that is open. A
//! crash between the save and the action repeats an action and never loses one, so every action is
//! safe to repeat. What could not be observed is *no observation*, not "nothing is there".

mod driver;
mod machine;

pub use driver::{Driver, Wake};
pub use machine::{Drive, DriveError, Driven, Job, Machine, Step};
