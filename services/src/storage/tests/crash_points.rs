//! Every step of every write as a crash point: the ports stop dead before or after it, somebody
//! opens the store again, and finds the world as it was or as it was to be.
//!
//! A port that is dead answers nothing but errors, and a blob that was being written stays half
//! written, as it does where a process is killed.

use std::{collections::BTreeSet, fs::File, io, mem, sync::Mutex};

use async_trait::async_trait;
use platform::objects::{
    Acl, Bucket, ByteStream, Completion, Kept, ListKeys, ListUploads, ListVersions, Listing,
    NewUpload, PartName, SettingsChange, Tags, Upload, UploadListing, UploadName, Version,
    VersionListing,
    blobs::{BlobWriter, Blobs},
    index::{Entry, Extent, Found, Guard, IndexError, ObjectIndex, PartEntry},
    settings::Versioning,
};
use types::{Id, Timestamp};

use super::*;

/// On which side of its step a port dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// What happens to a step.
enum Verdict {
    Done,
    DoneAndDead,
    NotDone,
}

/// Counts the steps of both ports, and lets them die at one.
struct Fuse {
    state: Mutex<State>,
    /// Reads of the index are no steps, and go on after its death.
    readable: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// So many steps are left until the one at which it dies.
    Burning(usize, Side),
    /// The next step fails, and then all is well.
    Hiccup,
    Well,
    Dead,
}

impl Fuse {
    fn new(steps: usize, side: Side) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::Burning(steps, side)), readable: false })
    }

    /// One whose index can still be read.
    fn readable(state: State) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), readable: true })
    }

    fn burn(&self) -> Verdict {
        let mut state = self.state.lock().unwrap();
        let (next, verdict) = match *state {
            State::Dead | State::Burning(0, Side::Before) => (State::Dead, Verdict::NotDone),
            State::Burning(0, Side::After) => (State::Dead, Verdict::DoneAndDead),
            State::Burning(left, side) => (State::Burning(left - 1, side), Verdict::Done),
            State::Hiccup => (State::Well, Verdict::NotDone),
            State::Well => (State::Well, Verdict::Done),
        };
        *state = next;
        verdict
    }

    fn is_dead(&self) -> bool {
        matches!(*self.state.lock().unwrap(), State::Dead)
    }

    async fn step<T, E: Dead>(&self, step: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        match self.burn() {
            Verdict::Done => step.await,
            Verdict::DoneAndDead => step.await.and_then(|_| Err(E::dead())),
            Verdict::NotDone => Err(E::dead()),
        }
    }
}

impl Fuse {
    async fn look<T, E: Dead>(&self, look: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        if self.readable { look.await } else { self.step(look).await }
    }
}

/// What a dead port answers.
trait Dead {
    fn dead() -> Self;
}

impl Dead for io::Error {
    fn dead() -> Self {
        io::Error::other("the process is dead")
    }
}

impl Dead for IndexError {
    fn dead() -> Self {
        IndexError::failed("the process is dead")
    }
}

struct MortalIndex {
    inner: Arc<dyn ObjectIndex>,
    fuse: Arc<Fuse>,
}

struct MortalBlobs {
    inner: Arc<dyn Blobs>,
    fuse: Arc<Fuse>,
}

struct MortalWriter {
    inner: Option<Box<dyn BlobWriter>>,
    fuse: Arc<Fuse>,
}

impl Drop for MortalWriter {
    fn drop(&mut self) {
        if self.fuse.is_dead() {
            mem::forget(self.inner.take());
        }
    }
}

#[async_trait]
impl BlobWriter for MortalWriter {
    fn id(&self) -> Id {
        self.inner.as_ref().unwrap().id()
    }

    async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        let fuse = self.fuse.clone();
        fuse.step(self.inner.as_mut().unwrap().write(bytes)).await
    }

    async fn commit(mut self: Box<Self>) -> io::Result<()> {
        match self.fuse.burn() {
            Verdict::Done => self.inner.take().unwrap().commit().await,
            Verdict::DoneAndDead => {
                self.inner.take().unwrap().commit().await.and_then(|()| Err(io::Error::dead()))
            }
            Verdict::NotDone => Err(io::Error::dead()),
        }
    }
}

