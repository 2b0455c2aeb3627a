//! The front door: TCP and TLS, signatures, dispatch, limits.
//!
//! [`Door`] knows who may come in and where each request belongs; [`serve`] keeps the door. The
//! verifier stands here and nowhere else: what passes it is a `Caller`.

pub mod authority;
pub mod body;
mod config;
mod connect;
mod control;
mod destination;
mod dialect;
mod door;
mod families;
mod guard;
mod head_watch;
pub mod host;
mod invoke;
mod lanes;
mod metrics;
mod ours;
mod reception;
pub mod regions;
pub mod s3;
mod s3_request;
mod serve;
mod tunnel;
mod verify;
mod visit;

pub use body::{RequestBody, Response, ResponseBody};
pub use config::{Config, Limits};
pub use door::{Door, Wiring};
pub use lanes::Lanes;
pub use s3_request::{OperationName, S3, S3Request};
pub use serve::serve;
pub use verify::PolicyVerifier;
