//! Loads the models of endpoints and publishes them in one pointer swap.
//!
//! Calls under way keep the models that they began with, so an update fails no request. A variant
//! that keeps its name keeps its meter, and one that keeps its model keeps it loaded. A name may go
//! from one endpoint to another while the first one's models are still being loaded: a route is
//! published only for an endpoint that is there, and taken away only from whom it belongs to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use api::Fault;
use async_trait::async_trait;
use jobs::{Machine, Step};
use platform::{
    objects::Objects,
    parts::PartReader,
    routes::{Entry, Live, Route, RouteKey, RouteVariant, Routes},
    scorer::{LoadModel, Scorer},
    store::{Record, Store},
    telemetry::Logs,
};
use tokio::sync::Semaphore;
use tracing::{debug, info, warn};
use types::{Id, Timestamp};

use super::{
    kept::{Kept, LoadFailure},
    life::{Action, Endpoint, Phase, Seen, Serving, Variant},
    log::EndpointLog,
};
use crate::record::Kind;

/// Models that are loaded at once, whoever asks: each may take four times its file, and one core.
const LOADING: usize = 2;
/// Characters of a `FailureReason` (its API reference).
const LONGEST_REASON: usize = 1024;

/// Drives endpoints.
pub struct EndpointMachine {
    pub(super) store: Arc<dyn Store>,
    pub(super) kept: Kept,
    loader: Arc<dyn LoadModel>,
    routes: Arc<Routes>,
    log: EndpointLog,
    loading: Arc<Semaphore>,
    /// What the routes were made of, as it was loaded, for every endpoint that may have one: what is
    /// deleted leaves here first, and is not published any more.
    places: Mutex<HashMap<Id, Option<Serving>>>,
}

