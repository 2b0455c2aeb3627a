//! There and back, beside writers, and archives that others have had their hands on.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use blobs::Place;
use futures_util::TryStreamExt;
use platform::{
    objects::{Conditions, DeleteIf, ObjectError, ObjectName, Objects, Protection, Put, whole},
    sealed::Secret,
};
use services::storage::{Storage, Vault};
use sha2::{Digest, Sha256};
use store_sql::{Sqlite, objects::SqliteIndex};
use tar::{EntryType, Header};
use types::Owner;

use super::{Source, Summary, Target, manifest::About, restore, take};
use crate::{data::Data, keys::Secrets, roster::Roster};

const ACCOUNT: &str = "123456789012";
/// Larger than what stands in the index.
const LARGE: usize = 300_000;

struct House {
    folder: tempfile::TempDir,
    data: Data,
    storage: Arc<Storage>,
}

impl House {
    /// A data folder that holds a small and two large objects.
    async fn built() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::at(Some(folder.path().join("data"))).unwrap();
        data.prepare().unwrap();
        Roster::open(&data, ACCOUNT).unwrap();
        fs::write(data.join("sagewright.toml"), "port = 7000\n").unwrap();
        drop(Sqlite::open(data.join("meta.db")).unwrap());
        let storage = Arc::new(storage(&data).await);
        storage.create_bucket(&owner(), "bucket").await.unwrap();
        for (key, len) in [("small", 10), ("large", LARGE), ("other", LARGE)] {
            put(&storage, key, bytes(key, len)).await;
        }
        Self { folder, data, storage }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn other(&self, name: &str) -> Data {
        Data::at(Some(self.path(name))).unwrap()
    }

    fn back_up(&self, with_keys: bool) -> anyhow::Result<Summary> {
        let target = Target::File { path: self.path("backup"), replace: true };
        take(&self.data, &target, with_keys, &Place::Folder)
    }

    fn restore(&self, to: &Data) -> anyhow::Result<Summary> {
        restore(to, &Source::File(self.path("backup")))
    }

