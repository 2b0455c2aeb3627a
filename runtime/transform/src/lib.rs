//! The program of a batch transform: scores every object of its input.
//!
//! It runs as a job's process and reads its channels in place. Cutting an object into requests is
//! its work ([`cut`], [`frame`]), answering them is the model's. Objects are taken in their order and
//! so are their records, but pieces are scored on several threads ([`pipeline`]). Where a request asks
//! for it, records are filtered before and joined with their answers after ([`processing`]).

mod cut;
mod failure;
mod frame;
mod lines;
mod output;
mod pipeline;
mod processing;
mod score;
mod source;

use std::{
    env, fs,
    io::{self, Write},
    path::Path,
    sync::Arc,
    thread,
};

use platform::{
    scorer::{LoadModel, Scorer},
    transform::{DATA_CHANNEL, MB, MODEL_CHANNEL, MOST_PAYLOAD_MB, Settings},
    workload::{Channel, Channels},
};

use failure::Failure;
use output::Writer;
use score::Scoring;

/// What the executor lets a program use of the cores.
const CORES: &str = "OMP_NUM_THREADS";

/// Runs the transform that lies at `opt_ml`, tells its progress to `log`, and returns the exit
/// code. The reason of a failure is left in `output/failure`. Objects that failed are no failure of
/// the program, which would end the other hosts and with them the objects that are theirs: the list
/// of what was made tells of them.
pub fn run(opt_ml: &Path, loader: &dyn LoadModel, log: &mut dyn Write) -> i32 {
    match transform(opt_ml, loader, log) {
        Ok(()) => 0,
        Err(failure) => {
            let told = writeln!(log, "{failure}");
            let left = output::leave(&opt_ml.join("output"), "failure", &failure.to_string());
            if let (Ok(()), Err(error)) = (told, left) {
                let _ = writeln!(log, "the reason of the failure cannot be written: {error}");
            }
            1
        }
    }
}

fn transform(opt_ml: &Path, loader: &dyn LoadModel, log: &mut dyn Write) -> Result<(), Failure> {
    let settings: Settings = read_json(&opt_ml.join(Settings::PATH))?;
    let Channels { channels } = Channels::read(opt_ml, &mut io::stdin())?;
    let model = load(&settings, channel(&channels, MODEL_CHANNEL)?, loader)?;
    let files = &channel(&channels, DATA_CHANNEL)?.files;
    let cores = cores();
    announce(&settings, cores, log)?;
    let scoring = Scoring::new(&settings, &*model);
    let folder = &opt_ml.join("output");
    let writer = Writer { settings: &settings, folder, log };
    let threads = threads(&settings, cores);
    pipeline::run(files, &settings, &scoring, threads, |answers| writer.keep(files, answers))?;
    Ok(())
}

/// What the executor gave us, or every core that we may use.
fn cores() -> usize {
    let given = env::var(CORES).ok().and_then(|text| text.parse().ok());
    let all = thread::available_parallelism().map_or(1, usize::from);
    given.filter(|cores| *cores > 0).unwrap_or(all)
}

/// What AWS's log begins with.
fn announce(settings: &Settings, cores: usize, log: &mut dyn Write) -> io::Result<()> {
    writeln!(
        log,
        "[sagemaker logs]: MaxConcurrentTransforms={}, MaxPayloadInMB={}, BatchStrategy={}",
        settings.max_concurrent.unwrap_or(cores),
        settings.max_payload_mb,
        settings.strategy.name()
    )
}

/// How many requests are scored at once: what was asked for, but no more than there are cores, nor
/// than may hold [`MOST_PAYLOAD_MB`] together.
fn threads(settings: &Settings, cores: usize) -> usize {
    let most = usize::try_from(MOST_PAYLOAD_MB).map_or(usize::MAX, |most| most * MB);
    let together = most / settings.max_payload();
    settings.max_concurrent.unwrap_or(cores).min(cores).min(together).max(1)
}

fn load(
    settings: &Settings,
    channel: &Channel,
    loader: &dyn LoadModel,
) -> Result<Arc<dyn Scorer>, Failure> {
    let archive = channel.files.first().ok_or(Failure::Channel(MODEL_CHANNEL))?;
    Ok(loader.load(&settings.image, &mut source::open(archive)?, &settings.environment)?)
}

fn channel<'a>(channels: &'a [Channel], name: &'static str) -> Result<&'a Channel, Failure> {
    channels.iter().find(|channel| channel.name == name).ok_or(Failure::Channel(name))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<T> {
    serde_json::from_slice(&fs::read(path)?).map_err(io::Error::from)
}

#[cfg(test)]
mod tests;
