//! `sagewright status`.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::{NOT_RUNNING, down::order, running};
use crate::{data::Data, server::Order};

/// Says whether a server runs, and what it does.
pub fn status(data: &Data, json: bool) -> Result<ExitCode> {
    if json && data.running()?.is_none() {
        println!("{}", json!({ "running": false, "data": data.path() }));
        return Ok(ExitCode::from(NOT_RUNNING));
    }
    let running = match running(data)? {
        Ok(running) => running,
        Err(code) => return Ok(code),
    };
    let jobs = order(data, &Order::Status)?.running_jobs;
    if json {
        let (url, pid) = (running.url, running.pid);
        let status =
            json!({ "running": true, "url": url, "pid": pid, "jobs": jobs, "data": data.path() });
        println!("{status}");
    } else {
        println!("running at {}, pid {}, {jobs} running jobs", running.url, running.pid);
        println!("data in {}", data.path().display());
    }
    Ok(ExitCode::SUCCESS)
}
