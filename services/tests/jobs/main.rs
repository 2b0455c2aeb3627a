//! Jobs and endpoints through their API, over fakes: the executor is scripted, so that a test says
//! what a process did, and sees what the service makes of it.

mod endpoints;
mod house;
mod registry;
mod training;
mod transform;
