//! Loads the models of endpoints and publishes them in one pointer swap.
//!
//! Calls under way keep the models that they began with, so an update fails no request. A variant
//! that keeps its name keeps its meter, and one that keeps its model keeps it loaded.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use api::Fault;
use async_trait::async_trait;
use jobs::{Machine, Step};
use platform::{
    objects::{ObjectError, ObjectName, Objects},
    parts::PartReader,
    routes::{Live, Route, RouteKey, RouteVariant, Routes},
    scorer::{LoadModel, Scorer},
    store::{Conflict, Record, Store, StoreError, Write},
    telemetry::{Append, LogEvent, Logs, StreamName},
};
use tracing::{info, warn};
use types::{Id, Owner, Timestamp};

use super::life::{Action, Endpoint, Phase, Seen, Serving, Variant};
use crate::record::{Kind, S3Uri, read};

/// Where endpoints log.
const ENDPOINTS: &str = "/aws/sagemaker/Endpoints";

/// Drives endpoints.
pub struct EndpointMachine {
    store: Arc<dyn Store>,
    objects: Arc<dyn Objects>,
    loader: Arc<dyn LoadModel>,
    routes: Arc<Routes>,
    logs: Arc<dyn Logs>,
    /// What each endpoint's route was made of.
    published: Mutex<HashMap<Id, Serving>>,
}

/// Why a model could not be loaded: for the user, or ours and to be tried again.
enum LoadFailure {
    Refused(String),
    Ours(Fault),
}

#[async_trait]
impl Machine for EndpointMachine {
    type Job = Endpoint;
    type Seen = Seen;
    type Action = Action;

    fn kind(&self) -> &'static str {
        Endpoint::KIND
    }

    async fn observe(&self, record: &Record, endpoint: &Endpoint) -> Option<Seen> {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let same = published.get(&record.id) == Some(endpoint.target());
        Some(if same { Seen::Published } else { Seen::Otherwise })
    }

    fn step(&self, endpoint: Endpoint, seen: &Seen, _: Timestamp) -> Step<Endpoint, Action> {
        let (job, action) = endpoint.step(seen.clone());
        Step { job, action }
    }

    async fn act(&self, record: &Record, _: &Endpoint, action: Action) -> Option<Seen> {
        let Action::Publish(serving) = action;
        match self.publish(record, &serving).await {
            Ok(()) => {
                self.withdraw_if_gone(record).await;
                Some(Seen::Published)
            }
            Err(LoadFailure::Refused(reason)) => {
                self.log(record, &serving, &reason).await;
                Some(Seen::Refused(reason))
            }
            Err(LoadFailure::Ours(error)) => {
                warn!(endpoint = %record.key, error = ?error, "models could not be loaded yet");
                None
            }
        }
    }
}