    /// Names in the folder that all of it is in.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

async fn storage(data: &Data) -> Storage {
    let folder = data.join("objects");
    let blobs = blobs::open(&folder, &Place::Folder).await.unwrap();
    let index = Arc::new(SqliteIndex::open(folder.join("index.db")).unwrap());
    let vault = Vault::open(index.clone(), Secret::from_bytes([1; 32])).await.unwrap();
    Storage::new(index, blobs).with_keys(vault, false)
}

fn owner() -> Owner {
    Owner::new(ACCOUNT, "us-east-1", "arn:aws:iam::123456789012:user/ada")
}

fn bytes(key: &str, len: usize) -> Vec<u8> {
    key.bytes().cycle().take(len).collect()
}

async fn put(storage: &Storage, key: &str, bytes: Vec<u8>) {
    storage.put(&owner(), Put::new("bucket", key, whole(bytes))).await.unwrap();
}

async fn delete(storage: &Storage, key: &str) {
    let name = ObjectName::current("bucket", key);
    storage.delete(&owner(), name, &DeleteIf::default()).await.unwrap();
}

/// What is there, or nothing.
async fn read(storage: &Storage, key: &str) -> Option<Vec<u8>> {
    let name = ObjectName::current("bucket", key);
    match storage.get(&owner(), name, None, &Conditions::default(), None).await {
        Ok(read) => Some(read.unwrap().body.try_collect::<Vec<_>>().await.unwrap().concat()),
        Err(ObjectError::NoSuchKey(_)) => None,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn what_was_there_is_there_again_and_keys_only_where_they_were_asked_for() {
    let house = House::built().await;
    for with_keys in [false, true] {
        let taken = house.back_up(with_keys).unwrap();
        let file = house.path("backup");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let restored = house.other(&format!("keys {with_keys}"));
        let summary = house.restore(&restored).unwrap();
        assert_eq!(summary.about, About::new(with_keys, false, Place::Folder));
        assert_eq!((summary.files, summary.bytes), (taken.files, taken.bytes));

        restored.prepare().unwrap();
        let again = storage(&restored).await;
        assert_eq!(read(&again, "small").await.unwrap(), bytes("small", 10));
        assert_eq!(read(&again, "large").await.unwrap(), bytes("large", LARGE));
        assert_eq!(fs::read(restored.join("sagewright.toml")).unwrap(), b"port = 7000\n");
        let (old, new) = (Roster::read(&house.data).unwrap(), Roster::read(&restored).unwrap());
        assert_eq!(new.accounts[0].canonical_id, old.accounts[0].canonical_id);
        assert_eq!(
            (new.keys.len(), Secrets::read(&restored).is_ok()),
            if with_keys { (1, true) } else { (0, false) }
        );
        let secret = old.administrator().unwrap().secret.as_bytes();
        let there = fs::read(&file).unwrap().windows(secret.len()).any(|window| window == secret);
        assert_eq!(there, with_keys);
    }
    assert_eq!(house.names(), ["backup", "data", "keys false", "keys true"]);
}

#[tokio::test]
async fn a_master_key_is_needed_again_only_where_something_was_encrypted() {
    let house = House::built().await;
    for sealed in [false, true] {
        if sealed {
            let mut asked = Put::new("bucket", "sealed", whole(bytes("sealed", LARGE)));
            asked.protection = Protection::S3;
            house.storage.put(&owner(), asked).await.unwrap();
        }
        assert_eq!(house.back_up(false).unwrap().about.sealed, sealed);
        let restored = house.other(&format!("sealed {sealed}"));
        house.restore(&restored).unwrap();
        let index = SqliteIndex::open(restored.join("objects/index.db")).unwrap();
        assert_eq!(Vault::is_new(&index).await.unwrap(), !sealed);
    }
    let again = storage(&house.other("sealed true")).await;
    assert_eq!(read(&again, "sealed").await.unwrap(), bytes("sealed", LARGE));
}

/// What a writer asked for, and how much of it was acknowledged.
#[derive(Clone, Default)]
struct History {
    asked: Vec<Option<Vec<u8>>>,
    acknowledged: usize,
}

#[derive(Default)]
struct Histories(Mutex<BTreeMap<String, History>>);

impl Histories {
    fn now(&self) -> BTreeMap<String, History> {
        self.0.lock().unwrap().clone()
    }

    fn of(&self, key: &str, change: impl FnOnce(&mut History)) {
        change(self.0.lock().unwrap().entry(key.to_owned()).or_default());
    }

    /// Puts, overwrites and deletes keys that nobody else writes, until it is over.
    async fn write(&self, storage: &Storage, writer: usize, over: &AtomicBool) {
        for round in 0.. {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let key = format!("{writer}/{}", round % 7);
            let len = if round % 3 == 0 { 100 } else { 20_000 + round };
            let body = (round % 5 != 4).then(|| bytes(&format!("{round} "), len));
            self.of(&key, |history| history.asked.push(body.clone()));
            match body {
                Some(body) => put(storage, &key, body).await,
                None => delete(storage, &key).await,
            }
            self.of(&key, |history| history.acknowledged = history.asked.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_is_in_it_however_much_is_written_and_swept_meanwhile() {
    let house = Arc::new(House::built().await);
    let (histories, over) = (Arc::<Histories>::default(), Arc::<AtomicBool>::default());
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (house, histories) = (house.clone(), histories.clone());
            let over = over.clone();
            tokio::spawn(async move { histories.write(&house.storage, writer, &over).await })
        })
        .collect();
    let sweeping = house.clone();
    let sweeper = tokio::spawn(async move {
        loop {
            sweeping.storage.sweep().await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    for number in 0..3 {
        while histories.now().values().map(|history| history.asked.len()).sum::<usize>()
            < 100 * (number + 1)
        {
            tokio::task::yield_now().await;
        }
        let (before, kept) = (histories.now(), house.storage.keep_blobs());
        let taking = house.clone();
        tokio::task::spawn_blocking(move || taking.back_up(false).unwrap()).await.unwrap();
        drop(kept);
        let asked = histories.now();
        let restored = house.other(&format!("restored {number}"));
        house.restore(&restored).unwrap();
        let again = storage(&restored).await;
        for (key, History { acknowledged, .. }) in before {
            let found = read(&again, &key).await;
            let possible = &asked[&key].asked[acknowledged.saturating_sub(1)..];
            let nothing_yet = acknowledged == 0 && found.is_none();
            assert!(nothing_yet || possible.contains(&found), "{key} is of before");
        }
    }
    over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    sweeper.abort();
}

#[tokio::test]
async fn only_an_empty_folder_is_restored_into() {
    let house = House::built().await;
    house.back_up(false).unwrap();
    fs::create_dir(house.path("empty")).unwrap();
    house.restore(&house.other("empty")).unwrap();
    let refused = house.restore(&house.data).unwrap_err().to_string();
    assert!(refused.contains("is not empty"), "{refused}");
}

#[tokio::test]
async fn no_server_starts_on_what_a_killed_restore_left_and_none_backs_it_up() {
    let house = House::built().await;
    house.back_up(false).unwrap();
    let half = house.other("half");
    half.begin().unwrap();
    assert!(half.prepare().is_err());
    let target = Target::File { path: house.path("of half"), replace: false };
    let refused = take(&half, &target, false, &Place::Folder).unwrap_err().to_string();
    assert!(refused.contains("half of a backup"), "{refused}");
    assert!(house.restore(&half).is_err());
    assert_eq!(house.names(), ["backup", "data", "half"]);
}

#[tokio::test]
async fn a_file_that_is_there_is_replaced_only_if_that_was_said() {
    let house = House::built().await;
    fs::write(house.path("backup"), "older").unwrap();
    let target = |name: &str, replace| Target::File { path: house.path(name), replace };
    let take = |target| take(&house.data, &target, false, &Place::Folder);
    let refused = take(target("backup", false)).unwrap_err().to_string();
    assert!(refused.contains("--replace"), "{refused}");
    assert_eq!(fs::read(house.path("backup")).unwrap(), b"older");
    take(target("backup", true)).unwrap();
    assert!(take(target("data", true)).unwrap_err().to_string().contains("is no file"));
}

#[tokio::test]
async fn a_backup_that_fails_leaves_the_older_one_and_nothing_else() {
    let house = House::built().await;
    fs::write(house.path("backup"), "older").unwrap();
    let unfinished = house.path(".backup.unfinished");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("archive"), "of one that died").unwrap();
    let blob = blob_files(&house.data).remove(0);
    fs::set_permissions(&blob, fs::Permissions::from_mode(0o600)).unwrap();
    let whole = fs::read(&blob).unwrap();
    let mut flipped = whole.clone();
    flipped[LARGE / 2] ^= 1;
    for damaged in [&whole[..LARGE - 1], &flipped] {
        fs::write(&blob, damaged).unwrap();
        let why = format!("{:#}", house.back_up(false).unwrap_err());
        assert!(why.contains("of bucket/") && why.contains("it is damaged"), "{why}");
    }
    fs::remove_file(&blob).unwrap();
    let why = format!("{:#}", house.back_up(false).unwrap_err());
    assert!(why.contains("of bucket/") && why.contains("cannot read"), "{why}");
    assert_eq!(fs::read(house.path("backup")).unwrap(), b"older");
    assert_eq!(house.names(), ["backup", "data"]);
}

#[tokio::test]
async fn blobs_of_an_outside_store_are_not_in_it_and_not_taken_over() {
    let house = House::built().await;
    let place: Place = "s3://photos/here".parse().unwrap();
    let target = Target::File { path: house.path("backup"), replace: false };
    assert!(take(&house.data, &target, false, &place).is_err(), "they are here");

    let begun = house.data.join("objects/BLOBS");
    let owner = fs::read_to_string(&begun).unwrap().replace("folder", &place.to_string());
    fs::write(&begun, &owner).unwrap();
    fs::remove_dir_all(house.data.join("objects/blobs")).unwrap();
    take(&house.data, &target, false, &place).unwrap();
    let restored = house.other("restored");
    assert_eq!(house.restore(&restored).unwrap().about.blobs, place);
    let new = fs::read_to_string(restored.join("objects/BLOBS")).unwrap();
    assert_eq!(new.lines().next(), owner.lines().next());
    assert_ne!(new, owner, "two servers are not one");
}

fn blob_files(data: &Data) -> Vec<PathBuf> {
    let folders = fs::read_dir(data.join("objects/blobs")).unwrap();
    let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

/// A member as a test writes it.
#[derive(Clone)]
struct Part {
    path: String,
    kind: EntryType,
    bytes: Vec<u8>,
    /// What its header says, if that is not so.
    size: Option<u64>,
}

impl Part {
    fn new(path: &str, bytes: &[u8]) -> Self {
        let (path, bytes) = (path.to_owned(), bytes.to_owned());
        Self { path, kind: EntryType::Regular, bytes, size: None }
    }
}

fn parts(file: &Path) -> Vec<Part> {
    let mut archive = tar::Archive::new(fs::File::open(file).unwrap());
    let part = |entry: std::io::Result<tar::Entry<'_, fs::File>>| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        Part::new(entry.path().unwrap().to_str().unwrap(), &bytes)
    };
    archive.entries().unwrap().map(part).collect()
}

/// The manifest that these parts should have.
fn manifest(parts: &[Part]) -> Part {
    let line = |part: &Part| {
        let digest = hex::encode(Sha256::digest(&part.bytes));
        format!("{digest}  {}  {}\n", part.bytes.len(), part.path)
    };
    Part::new("MANIFEST", parts.iter().map(line).collect::<String>().as_bytes())
}

fn archive(parts: &[Part]) -> Vec<u8> {
    let mut tar = Vec::new();
    for part in parts {
        let mut header = Header::new_gnu();
        // Byte by byte: the library's own way refuses paths that lead out.
        header.as_old_mut().name[..part.path.len()].copy_from_slice(part.path.as_bytes());
        header.set_entry_type(part.kind);
        header.set_size(part.size.unwrap_or(part.bytes.len() as u64));
        if part.kind != EntryType::Regular {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.extend(header.as_bytes());
        tar.extend(&part.bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend([0; 1024]);
    tar
}

/// Restores what a test made of a backup, and tells why that was refused.
struct Forge {
    house: House,
    /// All but the manifest.
    parts: Vec<Part>,
}

impl Forge {
    async fn of_a_backup() -> Self {
        let house = House::built().await;
        house.back_up(true).unwrap();
        let mut parts = parts(&house.path("backup"));
        assert_eq!(parts.pop().unwrap().path, "MANIFEST");
        Self { house, parts }
    }

    fn at(&self, path: &str) -> usize {
        self.parts.iter().position(|part| part.path.starts_with(path)).unwrap()
    }

    /// Parts that were changed, with a manifest that agrees.
    fn changed(&self, change: impl FnOnce(&mut Vec<Part>)) -> String {
        let mut parts = self.parts.clone();
        change(&mut parts);
        parts.push(manifest(&parts));
        self.refused(&archive(&parts))
    }

    fn restore(&self, archive: &[u8]) -> anyhow::Result<Summary> {
        let file = self.house.path("forged");
        fs::write(&file, archive).unwrap();
        restore(&self.house.other("restored"), &Source::File(file))
    }

    fn refused(&self, archive: &[u8]) -> String {
        let refused = self.restore(archive);
        assert_eq!(self.house.names(), ["backup", "data", "forged"], "nothing is left");
        format!("{:#}", refused.unwrap_err())
    }
}

#[tokio::test]
async fn an_archive_that_leads_elsewhere_is_refused() {
    let forge = Forge::of_a_backup().await;
    let end = forge.parts.len();
    for path in ["../outside", "/etc/cron.d/x", "keys/../../x", "objects/blobs/../../x", "jobs/x"] {
        for at in [0, forge.at("meta.db"), forge.at("objects/blobs/"), end] {
            let why = forge.changed(|parts| parts.insert(at, Part::new(path, b"x")));
            assert!(why.contains("it holds"), "{path}: {why}");
        }
    }
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Fifo,
        EntryType::Char,
        EntryType::Block,
        EntryType::Directory,
        EntryType::GNULongName,
        EntryType::GNUSparse,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
    ] {
        for path in ["keys/x", "meta.db"] {
            let part = Part { kind, ..Part::new(path, b"") };
            let at = if path == "keys/x" { end } else { forge.at(path) };
            let why = forge.changed(|parts| parts.insert(at, part));
            assert!(why.contains("is no file in it"), "{kind:?}: {why}");
        }
    }
}

#[tokio::test]
async fn an_archive_that_is_not_what_its_manifest_says_is_refused() {
    let forge = Forge::of_a_backup().await;
    let honest = manifest(&forge.parts);
    let with = |change: &dyn Fn(&mut Vec<Part>)| {
        let mut parts = forge.parts.clone();
        parts.push(honest.clone());
        change(&mut parts);
        forge.refused(&archive(&parts))
    };
    let at = forge.at("keys/");
    assert!(with(&|parts| parts[at].bytes[7] ^= 1).contains("its manifest says"));
    assert!(with(&|parts| parts[at].bytes.push(0)).contains("its manifest says"));
    assert!(with(&|parts| drop(parts.remove(at))).contains("its manifest says"));
    assert!(with(&|parts| parts.swap(at, at + 1)).contains("its manifest says"));
    assert!(with(&|parts| parts.push(Part::new("keys/x", b"x"))).contains("after its manifest"));
    assert!(with(&|parts| drop(parts.pop())).contains("its end is missing"));
    assert!(with(&|parts| parts.insert(0, honest.clone())).contains("does not begin with BACKUP"));
    assert!(forge.restore(&archive(&[&*forge.parts, &[honest]].concat())).is_ok(), "but this is");
}

#[tokio::test]
async fn an_archive_whose_manifest_agrees_is_not_believed_the_rest() {
    let forge = Forge::of_a_backup().await;
    let (blob, key) = (forge.at("objects/blobs/"), forge.at("keys/"));
    let stray = Part::new("objects/blobs/01/0123456789abcdef0123456789abcdef", b"x");
    assert!(forge.changed(|parts| parts.push(parts[key].clone())).contains("File exists"));
    assert!(forge.changed(|parts| parts.push(parts[blob].clone())).contains("one too many"));
    assert!(forge.changed(|parts| parts.push(parts[1].clone())).contains("one too many"));
    assert!(forge.changed(|parts| parts.insert(key, stray)).contains("one too many"));
    assert!(forge.changed(|parts| drop(parts.remove(blob))).contains("belongs"));
    assert!(forge.changed(|parts| drop(parts.remove(1))).contains("belongs"));
    assert!(forge.changed(|parts| parts.swap(1, 2)).contains("belongs"));
    let not_as_named = "is not what the index says";
    assert!(forge.changed(|parts| parts[blob].bytes.truncate(LARGE - 1)).contains(not_as_named));
    assert!(forge.changed(|parts| parts[blob].bytes.push(0)).contains(not_as_named));
    assert!(forge.changed(|parts| parts[blob].bytes[7] ^= 1).contains(not_as_named));
    for (at, name) in [(1, "meta.db"), (2, "index.db")] {
        let noise = b"no database".repeat(900);
        assert!(forge.changed(|parts| parts[at].bytes = noise).contains(name));
    }
    let other = |parts: &mut Vec<Part>| parts[2].bytes = parts[1].bytes.clone();
    assert!(forge.changed(other).contains("index.db"), "a database of another kind");
}

#[tokio::test]
async fn sizes_that_cannot_be_are_refused() {
    let forge = Forge::of_a_backup().await;
    for size in [1 << 30, 1 << 40, u64::MAX >> 1, u64::MAX] {
        for path in ["BACKUP", "meta.db", "objects/blobs/", "keys/"] {
            let at = forge.at(path);
            let why = forge.changed(|parts| parts[at].size = Some(size));
            assert!(
                ["too large", "breaks off", "overflow"].iter().any(|word| why.contains(word)),
                "{why}"
            );
        }
    }
}

#[tokio::test]
async fn a_backup_of_a_later_program_is_refused_by_its_name_before_anything_is_unpacked() {
    let forge = Forge::of_a_backup().await;
    let later = br#"{"format":2,"program":"9.0.0","new":[]}"#;
    let why = forge.refused(&archive(&[Part::new("BACKUP", later)]));
    assert!(why.contains("use sagewright \"9.0.0\""), "{why}");
    assert!(forge.refused(&archive(&[Part::new("BACKUP", b"{}")])).contains("cannot be read"));
}

#[tokio::test]
async fn an_archive_that_was_cut_off_anywhere_is_refused() {
    let forge = Forge::of_a_backup().await;
    let whole = fs::read(forge.house.path("backup")).unwrap();
    // Two empty blocks end an archive, and nothing depends on them.
    let end = whole.len() - 1024 - 512;
    for cut in (0..5).map(|n| n * 300).chain((1..40).map(|n| end * n / 40)).chain([end]) {
        forge.refused(&whole[..cut]);
    }
}

/// Places in an archive that tests look at.
const PLACES: usize = 40;

#[tokio::test]
async fn a_bit_that_fell_over_is_found_or_does_not_matter() {
    let forge = Forge::of_a_backup().await;
    let honest = fs::read(forge.house.path("backup")).unwrap();
    for place in 0..PLACES {
        let mut damaged = honest.clone();
        damaged[honest.len() * place / PLACES + place] ^= 1 << (place % 8);
        let Ok(_) = forge.restore(&damaged) else { continue };
        let restored = forge.house.path("restored");
        for part in &forge.parts[1..] {
            assert_eq!(fs::read(restored.join(&part.path)).unwrap(), part.bytes, "{place}");
        }
        fs::remove_dir_all(restored).unwrap();
    }
}
