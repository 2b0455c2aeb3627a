//! Carries what endpoints did into CloudWatch metrics, and what their models refused into their logs,
//! from their meters.
//!
//! A meter is read for as long as anybody counts on it: a call may end long after its variant was
//! taken away, and a name may come back with another meter.

use std::{collections::HashMap, sync::Arc, time::Duration};

use platform::{
    routes::{Counts, Meter, Range, Ranges, Route, RouteKey, RouteVariant, Routes},
    telemetry::{Logs, MetricName, Metrics, Point},
};
use tokio::sync::watch;
use tracing::warn;
use types::{Id, Owner, Timestamp};

use super::endpoint::{EndpointLog, Place};

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

/// What the calls of a tick came to, for a variant.
struct Tick {
    at: Timestamp,
    counts: Counts,
    ranges: Ranges,
    instances: u64,
}

impl Tick {
    /// The metrics that AWS shows of it.
    fn shown(&self) -> [(&'static str, Point); 7] {
        let Counts { client_errors, server_errors, model_micros, overhead_micros, .. } =
            self.counts;
        [
            ("Invocations", self.each(1.0)),
            ("InvocationsPerInstance", self.each(1.0 / float(self.instances.max(1)))),
            ("Invocation4XXErrors", self.some(client_errors)),
            ("Invocation5XXErrors", self.some(server_errors)),
            ("InvocationModelErrors", self.some(client_errors + server_errors)),
            ("ModelLatency", self.times(model_micros, self.ranges.model)),
            ("OverheadLatency", self.times(overhead_micros, self.ranges.overhead)),
        ]
    }

    fn calls(&self) -> f64 {
        float(self.counts.invocations.max(1))
    }

    /// Every call is worth the same.
    fn each(&self, value: f64) -> Point {
        let count = self.calls();
        Point { at: self.at, sum: value * count, count, min: value, max: value }
    }

    /// So many calls are worth 1, the others nothing.
    fn some(&self, sum: u64) -> Point {
        let (sum, count) = (float(sum), self.calls());
        let min = if sum < count { 0.0 } else { 1.0 };
        Point { at: self.at, sum, count, min, max: sum.min(1.0) }
    }

    /// Times. Of a call that was counted while the meter was read its range may be told one tick
    /// later; then the mean stands for it.
    fn times(&self, sum: u64, range: Option<Range>) -> Point {
        let (sum, count) = (float(sum), self.calls());
        let (min, max) = range.map_or((sum / count, sum / count), |Range { least, most }| {
            (float(least), float(most))
        });
        Point { at: self.at, sum, count, min, max }
    }
}

/// A meter, and what it said at the last reading.
struct Reading {
    owner: Owner,
    endpoint: Arc<str>,
    id: Id,
    variant: Arc<str>,
    instances: u64,
    meter: Arc<Meter>,
    before: Counts,
}

impl Reading {
    fn new(key: &RouteKey, id: Id, variant: &RouteVariant) -> Self {
        Self {
            owner: Owner::new(key.account.clone(), key.region.clone(), ""),
            endpoint: key.endpoint.clone(),
            id,
            variant: variant.name.clone(),
            instances: variant.instances,
            meter: variant.meter.clone(),
            before: Counts::default(),
        }
    }

    fn place(&self) -> Place<'_> {
        let Self { owner, endpoint, id, variant, .. } = self;
        Place { owner, endpoint, id: *id, variant }
    }

    /// What came since the last reading, if anything did.
    fn tick(&mut self, at: Timestamp) -> Option<Tick> {
        let now = self.meter.read();
        let counts = since(now, self.before);
        self.before = now;
        let tick =
            || Tick { at, counts, ranges: self.meter.take_ranges(), instances: self.instances };
        (counts != Counts::default()).then(tick)
    }
}

/// Reads meters.
pub struct MeterReader {
    routes: Arc<Routes>,
    metrics: Arc<dyn Metrics>,
    log: EndpointLog,
    /// Every meter that somebody counts on, by its address: its reading holds it, so no other meter
    /// has that address.
    read: HashMap<usize, Reading>,
}

impl MeterReader {
    /// A reader of these routes.
    #[must_use]
    pub fn new(routes: Arc<Routes>, metrics: Arc<dyn Metrics>, logs: Arc<dyn Logs>) -> Self {
        Self { routes, metrics, log: EndpointLog(logs), read: HashMap::new() }
    }

    /// Reads until `stop` says so, and once more then.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                _ = stop.changed() => {}
            }
            self.tick(Timestamp::now()).await;
        }
    }

    async fn tick(&mut self, now: Timestamp) {
        self.look();
        // Asked before the meters are read: what is counted last is read too.
        let alone = |reading: &Reading| Arc::strong_count(&reading.meter) == 1;
        let over: Vec<usize> =
            self.read.iter().filter(|(_, reading)| alone(reading)).map(|(at, _)| *at).collect();
        for reading in self.read.values_mut() {
            if let Some(tick) = reading.tick(now) {
                put(&*self.metrics, reading, &tick).await;
            }
            let refusals = reading.meter.take_refusals();
            self.log.refusals(reading.place(), refusals).await;
        }
        for address in over {
            self.read.remove(&address);
        }
    }

    /// Takes up what is in service now.
    fn look(&mut self) {
        for (key, entry) in self.routes.all().iter() {
            let Route::Live(live) = &*entry.route else { continue };
            for variant in &live.variants {
                let address = Arc::as_ptr(&variant.meter).addr();
                let reading = self.read.entry(address);
                reading.or_insert_with(|| Reading::new(key, entry.id, variant)).instances =
                    variant.instances;
            }
        }
    }
}

