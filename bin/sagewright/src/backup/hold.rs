//! What keeps blobs where they are while they are copied: the folder's lock, or a running server
//! that was asked to.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
};

use anyhow::{Context, Result, bail};

use crate::{
    data::{Data, Lock},
    server::{Answer, Order},
};

/// Keeps them until it is dropped.
pub enum Hold {
    /// No server runs, and none can start.
    Locked(#[expect(dead_code, reason = "it is held, not read")] Lock),
    /// A server runs, and removes no blob as long as the connection stands.
    Kept(BufReader<UnixStream>),
}

impl Hold {
    /// Of this folder.
    pub fn of(data: &Data) -> Result<Self> {
        if let Some(lock) = data.lock()? {
            return Ok(Self::Locked(lock));
        }
        let stream = UnixStream::connect(data.control_socket()).context(
            "a server is starting or stopping here, or another backup is being made; try again",
        )?;
        let mut server = BufReader::new(stream);
        give(&mut server, &Order::KeepBlobs)
            .context("the server did not carry the order out; see its log")?;
        Ok(Self::Kept(server))
    }

    /// Checks that nothing was removed until now.
    pub fn check(&mut self) -> Result<()> {
        match self {
            Self::Locked(_) => Ok(()),
            Self::Kept(server) => give(server, &Order::Status).context(
                "the server stopped meanwhile, and blobs may be missing: make the backup again",
            ),
        }
    }
}

fn give(server: &mut BufReader<UnixStream>, order: &Order) -> Result<()> {
    writeln!(server.get_mut(), "{}", serde_json::to_string(order)?)?;
    let mut line = String::new();
    if server.read_line(&mut line)? == 0 {
        bail!("there was no answer");
    }
    serde_json::from_str::<Answer>(&line)?;
    Ok(())
}
