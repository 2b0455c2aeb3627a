//! `crash kill|power|faults CYCLES SERVER`: a server under load dies at a random moment, again and
//! again on the same data, and each time everything that it had acknowledged must still be there.
//!
//! *kill* is `kill -9`: what was written survives in the kernel, so it shows mistakes in the order
//! of steps. *power* takes the disk's content as it is at that moment, so it shows missing fsyncs
//! too; it needs root and loop devices. *faults* lets calls to the kernel fail, and fills a small
//! disk; it needs strace beside. Both exit with 3 where they cannot have what they need.

mod campaign;
mod chance;
mod check;
mod client;
mod content;
mod disk;
mod faults;
mod full;
mod journal;
mod load;
mod probe;
mod server;
mod strace;
mod strays;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use campaign::{Campaign, Death};
use disk::Disk;

/// What a caller can tell from a failure: this machine has not what it takes.
const UNABLE: u8 = 3;
/// The disk whose power is cut, bytes.
const DISK: u64 = 2 << 30;

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
    let [way, cycles, server] = <[String; 3]>::try_from(arguments)
        .ok()
        .context("usage: crash kill|power|faults CYCLES SERVER")?;
    let cycles: u32 = cycles.parse().context("CYCLES is a number")?;
    let place = tempfile::Builder::new().prefix("sagewright-crash-").tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let death = match way.as_str() {
        "kill" => Death::Kill,
        "power" => match Disk::make(place.path(), DISK) {
            Ok(disk) => Death::Power(disk),
            Err(error) => return Ok(unable(&error)),
        },
        "faults" => {
            if let Err(error) = strace::probe().and_then(|()| full::probe(place.path())) {
                return Ok(unable(&error));
            }
            return runtime.block_on(faults(place, &PathBuf::from(server), cycles));
        }
        other => bail!("{other} is none of kill, power, faults"),
    };
    let campaign = Campaign::new(place, PathBuf::from(server), death);
    runtime.block_on(campaign.run(cycles))
}

fn unable(error: &anyhow::Error) -> ExitCode {
    eprintln!("this cannot be shown here: {error:#}");
    ExitCode::from(UNABLE)
}

async fn faults(place: TempDir, server: &Path, cycles: u32) -> Result<ExitCode> {
    for cycle in 1..=cycles {
        let place = place.path().join(cycle.to_string());
        std::fs::create_dir(&place)?;
        faults::all(server, &place).await?;
        full::all(server, &place).await?;
    }
    println!(
        "{cycles} rounds of faults: nothing acknowledged was lost, and nothing broke for good"
    );
    Ok(ExitCode::SUCCESS)
}
