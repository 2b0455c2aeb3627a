//! The service models as data: what operations there are, what their documents must look like.
//!
//! A model is inflated and read when its service is first asked for, a pattern is compiled when a
//! value first meets it.

mod filter;
mod invalid;
mod load;
mod operation;
mod pattern;
pub mod query;
pub mod rest;
mod scalar;
mod service;
mod shape;
mod validate;

pub use invalid::{Found, Invalid, Value, Violation, Wanted};
pub use operation::{Operation, Pagination};
pub use service::{Models, Service, ServiceModel};

#[cfg(test)]
mod tests;
