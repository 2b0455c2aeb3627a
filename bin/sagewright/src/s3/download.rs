//! From an object to a file: into a staging file beside it, checked, then renamed. So a file under
//! its own name is whole, and one that was there stays until the new one is.

use std::{
    fs::{self, File, OpenOptions},
    io::Seek,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use anyhow::{Context, Result, bail};
use http::HeaderMap;
use tokio::task::spawn_blocking;
use types::Id;

use super::{
    place::{Local, Object},
    sums::{Known, Sum},
    transfer::{PART, Transfers, all, ranges, size_of, text_of},
};

/// Digits that tell staging files of one name apart.
const DIGITS: usize = 8;

/// A file that goes away with this, unless it was kept.
struct Staging {
    file: File,
    path: PathBuf,
}

impl Staging {
    fn beside(target: &Path) -> Result<Self> {
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::create_dir_all(folder.unwrap_or(Path::new(".")))?;
        let name = target.file_name().context("the target is no file")?.to_string_lossy();
        let path =
            target.with_file_name(format!(".{name}.{}", &Id::random().to_string()[..DIGITS]));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Ok(Self { file, path })
    }

    fn keep(&self, target: &Path, modified: Option<SystemTime>) -> Result<()> {
        if let Some(modified) = modified {
            self.file.set_modified(modified)?;
        }
        if target.is_dir() {
            bail!("there is a folder of that name");
        }
        Ok(fs::rename(&self.path, target)?)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // It was renamed, or nobody wants it.
        let _ = fs::remove_file(&self.path);
    }
}

impl Transfers {
    pub(super) async fn download(self: &Arc<Self>, from: &Object, to: &Local) -> Result<()> {
        let headers = self.client.head(from).await?;
        let (size, known) = (size_of(&headers)?, Known::of(&headers));
        self.progress.expect(size);
        let staging = Arc::new(Staging::beside(&to.0)?);
        let etag = text_of(&headers, "etag")?.to_owned();
        let parts = all(ranges(size, PART).map(|range| {
            let (this, staging) = (Arc::clone(self), Arc::clone(&staging));
            let (from, etag, crc) = (from.clone(), etag.clone(), known.crc());
            async move {
                let bytes = this.read(&from, &etag, range).await?;
                let write = move || {
                    staging.file.write_all_at(&bytes, range.0)?;
                    anyhow::Ok(crc.map(|crc| Sum::of(crc, &bytes)))
                };
                spawn_blocking(write).await?
            }
        }));
        let sums: Vec<Sum> = parts.await?.into_iter().flatten().collect();
        let (target, modified) = (to.0.clone(), modified(&headers));
        let finish = move || {
            let mut file = staging.file.try_clone()?;
            file.rewind()?;
            known.check(&mut file, &sums)?;
            staging.keep(&target, modified)
        };
        spawn_blocking(finish).await?
    }

    /// A range of the object as it was when it was first asked about.
    async fn read(&self, from: &Object, etag: &str, (first, last): (u64, u64)) -> Result<Vec<u8>> {
        let len = last - first + 1;
        let _room = self.room(len).await?;
        let mut bytes = Vec::with_capacity(usize::try_from(len)?);
        let mut answer = self.client.range(from, etag, first, last).await?;
        while let Some(some) = answer.next().await? {
            if (bytes.len() + some.len()) as u64 > len {
                break;
            }
            bytes.extend_from_slice(&some);
            self.progress.done(some.len() as u64);
        }
        if bytes.len() as u64 != len {
            bail!("the server did not send the bytes that it was asked for");
        }
        Ok(bytes)
    }
}

fn modified(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(text_of(headers, "last-modified").ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_goes_away_and_what_is_kept_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("new/file");
        drop(Staging::beside(&target).unwrap());
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 0);
        fs::write(&target, "old").unwrap();
        let staging = Staging::beside(&target).unwrap();
        staging.file.write_all_at(b"new", 0).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"old");
        staging.keep(&target, None).unwrap();
        drop(staging);
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
    }
}
