//! Endpoints after a start of the server: each is loaded again, from the data that it served.

use std::collections::BTreeSet;

use platform::store::{Conflict, Record, StoreError, Write};
use tracing::{error, warn};
use types::{Id, Timestamp};

use super::{
    kept::LoadFailure,
    life::{Endpoint, Phase, Seen},
    machine::EndpointMachine,
};
use crate::record::{Kind, readable};

impl EndpointMachine {
    /// Tries every endpoint's models after a start, before the server says that it is ready. One
    /// that cannot be loaded any more turns `Failed` with the reason; where the fault is ours, the
    /// driver tries again.
    pub async fn restore(&self) -> Result<(), StoreError> {
        if let Err(error) = self.kept.prepare().await {
            error!(%error, "models of endpoints cannot be kept, and are read where they lie");
        }
        for record in self.store.scan(&[Endpoint::KIND]).await? {
            if let Some(endpoint) = readable(&record) {
                self.resume(&record, endpoint).await?;
            }
        }
        self.sweep().await
    }

    async fn resume(&self, record: &Record, endpoint: Endpoint) -> Result<(), StoreError> {
        match endpoint.phase {
            Phase::Creating | Phase::Failed => return Ok(()),
            Phase::InService | Phase::Updating { .. } | Phase::Resuming => {}
        }
        self.announce(record);
        let published = self.publish_again(record, &endpoint.serving).await;
        self.forget_if_gone(record).await;
        // What an update leads to is the driver's, which comes by and finds what is published.
        if matches!(endpoint.phase, Phase::Updating { .. }) {
            return Ok(());
        }
        let resuming = Endpoint { phase: Phase::Resuming, ..endpoint.clone() };
        let (now, _) = match published {
            Ok(loaded) => resuming.step(Seen::Published(loaded)),
            Err(LoadFailure::Refused(reason)) => {
                warn!(endpoint = %record.key, reason, "an endpoint cannot be served any more");
                self.withdraw(record);
                resuming.step(Seen::Refused(reason))
            }
            Err(LoadFailure::Ours(error)) => {
                warn!(endpoint = %record.key, error = ?error, "models could not be loaded yet");
                (resuming, None)
            }
            Err(LoadFailure::Overtaken) => return Ok(()),
        };
        if now == endpoint { Ok(()) } else { self.save(record, &now).await }
    }

    async fn save(&self, record: &Record, endpoint: &Endpoint) -> Result<(), StoreError> {
        let state = jobs::Job::state(endpoint, Timestamp::now()).map_err(StoreError::new)?;
        let (key, version) = (record.key.clone(), record.version);
        match self.store.commit(vec![Write::Update { key, version, token: None, state }]).await {
            Ok(()) | Err(Conflict::Stale(_)) => Ok(()),
            Err(other) => Err(StoreError::new(other)),
        }
    }

    /// Removes the copies of models that a crash left over.
    async fn sweep(&self) -> Result<(), StoreError> {
        let endpoints: BTreeSet<Id> = match self.kept.list("").await {
            Ok(copies) => copies.into_iter().map(|(endpoint, _)| endpoint).collect(),
            Err(error) => {
                warn!(error = ?error, "copies of endpoints' models cannot be swept");
                return Ok(());
            }
        };
        for id in endpoints {
            self.sweep_one(id).await?;
        }
        Ok(())
    }

    async fn sweep_one(&self, id: Id) -> Result<(), StoreError> {
        match self.store.find(id).await? {
            None => self.release(id, |_| false).await,
            Some(record) => {
                // Of one that cannot be read it is not known what it needs.
                if let Some(endpoint) = readable::<Endpoint>(&record) {
                    self.release(id, |etag| endpoint.needs(etag)).await;
                }
            }
        }
        Ok(())
    }
}
