//! `crash kill|power CYCLES SERVER`: a server under load dies at a random moment, again and again on
//! the same data, and each time everything that it had acknowledged must still be there.
//!
//! *kill* is `kill -9`: what was written survives in the kernel, so it shows mistakes in the order
//! of steps. *power* takes the disk's content as it is at that moment, so it shows missing fsyncs
//! too; it needs root and loop devices, and exits with 3 where it cannot have them.

mod campaign;
mod chance;
mod check;
mod client;
mod content;
mod disk;
mod journal;
mod load;
mod server;
mod strays;

use std::{env, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};

use campaign::{Campaign, Death};
use disk::Disk;

/// What a caller can tell from a failure: this machine cannot cut a disk's power.
const UNABLE: u8 = 3;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [way, cycles, server] =
        <[String; 3]>::try_from(arguments).ok().context("usage: crash kill|power CYCLES SERVER")?;
    let cycles: u32 = cycles.parse().context("CYCLES is a number")?;
    let place = tempfile::Builder::new().prefix("sagewright-crash-").tempdir()?;
    let death = match way.as_str() {
        "kill" => Death::Kill,
        "power" => match Disk::make(place.path()) {
            Ok(disk) => Death::Power(disk),
            Err(error) => {
                eprintln!("no power can be cut here: {error:#}");
                return Ok(ExitCode::from(UNABLE));
            }
        },
        other => bail!("{other} is neither kill nor power"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let campaign = Campaign::new(place, PathBuf::from(server), death);
    runtime.block_on(campaign.run(cycles))
}
