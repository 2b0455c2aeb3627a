//! Orders to a running server, by its control socket.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
};

use anyhow::{Context, Result};

use crate::{
    data::Data,
    server::{Answer, Order},
};

/// Gives a running server an order.
pub fn order(data: &Data, order: &Order) -> Result<Answer> {
    let stream = UnixStream::connect(data.control_socket())
        .context("the server's control socket cannot be reached")?;
    give(stream, order)
}

/// Has a running server take up the accounts and keys that were written; they are in force once
/// this returns. A server that does not listen yet reads them when it does.
pub fn take_up_keys(data: &Data) -> Result<()> {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    let answer = match UnixStream::connect(data.control_socket()) {
        Ok(stream) => give(stream, &Order::Reload),
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => return Ok(()),
        Err(error) => Err(error.into()),
    };
    answer.context("this is kept, and the running server did not take it up; restart it").map(drop)
}

fn give(mut stream: UnixStream, order: &Order) -> Result<Answer> {
    stream.write_all(format!("{}\n", serde_json::to_string(order)?).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    serde_json::from_str(&answer).context("the server did not carry the order out; see its log")
}
