//! Blobs as files: `staging/<id>` while one is written, `blobs/ab/<id>` once it is durable.
//!
//! A blob appears under its name only after its bytes are on the disk (fdatasync, rename, fsync of
//! the folder), so what has a name is whole. Files are made with mode 0400: nobody opens one for
//! writing again. One process at a time may open a folder; whoever opens it empties `staging`, for
//! what lies there belongs to a process that died.
//!
//! An open descriptor is the pin: a blob may be unlinked while it is read, and its bytes stay
//! until the last descriptor is closed. Who hands a blob to another process hands it a descriptor
//! (or links it through `/proc/self/fd`, falling back to a copy where it was unlinked meanwhile).
//!
//! 256 folders of blobs hold some ten million files before a folder grows past what ext4's index
//! finds in two steps; a second level would cost each of the first 65,536 blobs two more fsyncs.

mod reader;
mod writer;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use platform::objects::{
    ByteStream,
    blobs::{BlobWriter, Blobs},
};
use types::Id;

use crate::disk::{off_the_reactor, remove_if_there, sync_folder};
use writer::StagedBlob;

/// Folders of blobs, named by the first two digits of the ids in them.
const SHARDS: u16 = 256;

/// A folder full of blobs. Cloning shares it.
#[derive(Clone)]
pub struct Folder {
    layout: Arc<Layout>,
}

/// Where things lie.
struct Layout {
    staging: PathBuf,
    blobs: PathBuf,
}

impl Layout {
    fn shard(&self, number: u16) -> PathBuf {
        self.blobs.join(format!("{number:02x}"))
    }

    /// The folder that a blob is in.
    fn shard_of(&self, blob: Id) -> PathBuf {
        self.blobs.join(&blob.to_string()[..2])
    }

    fn blob(&self, blob: Id) -> PathBuf {
        self.shard_of(blob).join(blob.to_string())
    }

    fn staged(&self, blob: Id) -> PathBuf {
        self.staging.join(blob.to_string())
    }
}

impl Folder {
    /// Opens the folder at `path` (`objects` in the data folder), makes what is missing of it and
    /// removes what a process that died was writing.
    pub fn open(path: &Path) -> io::Result<Self> {
        let layout = Layout { staging: path.join("staging"), blobs: path.join("blobs") };
        fs::create_dir_all(&layout.staging)?;
        fs::create_dir_all(&layout.blobs)?;
        for number in 0..SHARDS {
            make_folder(&layout.shard(number))?;
        }
        sync_folder(&layout.blobs)?;
        sync_folder(path)?;
        empty(&layout.staging)?;
        Ok(Self { layout: Arc::new(layout) })
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn empty(staging: &Path) -> io::Result<()> {
    for file in fs::read_dir(staging)? {
        fs::remove_file(file?.path())?;
    }
    Ok(())
}

/// The ids in one folder after `after`, ascending. Other files are not ours and not listed.
fn ids_in(folder: &Path, after: Option<Id>) -> io::Result<Vec<Id>> {
    let mut ids = Vec::new();
    for file in fs::read_dir(folder)? {
        let name = file?.file_name();
        ids.extend(name.to_str().and_then(|name| name.parse::<Id>().ok()));
    }
    ids.retain(|id| Some(*id) > after);
    ids.sort_unstable();
    Ok(ids)
}

/// The number of the folder that a list after this id begins with.
fn first_shard(after: Option<Id>) -> u16 {
    after.and_then(|id| u16::from_str_radix(&id.to_string()[..2], 16).ok()).unwrap_or(0)
}

fn page(layout: &Layout, after: Option<Id>, limit: usize) -> io::Result<Vec<Id>> {
    for number in first_shard(after)..SHARDS {
        let mut ids = ids_in(&layout.shard(number), after)?;
        if !ids.is_empty() {
            ids.truncate(limit);
            return Ok(ids);
        }
    }
    Ok(Vec::new())
}

#[async_trait]
impl Blobs for Folder {
    async fn begin(&self) -> io::Result<Box<dyn BlobWriter>> {
        let layout = self.layout.clone();
        let staged = off_the_reactor(move || StagedBlob::create(layout)).await?;
        Ok(Box::new(staged))
    }

    fn read(&self, blob: Id, offset: u64, len: u64) -> ByteStream {
        reader::read(self.layout.blob(blob), offset, len)
    }

    async fn open(&self, blob: Id) -> io::Result<Option<Arc<File>>> {
        let path = self.layout.blob(blob);
        off_the_reactor(move || Ok(Some(Arc::new(reader::open(&path)?)))).await
    }

    async fn delete(&self, blob: Id) -> io::Result<()> {
        let path = self.layout.blob(blob);
        off_the_reactor(move || remove_if_there(&path)).await
    }

    async fn list(&self, after: Option<Id>, limit: usize) -> io::Result<Vec<Id>> {
        let layout = self.layout.clone();
        off_the_reactor(move || page(&layout, after, limit)).await
    }

    fn free(&self) -> io::Result<Option<u64>> {
        let disk = rustix::fs::statvfs(&self.layout.blobs)?;
        Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use bytes::Bytes;
    use futures_util::TryStreamExt as _;
    use platform::objects::blobs::suite;

    use super::*;

    fn files_below(path: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
        }
        found
    }

    async fn stored(folder: &Folder, bytes: &[u8]) -> Id {
        let mut writer = folder.begin().await.unwrap();
        for chunk in bytes.chunks(100_000) {
            writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        let id = writer.id();
        writer.commit().await.unwrap();
        id
    }

    #[tokio::test]
    async fn a_folder_keeps_what_blobs_promise() {
        let place = tempfile::tempdir().unwrap();
        suite::all(&Folder::open(place.path()).unwrap()).await;
        assert_eq!(files_below(place.path()), Vec::<PathBuf>::new());
    }

    #[tokio::test]
    async fn many_blocks_come_back_in_order() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let bytes: Vec<u8> = (0..3_500_001_u32).map(|n| (n % 251) as u8).collect();
        let id = stored(&folder, &bytes).await;
        let read: Vec<Bytes> = folder.read(id, 1, 3_500_000).try_collect().await.unwrap();
        assert!(read.concat() == bytes[1..]);
    }

    #[tokio::test]
    async fn a_blob_is_read_only_and_named_by_its_id_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let id = stored(&folder, b"x").await;
        let path = place.path().join("blobs").join(&id.to_string()[..2]).join(id.to_string());
        assert_eq!(files_below(place.path()), [path.as_path()]);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o400);
    }

    #[tokio::test]
    async fn who_opens_the_folder_clears_away_what_a_dead_process_was_writing() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let kept = stored(&folder, b"kept").await;
        let mut writer = folder.begin().await.unwrap();
        writer.write(Bytes::from_static(b"half")).await.unwrap();
        std::mem::forget(writer);
        assert_eq!(files_below(&place.path().join("staging")).len(), 1);
        let folder = Folder::open(place.path()).unwrap();
        assert_eq!(files_below(&place.path().join("staging")).len(), 0);
        assert_eq!(folder.list(None, 10).await.unwrap(), [kept]);
    }

    #[tokio::test]
    async fn the_room_that_is_left_is_known() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        assert!(folder.free().unwrap().is_some_and(|bytes| bytes > 0));
    }
}
