//! Calls to the kernel that fail under a running server: what cannot be made durable is refused,
//! what is there can still be read, and after a failed fsync of the index nothing is written before
//! a restart.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{
    check::check,
    client::Target,
    journal::Journal,
    probe::{KINDS, Kind, Probe},
    server::{Program, Running},
    strace::{Injection, Threads},
};

/// Calls that fail, and what follows.
struct Fault {
    name: &'static str,
    /// As strace says it.
    rule: &'static str,
    threads: Threads,
    /// What cannot succeed meanwhile.
    refused: &'static [Kind],
    after: After,
}

/// What a server is after its disk has come to its senses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// As before.
    Well,
    /// Not ready, for its index stopped writing.
    Stopped,
}

/// SQLite is built to sync by fsync, blobs by fdatasync; only the index uses pwrite64.
const FAULTS: [Fault; 6] = [
    Fault {
        name: "the index cannot be synced",
        rule: "fsync:error=EIO",
        threads: Threads::Named("store-writer"),
        refused: &KINDS,
        after: After::Stopped,
    },
    Fault {
        name: "nothing can be synced",
        rule: "/^f(data)?sync$:error=EIO",
        threads: Threads::All,
        refused: &KINDS,
        after: After::Stopped,
    },
    Fault {
        name: "blobs cannot be synced",
        rule: "fdatasync:error=EIO",
        threads: Threads::All,
        refused: &[Kind::Large],
        after: After::Well,
    },
    Fault {
        name: "blobs cannot be renamed",
        rule: "/^rename:error=EIO",
        threads: Threads::All,
        refused: &[Kind::Large],
        after: After::Well,
    },
    Fault {
        name: "the index has no room",
        rule: "pwrite64:error=ENOSPC",
        threads: Threads::All,
        refused: &KINDS,
        after: After::Well,
    },
    Fault {
        name: "the index cannot be written",
        rule: "pwrite64:error=EIO",
        threads: Threads::All,
        refused: &KINDS,
        after: After::Stopped,
    },
];

/// How often each kind of request is sent while calls fail.
const TRIES: usize = 5;

/// Longer than the sweeper waits after a change.
const SWEEPER: Duration = Duration::from_millis(1_500);

/// One fault after the other, each on a server of its own.
pub async fn all(server: &Path, place: &Path) -> Result<()> {
    for (number, fault) in FAULTS.iter().enumerate() {
        let program = Program {
            binary: server.to_owned(),
            data: place.join(format!("fault-{number}")),
            log: place.join(format!("fault-{number}.log")),
        };
        suffer(&program, fault).await.with_context(|| format!("while {}", fault.name))?;
    }
    Ok(())
}

async fn suffer(program: &Program, fault: &Fault) -> Result<()> {
    let journal = Journal::default();
    let (running, target) = started(program, &journal).await?;
    let mut probe = Probe::connect(&target, &journal).await?;
    probe.fill().await?;
    let injection = Injection::begin(running.pid(), fault.threads, fault.rule)?;
    for kind in KINDS.repeat(TRIES) {
        let answer = probe.ask(kind).await?;
        let expected = !fault.refused.contains(&kind);
        ensure!(answer.status.is_success() == expected, "{kind:?} is answered {}", answer.said());
        probe.read().await.context("while calls fail")?;
    }
    injection.end()?;
    ensure!(
        probe.is_ready().await? == (fault.after == After::Well),
        "readiness tells nothing of the fault"
    );
    let running = match fault.after {
        After::Well => running,
        After::Stopped => {
            // A sweeper that took what the index does not name now would take what it names next.
            tokio::time::sleep(SWEEPER).await;
            let late = probe.ask(Kind::Small).await?;
            ensure!(late.status == 500, "written after a failed fsync: {}", late.said());
            running.kill()?;
            started(program, &journal).await?.0
        }
    };
    let target = program.target(&running)?;
    let mut probe = Probe::connect(&target, &journal).await?;
    for kind in KINDS {
        probe.ask(kind).await?.success().context("after the fault")?;
    }
    check(&target, &journal, &program.data).await?;
    running.stop()?;
    program.no_panic()
}

async fn started(program: &Program, journal: &Journal) -> Result<(Running, Target)> {
    let mut running = program.start()?;
    let (target, _) = program.ready(&mut running).await?;
    check(&target, journal, &program.data).await?;
    Ok((running, target))
}
