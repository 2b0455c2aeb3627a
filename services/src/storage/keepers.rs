//! Who keeps blobs where they are: a backup, which copies the index first and then what it names.
//!
//! The sweeper asks when it has decided, and waits. Who begins to keep while it removes loses
//! nothing: what it removes had lost its name before, so an index that is copied from then on does
//! not name it.

use std::sync::Arc;

use tokio::sync::watch;

/// How many there are.
#[derive(Clone, Default)]
pub(super) struct Keepers(Arc<watch::Sender<usize>>);

/// While it lives no blob is removed that the index named when this was made, or has named since.
#[must_use = "blobs are kept until this is dropped"]
pub struct BlobsKept(Keepers);

impl Keepers {
    /// One more.
    pub(super) fn add(&self) -> BlobsKept {
        self.0.send_modify(|count| *count += 1);
        BlobsKept(self.clone())
    }

    /// Returns once there is none.
    pub(super) async fn gone(&self) {
        // It fails where nobody sends any more, and this does.
        drop(self.0.subscribe().wait_for(|count| *count == 0).await);
    }
}

impl Drop for BlobsKept {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}
