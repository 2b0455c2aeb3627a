//! The socket by which the command line stops a running server, has it read its keys again and has
//! it keep blobs for a backup, and does nothing else.
//!
//! A JSON line each way. Only the folder's owner can reach it.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use platform::executor::{Executor, Seen};
use serde::{Deserialize, Serialize};
use services::{Hands, OpenJobs, storage::Storage};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};
use tracing::{info, warn};

use super::identities::Identities;

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
        /// Stop all jobs first, as their users would, and wait for them.
        jobs: bool,
    },
    /// Say what runs.
    Status,
    /// Read accounts and keys again. They are in force once this is answered.
    Reload,
    /// Remove no blob until the next order comes on this connection, or its end.
    KeepBlobs,
}

/// What it is answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Workloads whose processes run.
    pub running_jobs: usize,
}

/// What carries orders out.
#[derive(Clone)]
pub struct Master {
    /// Stops the server.
    pub stop: watch::Sender<bool>,
    /// What runs jobs.
    pub hands: Hands,
    /// What stops them.
    pub open_jobs: Arc<OpenJobs>,
    /// Who may call.
    pub identities: Arc<Identities>,
    /// What keeps objects.
    pub storage: Arc<Storage>,
}

/// Makes the socket; who connects waits until [`listen`] takes orders.
pub fn bind(socket: &Path) -> Result<UnixListener> {
    // What a crash left; the folder's lock says that nobody listens there.
    let _ = std::fs::remove_file(socket);
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(listener)
}

/// Takes orders until the server stops.
pub async fn listen(orders: UnixListener, master: Master) -> Result<()> {
    loop {
        let (stream, _) = orders.accept().await?;
        let master = master.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(stream, &master).await {
                warn!(error = ?error, "an order could not be carried out");
            }
        });
    }
}

async fn answer(stream: UnixStream, master: &Master) -> Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut order = next(&mut reader).await?;
    if let Some(Order::KeepBlobs) = order {
        let _kept = master.storage.keep_blobs();
        info!("blobs are kept for a backup");
        tell(&mut writer, master).await?;
        order = next(&mut reader).await?;
        info!("blobs are kept no longer");
    }
    // Who hangs up has no more orders.
    let Some(order) = order else { return Ok(()) };
    match order {
        Order::Stop { jobs: true } => stop_jobs(&master.open_jobs).await?,
        Order::Reload => master.identities.reload().await?,
        Order::Stop { jobs: false } | Order::Status | Order::KeepBlobs => {}
    }
    tell(&mut writer, master).await?;
    writer.shutdown().await?;
    if let Order::Stop { .. } = order {
        master.stop.send_replace(true);
    }
    Ok(())
}

/// The next order; none where there is no more to come.
async fn next(orders: &mut BufReader<OwnedReadHalf>) -> Result<Option<Order>> {
    let mut line = String::new();
    let read = orders.take(LONGEST).read_line(&mut line).await?;
    if read == 0 { Ok(None) } else { Ok(Some(serde_json::from_str(&line)?)) }
}

async fn tell(writer: &mut OwnedWriteHalf, master: &Master) -> Result<()> {
    let answer = Answer { running_jobs: running(&*master.hands.0).await? };
    writer.write_all(format!("{}\n", serde_json::to_string(&answer)?).as_bytes()).await?;
    Ok(())
}

async fn running(executor: &dyn Executor) -> Result<usize> {
    let mut count = 0;
    for id in executor.list().await? {
        count += usize::from(matches!(executor.observe(id).await?, Seen::Running { .. }));
    }
    Ok(count)
}

/// Whoever is not done by then is left to its shim.
async fn stop_jobs(jobs: &OpenJobs) -> Result<()> {
    let stopped = tokio::time::timeout(PATIENCE, jobs.stop()).await;
    stopped.unwrap_or(Ok(())).context("the jobs could not be stopped")
}
