//! When the driver looks, and when it does not: it rests beside what is open, and sleeps through no
//! wake.

#![expect(clippy::unwrap_used, reason = "a test says what it expects so")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jobs::{Driver, Job, Machine, Step, Wake};
use platform::store::{Key, Record, Store, Write, memory::Memory};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use types::{Id, Owner, Timestamp};

const KIND: &str = "open";
/// Longer than any wait here, and shorter than what is open would be left alone.
const PATIENCE: Duration = Duration::from_secs(20);

/// Stays open, and is due in a minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Open;

impl Job for Open {
    fn status(&self) -> &'static str {
        "Open"
    }

    fn detail(&self) -> String {
        String::new()
    }

    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        Some(now + Duration::from_mins(1))
    }
}

/// Counts its looks. Each takes until it is let through.
struct Watcher {
    looks: AtomicU32,
    through: Semaphore,
}

#[async_trait]
impl Machine for Watcher {
    type Job = Open;
    type Seen = ();
    type Action = ();

    fn kind(&self) -> &'static str {
        KIND
    }

    async fn observe(&self, _: &Record, _: &Open) -> Option<()> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.through.acquire().await.unwrap().forget();
        Some(())
    }

    fn step(&self, job: Open, (): &(), _: Timestamp) -> Step<Open, ()> {
        Step { job, action: None }
    }

    async fn act(&self, _: &Record, _: &Open, (): ()) -> Option<()> {
        None
    }
}

/// A driver of so many open records, of whose looks so many are let through.
struct Stage {
    watcher: Arc<Watcher>,
    wake: Wake,
    stop: watch::Sender<bool>,
    _seen: watch::Sender<u64>,
    driving: JoinHandle<()>,
}

impl Stage {
    async fn new(records: usize, through: usize) -> Self {
        let store = Arc::new(Memory::default());
        let owner = Owner::new("123456789012", "us-east-1", "arn");
        let create = |number: usize| Write::Create {
            id: Id::random(),
            key: Key::new(&owner, KIND, format!("r{number}")),
            arn: format!("arn:{number}"),
            owner: owner.clone(),
            parent: None,
            state: Open.state(Timestamp::now()).unwrap(),
        };
        store.commit((0..records).map(create).collect()).await.unwrap();
        let (looks, through) = (AtomicU32::new(0), Semaphore::new(through));
        let watcher = Arc::new(Watcher { looks, through });
        let (stop, stopping) = watch::channel(false);
        let (seen, nothing_seen) = watch::channel(0);
        let wake = Wake::new();
        let driver = Driver::new(store, vec![Arc::new(watcher.clone())], wake.clone());
        let driving = tokio::spawn(driver.run(nothing_seen, stopping));
        Self { watcher, wake, stop, _seen: seen, driving }
    }

    fn looks(&self) -> u32 {
        self.watcher.looks.load(Ordering::SeqCst)
    }

    async fn until_looks(&self, count: u32) {
        let reached = async {
            while self.looks() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap();
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.watcher.through.add_permits(1_000);
        self.driving.await.unwrap();
    }
}

#[tokio::test]
async fn open_records_let_the_driver_rest() {
    let stage = Stage::new(3, 1_000).await;
    stage.until_looks(3).await;
    // A driver that its own rounds wake looks hundreds of times meanwhile.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(stage.looks() <= 9, "{} looks", stage.looks());
    stage.end().await;
}

#[tokio::test]
async fn a_wake_during_a_round_leads_to_another_one() {
    let stage = Stage::new(1, 0).await;
    stage.until_looks(1).await;
    stage.wake.wake();
    // The driver has looked at everything by then, and found the record claimed.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(stage.looks(), 1);
    stage.watcher.through.add_permits(1);
    stage.until_looks(2).await;
    stage.end().await;
}
