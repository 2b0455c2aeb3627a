//! `sagewright run -- CMD…`: a command in the environment of a server.
//!
//! Where no server runs, one is started for the command and stopped after it; the data stays.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use super::{
    FAILED,
    env::{UNSET, variables},
    order::order,
    up::start_with,
};
use crate::{
    data::{Data, Running},
    server::Order,
};

/// Runs a command, and tells its exit code.
pub fn run(data: &Data, command: &[String]) -> Result<ExitCode> {
    if let Some(running) = data.running()? {
        return run_against(data, &running, command);
    }
    data.prepare()?;
    let mut up = Command::new(std::env::current_exe()?);
    // Any free port: nobody else needs to find a server of one command.
    up.args(["up", "--port", "0", "--data"]).arg(data.path());
    let (running, _) = start_with(data, &mut up)?;
    eprintln!("sagewright: started a server at {} for this command", running.url);
    let code = run_against(data, &running, command);
    order(data, &Order::Stop { jobs: false })?;
    code
}

fn run_against(data: &Data, running: &Running, command: &[String]) -> Result<ExitCode> {
    let [program, arguments @ ..] = command else { return Ok(ExitCode::from(FAILED)) };
    let mut command = Command::new(program);
    command.args(arguments).envs(variables(data, running)?);
    for name in UNSET {
        command.env_remove(name);
    }
    let status = command.status().with_context(|| format!("cannot run {program}"))?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::from(FAILED), ExitCode::from))
}
