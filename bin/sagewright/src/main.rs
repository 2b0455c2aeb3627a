//! `sagewright`: one program that is the server, its command line, and the programs of its jobs.
//!
//! The programs of jobs (`programs`) are looked for first, before anything is opened or started:
//! a shim must be small, and a job's process must not carry the server's threads.

mod backup;
mod cli;
mod client;
mod command;
mod config;
mod data;
mod keys;
mod log;
mod master;
mod programs;
mod roster;
mod s3;
mod server;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(code) = programs::run(&arguments) {
        std::process::exit(code);
    }
    match command::run(cli::parse()) {
        Ok(code) => code,
        Err(error) if command::has_seen_enough(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sagewright: {error:#}");
            command::code(&error)
        }
    }
}
