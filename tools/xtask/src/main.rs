//! `cargo xtask`: what a developer types.
//!
//! It needs nothing but Rust and Python 3.11, and writes only under `target` and `.cache`.

mod bench;
mod check;
mod crash;
mod demo;
mod environment;
mod process;
mod project;
mod run;
mod steps;
mod tally;

use std::{env, process::ExitCode};

use anyhow::{Result, bail};

use crate::project::Project;

const USAGE: &str = "\
cargo xtask COMMAND

  demo                  builds Sagewright, starts it, and runs the course's workflow on it
  test                  all tests: format, arrows, clippy, unit tests, real clients
  ci                    the same, after installing the tools that only CI uses
  check                 arrows between crates and rooms; warns of large files and functions
  conformance [ARG…]    the tests with real clients; arguments go to pytest
  env NAME              makes a client's Python environment and prints where it is
  bench [PART…]         comparisons in a release build: start, training, invoke; xgboost; or s3 alone
  crash [kill|power|faults] [CYCLES]   a server dies or its disk fails, and nothing is lost
";

fn main() -> ExitCode {
    match dispatch() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let project = Project::open()?;
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["crash", ref rest @ ..] => return crash::run(&project, rest),
        ["demo"] => demo::run(&project),
        ["test"] => run::all(&project, steps::TESTS),
        ["ci"] => run::all(&project, steps::CI),
        ["check"] => check::run(&project),
        ["conformance", ref rest @ ..] => steps::conformance_alone(&project, rest),
        ["env", name] => {
            println!("{}", environment::ready(&project, name)?.display());
            Ok(())
        }
        ["bench", ref parts @ ..] => bench::run(&project, parts),
        _ => bail!("{USAGE}"),
    };
    done.map(|()| ExitCode::SUCCESS)
}
