//! Every job that has not ended, to be stopped before the server is.
//!
//! Each is asked as its user would ask it. What signalled a job's process behind its record's back
//! would be taken for a failure, or for a machine that is taken away: the job would lose its model,
//! or begin again.

use std::{collections::HashSet, sync::Arc, time::Duration};

use api::{Caller, Document, Family, Fault, What};
use platform::store::{Record, Store};
use types::Id;

/// How often it is looked whether all have ended.
const LOOK: Duration = Duration::from_millis(100);

/// How a kind of job is stopped.
struct Stop {
    kind: &'static str,
    operation: &'static str,
    /// The member that names the job.
    name: &'static str,
}

const STOPS: [Stop; 2] = [
    Stop { kind: "training-job", operation: "StopTrainingJob", name: "TrainingJobName" },
    Stop { kind: "transform-job", operation: "StopTransformJob", name: "TransformJobName" },
];

/// The open jobs of all owners.
pub struct OpenJobs {
    store: Arc<dyn Store>,
    families: Vec<Arc<dyn Family>>,
}

impl OpenJobs {
    /// Those in this store, which these families answer for.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, families: Vec<Arc<dyn Family>>) -> Self {
        Self { store, families }
    }

    /// Stops all of them, those that are created meanwhile too, and returns once they have ended.
    pub async fn stop(&self) -> Result<(), Fault> {
        let kinds = STOPS.map(|stop| stop.kind);
        let (mut asked, mut changed) = (HashSet::new(), self.store.changed());
        changed.mark_changed();
        while self.store.next_due(&kinds).await.map_err(Fault::internal)?.is_some() {
            if changed.has_changed().unwrap_or(true) {
                changed.mark_unchanged();
                self.ask(&kinds, &mut asked).await?;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Asks those that were not asked yet.
    async fn ask(&self, kinds: &[&'static str], asked: &mut HashSet<Id>) -> Result<(), Fault> {
        let records = self.store.scan(kinds).await.map_err(Fault::internal)?;
        for record in records.iter().filter(|record| record.due.is_some()) {
            if asked.insert(record.id) {
                self.ask_one(record).await?;
            }
        }
        Ok(())
    }

    async fn ask_one(&self, record: &Record) -> Result<(), Fault> {
        let Some(stop) = STOPS.iter().find(|stop| stop.kind == record.key.kind) else {
            return Ok(());
        };
        let serves = |family: &&Arc<dyn Family>| family.operations().contains(&stop.operation);
        let Some(family) = self.families.iter().find(serves) else { return Ok(()) };
        let caller = Caller::on_behalf_of(&record.owner);
        let name = record.key.name.clone();
        let document = Document::from_iter([(stop.name.to_owned(), name.into())]);
        match family.call(&caller, stop.operation, Arc::new(document)).await {
            Err(fault) if fault.what == What::Internal => Err(fault),
            // What is refused has ended meanwhile.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
