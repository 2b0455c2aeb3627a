//! Carries out what the rules of buckets say is due ([`super::lifecycle`]).
//!
//! It looks again every so often, and remembers nothing: what was due and not done is due the next
//! time. Each removal names what was seen, so that an object which was replaced in between stays.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use platform::objects::{
    Bucket, DeleteIf, Kept, ListUploads, ListVersions, ObjectError, ObjectName, UploadName,
    index::IndexError,
    settings::{LifecycleRule, Tags, Versioning},
};
use tokio::time::sleep;
use types::Timestamp;

use super::{
    Storage, failed,
    lifecycle::{self, Day, Place, Seen},
};

/// Versions and uploads that are looked at in one go.
const PAGE: usize = 1000;

/// What a look removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Objects that were current.
    pub objects: usize,
    /// Versions that were no longer current.
    pub versions: usize,
    /// Delete markers that had nothing left to mark.
    pub markers: usize,
    /// Uploads that were not completed.
    pub uploads: usize,
}

/// A version in its place.
struct Placed {
    kept: Kept,
    place: Place,
}

/// Finds each version's place, as they come by key and newest first.
#[derive(Default)]
struct Placing {
    last: Option<Placed>,
}

impl Placing {
    /// Takes the next version and gives the one before it, which is known to be lone or not only
    /// now.
    fn take(&mut self, kept: Kept) -> Option<Placed> {
        let same_key = self.last.as_ref().filter(|last| last.kept.key() == kept.key());
        let place = match same_key {
            None => Place::Current { lone: true },
            Some(last) => Place::Noncurrent {
                since: last.kept.modified(),
                newer: match last.place {
                    Place::Current { .. } => 0,
                    Place::Noncurrent { newer, .. } => newer + 1,
                },
            },
        };
        if let Some(Placed { place: Place::Current { lone }, .. }) = &mut self.last {
            *lone = place == Place::Current { lone: true };
        }
        self.last.replace(Placed { kept, place })
    }

    /// The last version there was.
    fn end(self) -> Option<Placed> {
        self.last
    }
}

impl Storage {
    /// Looks for what is due, now and then again. Never ends; `bin` spawns it and drops it.
    pub async fn keep_expired(self: Arc<Self>, day: Day) {
        loop {
            match self.expire(Timestamp::now(), day).await {
                Ok(expired) if expired == Expired::default() => {}
                Ok(expired) => tracing::info!(?expired, "lifecycle rules were followed"),
                Err(error) => {
                    tracing::warn!(%error, cause = ?error, "lifecycle rules will be tried again");
                }
            }
            sleep(day.between_looks()).await;
        }
    }

    /// Removes what is due, once.
    pub async fn expire(&self, now: Timestamp, day: Day) -> Result<Expired, ObjectError> {
        let mut expired = Expired::default();
        for bucket in self.index.ruled().await.map_err(failed)? {
            let look = Look { storage: self, bucket: &bucket, now, day };
            look.at_versions(&mut expired).await?;
            look.at_uploads(&mut expired).await?;
        }
        Ok(expired)
    }
}

/// One look at a bucket.
struct Look<'a> {
    storage: &'a Storage,
    bucket: &'a Bucket,
    now: Timestamp,
    day: Day,
}

