//! AWS's protocols ([`wire`]) and its service models as data ([`model`]).
//!
//! `wire` knows bytes and signatures and nothing of operations; `model` knows operations and what
//! their documents must look like. Neither does I/O.

pub mod model;
pub mod wire;

pub use wire::{AuthError, Refusal, chunked, escape, form, json, sigv2, sigv4};
