//! What the server has said, and therefore what may be found after its death.
//!
//! A key is a register that several write at once. Each write has a beginning and, once it is
//! acknowledged, an end. A value may be found unless some acknowledged write began after that value
//! had been acknowledged: then it was replaced for certain. A write that was never acknowledged may
//! be found or not.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::content::{Object, Piece};

/// A bucket and a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The bucket.
    pub bucket: &'static str,
    /// The key; letters, digits and `/-` only.
    pub key: String,
}

/// What a key may stand for; `None` is no object.
pub type Value = Option<Object>;

/// What is known of an upload in parts.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The object that it will be.
    pub name: Name,
    /// The last acknowledged part of each number.
    pub parts: BTreeMap<u32, Piece>,
    /// The part that was being sent.
    pub sending: Option<(u32, Piece)>,
    /// Whether its end was asked for, and which.
    pub ending: Option<Ending>,
}

/// How an upload ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It becomes an object.
    Completed,
    /// It is given up.
    Aborted,
}

impl Pending {
    /// The object of its acknowledged parts.
    pub fn object(&self) -> Object {
        Object::Parts(self.parts.values().copied().collect())
    }
}

/// A write that has begun.
#[derive(Clone, Debug)]
pub struct Ticket {
    name: Name,
    begun: u64,
}

struct Write {
    value: Value,
    begun: u64,
    ended: Option<u64>,
}

#[derive(Default)]
struct State {
    clock: u64,
    writes: BTreeMap<Name, Vec<Write>>,
    uploads: BTreeMap<String, Pending>,
    versions: Vec<(Name, String, Object)>,
    acknowledged: u64,
}

/// Shared by all who talk to the server.
#[derive(Default)]
pub struct Journal(Mutex<State>);

impl State {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

fn possible(writes: &[Write]) -> Vec<Value> {
    let replaced = |end: u64| writes.iter().any(|other| other.ended.is_some() && other.begun > end);
    let held = writes.iter().filter(|write| !write.ended.is_some_and(replaced));
    let mut values: Vec<Value> = held.map(|write| write.value.clone()).collect();
    if !writes.iter().any(|write| write.ended.is_some()) {
        values.push(None);
    }
    values
}

impl Journal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before a write is sent.
    pub fn begin(&self, name: &Name, value: Value) -> Ticket {
        let mut state = self.state();
        let begun = state.tick();
        let writes = state.writes.entry(name.clone()).or_default();
        writes.push(Write { value, begun, ended: None });
        Ticket { name: name.clone(), begun }
    }

    /// After a write was answered with success.
    pub fn acknowledge(&self, ticket: &Ticket) {
        let mut state = self.state();
        let now = state.tick();
        state.acknowledged += 1;
        let writes = state.writes.entry(ticket.name.clone()).or_default();
        for write in writes.iter_mut().filter(|write| write.begun == ticket.begun) {
            write.ended = Some(now);
        }
    }

    /// What a key may stand for now.
    pub fn possible(&self, name: &Name) -> Vec<Value> {
        self.state().writes.get(name).map_or_else(|| vec![None], |writes| possible(writes))
    }

    /// Everything that was ever sent for a key since it was last settled: what a read may see that
    /// other writes overtake.
    pub fn sent(&self, name: &Name) -> Vec<Value> {
        let state = self.state();
        let writes = state.writes.get(name).into_iter().flatten();
        writes.map(|write| write.value.clone()).collect()
    }

    /// The server is dead, or idle: this is what the key stands for.
    pub fn settle(&self, name: &Name, value: Value) {
        let mut state = self.state();
        let now = state.tick();
        state.writes.insert(name.clone(), vec![Write { value, begun: now, ended: Some(now) }]);
    }

    /// All keys that were ever written.
    pub fn names(&self) -> Vec<Name> {
        self.state().writes.keys().cloned().collect()
    }

    /// Uploads whose end was not acknowledged.
    pub fn uploads(&self) -> BTreeMap<String, Pending> {
        self.state().uploads.clone()
    }

    /// A version was acknowledged under this id.
    pub fn keep(&self, name: &Name, id: &str, object: Object) {
        self.state().versions.push((name.clone(), id.to_owned(), object));
    }

    /// All versions since the last call.
    pub fn take_versions(&self) -> Vec<(Name, String, Object)> {
        mem::take(&mut self.state().versions)
    }

    /// An upload was begun.
    pub fn open(&self, id: &str, name: &Name) {
        let upload =
            Pending { name: name.clone(), parts: BTreeMap::new(), sending: None, ending: None };
        let mut state = self.state();
        state.acknowledged += 1;
        state.uploads.insert(id.to_owned(), upload);
    }

    /// Something is about to happen to an upload, or has.
    pub fn note(&self, id: &str, change: impl FnOnce(&mut Pending)) {
        if let Some(upload) = self.state().uploads.get_mut(id) {
            change(upload);
        }
    }

    /// A part was acknowledged.
    pub fn part(&self, id: &str, number: u32, piece: Piece) {
        self.state().acknowledged += 1;
        self.note(id, |upload| {
            upload.parts.insert(number, piece);
            upload.sending = None;
        });
    }

    /// The end of an upload was acknowledged.
    pub fn close(&self, id: &str) {
        let mut state = self.state();
        state.acknowledged += 1;
        state.uploads.remove(id);
    }

    /// Writes of all kinds that were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.state().acknowledged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "a value may also be that there is none")]
    fn value(len: usize) -> Value {
        Some(Object::Whole(Piece { seed: 0, len }))
    }

    fn name() -> Name {
        Name { bucket: "b", key: "k".into() }
    }

    #[test]
    fn a_key_that_nobody_wrote_stands_for_nothing() {
        let journal = Journal::default();
        assert_eq!(journal.possible(&name()), [None]);
        journal.begin(&name(), value(1));
        assert_eq!(journal.possible(&name()), [value(1), None]);
    }

    #[test]
    fn what_was_replaced_before_the_next_began_cannot_come_back() {
        let journal = Journal::default();
        journal.acknowledge(&journal.begin(&name(), value(1)));
        let second = journal.begin(&name(), value(2));
        assert_eq!(journal.possible(&name()), [value(1), value(2)]);
        journal.acknowledge(&second);
        assert_eq!(journal.possible(&name()), [value(2)]);
    }

    #[test]
    fn of_two_writes_at_once_either_may_be_the_last() {
        let journal = Journal::default();
        let (one, two) = (journal.begin(&name(), value(1)), journal.begin(&name(), None));
        journal.acknowledge(&two);
        journal.acknowledge(&one);
        assert_eq!(journal.possible(&name()), [value(1), None]);
    }

    #[test]
    fn what_was_never_acknowledged_may_appear_even_later() {
        let journal = Journal::default();
        journal.begin(&name(), value(1));
        journal.acknowledge(&journal.begin(&name(), value(2)));
        assert_eq!(journal.possible(&name()), [value(1), value(2)]);
        journal.settle(&name(), value(2));
        assert_eq!(journal.possible(&name()), [value(2)]);
    }
}
