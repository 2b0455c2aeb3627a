//! The driver over a store in memory: what it saves, when it acts, and when it looks again.

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
use platform::store::{Key, Record, State, Store, Write, memory::Memory};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use types::{Id, Owner, Timestamp};

const KIND: &str = "countdown";

/// Counts down by one with every action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Countdown {
    left: u32,
    acting: bool,
}

impl Job for Countdown {
    fn status(&self) -> &'static str {
        if self.left == 0 { "Ended" } else { "Open" }
    }

    fn detail(&self) -> String {
        String::new()
    }

    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        (self.left > 0).then(|| now + Duration::from_mins(1))
    }
}

#[derive(Default)]
struct Machinery {
    store: Arc<Memory>,
    looks: AtomicU32,
    acts: AtomicU32,
    /// So many looks see nothing.
    blind: u32,
    /// At this look somebody else writes the record.
    overtaken_at: Option<u32>,
}

impl Machinery {
    async fn overtake(&self, record: &Record) {
        let state = State {
            status: record.status.clone(),
            due: record.due,
            body: record.body.clone(),
            detail: String::new(),
        };
        let (key, version) = (record.key.clone(), record.version);
        let write = Write::Update { key, version, token: None, state };
        self.store.commit(vec![write]).await.unwrap();
    }
}

#[async_trait]
impl Machine for Machinery {
    type Job = Countdown;
    type Seen = ();
    type Action = ();

    fn kind(&self) -> &'static str {
        KIND
    }

    async fn observe(&self, record: &Record, _: &Countdown) -> Option<()> {
        let look = self.looks.fetch_add(1, Ordering::SeqCst);
        if self.overtaken_at == Some(look) {
            self.overtake(record).await;
        }
        (look >= self.blind).then_some(())
    }

    fn step(&self, job: Countdown, (): &(), _: Timestamp) -> Step<Countdown, ()> {
        match job {
            Countdown { left: 0, .. } => Step { job, action: None },
            Countdown { left, acting: false } => {
                Step { job: Countdown { left, acting: true }, action: Some(()) }
            }
            Countdown { left, acting: true } => {
                Step { job: Countdown { left: left - 1, acting: false }, action: None }
            }
        }
    }

    async fn act(&self, _: &Record, _: &Countdown, (): ()) -> Option<()> {
        self.acts.fetch_add(1, Ordering::SeqCst);
        Some(())
    }
}

/// Drives a countdown from 3 until it has ended.
async fn drive(machinery: Machinery) -> (Arc<Machinery>, Record) {
    let machinery = Arc::new(machinery);
    let owner = Owner::new("123456789012", "us-east-1", "arn");
    let id = Id::random();
    let job = Countdown { left: 3, acting: false };
    let create = Write::Create {
        id,
        key: Key::new(&owner, KIND, "c"),
        arn: "arn".into(),
        owner,
        parent: None,
        state: job.state(Timestamp::now()).unwrap(),
    };
    machinery.store.commit(vec![create]).await.unwrap();
    let (stop, stopping) = watch::channel(false);
    let (_seen, nothing_seen) = watch::channel(0);
    let driver =
        Driver::new(machinery.store.clone(), vec![Arc::new(machinery.clone())], Wake::new());
    let driving = tokio::spawn(driver.run(nothing_seen, stopping));
    let ended = async {
        loop {
            let record = machinery.store.find(id).await.unwrap().unwrap();
            if record.due.is_none() {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let record = tokio::time::timeout(Duration::from_secs(20), ended).await.unwrap();
    stop.send_replace(true);
    driving.await.unwrap();
    (machinery, record)
}

#[tokio::test]
async fn a_job_is_driven_step_by_step_and_acted_on_once_for_each() {
    let (machinery, record) = drive(Machinery::default()).await;
    assert_eq!(record.status, "Ended");
    assert_eq!(machinery.acts.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_could_not_be_observed_is_looked_at_again_and_decides_nothing() {
    let (machinery, record) = drive(Machinery { blind: 1, ..Machinery::default() }).await;
    assert_eq!(record.status, "Ended");
    assert_eq!(machinery.acts.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_decision_that_somebody_overtook_is_not_acted_on() {
    let overtaken = Machinery { overtaken_at: Some(0), ..Machinery::default() };
    let (machinery, record) = drive(overtaken).await;
    assert_eq!(record.status, "Ended");
    // Had the first decision been acted on as well, there would be four.
    assert_eq!(machinery.acts.load(Ordering::SeqCst), 3);
}
