//! Files that earlier programs wrote are opened by this one.
//!
//! A fixture is the SQL text of a whole file, one for every format that was released; it is never
//! edited. Each new format adds its own fixture and a row to the table below.

#![expect(clippy::unwrap_used, reason = "a test says what it expects; a panic is its report")]

use std::path::Path;

use platform::{
    store::{Counter, Key, Required, Store, Write},
    telemetry::{EventQuery, Logs, MetricName, Metrics, Point, StreamName},
};
use rusqlite::Connection;
use store_sql::{OpenError, Sqlite};
use types::{Id, Owner, Timestamp};

const FIXTURES: [&str; 1] = [include_str!("fixtures/format-1.sql")];

fn owner() -> Owner {
    Owner::new("123456789012", "us-east-1", "arn:aws:iam::123456789012:user/ada")
}

fn written(fixture: &str, path: &Path) {
    Connection::open(path).unwrap().execute_batch(fixture).unwrap();
}

#[tokio::test]
async fn every_format_that_was_released_is_opened_with_all_that_it_holds() {
    for fixture in FIXTURES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.db");
        written(fixture, &path);
        let store = Sqlite::open(&path).unwrap();
        holds_records(&store).await;
        holds_telemetry(&store).await;
    }
}

async fn holds_records(store: &Sqlite) {
    let key = Key::new(&owner(), "training-job", "churn-1");
    let record = store.get(&key).await.unwrap().unwrap();
    assert_eq!(record.id, Id::from_bits(0xff));
    assert_eq!(record.owner, owner());
    assert_eq!((record.parent.as_deref(), record.status.as_str()), (Some("tuning"), "InProgress"));
    assert_eq!(record.due, Some(Timestamp::from_millis(3_000)));
    assert_eq!((record.version, record.body.as_str()), (41, r#"{"v":1}"#));

    let events = Store::events(store, 0, 9).await.unwrap();
    assert_eq!((events.len(), events[0].seq, events[0].id), (1, 42, record.id));
    assert_eq!(store.tags(&record.arn).await.unwrap(), [("team".into(), "a".into())]);
    assert_eq!(store.used(&Counter::new(&owner(), "jobs")).await.unwrap(), 3);

    store.commit(vec![Write::Delete { key: key.clone(), version: 41 }]).await.unwrap();
    let absent = Write::Require { key, state: Required::Absent };
    store.commit(vec![absent]).await.unwrap();
    assert_eq!(Store::events(store, 42, 9).await.unwrap()[0].seq, 43, "the sequence goes on");
}

async fn holds_telemetry(store: &Sqlite) {
    let stream = StreamName { group: "/aws/a".into(), stream: "b".into() };
    let query = EventQuery::first(9);
    let page = Logs::events(store, &owner(), &stream, &query).await.unwrap().unwrap();
    assert_eq!((page.events[0].message.as_str(), page.last), ("hello", 1));
    assert_eq!(store.cursor(&owner(), &stream).await.unwrap(), 6);

    let dimensions = vec![("job".to_owned(), "churn-1".to_owned())];
    let metric = MetricName { namespace: "n".into(), name: "rmse".into(), dimensions };
    let points = store.points(&owner(), &metric, Timestamp::default(), Timestamp::now()).await;
    assert_eq!(points.unwrap(), [Point::single(Timestamp::from_millis(1_000), 0.5)]);
}

#[test]
fn a_file_of_a_later_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.db");
    written("PRAGMA user_version = 99; CREATE TABLE later (x)", &path);
    let refused = Sqlite::open(&path).map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 99, .. }));
    let tables = "SELECT count(*) FROM sqlite_schema";
    let count: i64 =
        Connection::open(&path).unwrap().query_row(tables, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}

#[test]
fn a_new_file_is_for_its_owner_alone_and_a_second_opening_keeps_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.db");
    drop(Sqlite::open(&path).unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(Sqlite::open(&path).unwrap());
    assert!(matches!(
        Sqlite::open(folder.path().join("no/such/folder.db")),
        Err(OpenError::File { .. })
    ));
}