impl EndpointMachine {
    /// A machine that loads by `loader` and publishes to `routes`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        objects: Arc<dyn Objects>,
        loader: Arc<dyn LoadModel>,
        routes: Arc<Routes>,
        logs: Arc<dyn Logs>,
    ) -> Self {
        Self { store, objects, loader, routes, logs, published: Mutex::default() }
    }

    /// Tries every endpoint's models after a start, before the server says that it is ready. One
    /// that cannot be loaded any more turns `Failed` with the reason.
    pub async fn restore(&self) -> Result<(), StoreError> {
        let store = &*self.store;
        for record in store.scan(&[Endpoint::KIND]).await? {
            let endpoint: Endpoint = read(&record).map_err(StoreError::new)?;
            if matches!(endpoint.phase, Phase::Creating | Phase::Failed) {
                continue;
            }
            self.routes.set(&route_key(&record), Some(&Arc::new(Route::NotReady)));
            match self.publish(&record, &endpoint.serving).await {
                Ok(()) => {}
                Err(LoadFailure::Refused(reason)) => fail(store, &record, endpoint, reason).await?,
                Err(LoadFailure::Ours(error)) => {
                    let reason = format!("InternalServerError: {error}");
                    fail(store, &record, endpoint, reason).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes an endpoint out of service.
    pub fn withdraw(&self, record: &Record) {
        self.routes.set(&route_key(record), None);
        self.published.lock().unwrap_or_else(PoisonError::into_inner).remove(&record.id);
    }

    /// An endpoint that was deleted while its models were loading must not serve.
    async fn withdraw_if_gone(&self, record: &Record) {
        if let Ok(None) = self.store.find(record.id).await {
            self.withdraw(record);
        }
    }

    async fn publish(&self, record: &Record, serving: &Serving) -> Result<(), LoadFailure> {
        let before = self.routes.get(&route_key(record));
        let known = {
            let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
            published.get(&record.id).cloned()
        };
        let mut variants = Vec::with_capacity(serving.variants.len());
        for variant in &serving.variants {
            let old = before.as_deref().and_then(|route| old_variant(route, &variant.name));
            let loaded = known
                .as_ref()
                .and_then(|known| known.variants.iter().find(|other| other.name == variant.name));
            let reused = old.filter(|_| loaded.is_some_and(|other| other.same_model(variant)));
            let scorer = match reused {
                Some(old) => old.scorer.clone(),
                None => self.load(record, serving, variant).await?,
            };
            variants.push(RouteVariant {
                name: variant.name.as_str().into(),
                weight: variant.weight,
                scorer,
                meter: old.map(|old| old.meter.clone()).unwrap_or_default(),
            });
        }
        let live = Arc::new(Route::Live(Live::new(record.arn.clone(), variants)));
        self.routes.set(&route_key(record), Some(&live));
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.insert(record.id, serving.clone());
        Ok(())
    }

    async fn load(
        &self,
        record: &Record,
        serving: &Serving,
        variant: &Variant,
    ) -> Result<Arc<dyn Scorer>, LoadFailure> {
        let begun = Instant::now();
        let parts = self.open(&record.owner, variant).await?;
        let (load, wanted) = (self.loader.clone(), variant.clone());
        let loading = tokio::task::spawn_blocking(move || {
            load.load(&wanted.image, &mut PartReader::new(parts), &wanted.environment)
        });
        let loaded = loading.await.map_err(|panic| {
            LoadFailure::Refused(format!("The model {} cannot be loaded: {panic}.", variant.model))
        })?;
        let scorer = loaded.map_err(|error| {
            let Variant { model, data, name, .. } = variant;
            LoadFailure::Refused(format!(
                "The container for production variant {name} cannot load the model {model} from \
                 {data}: {error} Please check CloudWatch logs for this endpoint."
            ))
        })?;
        let took = begun.elapsed();
        info!(endpoint = %record.key, variant = %variant.name, ?took, "model loaded");
        let line = format!("loaded {} from {} in {took:.1?}", variant.model, variant.data);
        self.log_variant(record, serving, variant, &line).await;
        Ok(scorer)
    }

    async fn open(
        &self,
        owner: &Owner,
        variant: &Variant,
    ) -> Result<Vec<platform::workload::Part>, LoadFailure> {
        let uri: S3Uri =
            variant.data.parse().map_err(|error| LoadFailure::Refused(format!("{error}")))?;
        match self.objects.open_parts(owner, ObjectName::current(&uri.bucket, &uri.key)).await {
            Ok((_, parts)) => Ok(parts),
            Err(error @ (ObjectError::Internal(_) | ObjectError::Body(_))) => {
                Err(LoadFailure::Ours(Fault::internal(error)))
            }
            Err(error) => Err(LoadFailure::Refused(format!(
                "The model data for variant {} at {uri} cannot be read: {error}.",
                variant.name
            ))),
        }
    }

    async fn log(&self, record: &Record, serving: &Serving, line: &str) {
        if let Some(variant) = serving.variants.first() {
            self.log_variant(record, serving, variant, line).await;
        }
    }

    /// Writes a line to a variant's stream. A log that cannot be written stops nothing.
    async fn log_variant(&self, record: &Record, serving: &Serving, variant: &Variant, line: &str) {
        let now = Timestamp::now();
        // What stands for an instance here: the endpoint's id, the same at every start.
        let instance = format!("i-{}", &record.id.to_string()[..17]);
        let append = Append {
            owner: record.owner.clone(),
            stream: StreamName {
                group: log_group(&record.key.name),
                stream: format!("{}/{instance}", variant.name),
            },
            events: vec![LogEvent {
                at: now,
                ingested: now,
                message: format!("[{}] {line}", serving.config),
            }],
            cursor: u64::try_from(now.micros()).unwrap_or_default(),
        };
        if let Err(error) = self.logs.append(vec![append]).await {
            warn!(endpoint = %record.key, error = ?error, "a line of an endpoint's log is lost");
        }
    }
}

/// The log group of an endpoint. It exists from CreateEndpoint on: SDK v2 waits for it.
#[must_use]
pub fn log_group(endpoint: &str) -> String {
    format!("{ENDPOINTS}/{endpoint}")
}

fn route_key(record: &Record) -> RouteKey {
    RouteKey {
        account: record.key.account.clone(),
        region: record.key.region.clone(),
        endpoint: record.key.name.as_str().into(),
    }
}

fn old_variant<'a>(route: &'a Route, name: &str) -> Option<&'a RouteVariant> {
    match route {
        Route::Live(live) => live.named(name),
        Route::NotReady => None,
    }
}

/// An endpoint that was in service and can be no more.
async fn fail(
    store: &dyn Store,
    record: &Record,
    endpoint: Endpoint,
    reason: String,
) -> Result<(), StoreError> {
    warn!(endpoint = %record.key, reason, "an endpoint cannot be served any more");
    let failed = Endpoint { phase: Phase::Failed, failure: Some(reason), ..endpoint };
    let state = jobs::Job::state(&failed, Timestamp::now()).map_err(StoreError::new)?;
    let (key, version) = (record.key.clone(), record.version);
    match store.commit(vec![Write::Update { key, version, token: None, state }]).await {
        Ok(()) | Err(Conflict::Stale(_)) => Ok(()),
        Err(other) => Err(StoreError::new(other)),
    }
}
