//! Endpoints: what they serve as data ([`life`]), how their models come to be loaded and published
//! ([`machine`]), also after a start ([`restore`]), and where their data is kept ([`kept`]).

pub mod change;
pub mod describe;
mod kept;
mod life;
mod log;
mod machine;
mod restore;

pub use life::{Endpoint, Phase, Serving, Variant};
pub use log::{EndpointLog, Place, log_group};
pub use machine::EndpointMachine;
