//! The crash campaigns of `tests/crash`, against a server built now.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{
    process,
    project::{Profile, Project},
    steps,
};

/// What CI runs: enough to show a mistake in the order of steps, in less than a minute.
const SMOKE: [&str; 2] = ["kill", "10"];

/// Runs so many deaths of that kind; where the machine cannot have them, exits with the 3 that the
/// campaign exits with.
pub fn run(project: &Project, arguments: &[&str]) -> Result<ExitCode> {
    let [way, cycles] = match *arguments {
        [] => SMOKE,
        [way] => [way, SMOKE[1]],
        [way, cycles] => [way, cycles],
        _ => bail!("usage: cargo xtask crash [kill|power|faults] [CYCLES]"),
    };
    let all = ["build", "--locked", "--profile", "ci", "--workspace", "--bins"];
    process::run(&mut project.cargo(all))?;
    let mut campaign = campaign(project, [way, cycles]);
    let status = campaign.status().context("starting the campaign")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// CI's share of it; everything was built before.
pub fn smoke(project: &Project) -> Result<()> {
    process::run(&mut campaign(project, SMOKE))
}

fn campaign(project: &Project, [way, cycles]: [&str; 2]) -> Command {
    let mut campaign = Command::new(project.binary("crash", Profile::Ci));
    campaign.args([way, cycles]).arg(steps::binary(project));
    campaign
}
