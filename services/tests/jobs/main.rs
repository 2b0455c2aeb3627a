//! Jobs and endpoints through their API, over fakes: the executor is scripted, so that a test says
//! what a process did, and sees what the service makes of it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects so")]

mod checkpoints;
mod endpoints;
mod house;
mod instances;
mod open_jobs;
mod registry;
mod training;
mod transform;
