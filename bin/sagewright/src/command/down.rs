//! `sagewright down`.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};

use super::running;
use crate::{
    data::Data,
    server::{Answer, Order},
};

/// How often it is looked whether the server is gone.
const LOOK: Duration = Duration::from_millis(20);

/// Stops the server. Jobs are left to their shims unless they shall be stopped too.
pub fn down(data: &Data, stop_jobs: bool) -> Result<ExitCode> {
    if let Err(code) = running(data)? {
        return Ok(code);
    }
    let answer = order(data, &Order::Stop { jobs: stop_jobs })?;
    while data.running()?.is_some() {
        std::thread::sleep(LOOK);
    }
    match answer.running_jobs {
        0 => eprintln!("stopped"),
        count => eprintln!(
            "stopped; {count} running jobs go on, and the next start continues with them \
             (sagewright down --stop-jobs interrupts them)"
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// Gives a running server an order.
pub fn order(data: &Data, order: &Order) -> Result<Answer> {
    let mut stream = UnixStream::connect(data.control_socket())
        .context("the server's control socket cannot be reached")?;
    stream.write_all(format!("{}\n", serde_json::to_string(order)?).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    serde_json::from_str(&answer).context("the server did not carry the order out; see its log")
}
