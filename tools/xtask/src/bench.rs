//! The comparisons in `bench/`: a release build of the server and of the echo server beside it.

use std::{env, process::Command};

use anyhow::Result;

use crate::{
    environment, process,
    project::{Profile, Project},
};

/// Builds both and hands over to the script that measures; `parts` are its comparisons' names.
pub fn run(project: &Project, parts: &[&str]) -> Result<()> {
    let both = ["build", "--locked", "--release", "-p", "sagewright", "-p", "bench"];
    process::run(&mut project.cargo(both))?;
    let python = environment::ready(project, "runner")?.join("bin/python");
    let mut compare = Command::new(python);
    compare
        .arg("compare.py")
        .args(parts)
        .current_dir(project.root().join("bench"))
        .env("XTASK", env::current_exe()?)
        .env("SAGEWRIGHT_BIN", project.binary("sagewright", Profile::Release))
        .env("ECHO_BIN", project.binary("echo", Profile::Release));
    process::run(&mut compare)
}