#[async_trait]
impl Blobs for MortalBlobs {
    async fn begin(&self) -> io::Result<Box<dyn BlobWriter>> {
        let inner = Some(self.fuse.step(self.inner.begin()).await?);
        Ok(Box::new(MortalWriter { inner, fuse: self.fuse.clone() }))
    }

    fn read(&self, blob: Id, offset: u64, len: u64) -> ByteStream {
        self.inner.read(blob, offset, len)
    }

    async fn open(&self, blob: Id) -> io::Result<Option<Arc<File>>> {
        self.inner.open(blob).await
    }

    async fn delete(&self, blob: Id) -> io::Result<()> {
        self.fuse.step(self.inner.delete(blob)).await
    }

    async fn list(&self, after: Option<Id>, limit: usize) -> io::Result<Vec<Id>> {
        self.fuse.step(self.inner.list(after, limit)).await
    }

    fn free(&self) -> io::Result<Option<u64>> {
        self.inner.free()
    }
}

/// Reads are steps too: a process may die after them as well.
#[async_trait]
impl ObjectIndex for MortalIndex {
    async fn create_bucket(&self, bucket: Bucket) -> Result<Option<Bucket>, IndexError> {
        self.fuse.step(self.inner.create_bucket(bucket)).await
    }

    async fn delete_bucket(&self, name: &str) -> Result<(), IndexError> {
        self.fuse.step(self.inner.delete_bucket(name)).await
    }

    async fn bucket(&self, name: &str) -> Result<Option<Bucket>, IndexError> {
        self.fuse.look(self.inner.bucket(name)).await
    }

    async fn buckets(&self, account: &str) -> Result<Vec<Bucket>, IndexError> {
        self.fuse.look(self.inner.buckets(account)).await
    }

    async fn ruled(&self) -> Result<Vec<Bucket>, IndexError> {
        self.fuse.look(self.inner.ruled()).await
    }

    async fn change_bucket(&self, name: &str, change: SettingsChange) -> Result<(), IndexError> {
        self.fuse.step(self.inner.change_bucket(name, change)).await
    }

    async fn put(
        &self,
        bucket: &str,
        entry: Entry,
        guard: Guard,
    ) -> Result<Option<Version>, IndexError> {
        self.fuse.step(self.inner.put(bucket, entry, guard)).await
    }

    async fn get(&self, name: ObjectName<'_>) -> Result<Option<Found>, IndexError> {
        self.fuse.look(self.inner.get(name)).await
    }

    async fn delete(
        &self,
        name: ObjectName<'_>,
        conditions: &DeleteIf,
        now: Timestamp,
    ) -> Result<Deleted, IndexError> {
        self.fuse.step(self.inner.delete(name, conditions, now)).await
    }

    async fn set_tags(
        &self,
        name: ObjectName<'_>,
        tags: Tags,
    ) -> Result<Option<Version>, IndexError> {
        self.fuse.step(self.inner.set_tags(name, tags)).await
    }

    async fn set_acl(&self, name: ObjectName<'_>, acl: Acl) -> Result<Option<Version>, IndexError> {
        self.fuse.step(self.inner.set_acl(name, acl)).await
    }

    async fn list(&self, list: &ListKeys) -> Result<Listing, IndexError> {
        self.fuse.look(self.inner.list(list)).await
    }

    async fn list_versions(&self, list: &ListVersions) -> Result<VersionListing, IndexError> {
        self.fuse.look(self.inner.list_versions(list)).await
    }

    async fn create_upload(&self, bucket: &str, upload: Upload) -> Result<(), IndexError> {
        self.fuse.step(self.inner.create_upload(bucket, upload)).await
    }

    async fn upload(&self, name: UploadName<'_>) -> Result<Option<Upload>, IndexError> {
        self.fuse.look(self.inner.upload(name)).await
    }

    async fn uploads(&self, list: &ListUploads) -> Result<UploadListing, IndexError> {
        self.fuse.look(self.inner.uploads(list)).await
    }

    async fn put_part(&self, upload: &str, part: PartEntry) -> Result<(), IndexError> {
        self.fuse.step(self.inner.put_part(upload, part)).await
    }