/// What a route may be put over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    /// Nothing that was published since the start: it is newer.
    Nothing,
    /// What the endpoint served before.
    Anything,
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
        // What was not loaded yet names no ETag, so that it is never taken for what is served.
        let same = |loaded: &Serving| loaded == endpoint.target();
        Some(self.published(record.id).filter(same).map_or(Seen::Otherwise, Seen::Published))
    }

    fn step(&self, endpoint: Endpoint, seen: &Seen, _: Timestamp) -> Step<Endpoint, Action> {
        let (job, action) = endpoint.step(seen.clone());
        Step { job, action }
    }

    async fn act(&self, record: &Record, endpoint: &Endpoint, action: Action) -> Option<Seen> {
        match action {
            Action::Publish(serving) => self.try_to_publish(record, &serving).await,
            Action::Release => {
                if endpoint.phase == Phase::Failed {
                    self.withdraw(record);
                }
                self.release(record.id, |etag| endpoint.needs(etag)).await;
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
        let (kept, log) = (Kept::new(objects), EndpointLog(logs));
        let loading = Arc::new(Semaphore::new(LOADING));
        Self { store, kept, loader, routes, log, loading, places: Mutex::default() }
    }

    /// Takes an endpoint that was deleted out of service.
    pub async fn forget(&self, record: &Record) {
        self.withdraw(record);
        self.release(record.id, |_| false).await;
    }

    pub(super) async fn forget_if_gone(&self, record: &Record) {
        if let Ok(None) = self.store.find(record.id).await {
            self.forget(record).await;
        }
    }

    /// Takes an endpoint's route away.
    pub(super) fn withdraw(&self, record: &Record) {
        let mut places = self.places();
        places.remove(&record.id);
        self.routes.withdraw(&route_key(record), record.id);
    }

    /// What cannot be removed now is at the next start.
    pub(super) async fn release(&self, endpoint: Id, needs: impl Fn(&str) -> bool + Send) {
        if let Err(error) = self.kept.release(endpoint, needs).await {
            warn!(%endpoint, error = ?error, "copies of an endpoint's models are left");
        }
    }

    async fn try_to_publish(&self, record: &Record, serving: &Serving) -> Option<Seen> {
        match self.publish(record, serving).await {
            Ok(loaded) => Some(Seen::Published(loaded)),
            Err(LoadFailure::Refused(reason)) => {
                self.log.endpoint(record, serving, &reason).await;
                Some(Seen::Refused(reason))
            }
            Err(LoadFailure::Ours(error)) => {
                warn!(endpoint = %record.key, error = ?error, "models could not be loaded yet");
                None
            }
            Err(LoadFailure::Overtaken) => {
                self.forget_if_gone(record).await;
                None
            }
        }
    }

    /// Loads what is to be served, puts it in service, and returns it as it was loaded.
    async fn publish(&self, record: &Record, serving: &Serving) -> Result<Serving, LoadFailure> {
        let (route, loaded) = self.load_all(record, serving).await?;
        self.put(record, route, loaded, Over::Anything).await
    }

    /// The same for an endpoint that was in service when the server stopped.
    pub(super) async fn publish_again(
        &self,
        record: &Record,
        serving: &Serving,
    ) -> Result<Serving, LoadFailure> {
        let (route, loaded) = self.load_all(record, serving).await?;
        self.put(record, route, loaded, Over::Nothing).await
    }

    async fn load_all(
        &self,
        record: &Record,
        serving: &Serving,
    ) -> Result<(Route, Serving), LoadFailure> {
        self.places().entry(record.id).or_default();
        let before = self.own_route(record);
        let known = self.published(record.id);
        let mut loaded = serving.clone();
        let mut variants = Vec::with_capacity(serving.variants.len());
        for variant in &mut loaded.variants {
            *variant = self.kept.pinned(&record.owner, variant).await?;
            let old = before.as_deref().and_then(|route| old_variant(route, &variant.name));
            let known = known.as_ref().and_then(|known| known.named(&variant.name));
            let reused = old.filter(|_| known.is_some_and(|known| known.same_model(variant)));
            let scorer = match reused {
                Some(old) => old.scorer.clone(),
                None => self.load(record, &serving.config, variant).await?,
            };
            variants.push(RouteVariant {
                name: variant.name.as_str().into(),
                weight: variant.weight,
                instances: variant.instance_count.unwrap_or(1),
                scorer,
                meter: old.map(|old| old.meter.clone()).unwrap_or_default(),
            });
        }
        let route = Route::Live(Live::new(record.arn.clone(), variants));
        Ok((route, loaded))
    }

    /// Says of an endpoint, before its models are loaded, that it will be there.
    pub(super) fn announce(&self, record: &Record) {
        let mut places = self.places();
        places.entry(record.id).or_default();
        let entry = Entry { id: record.id, route: Arc::new(Route::NotReady) };
        if !self.routes.publish(&route_key(record), None, &entry) {
            debug!(endpoint = %record.key, "models are published already");
        }
    }

    /// Puts a route in its place, unless the endpoint is gone.
    async fn put(
        &self,
        record: &Record,
        route: Route,
        loaded: Serving,
        over: Over,
    ) -> Result<Serving, LoadFailure> {
        let entry = Entry { id: record.id, route: Arc::new(route) };
        let key = route_key(record);
        loop {
            // Read before the record, so that a successor that is published in between is noticed.
            let holder = self.routes.holder(&key);
            match self.store.find(record.id).await {
                Ok(Some(_)) => {}
                Ok(None) => return Err(LoadFailure::Overtaken),
                Err(error) => return Err(LoadFailure::Ours(Fault::internal(error))),
            }
            let mut places = self.places();
            let place = places.get_mut(&record.id).ok_or(LoadFailure::Overtaken)?;
            if place.is_some() && over == Over::Nothing {
                return Err(LoadFailure::Overtaken);
            }
            if self.routes.publish(&key, holder, &entry) {
                *place = Some(loaded.clone());
                return Ok(loaded);
            }
        }
    }

    async fn load(
        &self,
        record: &Record,
        config: &str,
        variant: &Variant,
    ) -> Result<Arc<dyn Scorer>, LoadFailure> {
        let begun = Instant::now();
        let permit = self.loading.clone().acquire_owned().await;
        let parts = self.kept.open(&record.owner, record.id, variant).await?;
        let (load, wanted) = (self.loader.clone(), variant.clone());
        let loading = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            load.load(&wanted.image, &mut PartReader::new(parts), &wanted.environment)
        });
        let loaded = loading.await.map_err(|panic| {
            LoadFailure::Refused(format!("The model {} cannot be loaded: {panic}.", variant.model))
        })?;
        let scorer = loaded.map_err(|error| {
            let Variant { model, data, name, .. } = variant;
            LoadFailure::Refused(shortened(format!(
                "The container for production variant {name} cannot load the model {model} from \
                 {data}: {error} Please check CloudWatch logs for this endpoint."
            )))
        })?;
        let took = begun.elapsed();
        info!(endpoint = %record.key, variant = %variant.name, ?took, "model loaded");
        let line = format!("loaded {} from {} in {took:.1?}", variant.model, variant.data);
        self.log.variant(record, config, &variant.name, &line).await;
        Ok(scorer)
    }

    fn published(&self, endpoint: Id) -> Option<Serving> {
        self.places().get(&endpoint).cloned().flatten()
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Id, Option<Serving>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The route of this endpoint, not of another one that had the name before.
    fn own_route(&self, record: &Record) -> Option<Arc<Route>> {
        let entry = self.routes.entry(&route_key(record))?;
        (entry.id == record.id).then_some(entry.route)
    }
}

/// No longer than a `FailureReason` may be.
fn shortened(reason: String) -> String {
    match reason.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => reason[..end].to_owned(),
        None => reason,
    }
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
