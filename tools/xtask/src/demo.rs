//! The README's first command: the course's workflow, by the SDK it was written for, on a server
//! of its own.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    environment, process,
    project::{Profile, Project},
};

/// Builds, fetches, starts, runs, stops; each with a line that says so.
pub fn run(project: &Project) -> Result<()> {
    say("building Sagewright (some minutes the first time)");
    process::run(&mut project.cargo(["build", "--locked", "--release", "-p", "sagewright"]))?;
    let data = project.cache("demo")?;
    let program = project.binary("sagewright", Profile::Release);

    say("fetching the SageMaker SDK of the course, version 1.72.1");
    let python = environment::ready(project, "course")?;
    say("fetching XGBoost");
    environment::prefetch_xgboost(&program, &data, &python)?;

    let server = Server::start(program, data)?;
    say("running examples/course/course.py");
    let script = project.root().join("examples/course/course.py");
    let mut course = server.command(&["run", "--"]);
    let path = environment::first_on_path(&python)?;
    course.arg(python.join("bin/python")).arg(script).env("PATH", path);
    process::run(course.current_dir(project.cache("demo-work")?))
}

fn say(what: &str) {
    println!("\n-- {what}");
}

/// A running server; it is stopped when this is dropped, also when the workflow failed.
struct Server {
    program: PathBuf,
    data: PathBuf,
}

impl Server {
    fn start(program: PathBuf, data: PathBuf) -> Result<Self> {
        let port = free_port()?.to_string();
        process::run(&mut on(&program, &data, &["up", "--detach", "--port", &port]))?;
        Ok(Self { program, data })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        on(&self.program, &self.data, arguments)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = process::run(&mut self.command(&["down", "--stop-jobs"])) {
            eprintln!("the server may still run: {error:#}");
        }
    }
}

fn on(program: &Path, data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env("SAGEWRIGHT_DATA", data);
    command
}

/// One that nobody listened on a moment ago: the demonstration must not disturb another server.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).context("looking for a free port")?.local_addr()?.port())
}
