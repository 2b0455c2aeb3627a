//! Carries what endpoints did into CloudWatch metrics, from their meters.

use std::{collections::HashMap, sync::Arc, time::Duration};

use platform::{
    routes::{Counts, Meter, Route, RouteKey, Routes},
    telemetry::{MetricName, Metrics, Point},
};
use tokio::sync::watch;
use tracing::warn;
use types::{Owner, Timestamp};

/// How often meters are read. CloudWatch sums up by the minute; a crash loses at most this.
const TICK: Duration = Duration::from_secs(1);

/// The namespace of invocation metrics (`contracts`: semantics 1.7 to 1.20).
const NAMESPACE: &str = "AWS/SageMaker";

/// What came after `before`.
fn since(now: Counts, before: Counts) -> Counts {
    Counts {
        invocations: now.invocations - before.invocations,
        client_errors: now.client_errors - before.client_errors,
        server_errors: now.server_errors - before.server_errors,
        model_micros: now.model_micros - before.model_micros,
        overhead_micros: now.overhead_micros - before.overhead_micros,
    }
}

/// The metrics that AWS shows of counts, each with the sum of what it stands for.
fn shown(counts: Counts) -> [(&'static str, u64); 5] {
    [
        ("Invocations", counts.invocations),
        ("Invocation4XXErrors", counts.client_errors),
        ("Invocation5XXErrors", counts.server_errors),
        ("ModelLatency", counts.model_micros),
        ("OverheadLatency", counts.overhead_micros),
    ]
}

/// Reads meters.
pub struct MeterReader {
    routes: Arc<Routes>,
    metrics: Arc<dyn Metrics>,
    /// Every meter that is in a route or was in one at the last reading, and what it said then.
    read: HashMap<(RouteKey, Arc<str>), (Arc<Meter>, Counts)>,
}

impl MeterReader {
    /// A reader of these routes.
    #[must_use]
    pub fn new(routes: Arc<Routes>, metrics: Arc<dyn Metrics>) -> Self {
        Self { routes, metrics, read: HashMap::new() }
    }

    /// Reads until `stop` says so, and once more then.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                _ = stop.changed() => {}
            }
            self.tick().await;
        }
    }

    async fn tick(&mut self) {
        let now = Timestamp::now();
        let routes = self.routes.all();
        for (key, route) in routes.iter() {
            let Route::Live(live) = &**route else { continue };
            for variant in &live.variants {
                let place = (key.clone(), variant.name.clone());
                let meter = variant.meter.clone();
                self.read.entry(place).or_insert((meter, Counts::default()));
            }
        }
        let mut gone = Vec::new();
        for ((key, variant), (meter, before)) in &mut self.read {
            let counts = meter.read();
            let delta = since(counts, *before);
            *before = counts;
            if delta != Counts::default() {
                put(&*self.metrics, key, variant, delta, now).await;
            } else if !routes.contains_key(key) {
                gone.push((key.clone(), variant.clone()));
            }
        }
        for place in gone {
            self.read.remove(&place);
        }
    }
}

async fn put(metrics: &dyn Metrics, key: &RouteKey, variant: &str, delta: Counts, now: Timestamp) {
    let owner = Owner::new(key.account.clone(), key.region.clone(), "");
    let name = |name: &str| MetricName {
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
        dimensions: vec![
            ("EndpointName".to_owned(), key.endpoint.to_string()),
            ("VariantName".to_owned(), variant.to_owned()),
        ],
    };
    let calls = float(delta.invocations.max(1));
    // The extremes of single calls are not metered, so a tick's mean stands for both.
    let point = |sum: f64| Point { at: now, sum, count: calls, min: sum / calls, max: sum / calls };
    let points = shown(delta).map(|(metric, sum)| (name(metric), point(float(sum)))).to_vec();
    if let Err(error) = metrics.put(&owner, points).await {
        warn!(endpoint = %key.endpoint, error = ?error, "invocation metrics are lost");
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a second fit 53 bits")]
fn float(count: u64) -> f64 {
    count as f64
}
