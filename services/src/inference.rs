//! What serves trained models: their definitions, endpoint configurations, endpoints, and batch
//! transform.

mod config;
mod endpoint;
mod meter;
mod model;
mod served;
mod service;
mod transform;

pub use endpoint::EndpointMachine;
pub use meter::MeterReader;
pub use service::{InferenceService, Needs};
pub use transform::TransformMachine;
