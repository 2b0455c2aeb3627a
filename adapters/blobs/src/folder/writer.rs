//! Writing a blob: gathered into large blocks, written beside the sender's next bytes.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    mem,
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use platform::objects::blobs::BlobWriter;
use tokio::task::{JoinHandle, spawn_blocking};
use types::Id;

use super::Layout;
use crate::disk::{off_the_reactor, sync_folder};

/// Bytes that are gathered before they are written in one go on another thread.
const BLOCK: usize = 1024 * 1024;
/// Chunks that are gathered at most: a sender of single bytes must not fill the memory with handles.
const CHUNKS: usize = 1024;
/// Nobody but the owner reads a blob, and nobody writes it.
const MODE: u32 = 0o400;

/// A file in `staging`, removed unless it is committed.
pub(super) struct StagedBlob {
    id: Id,
    layout: Arc<Layout>,
    file: Arc<File>,
    staged: Staged,
    gathered: Vec<Bytes>,
    gathered_len: usize,
    writing: Option<JoinHandle<io::Result<()>>>,
}

/// The name of a staging file, unlinked when it is dropped; what is left of the file goes with its
/// last descriptor.
struct Staged(Option<PathBuf>);

impl Drop for Staged {
    fn drop(&mut self) {
        let Some(path) = self.0.take() else { return };
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "a staging file stays until the next start");
        }
    }
}

impl StagedBlob {
    pub(super) fn create(layout: Arc<Layout>) -> io::Result<Self> {
        let id = Id::random();
        let path = layout.staged(id);
        let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path)?;
        Ok(Self {
            id,
            layout,
            file: Arc::new(file),
            staged: Staged(Some(path)),
            gathered: Vec::new(),
            gathered_len: 0,
            writing: None,
        })
    }

    /// Waits for the block under way, so that at most one is, and blocks stay in order.
    async fn settle(&mut self) -> io::Result<()> {
        match self.writing.take() {
            Some(writing) => writing.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}

fn write_all(mut file: &File, chunks: &[Bytes]) -> io::Result<()> {
    chunks.iter().try_for_each(|chunk| file.write_all(chunk))
}

/// The order is what makes a name mean a whole blob.
fn publish(layout: &Layout, id: Id, file: &File, mut staged: Staged) -> io::Result<()> {
    file.sync_data()?;
    if let Some(path) = &staged.0 {
        fs::rename(path, layout.blob(id))?;
    }
    staged.0 = None;
    sync_folder(&layout.shard_of(id))
}

#[async_trait]
impl BlobWriter for StagedBlob {
    fn id(&self) -> Id {
        self.id
    }

    async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.gathered_len += bytes.len();
        self.gathered.push(bytes);
        if self.gathered_len < BLOCK && self.gathered.len() < CHUNKS {
            return Ok(());
        }
        self.settle().await?;
        let chunks = mem::take(&mut self.gathered);
        self.gathered_len = 0;
        let file = self.file.clone();
        self.writing = Some(spawn_blocking(move || write_all(&file, &chunks)));
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> io::Result<()> {
        self.settle().await?;
        let Self { id, layout, file, staged, gathered, .. } = *self;
        off_the_reactor(move || {
            write_all(&file, &gathered)?;
            publish(&layout, id, &file, staged)
        })
        .await
    }
}
