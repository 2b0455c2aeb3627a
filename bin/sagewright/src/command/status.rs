//! `sagewright status`.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::{NOT_RUNNING, order::order, running, say};
use crate::{
    data::{Data, Running},
    server::Order,
};

/// Says whether a server runs, and what it does.
pub fn status(data: &Data, json: bool) -> Result<ExitCode> {
    if json && data.running()?.is_none() {
        say(json!({ "running": false, "data": data.path() }))?;
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
        say(status)?;
    } else {
        let Running { url, pid, .. } = running;
        say(format_args!("running at {url}, pid {pid}, {jobs} running jobs"))?;
        say(format_args!("data in {}", data.path().display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