impl Look<'_> {
    fn rules(&self) -> &[LifecycleRule] {
        &self.bucket.settings.lifecycle
    }

    async fn at_versions(&self, expired: &mut Expired) -> Result<(), ObjectError> {
        let mut list = ListVersions {
            bucket: self.bucket.name.clone(),
            prefix: lifecycle::prefix_of_all(self.rules()).to_owned(),
            limit: PAGE,
            ..ListVersions::default()
        };
        let mut placing = Placing::default();
        loop {
            let started = Instant::now();
            let page = self.storage.index.list_versions(&list).await.map_err(failed)?;
            for (kept, _) in page.versions {
                if let Some(placed) = placing.take(kept) {
                    self.judge(&placed, expired).await?;
                }
            }
            list.after = page.last;
            if !page.truncated || list.after.is_none() {
                break;
            }
            pace(started).await;
        }
        match placing.end() {
            Some(placed) => self.judge(&placed, expired).await,
            None => Ok(()),
        }
    }

    async fn judge(&self, placed: &Placed, expired: &mut Expired) -> Result<(), ObjectError> {
        static NO_TAGS: Tags = Tags::new();
        let kept = &placed.kept;
        let (size, tags, marker) = match kept {
            Kept::Object(info) => (info.size, &info.tags, false),
            Kept::Marker(_) => (0, &NO_TAGS, true),
        };
        let seen = Seen { key: kept.key(), size, tags, modified: kept.modified(), marker };
        if !lifecycle::is_due(self.rules(), &seen, placed.place, self.now, self.day) {
            return Ok(());
        }
        let counter = match placed.place {
            Place::Current { .. } if marker => &mut expired.markers,
            Place::Current { .. } => &mut expired.objects,
            Place::Noncurrent { .. } => &mut expired.versions,
        };
        *counter += usize::from(self.remove(placed).await?);
        Ok(())
    }

    /// Removes a version for good; of a current one that is kept makes an earlier one. Says whether
    /// it was still there.
    async fn remove(&self, Placed { kept, place }: &Placed) -> Result<bool, ObjectError> {
        let (expected, marker) = match kept {
            Kept::Object(info) => {
                let modified = Some(info.modified);
                let (etag, size) = (Some(info.etag.clone()), Some(info.size));
                (DeleteIf { etag, modified, size }, false)
            }
            Kept::Marker(_) => (DeleteIf::default(), true),
        };
        let version = match place {
            Place::Current { .. } if !marker => None,
            Place::Current { .. } | Place::Noncurrent { .. } => Some(kept.version()),
        };
        // Where versions never were kept there is none to name.
        let version = version.filter(|_| self.bucket.settings.versioning != Versioning::Off);
        let name = ObjectName { bucket: &self.bucket.name, key: kept.key(), version };
        let removed = self.storage.index.delete(name, &expected, Timestamp::now()).await;
        self.done(removed.map(drop))
    }

    async fn at_uploads(&self, expired: &mut Expired) -> Result<(), ObjectError> {
        let mut list = ListUploads {
            bucket: self.bucket.name.clone(),
            prefix: lifecycle::prefix_of_all(self.rules()).to_owned(),
            limit: PAGE,
            ..ListUploads::default()
        };
        loop {
            let started = Instant::now();
            let page = self.storage.index.uploads(&list).await.map_err(failed)?;
            for upload in &page.uploads {
                let (key, begun) = (&upload.key, upload.created);
                if lifecycle::upload_is_due(self.rules(), key, begun, self.now, self.day) {
                    let name = UploadName { bucket: &self.bucket.name, key, id: &upload.id };
                    let ended = self.storage.index.abort(name).await;
                    expired.uploads += usize::from(self.done(ended)?);
                }
            }
            list.after = page.last;
            if !page.truncated || list.after.is_none() {
                return Ok(());
            }
            pace(started).await;
        }
    }

    /// What is gone or was replaced since it was seen is none of the rules' business any more.
    fn done(&self, removed: Result<(), IndexError>) -> Result<bool, ObjectError> {
        match removed {
            Ok(()) => {
                self.storage.changed.notify_one();
                Ok(true)
            }
            Err(
                IndexError::Unmet
                | IndexError::NoSuchBucket
                | IndexError::NoSuchKey
                | IndexError::NoSuchVersion
                | IndexError::NoSuchUpload,
            ) => Ok(false),
            Err(error @ (IndexError::BucketNotEmpty | IndexError::Failed(_))) => Err(failed(error)),
        }
    }
}

/// Leaves as much time to others as a page took.
async fn pace(started: Instant) {
    sleep(started.elapsed().min(Duration::from_secs(1))).await;
}

#[cfg(test)]
mod tests {
    use platform::objects::{Marker, ObjectInfo, Version};

    use super::*;

    fn object(key: &str, at: i64) -> Kept {
        let modified = Timestamp::from_micros(at);
        let info = ObjectInfo { key: key.to_owned(), modified, ..ObjectInfo::default() };
        Kept::Object(Box::new(info))
    }

    fn marker(key: &str, at: i64) -> Kept {
        let modified = Timestamp::from_micros(at);
        Kept::Marker(Marker { key: key.to_owned(), version: Version::Numbered(1), modified })
    }

    #[test]
    fn each_version_is_placed_among_those_of_its_key() {
        let all = [object("a", 9), object("b", 8), object("b", 7), object("b", 6), marker("c", 5)];
        let mut placing = Placing::default();
        let mut placed: Vec<Placed> = all.into_iter().filter_map(|it| placing.take(it)).collect();
        placed.extend(placing.end());
        let since = |at, newer| Place::Noncurrent { since: Timestamp::from_micros(at), newer };
        let found: Vec<(&str, Place)> =
            placed.iter().map(|placed| (placed.kept.key(), placed.place)).collect();
        assert_eq!(
            found,
            [
                ("a", Place::Current { lone: true }),
                ("b", Place::Current { lone: false }),
                ("b", since(8, 0)),
                ("b", since(7, 1)),
                ("c", Place::Current { lone: true }),
            ]
        );
    }
}
