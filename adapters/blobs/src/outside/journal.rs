//! `objects/uploads`: a file for each upload in parts that is under way, named by its blob, holding
//! the outside store's name for it.
//!
//! It is durable before the first part is sent, so an upload of a process that died can be aborted
//! by the next one, on any store, whether it lists uploads or not, and no upload of anybody else
//! is touched. A crash between the store's answer and the file leaves an upload without a part.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use types::Id;

use crate::disk::{off_the_reactor, remove_if_there, sync_folder};

/// The folder below `objects`.
const FOLDER: &str = "uploads";

/// Uploads that are under way.
#[derive(Clone)]
pub(super) struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// Opens it below `objects`, made if it was not there.
    pub(super) fn open(objects: &Path) -> io::Result<Self> {
        let folder = objects.join(FOLDER);
        fs::create_dir_all(&folder)?;
        sync_folder(objects)?;
        Ok(Self { folder })
    }

    fn file(&self, blob: Id) -> PathBuf {
        self.folder.join(blob.to_string())
    }

    /// Notes an upload; durable when it returns.
    pub(super) async fn note(&self, blob: Id, upload: String) -> io::Result<()> {
        let (path, folder) = (self.file(blob), self.folder.clone());
        off_the_reactor(move || {
            let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
            file.write_all(upload.as_bytes())?;
            file.sync_data()?;
            sync_folder(&folder)
        })
        .await
    }

    /// Forgets an upload that is complete or aborted. One that comes back after a power cut is
    /// aborted once more, which does nothing.
    pub(super) async fn forget(&self, blob: Id) -> io::Result<()> {
        let path = self.file(blob);
        off_the_reactor(move || remove_if_there(&path)).await
    }

    /// Uploads that were noted and not forgotten.
    pub(super) async fn left(&self) -> io::Result<Vec<(Id, String)>> {
        let folder = self.folder.clone();
        off_the_reactor(move || {
            let mut left = Vec::new();
            for file in fs::read_dir(folder)? {
                let file = file?;
                let blob = file.file_name().to_str().and_then(|name| name.parse().ok());
                if let Some(blob) = blob {
                    left.push((blob, fs::read_to_string(file.path())?));
                }
            }
            Ok(left)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_noted_is_there_for_the_next_who_opens_it() {
        let data = tempfile::tempdir().unwrap();
        let journal = Journal::open(data.path()).unwrap();
        let (one, two) = (Id::random(), Id::random());
        journal.note(one, "an/upload+id==".to_owned()).await.unwrap();
        journal.note(two, String::new()).await.unwrap();
        journal.forget(two).await.unwrap();
        journal.forget(two).await.unwrap();
        let next = Journal::open(data.path()).unwrap();
        assert_eq!(next.left().await.unwrap(), [(one, "an/upload+id==".to_owned())]);
    }
}
