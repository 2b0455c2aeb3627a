//! Training jobs: a request becomes a record, and the record a process, a log and a model.
//!
//! [`job`] is the life of a job as plain data; [`machine`] looks and acts for it; [`launch`] turns
//! its request into a workload, and [`channels`] where its data comes from; [`checkpoints`] follow it
//! to S3, by what stands in their [`ledger`]; [`keep`] takes what it leaves behind; [`service`] answers the API.

mod channels;
mod checkpoints;
mod describe;
mod job;
mod keep;
mod launch;
mod ledger;
mod machine;
mod service;

pub use machine::TrainingMachine;
pub use service::TrainingService;
