//! What a service may ask of the house. Adapters implement these ports; services know nothing else.
//!
//! What a port promises stands on its trait. Beside it is a suite: the same questions for every
//! adapter (feature `testkit`), so that an adapter is right when its suite is green.

pub mod access;
pub mod algorithm;
pub mod executor;
pub mod follow;
pub mod objects;
pub mod parts;
pub mod per_core;
pub mod routes;
pub mod scorer;
pub mod sealed;
pub mod store;
pub mod telemetry;
pub mod transform;
pub mod workload;
