//! What `cargo xtask test` and `.ci/run` do, one function for each step.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Result;

use crate::{
    check, crash, environment, process,
    project::{Profile, Project},
    run::{Step, minutes},
    tally::Tally,
};

/// Everything that must be true before a change is sent.
pub const TESTS: &[Step] = &[FORMAT, CHECK, BUILD, CLIPPY, ENVIRONMENTS, UNIT, CRASH, CONFORMANCE];

/// The same on a machine of which nothing is known.
pub const CI: &[Step] = &[
    TOOLS,
    FORMAT,
    CHECK,
    PACKAGES,
    BUILD,
    CLIPPY,
    ENVIRONMENTS,
    GENERATED,
    UNIT,
    CRASH,
    CONFORMANCE,
];

const TOOLS: Step = Step { name: "tools", budget: minutes(5), act: tools };
const FORMAT: Step = Step { name: "format", budget: minutes(1), act: format };
const CHECK: Step =
    Step { name: "arrows", budget: minutes(1), act: |project, _| check::run(project) };
const PACKAGES: Step = Step { name: "packages", budget: minutes(1), act: packages };
const BUILD: Step = Step { name: "build", budget: minutes(10), act: build };
const CLIPPY: Step = Step { name: "clippy", budget: minutes(4), act: clippy };
const UNIT: Step = Step { name: "unit tests", budget: minutes(5), act: unit };
const ENVIRONMENTS: Step =
    Step { name: "client environments", budget: minutes(8), act: environments };
const GENERATED: Step = Step { name: "generated files", budget: minutes(1), act: generated };
const CRASH: Step =
    Step { name: "kill -9", budget: minutes(1), act: |project, _| crash::smoke(project) };
const CONFORMANCE: Step = Step { name: "conformance", budget: minutes(10), act: conformance };

/// Installed where they are missing, into cargo's own folder.
const CARGO_TOOLS: &[&str] = &["cargo-deny", "cargo-machete"];

fn tools(project: &Project, _: &mut Tally) -> Result<()> {
    let missing = |tool: &&&str| {
        let mut probe = Command::new(tool);
        probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        !probe.status().is_ok_and(|status| status.success())
    };
    for tool in CARGO_TOOLS.iter().filter(missing) {
        // Not optimised: they run for a second, and are compiled for minutes.
        process::run(&mut project.cargo(["install", "--debug", "--locked", tool]))?;
    }
    Ok(())
}

fn format(project: &Project, _: &mut Tally) -> Result<()> {
    process::run(&mut project.cargo(["fmt", "--all", "--check"]))
}

fn packages(project: &Project, _: &mut Tally) -> Result<()> {
    process::run(&mut project.cargo(["deny", "check", "bans", "licenses", "sources"]))?;
    // Called by itself: below `cargo xtask` it would take its own name for a folder.
    process::run(Command::new("cargo-machete").env_remove("CARGO").current_dir(project.root()))
}

/// The server and the tests' programs in one go: built apart, they would ask for different features
/// of what they share, and it would be compiled twice.
fn build(project: &Project, _: &mut Tally) -> Result<()> {
    process::run(&mut project.cargo(ALL_TARGETS))
}

const ALL_TARGETS: [&str; 6] =
    ["build", "--locked", "--profile", "ci", "--workspace", "--all-targets"];

fn clippy(project: &Project, _: &mut Tally) -> Result<()> {
    let all = ["clippy", "--locked", "--profile", "ci", "--workspace", "--all-targets"];
    process::run(project.cargo(all).args(["--", "-D", "warnings"]))
}

/// With the library that jobs load and the packages that results are compared with: without them
/// the tests that need one would pass over it.
fn unit(project: &Project, tally: &mut Tally) -> Result<()> {
    let data = project.cache("library")?;
    let python = environment::ready(project, "xgboost")?;
    environment::prefetch_xgboost(Path::new(&binary(project)), &data, &python)?;
    let all = ["test", "--locked", "--profile", "ci", "--workspace", "--no-fail-fast"];
    let mut tests = project.cargo(all);
    tests
        .env("SAGEWRIGHT_LIB", data.join("lib"))
        .env("SAGEWRIGHT_ORACLES", environment::oracles(project)?)
        .env("XGBOOST_PYTHON", python.join("bin/python"));
    counted(&mut tests, tally)
}

fn environments(project: &Project, _: &mut Tally) -> Result<()> {
    for name in environment::ALL {
        println!("{name}: {}", environment::ready(project, name)?.display());
    }
    Ok(())
}

/// The service models are botocore's of the current client; they must not have been edited.
fn generated(project: &Project, _: &mut Tally) -> Result<()> {
    let packages =
        environment::ready(project, "boto3_current")?.join("lib/python3.11/site-packages");
    let codegen = ["run", "--locked", "--profile", "ci", "-p", "codegen", "--", "--botocore"];
    process::run(project.cargo(codegen).arg(packages.join("botocore")))?;
    let clean = ["diff", "--exit-code", "--stat", "--", "base/aws/models"];
    process::run(Command::new("git").args(clean).current_dir(project.root()))
}

fn conformance(project: &Project, tally: &mut Tally) -> Result<()> {
    counted(&mut pytest(project, &[])?, tally)
}

/// The tests with real clients, against a server built now; `arguments` are pytest's.
pub fn conformance_alone(project: &Project, arguments: &[&str]) -> Result<()> {
    process::run(&mut project.cargo(ALL_TARGETS))?;
    process::run(&mut pytest(project, arguments)?)
}

fn pytest(project: &Project, arguments: &[&str]) -> Result<Command> {
    let python = environment::ready(project, "runner")?.join("bin/python");
    let mut command = Command::new(python);
    command
        .args(["-m", "pytest"])
        .args(arguments)
        .current_dir(project.root().join("conformance"))
        .env("SAGEWRIGHT_BIN", binary(project))
        .env("XTASK", env::current_exe()?);
    Ok(command)
}

/// A server that was built elsewhere may be put in the place of ours.
pub fn binary(project: &Project) -> std::ffi::OsString {
    let ours = || project.binary("sagewright", Profile::Ci).into();
    env::var_os("SAGEWRIGHT_BIN").filter(|path| Path::new(path).exists()).unwrap_or_else(ours)
}

/// Runs a command whose closing lines say how many tests passed.
fn counted(command: &mut Command, tally: &mut Tally) -> Result<()> {
    process::watch(command, |line| {
        tally.read(line);
        println!("{line}");
    })
}
