//! Death after death on the same data, and the sums.

use std::{
    ops::Range,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::{
    chance::Chance,
    check::{Checked, check},
    client::Target,
    disk::Disk,
    journal::Journal,
    load::Load,
    server::{Program, Running},
};

/// How long a server lives under load, milliseconds.
const LIFE: Range<u64> = 50..1_500;
/// How long one lives that dies while it starts, milliseconds: before and after it is ready.
const STILLBORN: Range<u64> = 0..150;
/// So many of a hundred starts are followed by a death before anything is asked.
const STILLBORN_PERCENT: usize = 25;
/// So many of a hundred power cuts happen on a disk that was empty.
const EMPTY_PERCENT: usize = 20;
/// How long a start may take until the server is ready (issue 4).
const READY: Duration = Duration::from_secs(2);

/// How servers die.
pub enum Death {
    /// By `kill -9`.
    Kill,
    /// With the disk's power.
    Power(Disk),
}

/// A row of deaths.
pub struct Campaign {
    place: TempDir,
    program: Program,
    death: Death,
    journal: Arc<Journal>,
    /// The key, once a server was ready with it: it must stay.
    known: Option<String>,
    sums: Sums,
}

#[derive(Default)]
struct Sums {
    acknowledged: u64,
    keys: usize,
    uploads: usize,
    starts: Vec<Duration>,
}

impl Campaign {
    /// Nothing is started yet.
    pub fn new(place: TempDir, binary: PathBuf, death: Death) -> Self {
        let data = match &death {
            Death::Kill => place.path().join("data"),
            Death::Power(disk) => disk.root().join("data"),
        };
        let program = Program { binary, data, log: place.path().join("server.log") };
        let journal = Arc::default();
        Self { place, program, death, journal, known: None, sums: Sums::default() }
    }

    /// So many deaths, and a last start after them.
    pub async fn run(mut self, cycles: u32) -> Result<ExitCode> {
        for cycle in 1..=cycles {
            let died = self.cycle().await;
            if let Err(error) = died.with_context(|| format!("cycle {cycle} of {cycles}")) {
                return Ok(self.failed(&error));
            }
        }
        if let Err(error) = self.last().await {
            return Ok(self.failed(&error));
        }
        println!("{}", self.sums(cycles));
        let slow = self.sums.starts.iter().filter(|took| **took > READY).count();
        ensure!(slow == 0, "{slow} starts took longer than {READY:?}");
        Ok(ExitCode::SUCCESS)
    }

    async fn cycle(&mut self) -> Result<()> {
        let mut chance = Chance::new()?;
        if matches!(self.death, Death::Power(_)) && chance.percent(EMPTY_PERCENT) {
            self.begin_anew()?;
        }
        if chance.percent(STILLBORN_PERCENT) {
            let running = self.program.start()?;
            tokio::time::sleep(chance.millis(&STILLBORN)).await;
            self.die(running, &AtomicBool::new(true))?;
        }
        let (running, target) = self.start().await?;
        let dying = Arc::new(AtomicBool::new(false));
        let load = Load { target, journal: self.journal.clone(), dying: dying.clone() };
        let load = tokio::spawn(load.run());
        tokio::time::sleep(chance.millis(&LIFE)).await;
        self.die(running, &dying)?;
        load.await.context("the load panicked")?.context("before the server died")
    }

    /// Starts a server, which has everything that was acknowledged before.
    async fn start(&mut self) -> Result<(Running, Target)> {
        let mut running = self.program.start()?;
        let (target, took) = self.program.ready(&mut running).await?;
        // The first start on a folder makes it; the others come back.
        if self.known.is_some() {
            self.sums.starts.push(took);
        }
        let key = &target.credentials.access_key;
        ensure!(self.known.get_or_insert_with(|| key.clone()) == key, "the key is another one");
        let Checked { keys, uploads } = check(&target, &self.journal, &self.program.data).await?;
        self.sums.keys += keys;
        self.sums.uploads += uploads;
        Ok((running, target))
    }

    fn die(&self, running: Running, dying: &AtomicBool) -> Result<()> {
        dying.store(true, Ordering::Release);
        match &self.death {
            Death::Kill => running.kill(),
            Death::Power(disk) => {
                running.freeze()?;
                disk.cut()?;
                running.kill()?;
                disk.power_up()
            }
        }
    }

    fn begin_anew(&mut self) -> Result<()> {
        if let Death::Power(disk) = &self.death {
            disk.replace()?;
            self.sums.acknowledged += self.journal.acknowledged();
            self.journal = Arc::default();
            self.known = None;
        }
        Ok(())
    }

    async fn last(&mut self) -> Result<()> {
        let (running, _) = self.start().await?;
        running.stop()?;
        self.program.no_panic()
    }

    fn sums(&mut self, cycles: u32) -> String {
        let Sums { acknowledged, keys, uploads, starts } = &mut self.sums;
        starts.sort_unstable();
        let (median, longest) = (starts.get(starts.len() / 2), starts.last());
        format!(
            "{cycles} deaths: {} writes acknowledged, 0 lost; {keys} looks at keys, 0 torn; \
             {uploads} uploads continued; 0 blobs left over; ready again within {:.2?}, \
             half of them within {:.2?}",
            *acknowledged + self.journal.acknowledged(),
            longest.copied().unwrap_or_default(),
            median.copied().unwrap_or_default(),
        )
    }

    /// Everything is left as it is, for whoever looks for the cause.
    fn failed(self, error: &anyhow::Error) -> ExitCode {
        eprintln!("error: {error:#}");
        let logged = self.program.logged();
        let tail: Vec<&str> = logged.lines().rev().take(20).collect();
        for line in tail.into_iter().rev() {
            eprintln!("  {line}");
        }
        let Self { place, death, .. } = self;
        std::mem::forget(death);
        eprintln!("left for you: {}", place.keep().display());
        ExitCode::FAILURE
    }
}
