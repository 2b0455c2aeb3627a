//! The comparisons in `bench/`: release builds of the server and of what it is measured with.

use std::{env, process::Command};

use anyhow::Result;

use crate::{
    environment, process,
    project::{Profile, Project},
};

/// Builds both and hands over to the script that measures. `parts` are its comparisons' names; the
/// one of S3 stands alone and takes options of its own.
pub fn run(project: &Project, parts: &[&str]) -> Result<()> {
    let both = ["build", "--locked", "--release", "-p", "sagewright", "-p", "bench"];
    process::run(&mut project.cargo(both))?;
    let (script, arguments) = match parts {
        ["s3", options @ ..] => ("s3/compare.py", options),
        _ => ("compare.py", parts),
    };
    let python = environment::ready(project, "runner")?.join("bin/python");
    let mut compare = Command::new(python);
    compare
        .arg(script)
        .args(arguments)
        .current_dir(project.root().join("bench"))
        .env("XTASK", env::current_exe()?)
        .env("SAGEWRIGHT_BIN", project.binary("sagewright", Profile::Release))
        .env("ECHO_BIN", project.binary("echo", Profile::Release));
    process::run(&mut compare)
}