    async fn parts(
        &self,
        upload: &str,
        after: u32,
        limit: usize,
    ) -> Result<Vec<PartEntry>, IndexError> {
        self.fuse.look(self.inner.parts(upload, after, limit)).await
    }

    async fn complete(
        &self,
        bucket: &str,
        entry: Entry,
        guard: Guard,
    ) -> Result<Option<Version>, IndexError> {
        self.fuse.step(self.inner.complete(bucket, entry, guard)).await
    }

    async fn abort(&self, name: UploadName<'_>) -> Result<(), IndexError> {
        self.fuse.step(self.inner.abort(name)).await
    }

    async fn extents(&self, after: u64) -> Result<Option<(u64, Vec<Extent>)>, IndexError> {
        self.fuse.look(self.inner.extents(after)).await
    }

    async fn garbage(&self, limit: usize) -> Result<Vec<Id>, IndexError> {
        self.fuse.look(self.inner.garbage(limit)).await
    }

    async fn forget(&self, blobs: &[Id]) -> Result<(), IndexError> {
        self.fuse.step(self.inner.forget(blobs)).await
    }

    async fn unknown(&self, blobs: Vec<Id>) -> Result<Vec<Id>, IndexError> {
        self.fuse.look(self.inner.unknown(blobs)).await
    }
}

/// What a store is made of; it outlives the store.
enum Backing {
    Memory(Arc<MemoryIndex>, Arc<MemoryBlobs>),
    Disk(tempfile::TempDir),
}

impl Backing {
    fn memory() -> Self {
        Self::Memory(Arc::default(), Arc::default())
    }

    /// In memory's file system where there is one: no power is cut here, and nothing need wait.
    fn disk() -> Self {
        let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::Disk(place.unwrap())
    }

    fn ports(&self) -> (Arc<dyn ObjectIndex>, Arc<dyn Blobs>) {
        match self {
            Self::Memory(index, blobs) => (index.clone(), blobs.clone()),
            Self::Disk(place) => {
                let index = SqliteIndex::open(place.path().join("index.db")).unwrap();
                (Arc::new(index), Arc::new(blobs::Folder::open(place.path()).unwrap()))
            }
        }
    }

    fn open(&self) -> Storage {
        let (index, blobs) = self.ports();
        Storage::new(index, blobs)
    }

    /// Only the index dies.
    fn open_with_index(&self, fuse: &Arc<Fuse>) -> Storage {
        let (index, blobs) = self.ports();
        Storage::new(Arc::new(MortalIndex { inner: index, fuse: fuse.clone() }), blobs)
    }

    fn open_mortal(&self, fuse: &Arc<Fuse>) -> Storage {
        let (index, blobs) = self.ports();
        let index = MortalIndex { inner: index, fuse: fuse.clone() };
        Storage::new(Arc::new(index), Arc::new(MortalBlobs { inner: blobs, fuse: fuse.clone() }))
    }
}

/// Everything that is cut short somewhere.
#[derive(Clone, Copy, Debug)]
enum Act {
    PutSmall,
    PutLarge,
    PutWhereNothingIs,
    PutIfUnchanged,
    PutVersion,
    Copy,
    Delete,
    DeleteToMarker,
    DeleteVersion,
    SetTags,
    KeepVersions,
    BeginUpload,
    PutPart,
    ReplacePart,
    Complete,
    Abort,
    Sweep,
}

const ACTS: [Act; 17] = [
    Act::PutSmall,
    Act::PutLarge,
    Act::PutWhereNothingIs,
    Act::PutIfUnchanged,
    Act::PutVersion,
    Act::Copy,
    Act::Delete,
    Act::DeleteToMarker,
    Act::DeleteVersion,
    Act::SetTags,
    Act::KeepVersions,
    Act::BeginUpload,
    Act::PutPart,
    Act::ReplacePart,
    Act::Complete,
    Act::Abort,
    Act::Sweep,
];

/// Bytes of objects that become blobs.
const LARGE: usize = 20_000;
/// A bucket that keeps versions.
const KEEPING: &str = "keeping";

