//! The socket by which the command line stops a running server, and does nothing else.
//!
//! One order a connection, a JSON line each way. Only the folder's owner can reach it.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use platform::executor::{Executor, Seen, Stop};
use serde::{Deserialize, Serialize};
use services::Hands;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::watch,
};
use tracing::warn;

/// The longest order, bytes.
const LONGEST: u64 = 4_096;

/// How long `down --stop-jobs` waits for jobs to save their work: their own grace and a little.
const PATIENCE: Duration = Duration::from_secs(130);

/// What the command line may order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// Stop.
    Stop {
        /// Interrupt running jobs first, and wait for them.
        jobs: bool,
    },
    /// Say what runs.
    Status,
}

/// What it is answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Workloads whose processes run.
    pub running_jobs: usize,
}

/// Takes orders until the server stops.
pub async fn listen(socket: PathBuf, stop: watch::Sender<bool>, hands: Hands) -> Result<()> {
    // What a crash left; the folder's lock says that nobody listens there.
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket)?;
    std::fs::set_permissions(&socket, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    loop {
        let (stream, _) = listener.accept().await?;
        let (stop, hands) = (stop.clone(), hands.clone());
        tokio::spawn(async move {
            if let Err(error) = answer(stream, &stop, &hands).await {
                warn!(error = ?error, "an order could not be carried out");
            }
        });
    }
}

async fn answer(stream: UnixStream, stop: &watch::Sender<bool>, hands: &Hands) -> Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader).take(LONGEST).read_line(&mut line).await?;
    let order = serde_json::from_str(&line)?;
    if let Order::Stop { jobs: true } = order {
        interrupt_jobs(&*hands.0).await?;
    }
    let answer = Answer { running_jobs: running(&*hands.0).await? };
    writer.write_all(&serde_json::to_vec(&answer)?).await?;
    writer.shutdown().await?;
    if let Order::Stop { .. } = order {
        stop.send_replace(true);
    }
    Ok(())
}

async fn running(executor: &dyn Executor) -> Result<usize> {
    let mut count = 0;
    for id in executor.list().await? {
        count += usize::from(matches!(executor.observe(id).await?, Seen::Running { .. }));
    }
    Ok(count)
}

async fn interrupt_jobs(executor: &dyn Executor) -> Result<()> {
    for id in executor.list().await? {
        executor.stop(id, Stop::Interrupt).await?;
    }
    let mut changed = executor.changed();
    let ended = async {
        while running(executor).await? > 0 {
            changed.changed().await?;
        }
        anyhow::Ok(())
    };
    // Whoever is not done by then is left to its shim.
    tokio::time::timeout(PATIENCE, ended).await.unwrap_or(Ok(()))
}
