//! Logs and metrics in memory, for the tests of services.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use types::{Owner, Timestamp};

use super::{
    Append, EventQuery, Events, LogEvent, LogGroup, LogStream, Logs, MetricName, Metrics, Point,
    StreamName,
};
use crate::store::StoreError;

/// [`Logs`] and [`Metrics`] that are forgotten when it is dropped.
#[derive(Default)]
pub struct Memory {
    groups: Mutex<BTreeMap<Name, Group>>,
    metrics: Mutex<BTreeMap<(Place, MetricName), Vec<Point>>>,
}

/// Account and region: what logs and metrics belong to.
type Place = (Arc<str>, Arc<str>);
type Name = (Place, String);

struct Group {
    created: Timestamp,
    stored_bytes: u64,
    streams: BTreeMap<String, Stream>,
}

struct Stream {
    created: Timestamp,
    cursor: u64,
    events: Vec<LogEvent>,
}

fn place(owner: &Owner) -> Place {
    (owner.account.clone(), owner.region.clone())
}

fn name(owner: &Owner, group: &str) -> Name {
    (place(owner), group.to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Group {
    fn new() -> Self {
        Self { created: Timestamp::now(), stored_bytes: 0, streams: BTreeMap::new() }
    }

    fn append(&mut self, Append { stream, events, cursor, .. }: Append) {
        let stream = self.streams.entry(stream.stream).or_insert_with(Stream::new);
        if cursor > stream.cursor {
            stream.cursor = cursor;
            self.stored_bytes += events.iter().map(LogEvent::weight).sum::<u64>();
            stream.events.extend(events);
        }
    }
}

impl Stream {
    fn new() -> Self {
        Self { created: Timestamp::now(), cursor: 0, events: Vec::new() }
    }

    fn show(&self, name: &str) -> LogStream {
        LogStream {
            name: name.to_owned(),
            created: self.created,
            first_event: self.events.first().map(|event| event.at),
            last_event: self.events.last().map(|event| event.at),
            last_ingestion: self.events.last().map(|event| event.ingested),
        }
    }

    fn read(&self, query: &EventQuery) -> Events {
        let after = query.after.unwrap_or(0);
        let in_reach =
            |position: u64| position > after && query.before.is_none_or(|before| position < before);
        let older = |event: &LogEvent| query.from.is_some_and(|from| event.at < from);
        let newer = |event: &LogEvent| query.until.is_some_and(|until| event.at >= until);
        let reachable = (1..).zip(&self.events).filter(|(position, _)| in_reach(*position));

        let mut matching: Vec<_> =
            reachable.clone().filter(|(_, event)| !older(event) && !newer(event)).collect();
        if query.from_head {
            matching.truncate(query.limit);
        } else {
            matching.drain(..matching.len().saturating_sub(query.limit));
        }
        let events = matching.iter().map(|(_, event)| (*event).clone()).collect();
        let ends = matching.first().zip(matching.last()).map(|(first, last)| (first.0, last.0));
        let passed = reachable.filter(|(_, event)| older(event)).map(|(position, _)| position);
        let behind = passed.max().unwrap_or(after);
        let (first, last) = ends.unwrap_or((behind.saturating_add(1), behind));
        Events { events, first, last }
    }
}

fn follows(name: &str, prefix: &str, after: Option<&str>) -> bool {
    name.starts_with(prefix) && after.is_none_or(|after| name > after)
}

#[async_trait]
impl Logs for Memory {
    async fn create_group(&self, owner: &Owner, group: &str) -> Result<bool, StoreError> {
        let mut groups = lock(&self.groups);
        let new = !groups.contains_key(&name(owner, group));
        groups.entry(name(owner, group)).or_insert_with(Group::new);
        Ok(new)
    }

    async fn delete_group(&self, owner: &Owner, group: &str) -> Result<bool, StoreError> {
        Ok(lock(&self.groups).remove(&name(owner, group)).is_some())
    }

    async fn append(&self, appends: Vec<Append>) -> Result<(), StoreError> {
        let mut groups = lock(&self.groups);
        for append in appends {
            let name = name(&append.owner, &append.stream.group);
            groups.entry(name).or_insert_with(Group::new).append(append);
        }
        Ok(())
    }

    async fn cursor(&self, owner: &Owner, stream: &StreamName) -> Result<u64, StoreError> {
        let groups = lock(&self.groups);
        let group = groups.get(&name(owner, &stream.group));
        let stream = group.and_then(|group| group.streams.get(&stream.stream));
        Ok(stream.map_or(0, |stream| stream.cursor))
    }

    async fn groups(
        &self,
        owner: &Owner,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LogGroup>, StoreError> {
        let groups = lock(&self.groups);
        let chosen = groups
            .iter()
            .filter(|((at, name), _)| *at == place(owner) && follows(name, prefix, after));
        let shown = chosen.map(|((_, name), group)| LogGroup {
            name: name.clone(),
            created: group.created,
            stored_bytes: group.stored_bytes,
        });
        Ok(shown.take(limit).collect())
    }

    async fn streams(
        &self,
        owner: &Owner,
        group: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Vec<LogStream>>, StoreError> {
        let groups = lock(&self.groups);
        let shown = groups.get(&name(owner, group)).map(|group| {
            let chosen = group.streams.iter().filter(|(name, _)| follows(name, prefix, after));
            chosen.map(|(name, stream)| stream.show(name)).take(limit).collect()
        });
        Ok(shown)
    }

    async fn events(
        &self,
        owner: &Owner,
        stream: &StreamName,
        query: &EventQuery,
    ) -> Result<Option<Events>, StoreError> {
        let groups = lock(&self.groups);
        let group = groups.get(&name(owner, &stream.group));
        let stream = group.and_then(|group| group.streams.get(&stream.stream));
        Ok(stream.map(|stream| stream.read(query)))
    }
}

#[async_trait]
impl Metrics for Memory {
    async fn put(&self, owner: &Owner, points: Vec<(MetricName, Point)>) -> Result<(), StoreError> {
        let mut metrics = lock(&self.metrics);
        for (name, point) in points {
            metrics.entry((place(owner), name)).or_default().push(point);
        }
        Ok(())
    }

    async fn points(
        &self,
        owner: &Owner,
        metric: &MetricName,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Point>, StoreError> {
        let metrics = lock(&self.metrics);
        let points = metrics.get(&(place(owner), metric.clone())).into_iter().flatten();
        let within = points.filter(|point| from <= point.at && point.at < until);
        let mut chosen: Vec<_> = within.cloned().collect();
        chosen.sort_by_key(|point| point.at);
        Ok(chosen)
    }

    async fn list(
        &self,
        owner: &Owner,
        namespace: Option<&str>,
        after: Option<&MetricName>,
        limit: usize,
    ) -> Result<Vec<MetricName>, StoreError> {
        let metrics = lock(&self.metrics);
        let of_owner = metrics.keys().filter(|(at, _)| *at == place(owner)).map(|(_, name)| name);
        let chosen = of_owner
            .filter(|name| namespace.is_none_or(|namespace| name.namespace == namespace))
            .filter(|name| after.is_none_or(|after| *name > after));
        Ok(chosen.take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::suite;

    #[tokio::test]
    async fn memory_keeps_logs_and_metrics() {
        suite::run(async || Memory::default()).await;
    }
}
