//! Waiting on descriptors that are neither files nor sockets.

use std::{io, os::fd::OwnedFd};

use tokio::io::{Interest, unix::AsyncFd};

/// Waits until a descriptor becomes readable or its other end is closed, and gives it back.
pub async fn readable(fd: OwnedFd) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is owned by what is registered, an `OwnedFd` names the same one all
    // its life, and it is taken out again only by `into_inner`, which ends the registration.
    let registered = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    let fd = registered.map_err(io::Error::from)?;
    let _ready = fd.readable().await?;
    Ok(fd.into_inner())
}
