//! What each service promises: one trait per family, small views of the requests it acts on, and
//! the table that turns what went wrong into AWS's code.
//!
//! A handler takes the [`Caller`] that the verifier made and an [`Input`], so that it can forget
//! neither. What the service model knows and no trait method serves is answered "not supported
//! here" by the gateway; so a trait has exactly the methods that are built.

mod family;
mod fault;
pub mod identity;
pub mod inference;
pub mod sagemaker;
pub mod search;
pub mod tags;
pub mod telemetry;
pub mod training;

pub use family::{Family, Input, bind};
pub use fault::{Fault, What};
pub use types::{Caller, Document, Owner};
