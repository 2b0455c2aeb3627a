//! What the door needs to know and to remember: one per server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use api::Family;
use aws::{Refusal, model::Service, sigv4::SigningKeys};
use platform::{access::Access, routes::Routes};
use tokio::sync::{Semaphore, watch};

use crate::{
    authority::Authority, config::Config, families::Families, metrics::Metrics, s3_request::S3,
    verify::PolicyVerifier,
};

/// What stands behind the door.
pub struct Wiring {
    /// Keys and rights.
    pub access: Arc<dyn Access>,
    /// Who serves which operations.
    pub families: Vec<(Service, Arc<dyn Family>)>,
    /// The endpoints in service.
    pub routes: Arc<Routes>,
    /// The S3 protocol.
    pub s3: Arc<dyn S3>,
    /// Makes certificates.
    pub authority: Arc<Authority>,
    /// Set once the API and S3 answer and every endpoint's model was tried.
    pub ready: Arc<AtomicBool>,
    /// How many blobs the object store found damaged.
    pub damaged_blobs: Arc<AtomicU64>,
}

/// The front door.
pub struct Door {
    pub(crate) config: Config,
    pub(crate) access: Arc<dyn Access>,
    pub(crate) families: Families,
    pub(crate) routes: Arc<Routes>,
    pub(crate) s3: Arc<dyn S3>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) ready: Arc<AtomicBool>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) keys: Arc<SigningKeys>,
    /// For S3, which reads the forms.
    pub(crate) policies: Arc<PolicyVerifier>,
    /// One for each core: how many large payloads are scored at a time.
    pub(crate) scoring: Arc<Semaphore>,
    /// Bytes of memory that are left for documents, payloads and replies.
    buffers: Arc<AtomicUsize>,
    /// Says that we are closing. Whoever must be waited for holds a receiver.
    closing: watch::Sender<bool>,
}

impl Door {
    /// A door that is open as soon as somebody serves it.
    #[must_use]
    pub fn new(config: Config, wiring: Wiring) -> Arc<Self> {
        let Wiring { access, families, routes, s3, authority, ready, damaged_blobs } = wiring;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let keys = Arc::new(SigningKeys::default());
        let policies =
            PolicyVerifier::new(access.clone(), keys.clone(), config.region.clone(), config.sigv2);
        let buffers = Arc::new(AtomicUsize::new(config.limits.buffered_bytes));
        Arc::new(Self {
            config,
            access,
            families: Families::new(families),
            routes,
            s3,
            authority,
            ready,
            metrics: Arc::new(Metrics::beside(damaged_blobs)),
            keys,
            policies: Arc::new(policies),
            scoring: Arc::new(Semaphore::new(cores)),
            buffers,
            closing: watch::Sender::new(false),
        })
    }

    /// Somebody whom a shutdown waits for, and who hears of it.
    pub(crate) fn occupant(&self) -> Occupant {
        Occupant(self.closing.subscribe())
    }

    /// Asks everybody to come to an end and waits, at most for `grace`. Says whether all did.
    pub(crate) async fn close(&self, grace: Duration) -> bool {
        self.closing.send_replace(true);
        tokio::time::timeout(grace, self.closing.closed()).await.is_ok()
    }

    /// A place in memory that holds nothing yet.
    pub(crate) fn room(&self) -> Room {
        Room { left: self.buffers.clone(), taken: 0 }
    }

    pub(crate) fn panicked(&self, what: &str) {
        self.metrics.panics.fetch_add(1, Ordering::Relaxed);
        tracing::error!(what, "a panic was caught: this is a defect of the server");
    }
}

/// What a body or a reply may always hold, bytes. The number of connections bounds the sum, so small
/// calls are answered however much memory large ones hold.
const UNCOUNTED: usize = 64 << 10;

/// Memory that is filled. Given back when dropped.
pub(crate) struct Room {
    left: Arc<AtomicUsize>,
    taken: usize,
}

impl Room {
    /// Makes it as large as `bytes` want it, and says whether there is memory for that.
    pub(crate) fn hold(&mut self, bytes: usize) -> bool {
        let wanted = bytes.saturating_sub(UNCOUNTED);
        if let Some(less) = self.taken.checked_sub(wanted) {
            if less > 0 {
                self.left.fetch_add(less, Ordering::Relaxed);
            }
        } else {
            let more = wanted - self.taken;
            let take = |left: usize| left.checked_sub(more);
            if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
                return false;
            }
        }
        self.taken = wanted;
        true
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.hold(0);
    }
}

/// The answer where there is none left.
pub(crate) fn busy() -> Refusal {
    let message = "The server holds as many bodies and replies as it may. Try again.".to_owned();
    Refusal { code: "ServiceUnavailable", status: 503, message }
}

/// Holds a shutdown back until it is dropped.
pub(crate) struct Occupant(watch::Receiver<bool>);

impl Occupant {
    /// Returns when the server is closing.
    pub(crate) async fn closing(&mut self) {
        // An error means that the door itself is gone, which is closing too.
        let _ = self.0.wait_for(|closing| *closing).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_counts_what_is_large_and_gives_back_what_it_took() {
        let left = Arc::new(AtomicUsize::new(100));
        let room = || Room { left: left.clone(), taken: 0 };
        let (mut first, mut second) = (room(), room());
        assert!(first.hold(UNCOUNTED) && second.hold(UNCOUNTED));
        assert_eq!(left.load(Ordering::Relaxed), 100);
        assert!(first.hold(UNCOUNTED + 80) && !second.hold(UNCOUNTED + 30));
        assert!(first.hold(UNCOUNTED + 70) && second.hold(UNCOUNTED + 30));
        assert_eq!(left.load(Ordering::Relaxed), 0);
        drop((first, second));
        assert_eq!(left.load(Ordering::Relaxed), 100);
    }
}
