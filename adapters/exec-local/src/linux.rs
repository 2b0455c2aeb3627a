//! What only Linux offers, and the only place for `unsafe`.
//!
//! Where `rustix` has a safe call it is used; the rest calls libc, each time with the reason why
//! that is sound.

#![expect(unsafe_code, reason = "signal masks, descriptors and what runs between fork and exec")]

pub mod files;
pub mod identity;
pub mod program;
pub mod signals;
pub mod wait;
