//! The server: everything opened, wired and served until it is told to stop.
//!
//! Nothing here decides anything. What each part is stands with the part; here it is only handed
//! what it needs.

mod control;
mod identities;
mod wiring;

use std::{fs::File, time::Instant};

use anyhow::{Context, Result};
use gateway::Lanes;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tracing::{info, warn};

use crate::{
    config::Settings,
    data::{Data, Running},
    keys::Secrets,
    roster::Roster,
};
use control::Master;
pub use control::{Answer, Order};
use wiring::House;

/// What is known once the server answers.
pub struct Ready {
    /// Where it is found.
    pub running: Running,
    /// Since it was started.
    pub took: std::time::Duration,
}

/// Serves the data folder until it is told to stop. Calls `ready` once everything answers.
pub async fn serve(
    data: &Data,
    settings: &Settings,
    binary: File,
    begun: Instant,
    ready: impl FnOnce(&Ready),
) -> Result<()> {
    Roster::open(data, &settings.account)?;
    let secrets = Secrets::read(data)?;
    let listener = TcpListener::bind(settings.address())
        .await
        .with_context(|| format!("cannot listen on {}", settings.address()))?;
    let address = listener.local_addr()?;
    // Before accounts and keys are read: who changes them meanwhile can say so.
    let orders = control::bind(&data.control_socket())?;
    let (stop, stopping) = watch::channel(false);
    let (house, workers) = House::open(data, settings, &secrets, binary, address).await?;

    let authority = house.authority.clone();
    let prepared = tokio::spawn(async move { authority.bundle().await });
    let background = house.start(workers, &stopping);
    let mut closing = stopping.clone();
    let lanes = Lanes::start().context("no thread can be started")?;
    let served = tokio::spawn(gateway::serve(listener, house.door.clone(), lanes, async move {
        // An error means that the sender is gone, which is stopping too.
        let _ = closing.wait_for(|stop| *stop).await;
    }));
    let master = Master {
        stop: stop.clone(),
        hands: house.hands.clone(),
        open_jobs: house.open_jobs.clone(),
        identities: house.identities.clone(),
        storage: house.storage.clone(),
    };
    let mut control = tokio::spawn(control::listen(orders, master));

    house.restore().await?;
    let running = Running {
        pid: std::process::id(),
        url: format!("http://{address}"),
        region: settings.region.clone(),
        ca_bundle: prepared.await?.context("the certificate authority cannot be made")?,
    };
    data.say_running(&running)?;
    house.ready();
    ready(&Ready { running, took: begun.elapsed() });

    until_the_end(stopping, &mut control).await;
    info!("stopping: what was accepted is finished first");
    stop.send_replace(true);
    control.abort();
    served.await?;
    background.join().await;
    // The next start removes what a crash leaves.
    let _ = std::fs::remove_file(data.control_socket());
    let _ = std::fs::remove_file(data.join("server.json"));
    Ok(())
}

/// Returns when the server is to stop, whoever says so.
async fn until_the_end(mut told: watch::Receiver<bool>, control: &mut JoinHandle<Result<()>>) {
    tokio::select! {
        _ = told.wait_for(|stop| *stop) => {}
        () = interrupted() => {}
        ended = control => warn!(?ended, "the control socket is gone"),
    }
}

/// `SIGINT` or `SIGTERM`.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
