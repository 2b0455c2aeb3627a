//! `objects/copies/<id>`: outside blobs that jobs read as files, fetched when they are opened.
//!
//! A blob never changes, so a copy is good for as long as it is kept. The disk they take is counted:
//! the one that was asked for longest ago goes first, and all of them before the disk is full. Like
//! a blob of our own a copy is 0400 and handed out read-only, and whoever has it open (or has
//! linked it) keeps it when it goes from here. What is there at the start belongs to a process that
//! died: which of it was whole nobody knows.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::TryStreamExt as _;
use platform::objects::ByteStream;
use tokio::{io::AsyncWriteExt as _, sync::OnceCell};
use types::Id;

use crate::disk::{off_the_reactor, remove_if_there};

/// The folder below `objects`.
const FOLDER: &str = "copies";
/// Bytes that copies take at most; a larger one goes as soon as another is asked for.
const MOST: u64 = 4 << 30;
/// Free bytes that copies leave on the disk, for the index and for jobs.
const RESERVE: u64 = 256 << 20;
/// Nobody but the owner reads a copy, and nobody writes it.
const MODE: u32 = 0o400;

/// Copies of outside blobs.
pub(super) struct Copies {
    folder: PathBuf,
    most: u64,
    /// The one asked for last comes last.
    kept: Mutex<VecDeque<Copy>>,
}

/// One of them, perhaps still coming in.
struct Copy {
    blob: Id,
    len: u64,
    file: Arc<OnceCell<Arc<File>>>,
}

impl Copies {
    /// Opens the folder below `objects` and empties it.
    pub(super) fn open(objects: &Path) -> io::Result<Self> {
        let folder = objects.join(FOLDER);
        fs::create_dir_all(&folder)?;
        for file in fs::read_dir(&folder)? {
            fs::remove_file(file?.path())?;
        }
        Ok(Self { folder, most: MOST, kept: Mutex::default() })
    }

    /// The blob of that length as a file: the copy there is, or one made of `body`. Who asks for a
    /// blob that is coming in waits for it.
    pub(super) async fn file(
        self: &Arc<Self>,
        blob: Id,
        len: u64,
        body: ByteStream,
    ) -> io::Result<Arc<File>> {
        let copies = self.clone();
        let cell = off_the_reactor(move || copies.cell(blob, len)).await?;
        cell.get_or_try_init(|| self.fetch(blob, body)).await.cloned()
    }

    /// Removes the copy of a blob that is no more.
    pub(super) async fn forget(self: &Arc<Self>, blob: Id) -> io::Result<()> {
        let copies = self.clone();
        off_the_reactor(move || {
            let mut kept = copies.kept();
            let Some(at) = kept.iter().position(|copy| copy.blob == blob) else { return Ok(()) };
            kept.remove(at);
            remove_if_there(&copies.path(blob))
        })
        .await
    }

    fn path(&self, blob: Id) -> PathBuf {
        self.folder.join(blob.to_string())
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Copy>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The copy's place at the end of the row, with room for it on the disk.
    fn cell(&self, blob: Id, len: u64) -> io::Result<Arc<OnceCell<Arc<File>>>> {
        let mut kept = self.kept();
        let known = kept.iter().position(|copy| copy.blob == blob).and_then(|at| kept.remove(at));
        let copy = if let Some(copy) = known {
            copy
        } else {
            self.make_room(&mut kept, len)?;
            Copy { blob, len, file: Arc::default() }
        };
        let file = copy.file.clone();
        kept.push_back(copy);
        Ok(file)
    }

    fn make_room(&self, kept: &mut VecDeque<Copy>, len: u64) -> io::Result<()> {
        loop {
            let taken: u64 = kept.iter().map(|copy| copy.len).sum();
            let disk = rustix::fs::statvfs(&self.folder)?;
            let fits = disk.f_bavail.saturating_mul(disk.f_frsize) >= len.saturating_add(RESERVE);
            if fits && taken.saturating_add(len) <= self.most {
                return Ok(());
            }
            match kept.pop_front() {
                Some(copy) => remove_if_there(&self.path(copy.blob))?,
                None if fits => return Ok(()),
                None => return Err(full(len)),
            }
        }
    }

    /// The name may be that of one that broke off. It is opened for reading while it has one.
    async fn fetch(&self, blob: Id, mut body: ByteStream) -> io::Result<Arc<File>> {
        let path = self.path(blob);
        let (written, read) = off_the_reactor(move || {
            remove_if_there(&path)?;
            let written = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path)?;
            Ok((written, File::open(&path)?))
        })
        .await?;
        let mut written = tokio::fs::File::from_std(written);
        while let Some(chunk) = body.try_next().await? {
            written.write_all(&chunk).await?;
        }
        written.flush().await?;
        Ok(Arc::new(read))
    }
}

