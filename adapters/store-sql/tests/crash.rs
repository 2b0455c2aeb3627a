//! What was acknowledged is in the file, whatever happens to the program afterwards.
//!
//! The files are copied while the store is open or just after its process was killed, so nothing
//! was closed, checkpointed or tidied up. What the kernel itself may lose in a power cut is not
//! shown here; that is what `synchronous=FULL` is for.

#![expect(clippy::unwrap_used, reason = "a test says what it expects; a panic is its report")]

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use platform::{
    store::{Counter, Key, Query, State, Store, Write},
    telemetry::{Append, EventQuery, LogEvent, Logs, StreamName},
};
use store_sql::Sqlite;
use types::{Id, Owner, Timestamp};

/// Set for the process that is to be killed: the folder to write to.
const FOLDER: &str = "SAGEWRIGHT_TEST_CRASH_FOLDER";

/// Commits to wait for before the kill: enough for a checkpoint of the WAL to have happened.
const ACKNOWLEDGED: usize = 300;

fn owner() -> Owner {
    Owner::new("123456789012", "us-east-1", "arn:aws:iam::123456789012:user/ada")
}

fn counter() -> Counter {
    Counter::new(&owner(), "jobs")
}

fn create(name: &str) -> Vec<Write> {
    let (id, key) = (Id::random(), Key::new(&owner(), "training-job", name));
    let body = format!(r#"{{"name":"{name}","filler":"{}"}}"#, "x".repeat(4_000));
    let state = State { status: "InProgress".into(), due: None, body, detail: String::new() };
    let arn = owner().arn("sagemaker", &format!("training-job/{name}"));
    let create = Write::Create { id, key, arn, owner: owner(), parent: None, state };
    vec![create, Write::Reserve { counter: counter(), amount: 1, limit: u64::MAX }]
}

/// What is in a copy of the files as they are now: names, the counter, events.
async fn copied(folder: &Path) -> (BTreeSet<String>, u64, usize) {
    let copy = tempfile::tempdir().unwrap();
    for file in ["meta.db", "meta.db-wal"] {
        fs::copy(folder.join(file), copy.path().join(file)).unwrap();
    }
    let store = Sqlite::open(copy.path().join("meta.db")).unwrap();
    let query = Query { limit: 1_000_000, ..Query::all(&owner(), "training-job") };
    let records = store.list(&query).await.unwrap().records;
    let names = records.into_iter().map(|record| record.key.name).collect();
    let events = Store::events(&store, 0, 1_000_000).await.unwrap();
    (names, store.used(&counter()).await.unwrap(), events.len())
}

#[tokio::test]
async fn what_was_acknowledged_is_in_a_copy_of_the_open_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(folder.path().join("meta.db")).unwrap());
    let commit = |n: usize| {
        let store = store.clone();
        async move { store.commit(create(&format!("job-{n}"))).await.unwrap() }
    };
    futures_util::future::join_all((0..40).map(commit)).await;
    let message = "said before the crash".to_owned();
    let event = LogEvent { at: Timestamp::now(), ingested: Timestamp::now(), message };
    let stream = StreamName { group: "g".into(), stream: "s".into() };
    let append =
        Append { owner: owner(), stream: stream.clone(), events: vec![event.clone()], cursor: 9 };
    store.append(vec![append]).await.unwrap();

    let (names, used, events) = copied(folder.path()).await;
    assert_eq!((names.len(), used, events), (40, 40, 40));
    let query = EventQuery::first(9);
    let read = Logs::events(&*store, &owner(), &stream, &query).await.unwrap().unwrap();
    assert_eq!(read.events, [event]);
    assert_eq!(store.cursor(&owner(), &stream).await.unwrap(), 9);
}

/// Writes and says so until it is killed.
async fn write_on(folder: &Path) {
    let store = Sqlite::open(folder.join("meta.db")).unwrap();
    let store = &store;
    let writing = (0..8).map(|writer| async move {
        for n in 0.. {
            let name = format!("job-{writer}-{n}");
            store.commit(create(&name)).await.unwrap();
            // One write of a whole line: what the reader sees was acknowledged.
            std::io::stdout().write_all(format!("\nacknowledged {name}\n").as_bytes()).unwrap();
        }
    });
    futures_util::future::join_all(writing).await;
}

fn spawned(folder: &Path) -> Child {
    let this = "what_a_killed_process_acknowledged_is_there_and_nothing_is_half_there";
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", this, "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_there_and_nothing_is_half_there() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return write_on(Path::new(&folder)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = spawned(folder.path());
    let mut acknowledged = BTreeSet::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(name) = line.unwrap().strip_prefix("acknowledged ") {
            acknowledged.insert(name.to_owned());
        }
        if acknowledged.len() == ACKNOWLEDGED {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();

    let (names, used, events) = copied(folder.path()).await;
    assert!(acknowledged.len() >= ACKNOWLEDGED);
    let lost: Vec<_> = acknowledged.difference(&names).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert_eq!((names.len() as u64, names.len()), (used, events), "a commit is whole");
}
