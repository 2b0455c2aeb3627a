//! The server's own numbers, as Prometheus text.
//!
//! Labels are names from our tables, never text from a request, so that no client can make series.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use platform::per_core::PerCore;

/// `Content-Type` of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What requests are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// `sagemaker`.
    pub service: &'static str,
    /// `CreateTrainingJob`.
    pub operation: &'static str,
    /// HTTP status; 499 where the client left before an answer.
    pub status: u16,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    count: u64,
    micros: u64,
}

impl Tally {
    fn add(&mut self, more: Self) {
        self.count += more.count;
        self.micros = self.micros.saturating_add(more.micros);
    }
}

/// All counts since the start.
#[derive(Default)]
pub struct Metrics {
    /// Each core has its own, so that none waits for another.
    requests: PerCore<Mutex<BTreeMap<Series, Tally>>>,
    /// Requests begun less those ended, on each core: a request may end on another.
    in_flight: PerCore<AtomicI64>,
    /// Connections open.
    pub connections: AtomicI64,
    /// Connections refused for their number.
    pub refused_connections: AtomicU64,
    /// Tunnels refused.
    pub refused_tunnels: AtomicU64,
    /// Panics caught in handlers and scorers. Must stay 0.
    pub panics: AtomicU64,
    /// Blobs whose bytes are not what was written. Counted by the store.
    pub damaged_blobs: Arc<AtomicU64>,
}

impl Metrics {
    /// Nothing counted yet, beside the blobs that the store counts.
    #[must_use]
    pub fn beside(damaged_blobs: Arc<AtomicU64>) -> Self {
        Self { damaged_blobs, ..Self::default() }
    }

    /// A request has begun.
    pub fn begun(&self) {
        self.in_flight.mine().fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that has ended.
    pub fn ended(&self, series: Series, took: Duration) {
        self.in_flight.mine().fetch_sub(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut requests = self.requests.mine().lock().unwrap_or_else(PoisonError::into_inner);
        requests.entry(series).or_default().add(Tally { count: 1, micros });
    }

    fn requests(&self) -> BTreeMap<Series, Tally> {
        let mut all = BTreeMap::<Series, Tally>::new();
        for requests in self.requests.all() {
            for (series, tally) in &*requests.lock().unwrap_or_else(PoisonError::into_inner) {
                all.entry(*series).or_default().add(*tally);
            }
        }
        all
    }

    /// Prometheus text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let requests = self.requests();
        writeln!(text, "# TYPE sagewright_requests_total counter")?;
        for (series, tally) in &requests {
            let labels = Labels(*series);
            writeln!(text, "sagewright_requests_total{{{labels}}} {}", tally.count)?;
        }
        writeln!(text, "# TYPE sagewright_request_duration_seconds summary")?;
        for (series, Tally { count, micros }) in &requests {
            let (labels, name) = (Labels(*series), "sagewright_request_duration_seconds");
            let (whole, part) = (micros / 1_000_000, micros % 1_000_000);
            writeln!(text, "{name}_sum{{{labels}}} {whole}.{part:06}")?;
            writeln!(text, "{name}_count{{{labels}}} {count}")?;
        }
        let in_flight: i64 = self.in_flight.all().map(|some| some.load(Ordering::Relaxed)).sum();
        let connections = self.connections.load(Ordering::Relaxed);
        for (name, gauge) in [("in_flight_requests", in_flight), ("connections", connections)] {
            writeln!(text, "# TYPE sagewright_{name} gauge")?;
            writeln!(text, "sagewright_{name} {gauge}")?;
        }
        for (name, counter) in [
            ("refused_connections_total", &self.refused_connections),
            ("refused_tunnels_total", &self.refused_tunnels),
            ("panics_total", &self.panics),
        ] {
            writeln!(text, "# TYPE sagewright_{name} counter")?;
            writeln!(text, "sagewright_{name} {}", counter.load(Ordering::Relaxed))?;
        }
        writeln!(text, "# TYPE sagewright_objects_damaged_blobs gauge")?;
        let damaged = self.damaged_blobs.load(Ordering::Relaxed);
        writeln!(text, "sagewright_objects_damaged_blobs {damaged}")
    }
}

struct Labels(Series);

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Series { service, operation, status } = self.0;
        write!(f, r#"service="{service}",operation="{operation}",status="{status}""#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_service_operation_and_status() {
        let metrics = Metrics::beside(Arc::new(AtomicU64::new(3)));
        let series = Series { service: "sts", operation: "GetCallerIdentity", status: 200 };
        std::thread::scope(|scope| {
            for millis in [1_500, 250] {
                metrics.begun();
                let metrics = &metrics;
                scope.spawn(move || metrics.ended(series, Duration::from_millis(millis)));
            }
        });
        let text = metrics.render();
        let labels = r#"{service="sts",operation="GetCallerIdentity",status="200"}"#;
        assert!(text.contains(&format!("sagewright_requests_total{labels} 2\n")), "{text}");
        let sum = format!("sagewright_request_duration_seconds_sum{labels} 1.750000\n");
        assert!(text.contains(&sum), "{text}");
        assert!(text.contains("sagewright_in_flight_requests 0\n"), "{text}");
        assert!(text.contains("sagewright_objects_damaged_blobs 3\n"), "{text}");
    }
}
