//! Where the records of one kind stand, and what is said of one that is not there.

use std::{marker::PhantomData, sync::Arc};

use api::{Fault, What};
use platform::store::{Conflict, Key, Record, State, Store, StoreError, Write};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tracing::error;
use types::{Id, Owner, Timestamp};

/// A kind of resource, as its stored body knows itself.
pub trait Kind: Serialize + DeserializeOwned + Send + Sync {
    /// The word in its ARN.
    const KIND: &'static str;

    /// The sentence for one that is not there.
    fn missing(arn: &str) -> String;

    /// The sentence for a name that is in use.
    fn taken(arn: &str) -> String;

    /// How it is stored now.
    fn state(&self, now: Timestamp) -> Result<State, serde_json::Error>;
}

/// The records of one kind.
pub struct Shelf<K> {
    store: Arc<dyn Store>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Shelf<K> {
    /// The shelf in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, kind: PhantomData }
    }

    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The ARN of a name, which AWS shows lower-cased.
    #[must_use]
    pub fn arn(owner: &Owner, name: &str) -> String {
        owner.arn("sagemaker", &format!("{}/{}", K::KIND, name.to_lowercase()))
    }

    /// The write that creates a record, with its tags, and its id.
    pub fn create(
        owner: &Owner,
        name: &str,
        body: &K,
        tags: &[api::tags::Tag],
    ) -> Result<(Id, Vec<Write>), Fault> {
        let (id, arn) = (Id::random(), Self::arn(owner, name));
        let state = body.state(Timestamp::now()).map_err(Fault::internal)?;
        let key = Key::new(owner, K::KIND, name);
        let owner = owner.clone();
        let create = Write::Create { id, key, arn: arn.clone(), owner, parent: None, state };
        let tag = |tag: &api::tags::Tag| Write::Tag {
            arn: arn.clone(),
            key: tag.key.clone(),
            value: tag.value.clone(),
        };
        Ok((id, std::iter::once(create).chain(tags.iter().map(tag)).collect()))
    }

    /// Commits what [`Shelf::create`] prepared; a name in use is told in AWS's words.
    pub async fn commit(&self, owner: &Owner, writes: Vec<Write>) -> Result<(), Fault> {
        self.store.commit(writes).await.map_err(|conflict| match conflict {
            Conflict::Taken(key) if key.kind == K::KIND => {
                Fault::new(What::Taken, K::KIND, K::taken(&Self::arn(owner, &key.name)))
            }
            Conflict::Stale(key) | Conflict::Unmet(key) if key.kind == K::KIND => {
                Fault::new(What::Missing, K::KIND, K::missing(&Self::arn(owner, &key.name)))
            }
            other => Fault::internal(other),
        })
    }

    /// The record of that name with its body, or a fault in AWS's words.
    pub async fn get(&self, owner: &Owner, name: &str) -> Result<(Record, K), Fault> {
        let record = self.record(owner, name).await?;
        read(&record).map(|body| (record, body))
    }

    /// The record alone, whether or not its body can be read.
    async fn record(&self, owner: &Owner, name: &str) -> Result<Record, Fault> {
        let missing = || Fault::new(What::Missing, K::KIND, K::missing(&Self::arn(owner, name)));
        let record = self.store.get(&Key::new(owner, K::KIND, name)).await;
        record.map_err(Fault::internal)?.ok_or_else(missing)
    }

    /// Changes a record, again and again until nobody wrote in between. `change` may refuse, or
    /// leave everything as it is: then nothing is written, and whoever is at the record goes on.
    pub async fn update(
        &self,
        owner: &Owner,
        name: &str,
        change: impl Fn(&mut K) -> Result<(), Fault> + Send + Sync,
    ) -> Result<Record, Fault> {
        loop {
            let (record, mut body) = self.get(owner, name).await?;
            change(&mut body)?;
            let state = body.state(Timestamp::now()).map_err(Fault::internal)?;
            if state.body == record.body {
                return Ok(record);
            }
            let (key, version) = (record.key.clone(), record.version);
            let update = Write::Update { key, version, token: None, state };
            match self.store.commit(vec![update]).await {
                Ok(()) => return Ok(record),
                Err(Conflict::Stale(_)) => {}
                Err(other) => return Err(Fault::internal(other)),
            }
        }
    }

    /// Removes a record, which may be one that cannot be read, and returns what it was; a fault in
    /// AWS's words where there is none.
    pub async fn delete(&self, owner: &Owner, name: &str) -> Result<Record, Fault> {
        let record = self.record(owner, name).await?;
        let (key, version) = (record.key.clone(), record.version);
        self.commit(owner, vec![Write::Delete { key, version }]).await?;
        Ok(record)
    }
}

/// The body of a record.
pub fn read<K: DeserializeOwned>(record: &Record) -> Result<K, Fault> {
    serde_json::from_str(&record.body).map_err(|error| Fault::internal(StoreError::new(error)))
}

/// The body of one record among many: what cannot be read is told in the log and left out, for the
/// others are not to suffer from it.
#[must_use]
pub fn readable<K: DeserializeOwned>(record: &Record) -> Option<K> {
    let told = |error: &serde_json::Error| {
        error!(record = %record.key, %error, "a record cannot be read and is left out");
    };
    serde_json::from_str(&record.body).inspect_err(told).ok()
}

/// A time as AWS's JSON carries it.
#[must_use]
pub fn epoch(at: Timestamp) -> Value {
    serde_json::Number::from_f64(at.epoch_seconds()).map_or(Value::Null, Value::Number)
}
