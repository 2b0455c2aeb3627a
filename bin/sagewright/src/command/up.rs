//! `sagewright up`.

use std::{
    fs::{File, OpenOptions},
    io::{IsTerminal, Read, Seek, SeekFrom},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing_subscriber::EnvFilter;

use crate::{
    cli::Up,
    config::Settings,
    data::{Data, Running},
    log::{Format, Log},
    server::{self, Ready},
};

/// How long a server in the background may take until it is ready.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is looked for meanwhile.
const LOOK: Duration = Duration::from_millis(10);

/// How the line begins in which a command says why it failed.
const REASON: &str = "sagewright: ";
/// How much of a start's log is looked through for it, bytes.
const LOOKED_THROUGH: u64 = 1 << 20;

/// What is logged where `SAGEWRIGHT_LOG` does not say. `s3s` reports each refusal as an error of its
/// own, with what the client sent.
const LOG: &str = "info,s3s=off";

/// Starts the server here, or in the background.
pub fn up(data: &Data, arguments: &Up) -> Result<ExitCode> {
    let begun = Instant::now();
    data.prepare()?;
    if let Some(running) = data.running()? {
        eprintln!("already running at {}, pid {}", running.url, running.pid);
        return Ok(ExitCode::SUCCESS);
    }
    let settings = Settings::read(data, arguments)?;
    if arguments.detach {
        let (running, took) = start(data)?;
        eprint!("{}", screen(data, &running, took));
        return Ok(ExitCode::SUCCESS);
    }
    foreground(data, &settings, begun)
}

fn foreground(data: &Data, settings: &Settings, begun: Instant) -> Result<ExitCode> {
    let Some(_lock) = data.lock()? else {
        bail!("another server has {}", data.path().display());
    };
    let log = log_to_stderr()?;
    allow_many_files();
    // Opened at start, so that an upgrade on disk cannot mix versions.
    let binary = File::open("/proc/self/exe").context("the program's own file cannot be opened")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let said = |ready: &Ready| eprint!("{}", screen(data, &ready.running, ready.took));
    let served = runtime.block_on(server::serve(data, settings, binary, begun, said));
    drop(runtime);
    log.flush();
    served?;
    Ok(ExitCode::SUCCESS)
}

/// A job's data may be tens of thousands of objects, all of them open while it is laid out. What many
/// systems allow at first, 1,024 files, is meant for programs that use `select`.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the number of open files stays as it was");
    }
}

/// Starts a server in the background with this program's own arguments, and waits until it is
/// ready.
fn start(data: &Data) -> Result<(Running, Duration)> {
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--detach");
    start_with(data, Command::new(std::env::current_exe()?).args(arguments))
}

/// Starts a server in the background by `command`, and waits until it is ready.
pub fn start_with(data: &Data, command: &mut Command) -> Result<(Running, Duration)> {
    let begun = Instant::now();
    let log = data.join("logs").join("server.log");
    let log_file = OpenOptions::new().create(true).append(true).open(&log)?;
    let said_before = log_file.metadata()?.len();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(log_file.try_clone()?)
        .stderr(log_file)
        .process_group(0)
        .spawn()?;
    match wait_until_ready(data, &mut child) {
        Ok(running) => Ok((running, begun.elapsed())),
        Err(error) => Err(match last_word(&log, said_before) {
            Some(reason) => error.context(reason),
            None => error.context(format!("see {}", log.display())),
        }),
    }
}

/// What a server that did not start said last, of what its log has behind `from`.
fn last_word(log: &Path, from: u64) -> Option<String> {
    let mut file = File::open(log).ok()?;
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut said = String::new();
    file.take(LOOKED_THROUGH).read_to_string(&mut said).ok()?;
    said.lines().rev().find_map(|line| line.strip_prefix(REASON)).map(str::to_owned)
}

fn wait_until_ready(data: &Data, child: &mut Child) -> Result<Running> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(running) = data.running()?
            && running.pid == child.id()
        {
            return Ok(running);
        }
        if let Some(status) = child.try_wait()? {
            bail!("the server did not start: {status}");
        }
        std::thread::sleep(LOOK);
    }
    bail!("the server is not ready after {} s", PATIENCE.as_secs())
}

fn log_to_stderr() -> Result<Log> {
    let log = Log::to_stderr().context("no thread can be started")?;
    let filter = EnvFilter::try_from_env("SAGEWRIGHT_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(log.clone())
        .with_ansi(colour)
        .event_format(Format)
        .init();
    Ok(log)
}

/// What a start says.
fn screen(data: &Data, running: &Running, took: Duration) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "  sagewright {version}  ready in {:.2} s\n  \
         API      {}        (SageMaker, S3, STS, IAM, Logs, CloudWatch)\n  \
         Data     {}\n  \
         Next     eval \"$(sagewright env)\"   then run your notebook unchanged      \
         sagewright doctor\n",
        took.as_secs_f64(),
        running.url,
        data.path().display()
    )
}
