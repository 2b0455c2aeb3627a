//! What Sagewright trains itself, without Python: which image means which algorithm, how its
//! library gets here, and the process that trains.
//!
//! [`Catalogue`] is for the server and touches no library; [`xgboost::train::run`] is the whole of
//! a job's process and the only place that loads one.

mod catalogue;
pub mod fetch;
pub mod xgboost;

pub use catalogue::Catalogue;