/// Objects of both kinds, versions, an upload with two parts, garbage and an orphan.
async fn arrange(store: &Storage) {
    store.create_bucket(&owner(), BUCKET).await.unwrap();
    store.create_bucket(&owner(), KEEPING).await.unwrap();
    keep_versions(store, KEEPING).await.unwrap();
    put(store, "small", "small").await;
    put(store, "large", bytes(LARGE + 9)).await;
    put(store, "large", bytes(LARGE)).await;
    put(store, "parts", bytes(LARGE + 1)).await;
    for len in [5, LARGE + 8] {
        write(store, (KEEPING, "versions"), len, Conditions::default()).await.unwrap();
    }
    let upload = begin(store, "parts").await.unwrap();
    for number in 1..=2 {
        part(store, &upload.id, number, LARGE + 2).await.unwrap();
    }
    let mut orphan = store.blobs.begin().await.unwrap();
    orphan.write(Bytes::from_static(b"orphan")).await.unwrap();
    orphan.commit().await.unwrap();
}

async fn keep_versions(store: &Storage, bucket: &str) -> Result<(), ObjectError> {
    let change = SettingsChange::Versioning(Versioning::Enabled);
    store.change_bucket(&owner(), bucket, change).await
}

async fn begin(store: &Storage, key: &str) -> Result<Upload, ObjectError> {
    let (bucket, key) = (BUCKET.to_owned(), key.to_owned());
    store.create_upload(&owner(), NewUpload { bucket, key, ..NewUpload::default() }).await
}

async fn part(store: &Storage, upload: &str, number: u32, len: usize) -> Result<(), ObjectError> {
    let body = Put::new(BUCKET, "parts", whole(bytes(len)));
    store.upload_part(&owner(), upload, number, body).await.map(drop)
}

async fn uploads(store: &Storage, prefix: &str) -> Result<Vec<Upload>, ObjectError> {
    let (bucket, prefix) = (BUCKET.to_owned(), prefix.to_owned());
    let list = ListUploads { bucket, prefix, limit: 9, ..ListUploads::default() };
    Ok(store.uploads(&owner(), &list).await?.uploads)
}

/// The upload that was arranged, while it is there.
async fn upload_of(store: &Storage) -> Result<String, ObjectError> {
    let first = uploads(store, "parts").await?.into_iter().next();
    first.map(|upload| upload.id).ok_or(ObjectError::NoSuchUpload)
}

fn named(id: &str) -> UploadName<'_> {
    UploadName { bucket: BUCKET, key: "parts", id }
}

async fn write(
    store: &Storage,
    (bucket, key): (&str, &str),
    len: usize,
    conditions: Conditions,
) -> Result<(), ObjectError> {
    let put = Put { conditions, ..Put::new(bucket, key, whole(bytes(len))) };
    store.put(&owner(), put).await.map(drop)
}

async fn act(store: &Storage, act: Act) -> Result<(), ObjectError> {
    let none = Conditions::default();
    match act {
        Act::PutSmall => write(store, (BUCKET, "large"), 7, none).await,
        Act::PutLarge => write(store, (BUCKET, "small"), LARGE + 3, none).await,
        Act::PutWhereNothingIs => write(store, (BUCKET, "new"), LARGE + 4, none).await,
        Act::PutIfUnchanged => {
            let if_match = Some("*".to_owned());
            write(store, (BUCKET, "large"), LARGE + 5, Conditions { if_match, ..none }).await
        }
        Act::PutVersion => write(store, (KEEPING, "versions"), LARGE + 6, none).await,
        Act::Copy => copy(store, "large", &none, "parts").await.map(drop),
        Act::Delete => remove(store, at("large")).await,
        Act::DeleteToMarker => remove(store, ObjectName::current(KEEPING, "versions")).await,
        Act::DeleteVersion => delete_version(store).await,
        Act::SetTags => {
            let tags = vec![("colour".to_owned(), "red".to_owned())];
            store.set_tags(&owner(), at("large"), tags).await.map(drop)
        }
        Act::KeepVersions => keep_versions(store, BUCKET).await,
        Act::BeginUpload => begin(store, "other").await.map(drop),
        Act::PutPart => part(store, &upload_of(store).await?, 3, LARGE + 6).await,
        Act::ReplacePart => part(store, &upload_of(store).await?, 1, LARGE + 7).await,
        Act::Complete => complete(store).await,
        Act::Abort => store.abort_upload(&owner(), named(&upload_of(store).await?)).await,
        Act::Sweep => store.sweep().await.map(drop),
    }
}

