//! A fast loop: the first Describe after a Create waits for what the client waits for.
//!
//! Clients look once and then sleep for 30 seconds and more, so an answer that comes when the job
//! has ended saves them the sleep (`contracts`: wire 5). Only the first Describe is held, never
//! beyond what the client's own time-outs allow, and not for those who look in any case.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use platform::store::{Record, Store, StoreError};
use tokio::time::{Instant, timeout_at};
use types::{Caller, Id};

/// botocore's waiters mark themselves by a `B` in the `m/` list of the user agent; their read
/// time-out is 60 s and their next look 30 to 120 s away.
const WAITER: Duration = Duration::from_secs(50);
/// SDK v2 looks again after 30 s.
const SDK_V2: Duration = Duration::from_secs(20);
/// SDK v1, plain boto3 and the CLI cannot be told apart.
const UNMARKED: Duration = Duration::from_secs(5);
/// So many creations are remembered; older ones are not held.
const REMEMBERED: usize = 4_096;

/// Whether Describes are held, and which are due to be.
#[derive(Default)]
pub struct Holding {
    patience: Patience,
    fresh: Mutex<HashSet<Id>>,
}

/// Whether to hold at all (`--hold off`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// As the client allows.
    #[default]
    AsClientsAllow,
    /// Never.
    Off,
}

impl Holding {
    /// With or without patience.
    #[must_use]
    pub fn new(patience: Patience) -> Self {
        Self { patience, fresh: Mutex::default() }
    }

    /// Says that a record was created: its first Describe may be held.
    pub fn created(&self, id: Id) {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        if fresh.len() >= REMEMBERED {
            fresh.clear();
        }
        fresh.insert(id);
    }

    /// Waits for `settled`, if this is the first Describe of `record`, and returns the record as
    /// it then is. Ends with the record's deletion, and with the client's going (the future is
    /// dropped).
    pub async fn first_look(
        &self,
        store: &dyn Store,
        caller: &Caller,
        mut record: Record,
        settled: impl Fn(&Record) -> bool + Send,
    ) -> Result<Record, StoreError> {
        let id = record.id;
        let fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        let patience = match self.patience {
            Patience::AsClientsAllow if fresh => patience(caller.agent()),
            Patience::AsClientsAllow | Patience::Off => Duration::ZERO,
        };
        if patience.is_zero() || settled(&record) {
            return Ok(record);
        }
        let deadline = Instant::now() + patience;
        let mut changed = store.changed();
        loop {
            // Marked before the read, so that a change between the two is not slept through.
            changed.mark_unchanged();
            match store.find(id).await? {
                Some(current) => record = current,
                None => return Ok(record),
            }
            if settled(&record) || timeout_at(deadline, changed.changed()).await.is_err() {
                return Ok(record);
            }
        }
    }
}

/// How long a client with this user agent can be kept waiting.
fn patience(agent: &str) -> Duration {
    let waits = |word: &str| {
        word.strip_prefix("m/").is_some_and(|marks| marks.split(',').any(|mark| mark == "B"))
    };
    if agent.is_empty() || agent.contains("AWS-SageMakerCore") {
        Duration::ZERO
    } else if agent.split(' ').any(waits) {
        WAITER
    } else if agent.contains("AWS-SageMaker-Python-SDK") {
        SDK_V2
    } else {
        UNMARKED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_what_the_client_allows() {
        let v2 = "Boto3/1.44 md/Botocore#1.44 lib/AWS-SageMaker-Python-SDK#2.257.7";
        let v3 = "Boto3/1.44 lib/AWS-SageMakerCore#2.27.0 m/B";
        assert_eq!(patience("Boto3/1.44 m/Z,B,E cfg/retry"), WAITER);
        assert_eq!(patience(v2), SDK_V2);
        assert_eq!(patience(v3), Duration::ZERO);
        assert_eq!(patience("aws-cli/1.46 m/Z"), UNMARKED);
        assert_eq!(patience(""), Duration::ZERO);
    }
}
