//! The loop that drives all machines of one server.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use platform::store::{Claim, Store};
use tokio::sync::{Notify, watch};
use tracing::{error, warn};
use types::{Id, Timestamp};

use crate::machine::{Drive, Driven};

/// How long a claim holds. A step that takes longer is not repeated by this server, and its save
/// is conditional, so that another server that claims it meanwhile loses nothing.
const LEASE: Duration = Duration::from_secs(30);

/// The longest sleep, so that a record made due by another server is found.
const AT_MOST: Duration = Duration::from_secs(5);

/// How long to wait after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Later than everything.
const FAR: Timestamp = Timestamp::from_micros(i64::MAX);

/// Wakes the driver: something may have changed.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// A handle that no driver listens to yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes it.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Drives the records of some machines.
pub struct Driver {
    store: Arc<dyn Store>,
    machines: HashMap<&'static str, Arc<dyn Drive>>,
    wake: Wake,
    /// A record was put to rest, perhaps for less than the loop is going to sleep.
    rested: Arc<Notify>,
    busy: Arc<Mutex<HashMap<Id, Again>>>,
    /// Counts the looks at everything. A round during which it moved may have looked too early.
    looks: Arc<AtomicU64>,
}

/// Whether a record was claimed once more while it was being driven.
type Again = bool;

impl Driver {
    /// A driver of these machines, woken by `wake`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, machines: Vec<Arc<dyn Drive>>, wake: Wake) -> Self {
        let machines = machines.into_iter().map(|machine| (machine.kind(), machine)).collect();
        let (rested, busy, looks) = Default::default();
        Self { store, machines, wake, rested, busy, looks }
    }

    /// Runs until `stop` says so; what was begun is carried on to where it rests.
    /// `seen` changes whenever the executor may see something differently.
    pub async fn run(self, mut seen: watch::Receiver<u64>, mut stop: watch::Receiver<bool>) {
        let kinds: Vec<_> = self.machines.keys().copied().collect();
        // Whether to look at everything that is open, or only at what is due.
        let mut everything = true;
        // Whether there may be claims of a server that is gone. Those of this one hold: a round whose
        // record was claimed anew could not save what it decided.
        let mut inherits = true;
        let mut rounds = tokio::task::JoinSet::new();
        while !*stop.borrow() {
            while rounds.try_join_next().is_some() {}
            let now = Timestamp::now();
            let due = if everything { FAR } else { now };
            let over = if inherits { FAR } else { now };
            let sleep = match self.store.claim_due(&kinds, due, over, now + LEASE).await {
                Ok(claims) => {
                    inherits = false;
                    for claim in claims {
                        self.begin(&mut rounds, claim);
                    }
                    self.until_next(&kinds).await
                }
                Err(failure) => {
                    error!(error = ?failure, "due records could not be claimed");
                    AFTER_FAILURE
                }
            };
            everything = tokio::select! {
                () = self.wake.0.notified() => true,
                changed = seen.changed() => changed.is_ok(),
                () = self.rested.notified() => false,
                () = tokio::time::sleep(sleep) => false,
                _ = stop.changed() => false,
            };
            if everything {
                self.looks.fetch_add(1, Ordering::SeqCst);
            }
        }
        while rounds.join_next().await.is_some() {}
    }

    async fn until_next(&self, kinds: &[&'static str]) -> Duration {
        match self.store.next_due(kinds).await {
            Ok(Some(due)) => due.since(Timestamp::now()).clamp(Duration::from_millis(20), AT_MOST),
            Ok(None) => AT_MOST,
            Err(_) => AFTER_FAILURE,
        }
    }

    /// Drives a claimed record beside the others, unless this server is at it already.
    fn begin(&self, rounds: &mut tokio::task::JoinSet<()>, claim: Claim) {
        let id = claim.record.id;
        let Some(machine) = self.machines.get(&*claim.record.key.kind) else { return };
        {
            let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(again) = busy.get_mut(&id) {
                *again = true;
                return;
            }
            busy.insert(id, false);
        }
        let (machine, store) = (machine.clone(), self.store.clone());
        let (busy, looks, rested) = (self.busy.clone(), self.looks.clone(), self.rested.clone());
        rounds.spawn(async move {
            let begun = looks.load(Ordering::SeqCst);
            let due = drive(&*machine, &*store, claim).await;
            let again = busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            let Some(due) = due else { return };
            let overlooked = || looks.load(Ordering::SeqCst) != begun;
            if again == Some(true) || overlooked() {
                rest(&*store, id, Timestamp::now()).await;
            } else {
                rest(&*store, id, due).await;
                // Who looked at everything until now found it claimed.
                if overlooked() {
                    rest(&*store, id, Timestamp::now()).await;
                }
            }
            // Of this record alone: two that sent each other to look at everything would not rest.
            rested.notify_one();
        });
    }
}

/// Ends the claim on a record that is to be looked at again when it is due.
async fn rest(store: &dyn Store, id: Id, due: Timestamp) {
    if let Err(failure) = store.touch(id, due).await {
        warn!(%id, error = ?failure, "a record could not be put to rest");
    }
}

/// One round. Returns when to look again.
async fn drive(machine: &dyn Drive, store: &dyn Store, claim: Claim) -> Option<Timestamp> {
    let key = claim.record.key.clone();
    match machine.drive(store, claim.record, claim.token).await {
        Ok(Driven::Rests(due)) => due,
        Ok(Driven::Overtaken) => Some(Timestamp::now()),
        Err(failure) => {
            error!(record = %key, error = ?failure, "a record could not be driven");
            Some(Timestamp::now() + AFTER_FAILURE)
        }
    }
}
