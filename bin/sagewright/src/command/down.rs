//! `sagewright down`.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;

use super::{order::order, running};
use crate::{data::Data, server::Order};

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
             (sagewright down --stop-jobs stops them)"
        ),
    }
    Ok(ExitCode::SUCCESS)
}
