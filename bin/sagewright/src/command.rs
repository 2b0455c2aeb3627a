//! The commands, one file each. Data goes to stdout, words about it to stderr.

mod accounts;
mod backup;
mod doctor;
mod down;
mod env;
mod keys;
mod logs;
mod order;
mod run;
mod runtimes;
mod s3;
mod status;
mod up;

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Result;

use crate::{
    cli::{Cli, Command, Json, S3},
    data::{Data, Running},
    roster::Refused,
};

/// A command, or the job it was about, failed.
pub const FAILED: u8 = 1;
/// What was asked for is not there.
pub const NOT_FOUND: u8 = 3;
/// No server runs on the data folder.
pub const NOT_RUNNING: u8 = 4;

/// Carries out what the command line says.
pub fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Version(Json { json }) => {
            version(json)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::S3(S3 { endpoint_url: Some(url), action }) => s3::elsewhere(&url, action),
        command => run_on(&Data::at(cli.data)?, command),
    }
}

/// Carries out what is about a data folder.
fn run_on(data: &Data, command: Command) -> Result<ExitCode> {
    match command {
        Command::Up(arguments) => up::up(data, &arguments),
        Command::Down { stop_jobs } => down::down(data, stop_jobs),
        Command::Status(Json { json }) => status::status(data, json),
        Command::Logs { name, follow, json } => logs::logs(data, &name, follow, json),
        Command::Env { shell, format } => env::env(data, shell, format),
        Command::Backup(arguments) => backup::backup(data, arguments),
        Command::Restore(arguments) => backup::restore(data, arguments),
        Command::Accounts { action } => accounts::accounts(data, action),
        Command::Keys { action } => keys::keys(data, action),
        Command::Run { command } => run::run(data, &command),
        Command::S3(S3 { action, .. }) => s3::here(data, action),
        Command::Runtimes { action } => runtimes::runtimes(data, &action),
        Command::Doctor(Json { json }) => doctor::doctor(data, json),
        Command::Version(_) => Ok(ExitCode::SUCCESS),
    }
}

fn version(json: bool) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    if json {
        say(serde_json::json!({ "version": version }))
    } else {
        say(format_args!("sagewright {version}"))
    }
}

/// Writes a line of data. Whoever reads it may have seen enough: [`has_seen_enough`].
fn say(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// What a command that failed tells whoever called it.
pub fn code(error: &anyhow::Error) -> ExitCode {
    let missing = |refused: &Refused| match refused {
        Refused::NoAccount(_) | Refused::NoKey(_) => true,
        Refused::AccountTaken(_) | Refused::LastKey { .. } => false,
    };
    let missing = error.downcast_ref().is_some_and(missing)
        || error.downcast_ref::<crate::s3::Refused>().is_some_and(|refused| refused.status == 404);
    ExitCode::from(if missing { NOT_FOUND } else { FAILED })
}

/// Whether a command ended because the reader of its data did, as `head` does.
pub fn has_seen_enough(error: &anyhow::Error) -> bool {
    let broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.downcast_ref().is_some_and(broken)
}

/// The running server, or the words and the code that say there is none.
fn running(data: &Data) -> Result<Result<Running, ExitCode>> {
    Ok(data.running()?.ok_or_else(|| {
        eprintln!(
            "sagewright: no server runs on {}; start one with: sagewright up --detach",
            data.path().display()
        );
        ExitCode::from(NOT_RUNNING)
    }))
}