async fn put(metrics: &dyn Metrics, reading: &Reading, tick: &Tick) {
    let Reading { owner, endpoint, variant, .. } = reading;
    let name = |name: &str| MetricName {
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
        dimensions: vec![
            ("EndpointName".to_owned(), endpoint.to_string()),
            ("VariantName".to_owned(), variant.to_string()),
        ],
    };
    let points = tick.shown().map(|(metric, point)| (name(metric), point)).to_vec();
    if let Err(error) = metrics.put(owner, points).await {
        warn!(%endpoint, error = ?error, "invocation metrics are lost");
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a second fit 53 bits")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use platform::{
        routes::{Entry, Live},
        scorer::{Invocation, Rejection, Reply, Scorer},
        telemetry::{EventQuery, StreamName, memory::Memory},
    };
    use types::Id;

    use super::*;

    struct Silent;

    impl Scorer for Silent {
        fn invoke(&self, _: Invocation<'_>) -> Result<Reply, Rejection> {
            Err(Rejection { status: 500, message: String::new() })
        }
    }

    struct Stage {
        routes: Arc<Routes>,
        metrics: Arc<Memory>,
        reader: MeterReader,
    }

    fn key() -> RouteKey {
        RouteKey { account: "1".into(), region: "r".into(), endpoint: "e".into() }
    }

    impl Stage {
        fn new() -> Self {
            let (routes, metrics) = (Arc::<Routes>::default(), Arc::<Memory>::default());
            let reader = MeterReader::new(routes.clone(), metrics.clone(), metrics.clone());
            Self { routes, metrics, reader }
        }

        /// Puts an endpoint in service whose one variant stands on two instances.
        fn serve(&self, meter: &Arc<Meter>) {
            let variant = RouteVariant {
                name: "v".into(),
                weight: 1.0,
                instances: 2,
                scorer: Arc::new(Silent),
                meter: meter.clone(),
            };
            let route = Arc::new(Route::Live(Live::new("arn".into(), vec![variant])));
            let entry = Entry { id: Id::random(), route };
            assert!(self.routes.publish(&key(), self.routes.holder(&key()), &entry));
        }

        async fn tick(&mut self) {
            self.reader.tick(Timestamp::from_micros(1)).await;
        }

        async fn points(&self, metric: &str) -> Vec<Point> {
            let name = MetricName {
                namespace: NAMESPACE.into(),
                name: metric.into(),
                dimensions: vec![
                    ("EndpointName".into(), "e".into()),
                    ("VariantName".into(), "v".into()),
                ],
            };
            let owner = Owner::new("1", "r", "");
            let (from, until) = (Timestamp::from_micros(0), Timestamp::from_micros(2));
            self.metrics.points(&owner, &name, from, until).await.unwrap()
        }
    }

    fn call(model_micros: u64) -> Counts {
        Counts { invocations: 1, model_micros, ..Counts::default() }
    }

    #[tokio::test]
    async fn a_name_that_comes_back_with_another_meter_is_read_on() {
        let mut stage = Stage::new();
        let (old, new) = (Arc::<Meter>::default(), Arc::<Meter>::default());
        stage.serve(&old);
        old.count(call(1));
        stage.tick().await;
        stage.serve(&new);
        // A call that began before ends after.
        old.count(call(1));
        new.count(call(1));
        stage.tick().await;
        drop(old);
        stage.tick().await;
        assert_eq!(stage.reader.read.len(), 1);
        let points = stage.points("Invocations").await;
        let sums: Vec<_> = points.iter().map(|point| point.sum.to_string()).collect();
        assert_eq!(sums, ["1", "1", "1"]);
    }

    #[tokio::test]
    async fn a_point_tells_the_extremes_of_single_calls() {
        let mut stage = Stage::new();
        let meter = Arc::<Meter>::default();
        stage.serve(&meter);
        for micros in [10, 900] {
            meter.count(call(micros));
        }
        meter.count(Counts { client_errors: 1, ..call(20) });
        stage.tick().await;
        for (metric, sum, min, max) in [
            ("Invocations", 3.0, 1.0, 1.0),
            ("InvocationsPerInstance", 1.5, 0.5, 0.5),
            ("Invocation4XXErrors", 1.0, 0.0, 1.0),
            ("Invocation5XXErrors", 0.0, 0.0, 0.0),
            ("InvocationModelErrors", 1.0, 0.0, 1.0),
            ("ModelLatency", 930.0, 10.0, 900.0),
        ] {
            let at = Timestamp::from_micros(1);
            let expected = Point { at, sum, count: 3.0, min, max };
            assert_eq!(stage.points(metric).await, [expected], "{metric}");
        }
    }

    #[tokio::test]
    async fn what_a_model_refused_stands_in_its_endpoints_log() {
        let mut stage = Stage::new();
        let meter = Arc::<Meter>::default();
        stage.serve(&meter);
        meter.count(Counts { client_errors: 1, ..call(1) });
        meter.refuse(&Rejection { status: 415, message: "no".into() });
        stage.tick().await;
        // What was told is not told again.
        meter.count(call(1));
        stage.tick().await;
        let owner = Owner::new("1", "r", "");
        let group = "/aws/sagemaker/Endpoints/e";
        let streams = stage.metrics.streams(&owner, group, "v/i-", None, 9).await.unwrap().unwrap();
        let stream = StreamName { group: group.into(), stream: streams[0].name.clone() };
        let whole = EventQuery::first(9);
        let read = stage.metrics.events(&owner, &stream, &whole).await.unwrap().unwrap();
        let lines: Vec<_> = read.events.iter().map(|event| &*event.message).collect();
        assert_eq!(lines, ["\"POST /invocations HTTP/1.1\" 415: no"]);
    }
}