fn full(len: u64) -> io::Error {
    let what = format!("no room on the data folder's disk for a copy of a blob of {len} bytes");
    io::Error::new(io::ErrorKind::StorageFull, what)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};

    use platform::objects::whole;

    use super::*;

    /// Room for two of these tests' copies.
    fn copies(data: &tempfile::TempDir) -> Arc<Copies> {
        Arc::new(Copies { most: 8, ..Copies::open(data.path()).unwrap() })
    }

    fn names(copies: &Copies) -> Vec<Id> {
        let files = fs::read_dir(&copies.folder).unwrap();
        let mut ids: Vec<Id> = files
            .map(|file| file.unwrap().file_name().to_str().unwrap().parse().unwrap())
            .collect();
        ids.sort_unstable();
        ids
    }

    fn lost() -> ByteStream {
        Box::pin(futures_util::stream::iter([Err(io::ErrorKind::ConnectionReset.into())]))
    }

    #[tokio::test]
    async fn a_blob_is_fetched_once_and_read_only() {
        let data = tempfile::tempdir().unwrap();
        let copies = copies(&data);
        let blob = Id::random();
        let (first, second) =
            tokio::join!(copies.file(blob, 4, whole("data")), copies.file(blob, 4, whole("data")));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.metadata().unwrap().ino(), second.metadata().unwrap().ino());
        assert_eq!(first.metadata().unwrap().permissions().mode() & 0o777, 0o400);
        assert!(first.write_at(b"x", 0).is_err());
        let mut bytes = [0; 4];
        copies.file(blob, 4, lost()).await.unwrap().read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"data");
    }

    #[tokio::test]
    async fn the_one_asked_for_longest_ago_makes_room() {
        let data = tempfile::tempdir().unwrap();
        let copies = copies(&data);
        let [one, two, three] = [Id::from_bits(1), Id::from_bits(2), Id::from_bits(3)];
        for blob in [one, two, one, three] {
            copies.file(blob, 4, whole("data")).await.unwrap();
        }
        assert_eq!(names(&copies), [one, three]);
        let large = copies.file(two, 9, whole("more data")).await.unwrap();
        assert_eq!(names(&copies), [two]);
        copies.file(one, 4, whole("data")).await.unwrap();
        assert_eq!(names(&copies), [one]);
        assert_eq!(large.metadata().unwrap().len(), 9);
    }

    #[tokio::test]
    async fn one_that_broke_off_is_fetched_again() {
        let data = tempfile::tempdir().unwrap();
        let copies = copies(&data);
        let blob = Id::random();
        assert!(copies.file(blob, 4, lost()).await.is_err());
        let file = copies.file(blob, 4, whole("data")).await.unwrap();
        assert_eq!(file.metadata().unwrap().len(), 4);
    }

    #[tokio::test]
    async fn what_the_disk_has_no_room_for_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let copies = copies(&data);
        copies.file(Id::random(), 4, whole("data")).await.unwrap();
        let refused = copies.file(Id::random(), u64::MAX / 2, whole("data")).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    }

    #[tokio::test]
    async fn copies_go_with_their_blob_and_with_their_process() {
        let data = tempfile::tempdir().unwrap();
        let first = copies(&data);
        let (one, two) = (Id::random(), Id::random());
        first.file(one, 4, whole("data")).await.unwrap();
        first.file(two, 4, whole("data")).await.unwrap();
        first.forget(one).await.unwrap();
        assert_eq!(names(&first), [two]);
        assert_eq!(names(&copies(&data)), []);
    }
}
