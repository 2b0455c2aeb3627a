//! What calls of a variant came to, counted for each core; telemetry reads it.
//!
//! Counts only grow, and readers take differences. The shortest and the longest time are those
//! since the last reading, so there is one reader of them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::refusals::{Inbox, Refusals};
use crate::{per_core::PerCore, scorer::Rejection};

/// What calls of one variant came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls.
    pub invocations: u64,
    /// Calls that the model or the request failed with 4xx.
    pub client_errors: u64,
    /// Calls that failed with 5xx.
    pub server_errors: u64,
    /// Time in the model, microseconds, over all calls.
    pub model_micros: u64,
    /// Time in us around the model, microseconds, over all calls.
    pub overhead_micros: u64,
}

/// The shortest and the longest of some times, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The shortest.
    pub least: u64,
    /// The longest.
    pub most: u64,
}

/// The ranges of the times of some calls; `None` where there was no call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// Of [`Counts::model_micros`].
    pub model: Option<Range>,
    /// Of [`Counts::overhead_micros`].
    pub overhead: Option<Range>,
}

/// Counts of one variant since its start, and what it refused last.
#[derive(Debug, Default)]
pub struct Meter {
    counters: PerCore<Counters>,
    refusals: Inbox,
}

#[derive(Debug, Default)]
struct Counters {
    invocations: AtomicU64,
    client_errors: AtomicU64,
    server_errors: AtomicU64,
    model_micros: AtomicU64,
    overhead_micros: AtomicU64,
    model: Extremes,
    overhead: Extremes,
}

impl Counters {
    fn each(&self) -> [&AtomicU64; 5] {
        let Self {
            invocations, client_errors, server_errors, model_micros, overhead_micros, ..
        } = self;
        [invocations, client_errors, server_errors, model_micros, overhead_micros]
    }
}

impl Counts {
    fn each(self) -> [u64; 5] {
        let Self { invocations, client_errors, server_errors, model_micros, overhead_micros } =
            self;
        [invocations, client_errors, server_errors, model_micros, overhead_micros]
    }
}

/// The least and the most since they were last taken.
#[derive(Debug)]
struct Extremes {
    least: AtomicU64,
    most: AtomicU64,
}

impl Default for Extremes {
    fn default() -> Self {
        Self { least: AtomicU64::new(u64::MAX), most: AtomicU64::new(0) }
    }
}

impl Extremes {
    /// Writes only where something is new, which is seldom.
    fn add(&self, value: u64) {
        if value < self.least.load(Ordering::Relaxed) {
            self.least.fetch_min(value, Ordering::Relaxed);
        }
        if value > self.most.load(Ordering::Relaxed) {
            self.most.fetch_max(value, Ordering::Relaxed);
        }
    }

    /// A call that is added meanwhile may tell this reader the one and the next reader the other.
    fn take(&self) -> Option<Range> {
        let least = self.least.swap(u64::MAX, Ordering::Relaxed);
        let most = self.most.swap(0, Ordering::Relaxed);
        (least <= most).then_some(Range { least, most })
    }
}

fn wider(one: Option<Range>, other: Option<Range>) -> Option<Range> {
    match (one, other) {
        (Some(one), Some(other)) => {
            Some(Range { least: one.least.min(other.least), most: one.most.max(other.most) })
        }
        (one, other) => one.or(other),
    }
}

impl Meter {
    /// Adds a call.
    pub fn count(&self, call: Counts) {
        let counters = self.counters.mine();
        for (counter, more) in counters.each().into_iter().zip(call.each()) {
            if more > 0 {
                counter.fetch_add(more, Ordering::Relaxed);
            }
        }
        counters.model.add(call.model_micros);
        counters.overhead.add(call.overhead_micros);
    }

    /// Notes what the model refused; the call is counted by itself.
    pub fn refuse(&self, rejection: &Rejection) {
        self.refusals.add(rejection);
    }

    /// What was refused since this was last asked.
    #[must_use]
    pub fn take_refusals(&self) -> Refusals {
        self.refusals.take()
    }

    /// All calls so far.
    #[must_use]
    pub fn read(&self) -> Counts {
        let mut sums = [0; 5];
        for counters in self.counters.all() {
            for (sum, counter) in sums.iter_mut().zip(counters.each()) {
                *sum += counter.load(Ordering::Relaxed);
            }
        }
        let [invocations, client_errors, server_errors, model_micros, overhead_micros] = sums;
        Counts { invocations, client_errors, server_errors, model_micros, overhead_micros }
    }

    /// The ranges of the calls since this was last asked.
    #[must_use]
    pub fn take_ranges(&self) -> Ranges {
        self.counters.all().fold(Ranges::default(), |ranges, counters| Ranges {
            model: wider(ranges.model, counters.model.take()),
            overhead: wider(ranges.overhead, counters.overhead.take()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_add_up() {
        let meter = Meter::default();
        let call = Counts { invocations: 1, model_micros: 7, ..Counts::default() };
        meter.count(call);
        meter.count(Counts { client_errors: 1, ..call });
        let sum =
            Counts { invocations: 2, client_errors: 1, model_micros: 14, ..Counts::default() };
        assert_eq!(meter.read(), sum);
    }

    #[test]
    fn ranges_are_of_the_calls_since_the_last_reading() {
        let meter = Meter::default();
        assert_eq!(meter.take_ranges(), Ranges::default());
        std::thread::scope(|scope| {
            let meter = &meter;
            for model_micros in [5, 900, 30] {
                let call = Counts { invocations: 1, model_micros, ..Counts::default() };
                scope.spawn(move || meter.count(call));
            }
        });
        let ranges = meter.take_ranges();
        assert_eq!(ranges.model, Some(Range { least: 5, most: 900 }));
        assert_eq!(ranges.overhead, Some(Range { least: 0, most: 0 }));
        assert_eq!(meter.take_ranges(), Ranges::default());
    }
}
