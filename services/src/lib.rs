//! What AWS's services promise, over the ports of `platform`. One room per service; rooms do not
//! know each other. What one needs of another it is handed as that service's API trait.

pub mod accounts;
pub mod inference;
mod life;
mod open_jobs;
mod record;
pub mod registry;
pub mod storage;
pub mod telemetry;
pub mod training;

pub use life::Hands;
pub use open_jobs::OpenJobs;
pub use record::{Holding, Patience};
