//! Carries what workloads write into log streams and metrics.
//!
//! Every 100 ms all followed outputs are read and appended in one commit, together with how far
//! they were read; so a restart neither loses nor repeats a line. A line that has not ended yet
//! waits, unless its process has.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use platform::{
    executor::{Executor, ExecutorError},
    follow::{FinalMetric, Follow, Source},
    store::StoreError,
    telemetry::{Append, LogEvent, Logs, MetricName, Metrics, Point},
};
use regex::Regex;
use tokio::sync::{Notify, watch};
use tracing::warn;
use types::{Id, Timestamp};

/// How often outputs are read: one commit each time.
const TICK: Duration = Duration::from_millis(100);
/// The most that is read of one output at once, bytes.
const CHUNK: usize = 1 << 20;
/// CloudWatch Logs' largest event is 256 KiB (its quotas page); longer lines are cut into events.
const LONGEST_EVENT: usize = 256 * 1024;

/// Follows the outputs of an executor.
pub struct Follower {
    executor: Arc<dyn Executor>,
    logs: Arc<dyn Logs>,
    metrics: Arc<dyn Metrics>,
    followed: Mutex<BTreeMap<(Id, String), Arc<Followed>>>,
    /// One pass at a time, so that a cursor has one writer.
    pass: tokio::sync::Mutex<()>,
    wake: Notify,
}

struct Followed {
    source: Source,
    patterns: Vec<(String, Regex)>,
}

impl Follower {
    /// A follower of this executor.
    #[must_use]
    pub fn new(
        executor: Arc<dyn Executor>,
        logs: Arc<dyn Logs>,
        metrics: Arc<dyn Metrics>,
    ) -> Arc<Self> {
        let (followed, pass, wake) = Default::default();
        Arc::new(Self { executor, logs, metrics, followed, pass, wake })
    }

    /// Follows until `stop` says so.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let idle = self.all().is_empty();
            tokio::select! {
                () = self.wake.notified(), if idle => {}
                () = tokio::time::sleep(TICK), if !idle => {}
                _ = stop.changed() => {}
            }
            let _one = self.pass.lock().await;
            // Taken under the lock: what was drained meanwhile is followed no more, and another run
            // of the same job may write by now.
            if let Err(error) = self.carry(&self.all(), Tail::MayGrow).await {
                warn!(error = ?error, "outputs could not be carried into logs");
            }
        }
    }

    fn all(&self) -> Vec<Arc<Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Carries a chunk of each output, and says whether anything was new.
    async fn carry(&self, followed: &[Arc<Followed>], tail: Tail) -> Result<bool, StoreError> {
        let mut appends = Vec::new();
        for one in followed {
            let Some(append) = self.read(&one.source, tail).await? else { continue };
            let points = one.points(&append.events);
            if !points.is_empty() {
                self.metrics.put(&one.source.owner, points).await?;
            }
            appends.push(append);
        }
        let news = !appends.is_empty();
        if news {
            self.logs.append(appends).await?;
        }
        Ok(news)
    }

    /// The lines that an output has beyond its cursor.
    async fn read(&self, source: &Source, tail: Tail) -> Result<Option<Append>, StoreError> {
        let cursor = self.logs.cursor(&source.owner, &source.stream).await?;
        let chunk = match self.executor.log(source.id, &source.host, cursor, CHUNK).await {
            Ok(chunk) => chunk,
            // Not laid out yet, or forgotten after it was drained.
            Err(ExecutorError::Absent(_)) => return Ok(None),
            Err(error) => return Err(StoreError::new(error)),
        };
        let whole = match (chunk.bytes.iter().rposition(|byte| *byte == b'\n'), tail) {
            (Some(end), _) => end + 1,
            (None, Tail::Whole) => chunk.bytes.len(),
            (None, Tail::MayGrow) if chunk.bytes.len() >= LONGEST_EVENT => chunk.bytes.len(),
            (None, Tail::MayGrow) => 0,
        };
        if whole == 0 {
            return Ok(None);
        }
        Ok(Some(Append {
            owner: source.owner.clone(),
            stream: source.stream.clone(),
            events: events(&chunk.bytes[..whole], Timestamp::now()),
            cursor: cursor + whole as u64,
        }))
    }
}

impl Followed {
    fn new(source: Source) -> Self {
        // A definition that does not compile was refused with its job; one of an older record that
        // does not is left out rather than losing the log.
        let pattern = |definition: &platform::algorithm::MetricDefinition| {
            Regex::new(&definition.regex).ok().map(|regex| (definition.name.clone(), regex))
        };
        let patterns = source.metrics.iter().filter_map(pattern).collect();
        Self { source, patterns }
    }

