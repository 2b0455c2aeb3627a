//! Buckets, kept in memory once they were asked for: every call on an object asks for its bucket.
//!
//! The index is the truth, and only this process writes it. A change is committed first and
//! forgotten here second, in one task that nothing interrupts; what was read before the change and
//! arrives after it is not kept, for the generation tells.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use platform::objects::{
    Bucket, BucketSettings, NewBucket, ObjectError, SettingsChange, index::IndexError,
    settings::Versioning,
};
use types::{Owner, Timestamp};

use super::{Storage, acl, failed, failed_at, names, settings};

/// Buckets that are kept at most; beyond, all are forgotten and asked for again.
const KEPT: usize = 10_000;

/// The region where making a bucket that one has already succeeds (S3 API reference, CreateBucket).
const FORGIVING_REGION: &str = "us-east-1";

/// What is known of buckets without asking the index.
#[derive(Default)]
pub(super) struct Known(RwLock<Generation>);

#[derive(Default)]
struct Generation {
    number: u64,
    buckets: HashMap<String, Arc<Bucket>>,
}

impl Known {
    fn find(&self, name: &str) -> Result<Arc<Bucket>, u64> {
        let now = self.0.read().unwrap_or_else(PoisonError::into_inner);
        now.buckets.get(name).cloned().ok_or(now.number)
    }

    fn keep(&self, bucket: &Arc<Bucket>, generation: u64) {
        let mut now = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if now.number != generation {
            return;
        }
        if now.buckets.len() >= KEPT {
            now.buckets.clear();
        }
        now.buckets.insert(bucket.name.clone(), bucket.clone());
    }

    fn forget(&self, name: &str) {
        let mut now = self.0.write().unwrap_or_else(PoisonError::into_inner);
        now.number += 1;
        now.buckets.remove(name);
    }
}

impl Storage {
    /// The bucket of that name, whoever owns it.
    pub(super) async fn known(&self, name: &str) -> Result<Arc<Bucket>, ObjectError> {
        let generation = match self.buckets.find(name) {
            Ok(known) => return Ok(known),
            Err(generation) => generation,
        };
        let found = self.index.bucket(name).await.map_err(failed)?;
        let bucket = found.ok_or_else(|| ObjectError::NoSuchBucket(name.to_owned()))?;
        let bucket = Arc::new(bucket);
        self.buckets.keep(&bucket, generation);
        Ok(bucket)
    }

    /// The bucket, which must be the caller's account's.
    pub(super) async fn owned(
        &self,
        owner: &Owner,
        name: &str,
    ) -> Result<Arc<Bucket>, ObjectError> {
        let bucket = self.known(name).await?;
        if *bucket.account != *owner.account {
            return Err(ObjectError::AccessDenied);
        }
        Ok(bucket)
    }

    pub(super) async fn make_bucket(
        &self,
        owner: &Owner,
        name: &str,
        new: NewBucket,
    ) -> Result<Bucket, ObjectError> {
        names::check_bucket(name)?;
        if names::is_meant_for_another(name, &owner.account) {
            return Err(ObjectError::BucketAlreadyExists);
        }
        let bucket = Bucket {
            name: name.to_owned(),
            account: owner.account.to_string(),
            region: owner.region.to_string(),
            created: Timestamp::now(),
            settings: BucketSettings {
                ownership: new.ownership.unwrap_or(self.ownership),
                acl: new.acl,
                ..BucketSettings::default()
            },
        };
        acl::check(&bucket, &bucket.settings.acl).map_err(|error| match error {
            ObjectError::NoAcls => ObjectError::HasAcl,
            other => other,
        })?;
        match self.index.create_bucket(bucket.clone()).await.map_err(failed)? {
            None => Ok(bucket),
            Some(known) if *known.account != *owner.account => {
                Err(ObjectError::BucketAlreadyExists)
            }
            Some(known) if known.region == FORGIVING_REGION && known.region == *owner.region => {
                Ok(known)
            }
            Some(_) => Err(ObjectError::BucketAlreadyOwnedByYou),
        }
    }

    pub(super) async fn remove_bucket(&self, owner: &Owner, name: &str) -> Result<(), ObjectError> {
        self.owned(owner, name).await?;
        let (index, bucket) = (self.index.clone(), name.to_owned());
        self.change_and_forget(name, async move { index.delete_bucket(&bucket).await }).await?;
        self.changed.notify_one();
        Ok(())
    }

    pub(super) async fn set_about_bucket(
        &self,
        owner: &Owner,
        name: &str,
        change: SettingsChange,
    ) -> Result<(), ObjectError> {
        let bucket = self.owned(owner, name).await?;
        settings::check(&bucket, &change)?;
        if change == SettingsChange::Versioning(Versioning::Off) {
            let what = "Versioning can be suspended, but not undone.";
            return Err(ObjectError::InvalidArgument(what.to_owned()));
        }
        let (index, bucket) = (self.index.clone(), name.to_owned());
        self.change_and_forget(name, async move { index.change_bucket(&bucket, change).await })
            .await
    }

    /// Commits a change of a bucket and forgets what was known of it, even if its caller has gone
    /// in between.
    async fn change_and_forget(
        &self,
        name: &str,
        commit: impl Future<Output = Result<(), IndexError>> + Send + 'static,
    ) -> Result<(), ObjectError> {
        let (known, bucket) = (self.buckets.clone(), name.to_owned());
        let changing = tokio::spawn(async move {
            let changed = commit.await;
            known.forget(&bucket);
            changed
        });
        let changed = changing.await.map_err(IndexError::failed).flatten();
        changed.map_err(|error| failed_at(error, name, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(account: &str) -> Arc<Bucket> {
        Arc::new(Bucket {
            name: "data".to_owned(),
            account: account.to_owned(),
            region: String::new(),
            created: Timestamp::default(),
            settings: BucketSettings::default(),
        })
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let known = Known::default();
        let generation = known.find("data").unwrap_err();
        known.forget("data");
        known.keep(&bucket("old"), generation);
        let generation = known.find("data").unwrap_err();
        known.keep(&bucket("new"), generation);
        assert_eq!(known.find("data").unwrap().account, "new");
        known.forget("data");
        assert!(known.find("data").is_err());
    }
}
