//! The built-in XGBoost: the open-source container's contract around the real library.
//!
//! What depends on the version of the image is in [`era`] and nowhere else; the library is always
//! the same one, told to do what the version did.

mod average_precision;
mod boosting;
mod channels;
mod checkpoints;
mod collective;
mod cross_validation;
mod custom_metrics;
mod data;
mod early_stopping;
pub(crate) mod era;
mod evaluation;
mod failure;
mod folds;
mod hyperparameters;
mod input;
mod labels;
mod log;
pub(crate) mod metrics;
mod model;
mod predictions;
mod python;
mod random_state;
mod table;
mod threads;
pub mod train;
mod ubjson;
mod watched;

pub use input::Numbers;
