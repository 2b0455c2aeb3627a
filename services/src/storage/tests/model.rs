//! The store against a map: whatever is done to both, both answer the same.

use std::collections::{BTreeMap, BTreeSet};

use platform::objects::ListKeys;
use proptest::{prelude::*, sample::select};

use super::*;

/// Keys that a file system would bend, and their neighbours in binary order.
const KEYS: [&str; 16] = [
    "a b+c/ü%20&é.txt",
    "../up",
    "./dot",
    "a/../b",
    "p//q",
    "p/",
    "p/q/r",
    "d",
    "d/",
    "d/x",
    "d0",
    "x\ny",
    "\u{1}",
    "\u{10ffff}",
    "\u{10ffff}\u{10ffff}/z",
    "c:\\w",
];

#[derive(Clone, Debug)]
enum Step {
    Put(&'static str, usize),
    Delete(&'static str),
    Copy(&'static str, &'static str),
    List { prefix: String, delimiter: Option<&'static str>, page: usize },
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || select(&KEYS[..]);
    let size = select(&[0, 1, 5_000, 17_000][..]);
    let prefix =
        (key(), 0..4_usize).prop_map(|(key, length)| key.chars().take(length).collect::<String>());
    let delimiter = select(&[None, Some("/"), Some("//"), Some("\u{10ffff}")][..]);
    prop_oneof![
        4 => (key(), size).prop_map(|(key, size)| Step::Put(key, size)),
        2 => key().prop_map(Step::Delete),
        2 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        4 => (prefix, delimiter, 1..5_usize)
            .prop_map(|(prefix, delimiter, page)| Step::List { prefix, delimiter, page }),
        1 => Just(Step::Sweep),
    ]
}

type Model = BTreeMap<&'static str, usize>;

/// All pages of a list, as keys and common prefixes.
async fn listed(
    store: &Storage,
    prefix: &str,
    delimiter: Option<&str>,
    page: usize,
) -> (Vec<String>, Vec<String>) {
    let (mut keys, mut prefixes, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let list = ListKeys {
            bucket: BUCKET.to_owned(),
            prefix: prefix.to_owned(),
            delimiter: delimiter.map(str::to_owned),
            after,
            limit: page,
        };
        let found = store.list(&owner(), &list).await.unwrap();
        keys.extend(found.objects.into_iter().map(|object| object.key));
        prefixes.extend(found.prefixes);
        after = found.last;
        if !found.truncated {
            return (keys, prefixes);
        }
    }
}

/// The same by definition.
fn expected(model: &Model, prefix: &str, delimiter: Option<&str>) -> (Vec<String>, Vec<String>) {
    let (mut keys, mut prefixes) = (Vec::new(), BTreeSet::new());
    for key in model.keys() {
        let Some(rest) = key.strip_prefix(prefix) else { continue };
        match delimiter.and_then(|delimiter| rest.split_once(delimiter).map(|cut| (cut, delimiter)))
        {
            Some(((folded, _), delimiter)) => {
                prefixes.insert(format!("{prefix}{folded}{delimiter}"));
            }
            None => keys.push((*key).to_owned()),
        }
    }
    (keys, prefixes.into_iter().collect())
}

async fn take(store: &Storage, model: &mut Model, step: Step) {
    match step {
        Step::Put(key, size) => {
            put(store, key, bytes(size)).await;
            model.insert(key, size);
        }
        Step::Delete(key) => {
            delete(store, key).await;
            model.remove(key);
        }
        Step::Copy(from, to) => {
            let none = Conditions::default();
            let copied = copy(store, from, &none, to).await;
            match model.get(from).copied() {
                Some(size) => {
                    copied.unwrap();
                    model.insert(to, size);
                }
                None => assert!(matches!(copied, Err(ObjectError::NoSuchKey(_)))),
            }
        }
        Step::List { prefix, delimiter, page } => {
            let found = listed(store, &prefix, delimiter, page).await;
            assert_eq!(found, expected(model, &prefix, delimiter), "{prefix:?} {delimiter:?}");
        }
        Step::Sweep => {
            store.sweep().await.unwrap();
        }
    }
}

async fn play(store: &Storage, steps: Vec<Step>) {
    let mut model = Model::new();
    for step in steps {
        take(store, &mut model, step).await;
    }
    for key in KEYS {
        match (model.get(key), get(store, key, None).await) {
            (Some(size), Ok(found)) => assert!(found == bytes(*size), "{key:?}"),
            (None, Err(ObjectError::NoSuchKey(_))) => {}
            (expected, found) => panic!("{key:?}: {expected:?}, found {found:?}"),
        }
    }
}

/// Plays the steps, then removes what they left, so that the next may use the store too.
async fn play_and_clear(store: &Storage, steps: Vec<Step>) {
    play(store, steps).await;
    for key in KEYS {
        delete(store, key).await;
    }
}

/// Plays `cases` random stories on one store.
fn stories(cases: u32, store: impl AsyncFnOnce() -> Storage) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(async {
        let store = store().await;
        store.create_bucket(&owner(), BUCKET).await.unwrap();
        store
    });
    let config = ProptestConfig { cases, ..ProptestConfig::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..40))| {
        runtime.block_on(play_and_clear(&store, steps));
    });
}

#[test]
fn a_store_in_memory_behaves_like_a_map() {
    stories(256, async || in_memory(false).await);
}

#[test]
fn a_store_that_encrypts_behaves_like_a_map() {
    stories(128, async || in_memory(true).await);
}

/// Fewer, for each write waits for the disk.
#[test]
fn a_store_on_disk_behaves_like_a_map() {
    let place = tempfile::tempdir().unwrap();
    stories(10, async || on_disk(place.path(), false).await);
}
