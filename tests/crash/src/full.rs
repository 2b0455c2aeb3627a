//! A small disk that fills: uploads are refused while deletes still work, and when somebody else takes
//! the last byte the server waits for better times.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    check::check,
    client::Answer,
    disk::Disk,
    journal::Journal,
    probe::{KINDS, Kind, Probe},
    server::Program,
};

/// Bytes.
const SIZE: u64 = 64 << 20;
/// Objects of 1 MiB that are deleted to make room.
const ROOM: usize = 8;
/// How long it may take until deleted blobs are swept and there is room.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(50);

/// Whether such a disk can be had here.
pub fn probe(place: &Path) -> Result<()> {
    let place = place.join("probe");
    fs::create_dir(&place)?;
    Disk::make(&place, SIZE).map(drop)
}

/// Both ways to fill one.
pub async fn all(server: &Path, place: &Path) -> Result<()> {
    let disk = Disk::make(place, SIZE)?;
    let program = |name: &str| Program {
        binary: server.to_owned(),
        data: disk.root().join(name),
        log: place.join(name).with_extension("log"),
    };
    by_uploads(&program("ours")).await.context("while uploads fill a disk")?;
    disk.replace()?;
    let ballast = disk.root().join("ballast");
    by_others(&program("theirs"), &ballast).await.context("while others fill a disk")
}

fn reserve(program: &Program, mib: u32) -> Result<()> {
    fs::create_dir_all(&program.data)?;
    fs::write(program.data.join("sagewright.toml"), format!("disk_reserve_mib = {mib}\n"))?;
    Ok(())
}

/// Uploads leave the reserve, in which deletes work.
async fn by_uploads(program: &Program) -> Result<()> {
    reserve(program, 16)?;
    let journal = Journal::default();
    let mut running = program.start()?;
    let (target, _) = program.ready(&mut running).await?;
    check(&target, &journal, &program.data).await?;
    let mut probe = Probe::connect(&target, &journal).await?;
    let refused = fill(&mut probe).await?;
    ensure!(refused.status == 503, "a full disk is answered {}", refused.said());
    for kind in [Kind::Small, Kind::Large, Kind::Upload] {
        let answer = probe.ask(kind).await?;
        ensure!(answer.status == 503, "{kind:?} on a full disk is answered {}", answer.said());
    }
    for _ in 0..ROOM {
        probe.ask(Kind::Delete).await?.success()?;
    }
    until_well(&mut probe).await?;
    check(&target, &journal, &program.data).await?;
    running.stop()?;
    program.no_panic()
}

/// Sends objects until one is refused.
async fn fill(probe: &mut Probe<'_>) -> Result<Answer> {
    loop {
        let answer = probe.ask(Kind::Large).await?;
        if !answer.status.is_success() {
            return Ok(answer);
        }
    }
}

/// Not a byte is left, not even for the index.
async fn by_others(program: &Program, ballast: &Path) -> Result<()> {
    reserve(program, 0)?;
    let journal = Journal::default();
    let mut running = program.start()?;
    let (target, _) = program.ready(&mut running).await?;
    check(&target, &journal, &program.data).await?;
    let mut probe = Probe::connect(&target, &journal).await?;
    probe.fill().await?;
    take_all(ballast)?;
    for kind in KINDS.repeat(20) {
        let answer = probe.ask(kind).await?;
        let honest = answer.status.is_success() || matches!(answer.status.as_u16(), 500 | 503);
        ensure!(honest, "{kind:?} without a byte left is answered {}", answer.said());
        probe.read().await.context("without a byte left")?;
    }
    let refused = probe.ask(Kind::Large).await?;
    ensure!(refused.status == 503, "a full disk is answered {}", refused.said());
    fs::remove_file(ballast)?;
    until_well(&mut probe).await?;
    ensure!(probe.is_ready().await?, "the server is not ready though there is room again");
    check(&target, &journal, &program.data).await?;
    running.stop()?;
    program.no_panic()
}

fn take_all(ballast: &Path) -> Result<()> {
    let mut file = File::create(ballast)?;
    let block = vec![0_u8; 1 << 20];
    for len in [block.len(), 4_096, 1] {
        while file.write_all(&block[..len]).is_ok() {}
    }
    file.sync_all().context("the ballast does not lie on the disk")
}

/// Waits until everything works again.
async fn until_well(probe: &mut Probe<'_>) -> Result<()> {
    let begun = Instant::now();
    for kind in [Kind::Small, Kind::Large, Kind::Upload, Kind::Delete] {
        while !probe.ask(kind).await?.status.is_success() {
            ensure!(begun.elapsed() < PATIENCE, "{kind:?} is refused though there is room");
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}