    /// What the definitions find in these lines.
    fn points(&self, events: &[LogEvent]) -> Vec<(MetricName, Point)> {
        let found = |event: &LogEvent, (name, regex): &(String, Regex)| {
            let value = leading_number(regex.captures(&event.message)?.get(1)?.as_str())?;
            let series = MetricName { name: name.clone(), ..self.source.series.clone() };
            Some((series, Point::single(event.at, value)))
        };
        let of = |event| self.patterns.iter().filter_map(move |pattern| found(event, pattern));
        events.iter().flat_map(of).collect()
    }
}

/// Whether an output may still grow, so that a line without its end is left for later.
#[derive(Clone, Copy)]
enum Tail {
    MayGrow,
    Whole,
}

/// The events of whole lines, as AWS's log agent writes them: a tab is `#011`.
fn events(lines: &[u8], at: Timestamp) -> Vec<LogEvent> {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    let event = |line: &[u8]| LogEvent {
        at,
        ingested: at,
        message: String::from_utf8_lossy(line).replace('\t', "#011"),
    };
    lines.split(|byte| *byte == b'\n').flat_map(pieces).map(event).collect()
}

#[async_trait]
impl Follow for Follower {
    async fn follow(&self, source: Source) -> Result<(), StoreError> {
        let key = (source.id, source.host.clone());
        if self.followed.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&key) {
            return Ok(());
        }
        let (owner, stream) = (source.owner.clone(), source.stream.clone());
        self.logs.append(vec![Append { owner, stream, events: Vec::new(), cursor: 0 }]).await?;
        let followed = Arc::new(Followed::new(source));
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).insert(key, followed);
        self.wake.notify_one();
        Ok(())
    }

    async fn drain(&self, sources: &[Source]) -> Result<Vec<FinalMetric>, StoreError> {
        let followed: Vec<_> = sources.iter().cloned().map(Followed::new).map(Arc::new).collect();
        {
            let _one = self.pass.lock().await;
            while self.carry(&followed, Tail::Whole).await? {}
        }
        self.leave(sources);
        let mut finals = Vec::new();
        for one in &followed {
            // Hosts of one job report to the same series.
            for found in self.finals(one).await? {
                if finals.iter().all(|known: &FinalMetric| known.name != found.name) {
                    finals.push(found);
                }
            }
        }
        Ok(finals)
    }
}

impl Follower {
    fn leave(&self, sources: &[Source]) {
        let mut table = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        table.retain(|(id, _), _| sources.iter().all(|source| source.id != *id));
    }

    /// The last value of each metric that was found at all.
    async fn finals(&self, one: &Followed) -> Result<Vec<FinalMetric>, StoreError> {
        let mut finals = Vec::new();
        for (name, _) in &one.patterns {
            let series = MetricName { name: name.clone(), ..one.source.series.clone() };
            let (from, until) = (Timestamp::from_micros(0), Timestamp::from_micros(i64::MAX));
            let points = self.metrics.points(&one.source.owner, &series, from, until).await?;
            let last = points.last().map(|point| (point.max, point.at));
            finals.extend(last.map(|(value, at)| FinalMetric { name: name.clone(), value, at }));
        }
        Ok(finals)
    }
}

/// The number that a text begins with. The usual `(\S+)` takes more than the number where metrics
/// share a line, for between them stands `#011` and no space. `nan` and `inf`, which XGBoost prints of
/// an AUC on a single class, say, are no values of a metric: CloudWatch takes none, and JSON has none.
fn leading_number(text: &str) -> Option<f64> {
    let number = |letter: char| matches!(letter, '0'..='9' | '+' | '-' | '.' | 'e' | 'E');
    let end = text.find(|letter| !number(letter)).unwrap_or(text.len());
    text[..end].parse().ok().filter(|value: &f64| value.is_finite())
}

/// A line in pieces that are events each.
fn pieces(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // An empty line is an event too.
    let empty = line.is_empty().then_some(line);
    empty.into_iter().chain(line.chunks(LONGEST_EVENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &[u8]) -> Vec<String> {
        events(text, Timestamp::default()).into_iter().map(|event| event.message).collect()
    }

    #[test]
    fn a_line_is_an_event_and_a_tab_is_written_as_aws_writes_it() {
        assert_eq!(
            messages(b"[0]\ttrain-rmse:1.5\r\n\nend\n"),
            ["[0]#011train-rmse:1.5", "", "end"]
        );
        assert_eq!(messages(b"no end"), ["no end"]);
    }

    #[test]
    fn a_metric_is_the_number_that_its_group_begins_with() {
        assert_eq!(leading_number("1.25702#011validation-rmse:2.5"), Some(1.25702));
        assert_eq!(leading_number("-1e-5,"), Some(-1e-5));
        for none in ["nan", "inf#011validation-mape:inf", "-inf", "1e999", "none"] {
            assert_eq!(leading_number(none), None, "{none}");
        }
    }

    #[test]
    fn a_line_longer_than_an_event_becomes_several() {
        let line = vec![b'x'; LONGEST_EVENT + 1];
        let lengths: Vec<_> = messages(&line).iter().map(String::len).collect();
        assert_eq!(lengths, [LONGEST_EVENT, 1]);
    }
}
