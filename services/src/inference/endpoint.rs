//! Endpoints: what they serve as data ([`life`]), and how their models come to be loaded and
//! published ([`machine`]).

pub mod describe;
mod life;
mod machine;

pub use life::{Endpoint, Phase, Serving, Variant};
pub use machine::{EndpointMachine, log_group};
