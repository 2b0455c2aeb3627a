//! The questions for every store. An adapter is right when all of them are answered.
//!
//! Each question begins with an empty store; `fresh` makes one. Times that the store itself writes
//! come from its clock, so questions about them only compare.

#![expect(clippy::unwrap_used, reason = "a suite says what it expects; a panic is its report")]

mod claims;
mod commits;
mod lists;
mod lookups;

use types::{Id, Owner, Timestamp};

use super::{Key, Record, State, Store, Write};

/// Asks everything, in order; panics at the first wrong answer.
pub async fn run<S: Store, F: AsyncFn() -> S>(fresh: F) {
    commits::run(&fresh).await;
    lookups::run(&fresh).await;
    lists::run(&fresh).await;
    claims::run(&fresh).await;
}

const KIND: &str = "training-job";

fn owner() -> Owner {
    Owner::new("123456789012", "us-east-1", "arn:aws:iam::123456789012:user/ada")
}

fn key(name: &str) -> Key {
    Key::new(&owner(), KIND, name)
}

fn arn(name: &str) -> String {
    owner().arn("sagemaker", &format!("{KIND}/{name}"))
}

fn state(status: &str) -> State {
    State { status: status.into(), due: None, body: "{}".into(), detail: String::new() }
}

fn due_at(due: Timestamp) -> State {
    State { due: Some(due), ..state("InProgress") }
}

fn create_as(name: &str, state: State) -> Write {
    let (key, arn) = (key(name), arn(name));
    Write::Create { id: Id::random(), key, arn, owner: owner(), parent: None, state }
}

fn create(name: &str) -> Write {
    create_as(name, state("InProgress"))
}

fn update(record: &Record, status: &str) -> Write {
    let (key, version) = (record.key.clone(), record.version);
    Write::Update { key, version, token: None, state: state(status) }
}

fn delete(record: &Record) -> Write {
    Write::Delete { key: record.key.clone(), version: record.version }
}

async fn stored(store: &impl Store, name: &str) -> Record {
    store.get(&key(name)).await.unwrap().unwrap()
}

async fn created(store: &impl Store, write: Write) -> Record {
    let Write::Create { key, .. } = &write else { unreachable!("only called with a Create") };
    let key = key.clone();
    store.commit(vec![write]).await.unwrap();
    store.get(&key).await.unwrap().unwrap()
}

/// Long enough that the store's next write has a later time.
async fn a_tick() {
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
}