async fn remove(store: &Storage, name: ObjectName<'_>) -> Result<(), ObjectError> {
    store.delete(&owner(), name, &DeleteIf::default()).await.map(drop)
}

/// The version that is there, for good: the one before it is there then.
async fn delete_version(store: &Storage) -> Result<(), ObjectError> {
    let name = ObjectName::current(KEEPING, "versions");
    let info = store.head(&owner(), name, &Conditions::default(), None).await?;
    remove(store, ObjectName { version: info.and_then(|info| info.version), ..name }).await
}

/// Of one of the two parts; the other becomes garbage.
async fn complete(store: &Storage) -> Result<(), ObjectError> {
    let upload = upload_of(store).await?;
    let (_, parts) = store.parts(&owner(), named(&upload), 0, 1).await?;
    let names = |part: platform::objects::UploadedPart| PartName {
        number: part.number,
        etag: part.etag,
        checksum: None,
    };
    let parts: Vec<PartName> = parts.into_iter().map(names).collect();
    let conditions = &Conditions::default();
    let completion =
        Completion { parts: &parts, checksum: None, size: None, conditions, customer: None };
    store.complete_upload(&owner(), named(&upload), completion).await.map(drop)
}

/// Bucket, key, ETag, bytes, tags, whether it is the last version; a marker has no bytes.
type Seen = (&'static str, String, String, Vec<u8>, Tags, bool);

/// All that a client can see, but for names that are drawn anew each time.
#[derive(Debug, PartialEq, Eq)]
struct World {
    versions: Vec<Seen>,
    uploads: Vec<(String, Vec<(u32, String)>)>,
    keeps_versions: bool,
}

async fn seen(store: &Storage) -> World {
    let mut versions = Vec::new();
    for bucket in [BUCKET, KEEPING] {
        for (kept, latest) in all_versions(store, bucket).await {
            let name = kept.key().to_owned();
            let (etag, bytes, tags) = match &kept {
                Kept::Marker(_) => Default::default(),
                Kept::Object(_) => read(store, named_version(bucket, &kept)).await,
            };
            versions.push((bucket, name, etag, bytes, tags, latest));
        }
    }
    let mut pending = Vec::new();
    for Upload { key, id, .. } in uploads(store, "").await.unwrap() {
        let name = UploadName { key: &key, ..named(&id) };
        let parts = store.parts(&owner(), name, 0, 9).await.unwrap().1;
        pending.push((key, parts.into_iter().map(|part| (part.number, part.etag)).collect()));
    }
    let settings = store.bucket(&owner(), BUCKET).await.unwrap().settings.clone();
    let keeps_versions = settings.versioning == Versioning::Enabled;
    World { versions, uploads: pending, keeps_versions }
}

async fn all_versions(store: &Storage, bucket: &str) -> Vec<(Kept, bool)> {
    let list = ListVersions { bucket: bucket.to_owned(), limit: 99, ..ListVersions::default() };
    store.list_versions(&owner(), &list).await.unwrap().versions
}

fn named_version<'a>(bucket: &'a str, kept: &'a Kept) -> ObjectName<'a> {
    ObjectName { bucket, key: kept.key(), version: Some(kept.version()) }
}

async fn read(store: &Storage, name: ObjectName<'_>) -> (String, Vec<u8>, Tags) {
    let read =
        store.get(&owner(), name, None, &Conditions::default(), None).await.unwrap().unwrap();
    let chunks: Vec<Bytes> = read.body.try_collect().await.unwrap();
    let bytes = chunks.concat();
    assert_eq!(bytes.len() as u64, read.info.size);
    (read.info.etag, bytes, read.info.tags)
}

/// The blobs that a version or a part needs.
async fn needed(store: &Storage) -> BTreeSet<Id> {
    let mut blobs = BTreeSet::new();
    for bucket in [BUCKET, KEEPING] {
        for (kept, _) in all_versions(store, bucket).await {
            if let Kept::Object(_) = &kept {
                let (entry, _pin) = store.held(named_version(bucket, &kept)).await.unwrap();
                blobs.extend(entry.content.blobs());
            }
        }
    }
    for upload in uploads(store, "").await.unwrap() {
        let parts = store.index.parts(&upload.id, 0, 9).await.unwrap();
        blobs.extend(parts.iter().flat_map(|part| &part.extents).map(|extent| extent.blob));
    }
    blobs
}

async fn kept(store: &Storage) -> BTreeSet<Id> {
    let (mut blobs, mut after) = (BTreeSet::new(), None);
    loop {
        let page = store.blobs.list(after, 100).await.unwrap();
        let Some(last) = page.last() else { return blobs };
        after = Some(*last);
        blobs.extend(page);
    }
}

/// The world without and with the act.
async fn worlds(backing: fn() -> Backing, what: Act) -> [World; 2] {
    let backings = [backing(), backing()];
    let [untouched, changed] = backings.each_ref().map(Backing::open);
    arrange(&untouched).await;
    arrange(&changed).await;
    act(&changed, what).await.unwrap();
    [seen(&untouched).await, seen(&changed).await]
}

/// Dies at that step of the act; answers whether there was such a step.
async fn die_at(
    backing: &Backing,
    [old, new]: &[World; 2],
    what: Act,
    (step, side): (usize, Side),
) -> bool {
    arrange(&backing.open()).await;
    let fuse = Fuse::new(step, side);
    let outcome = act(&backing.open_mortal(&fuse), what).await;
    if !fuse.is_dead() {
        outcome.unwrap();
        return false;
    }
    let at = format!("{what:?}, {side:?} step {step}");
    let store = backing.open();
    let found = seen(&store).await;
    assert!(found == *new || found == *old && outcome.is_err(), "{at}: neither old nor new");
    store.sweep().await.unwrap();
    assert_eq!(kept(&store).await, needed(&store).await, "{at}: blobs");
    assert!(seen(&store).await == found, "{at}: the sweep took what was wanted");
    if found == *old {
        act(&store, what).await.unwrap();
        assert!(seen(&store).await == *new, "{at}: it cannot be done again");
    }
    true
}

/// Every step of every act; answers how many crash points that were.
async fn die_everywhere(backing: fn() -> Backing) -> usize {
    let mut points = 0;
    for what in ACTS {
        let worlds = worlds(backing, what).await;
        for side in [Side::Before, Side::After] {
            let mut step = 0;
            while die_at(&backing(), &worlds, what, (step, side)).await {
                step += 1;
            }
            assert!(step >= 1, "{what:?} has no steps");
            points += step;
        }
    }
    points
}

#[tokio::test]
async fn a_store_in_memory_that_dies_at_any_step_is_old_or_new() {
    assert!(die_everywhere(Backing::memory).await >= 100);
}

#[tokio::test]
async fn a_store_on_disk_that_dies_at_any_step_is_old_or_new() {
    assert!(die_everywhere(Backing::disk).await >= 100);
}

#[tokio::test]
async fn nothing_is_swept_while_a_commit_may_still_be_found() {
    for backing in [Backing::memory(), Backing::disk()] {
        backing.open().create_bucket(&owner(), BUCKET).await.unwrap();
        let store = backing.open_with_index(&Fuse::readable(State::Dead));
        write(&store, (BUCKET, "k"), LARGE, Conditions::default()).await.unwrap_err();
        assert!(store.sweep_suspects().await.is_err() && store.sweep().await.is_err());
        assert_eq!(kept(&store).await.len(), 1, "the blob may have a name when it is opened again");
    }
}

#[tokio::test]
async fn what_a_failed_commit_left_goes_without_a_look_for_orphans() {
    for backing in [Backing::memory(), Backing::disk()] {
        backing.open().create_bucket(&owner(), BUCKET).await.unwrap();
        let store = backing.open_with_index(&Fuse::readable(State::Hiccup));
        write(&store, (BUCKET, "k"), LARGE, Conditions::default()).await.unwrap_err();
        assert_eq!(kept(&store).await.len(), 1);
        assert_eq!(store.sweep_suspects().await.unwrap(), 1);
        assert_eq!(kept(&store).await.len(), 0);
        assert_eq!(store.sweep_suspects().await.unwrap(), 0);
    }
}
