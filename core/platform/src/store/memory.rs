//! A store in memory, for the tests of services.
//!
//! Each commit works on a copy of everything, which is then put in place of the original: simple
//! and all-or-nothing, but nothing for large numbers.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::watch;
use types::{Id, Timestamp};

use super::{
    Claim, Conflict, Counter, Event, Key, Page, Query, Record, Required, State, Store, StoreError,
    Token, Write, mark::Mark,
};

type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// A [`Store`] that forgets everything when it is dropped.
pub struct Memory {
    stored: Mutex<Stored>,
    changed: watch::Sender<u64>,
    clock: Clock,
}

#[derive(Clone, Default)]
struct Stored {
    rows: BTreeMap<Key, Row>,
    counters: BTreeMap<Counter, u64>,
    tags: BTreeMap<(String, String), String>,
    events: Vec<Event>,
    drawn: u64,
}

#[derive(Clone)]
struct Row {
    record: Record,
    claim: Option<(Token, Timestamp)>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::with_clock(Timestamp::now)
    }
}

impl Memory {
    /// An empty store whose records carry the times that `clock` tells.
    pub fn with_clock(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let (changed, _) = watch::channel(0);
        Self { stored: Mutex::default(), changed, clock: Box::new(clock) }
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

impl Stored {
    fn apply(&mut self, write: Write, now: Timestamp) -> Result<(), Conflict> {
        match write {
            Write::Create { id, key, arn, owner, parent, state } => {
                let State { status, due, body, detail } = state;
                let (created, modified, version) = (now, now, self.draw());
                let record = Record {
                    id,
                    key,
                    arn,
                    owner,
                    parent,
                    status,
                    created,
                    modified,
                    due,
                    version,
                    body,
                };
                self.create(record, detail)
            }
            Write::Update { key, version, token, state } => {
                self.update(&key, version, token, state, now)
            }
            Write::Delete { key, version } => self.delete(&key, version, now),
            Write::Require { key, state } => self.require(key, state),
            Write::Reserve { counter, amount, limit } => self.reserve(counter, amount, limit),
            Write::Release { counter, amount } => {
                let used = self.counters.entry(counter).or_default();
                *used = used.saturating_sub(amount);
                Ok(())
            }
            Write::Tag { arn, key, value } => {
                self.tags.insert((arn, key), value);
                Ok(())
            }
            Write::Untag { arn, key } => {
                self.tags.remove(&(arn, key));
                Ok(())
            }
        }
    }

    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    fn create(&mut self, record: Record, detail: String) -> Result<(), Conflict> {
        if self.rows.contains_key(&record.key) {
            return Err(Conflict::Taken(record.key));
        }
        self.tell(&record, record.status.clone(), detail, record.created);
        self.rows.insert(record.key.clone(), Row { record, claim: None });
        Ok(())
    }

    fn update(
        &mut self,
        key: &Key,
        version: u64,
        token: Option<Token>,
        state: State,
        now: Timestamp,
    ) -> Result<(), Conflict> {
        let next = self.draw();
        let row = self.at_version(key, version)?;
        if token.is_some() && token != row.claim.map(|(holder, _)| holder) {
            return Err(Conflict::Stale(key.clone()));
        }
        let State { status, due, body, detail } = state;
        let changed = row.record.status != status;
        row.claim = None;
        row.record =
            Record { status, due, body, modified: now, version: next, ..row.record.clone() };
        if changed {
            let record = row.record.clone();
            self.tell(&record, record.status.clone(), detail, now);
        }
        Ok(())
    }

    fn delete(&mut self, key: &Key, version: u64, now: Timestamp) -> Result<(), Conflict> {
        let record = self.at_version(key, version)?.record.clone();
        self.rows.remove(key);
        self.tags.retain(|(arn, _), _| *arn != record.arn);
        self.tell(&record, String::new(), String::new(), now);
        Ok(())
    }

    fn at_version(&mut self, key: &Key, version: u64) -> Result<&mut Row, Conflict> {
        let row = self.rows.get_mut(key).filter(|row| row.record.version == version);
        row.ok_or_else(|| Conflict::Stale(key.clone()))
    }

    fn require(&self, key: Key, state: Required) -> Result<(), Conflict> {
        let version = self.rows.get(&key).map(|row| row.record.version);
        let met = match state {
            Required::Present => version.is_some(),
            Required::Version(wanted) => version == Some(wanted),
            Required::Absent => version.is_none(),
        };
        if met { Ok(()) } else { Err(Conflict::Unmet(key)) }
    }

    fn reserve(&mut self, counter: Counter, amount: u64, limit: u64) -> Result<(), Conflict> {
        let used = self.counters.get(&counter).copied().unwrap_or_default();
        match used.checked_add(amount).filter(|sum| *sum <= limit) {
            Some(sum) => {
                self.counters.insert(counter, sum);
                Ok(())
            }
            None => Err(Conflict::Limit { counter: counter.name, used, limit, asked: amount }),
        }
    }

    fn tell(&mut self, record: &Record, status: String, detail: String, at: Timestamp) {
        let (seq, id, key) = (self.draw(), record.id, record.key.clone());
        self.events.push(Event { seq, at, id, key, status, detail });
    }

    fn find(&self, wanted: impl Fn(&Record) -> bool) -> Option<Record> {
        self.records().find(|record| wanted(record)).cloned()
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        self.rows.values().map(|row| &row.record)
    }

    fn of_kinds(&mut self, kinds: &[&'static str]) -> impl Iterator<Item = &mut Row> {
        self.rows.values_mut().filter(|row| kinds.contains(&row.record.key.kind.as_ref()))
    }
}

fn matches(query: &Query, record: &Record) -> bool {
    let Key { account, region, kind, name } = &record.key;
    let after = |bound: Option<Timestamp>, at| bound.is_none_or(|bound| at > bound);
    let before = |bound: Option<Timestamp>, at| bound.is_none_or(|bound| at < bound);
    (account, region, kind) == (&query.account, &query.region, &query.kind)
        && query.name_contains.as_ref().is_none_or(|part| name.contains(part))
        && query.status.as_ref().is_none_or(|status| *status == record.status)
        && (query.parent.is_none() || query.parent == record.parent)
        && after(query.created_after, record.created)
        && before(query.created_before, record.created)
        && after(query.modified_after, record.modified)
        && before(query.modified_before, record.modified)
}

fn page(stored: &Stored, query: &Query) -> Page {
    let place = |record: &Record| Mark::of(record, query.sort_by);
    let mark = match &query.after {
        None => None,
        Some(text) => match Mark::from_text(text, query) {
            None => return Page::default(),
            mark => mark,
        },
    };
    let beyond = |record: &Record| match &mark {
        None => true,
        Some(mark) if query.descending => place(record) < *mark,
        Some(mark) => place(record) > *mark,
    };
    let chosen = stored.records().filter(|record| matches(query, record) && beyond(record));
    let mut records: Vec<_> = chosen.cloned().collect();
    records.sort_by_key(place);
    if query.descending {
        records.reverse();
    }
    let more = records.len() > query.limit;
    records.truncate(query.limit);
    let last = records.last().filter(|_| more);
    Page { next: last.map(|last| place(last).to_text(query.descending)), records }
}

#[async_trait]
impl Store for Memory {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), Conflict> {
        let now = (self.clock)();
        {
            let mut stored = self.stored();
            let mut after = stored.clone();
            for write in writes {
                after.apply(write, now)?;
            }
            *stored = after;
        }
        self.announce();
        Ok(())
    }

    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        Ok(self.stored().rows.get(key).map(|row| row.record.clone()))
    }

    async fn find(&self, id: Id) -> Result<Option<Record>, StoreError> {
        Ok(self.stored().find(|record| record.id == id))
    }

    async fn by_arn(&self, arn: &str) -> Result<Option<Record>, StoreError> {
        Ok(self.stored().find(|record| record.arn == arn))
    }

    async fn list(&self, query: &Query) -> Result<Page, StoreError> {
        Ok(page(&self.stored(), query))
    }

    async fn scan(&self, kinds: &[&'static str]) -> Result<Vec<Record>, StoreError> {
        Ok(self.stored().of_kinds(kinds).map(|row| row.record.clone()).collect())
    }

    async fn claim_due(
        &self,
        kinds: &[&'static str],
        due: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut stored = self.stored();
        let due = stored.of_kinds(kinds).filter(|row| row.record.due.is_some_and(|at| at <= due));
        let free = due.filter(|row| row.claim.is_none_or(|(_, over)| over <= now));
        Ok(free
            .map(|row| {
                let token = Token(Id::random());
                row.claim = Some((token, until));
                Claim { record: row.record.clone(), token }
            })
            .collect())
    }

    async fn touch(&self, id: Id, now: Timestamp) -> Result<(), StoreError> {
        if let Some(row) = self.stored().rows.values_mut().find(|row| row.record.id == id) {
            row.record.due = Some(now);
            row.claim = None;
        }
        self.announce();
        Ok(())
    }

    async fn next_due(&self, kinds: &[&'static str]) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.stored().of_kinds(kinds).filter_map(|row| row.record.due).min())
    }

    async fn tags(&self, arn: &str) -> Result<Vec<(String, String)>, StoreError> {
        let stored = self.stored();
        let of_arn = stored.tags.iter().filter(|((tagged, _), _)| tagged == arn);
        Ok(of_arn.map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    async fn used(&self, counter: &Counter) -> Result<u64, StoreError> {
        Ok(self.stored().counters.get(counter).copied().unwrap_or_default())
    }

    async fn events(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        let stored = self.stored();
        Ok(stored.events.iter().filter(|event| event.seq > seq).take(limit).cloned().collect())
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::suite;

    #[tokio::test]
    async fn memory_is_a_store() {
        suite::run(async || Memory::default()).await;
    }
}
