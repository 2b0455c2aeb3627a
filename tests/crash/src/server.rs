//! A server process of its own, which is killed.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use aws::sigv4::Credentials;
use rustix::process::{Pid, Signal, kill_process};

use crate::client::{Client, Target};

/// After this it is not slow but stuck.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether it is ready.
const LOOK: Duration = Duration::from_millis(2);

/// A server's binary and folder.
pub struct Program {
    /// `sagewright`.
    pub binary: PathBuf,
    /// Its data folder.
    pub data: PathBuf,
    /// Where all starts write what they log.
    pub log: PathBuf,
}

/// One that runs; killed when it is dropped.
pub struct Running {
    child: Child,
    begun: Instant,
}

impl Program {
    /// Starts it and waits for nothing.
    pub fn start(&self) -> Result<Running> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let child = self
            .command(&["up", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", self.binary.display()))?;
        Ok(Running { child, begun: Instant::now() })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).env("SAGEWRIGHT_DATA", &self.data).env("NO_COLOR", "1");
        command
    }

    /// Waits until it says that it is ready; answers with where it is and how long it took.
    pub async fn ready(&self, running: &mut Running) -> Result<(Target, Duration)> {
        let address = loop {
            if let Some(address) = self.address(running.child.id())
                && is_ready(&address).await
            {
                break address;
            }
            if let Some(status) = running.child.try_wait()? {
                bail!("the server did not start: {status}");
            }
            ensure!(running.begun.elapsed() < PATIENCE, "the server is not ready in time");
            tokio::time::sleep(LOOK).await;
        };
        let took = running.begun.elapsed();
        Ok((Target { address, credentials: self.credentials()? }, took))
    }

    /// Where a server that was ready is.
    pub fn target(&self, running: &Running) -> Result<Target> {
        let address = self.address(running.pid()).context("the server does not say where it is")?;
        Ok(Target { address, credentials: self.credentials()? })
    }

    /// Where the process says that it is.
    fn address(&self, pid: u32) -> Option<String> {
        let text = fs::read(self.data.join("server.json")).ok()?;
        let said: serde_json::Value = serde_json::from_slice(&text).ok()?;
        let ours = said["pid"].as_u64() == Some(u64::from(pid));
        let url = said["url"].as_str().filter(|_| ours)?;
        Some(url.trim_start_matches("http://").to_owned())
    }

    fn credentials(&self) -> Result<Credentials> {
        let told = self.command(&["env", "--format", "json"]).output()?;
        ensure!(told.status.success(), "sagewright env: {}", String::from_utf8_lossy(&told.stderr));
        let mut told: BTreeMap<String, String> = serde_json::from_slice(&told.stdout)?;
        let mut take = |name: &str| told.remove(name).with_context(|| format!("env has no {name}"));
        Ok(Credentials {
            access_key: take("AWS_ACCESS_KEY_ID")?,
            secret: take("AWS_SECRET_ACCESS_KEY")?,
            session_token: None,
            region: take("AWS_REGION")?,
            service: "s3".to_owned(),
        })
    }

    /// Everything that all starts have logged.
    pub fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Fails where one of them panicked.
    pub fn no_panic(&self) -> Result<()> {
        let panics = self.logged().matches("panicked").count();
        ensure!(panics == 0, "{} tells of {panics} panics", self.log.display());
        Ok(())
    }
}

async fn is_ready(address: &str) -> bool {
    let nobody = Credentials {
        access_key: "nobody".to_owned(),
        secret: String::new(),
        session_token: None,
        region: "us-east-1".to_owned(),
        service: "s3".to_owned(),
    };
    let target = Target { address: address.to_owned(), credentials: nobody };
    let Ok(mut client) = Client::connect(&target).await else { return false };
    client.get("/_/health/ready").await.is_ok_and(|answer| answer.status == 200)
}

impl Running {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        kill_process(self.process()?, Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the server stopped with {status}");
        Ok(())
    }

    /// Halts all its threads, and waits until the last has left the kernel.
    pub fn freeze(&self) -> Result<()> {
        kill_process(self.process()?, Signal::STOP)?;
        let tasks = PathBuf::from(format!("/proc/{}/task", self.child.id()));
        while !all_halted(&tasks)? {
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn process(&self) -> Result<Pid> {
        let pid = i32::try_from(self.child.id())?;
        Pid::from_raw(pid).context("a process has a number")
    }
}

fn all_halted(tasks: &Path) -> Result<bool> {
    for task in fs::read_dir(tasks)? {
        // A thread that ended meanwhile has halted too.
        let Ok(stat) = fs::read_to_string(task?.path().join("stat")) else { continue };
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        // Stopped, or ended.
        if !matches!(state, Some('T' | 'Z' | 'X')) {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
