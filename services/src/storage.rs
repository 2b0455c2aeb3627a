//! S3's rules over two small ports: names in an [`ObjectIndex`], bytes in [`Blobs`].
//!
//! The order of every write is: bytes durable under a name that nobody knows, then one commit of the
//! index, then the answer. So what is visible is whole, what was acknowledged survives, and what a
//! crash leaves between the two is an orphan that the sweeper finds. A commit runs to its end even
//! if its caller has gone, for the blobs that it names stay pinned until it is decided.

mod checksums;
mod conditions;
mod extents;
mod names;
mod pins;
mod read;
mod receive;
mod sweeper;
mod uploads;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use platform::{
    objects::{
        Bucket, ByteRange, Checksums, Conditions, ListKeys, Listing, ObjectError, ObjectHeaders,
        ObjectInfo, Objects, PartName, Put, Read, Upload, UploadedPart,
        blobs::Blobs,
        index::{IndexError, ObjectIndex},
    },
    workload::Part,
};
use tokio::sync::Notify;
use types::{Owner, Timestamp};

use pins::{Pin, Pins};
pub use sweeper::Swept;

/// The region where making a bucket that one has already succeeds (S3 API reference, CreateBucket).
const FORGIVING_REGION: &str = "us-east-1";

/// The object store.
pub struct Storage {
    index: Arc<dyn ObjectIndex>,
    blobs: Arc<dyn Blobs>,
    pins: Arc<Pins>,
    /// Told after each commit, for the sweeper.
    changed: Arc<Notify>,
}

impl Storage {
    /// A store over these two. What a crash left behind goes with the first
    /// [`Storage::keep_swept`].
    #[must_use]
    pub fn new(index: Arc<dyn ObjectIndex>, blobs: Arc<dyn Blobs>) -> Self {
        Self { index, blobs, pins: Arc::default(), changed: Arc::default() }
    }

    /// The bucket, which must be the caller's account's.
    async fn owned(&self, owner: &Owner, name: &str) -> Result<Bucket, ObjectError> {
        let bucket = self.index.bucket(name).await.map_err(failed)?;
        let bucket = bucket.ok_or_else(|| ObjectError::NoSuchBucket(name.to_owned()))?;
        if *bucket.account != *owner.account {
            return Err(ObjectError::AccessDenied);
        }
        Ok(bucket)
    }

    /// Runs a commit to its end, and holds its blobs until it is decided.
    async fn decide(
        &self,
        pin: Pin,
        commit: impl Future<Output = Result<(), IndexError>> + Send + 'static,
    ) -> Result<(), IndexError> {
        let changed = self.changed.clone();
        let decided = tokio::spawn(async move {
            let decided = commit.await;
            drop(pin);
            changed.notify_one();
            decided
        });
        decided.await.map_err(IndexError::failed)?
    }
}

/// The index's refusals in S3's words, where no name belongs into them.
fn failed(error: IndexError) -> ObjectError {
    match error {
        IndexError::NoSuchBucket => ObjectError::NoSuchBucket(String::new()),
        IndexError::NoSuchKey => ObjectError::NoSuchKey(String::new()),
        IndexError::NoSuchUpload => ObjectError::NoSuchUpload,
        IndexError::BucketNotEmpty => ObjectError::BucketNotEmpty,
        IndexError::Unmet => ObjectError::PreconditionFailed,
        IndexError::Failed(cause) => ObjectError::Internal(cause),
    }
}

/// The same for a call on one key.
fn failed_at(error: IndexError, bucket: &str, key: &str) -> ObjectError {
    match failed(error) {
        ObjectError::NoSuchBucket(_) => ObjectError::NoSuchBucket(bucket.to_owned()),
        ObjectError::NoSuchKey(_) => ObjectError::NoSuchKey(key.to_owned()),
        other => other,
    }
}

#[async_trait]
impl Objects for Storage {
    async fn create_bucket(&self, owner: &Owner, name: &str) -> Result<Bucket, ObjectError> {
        names::check_bucket(name)?;
        let bucket = Bucket {
            name: name.to_owned(),
            account: owner.account.to_string(),
            region: owner.region.to_string(),
            created: Timestamp::now(),
        };
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

    async fn delete_bucket(&self, owner: &Owner, name: &str) -> Result<(), ObjectError> {
        self.owned(owner, name).await?;
        self.index.delete_bucket(name).await.map_err(|error| failed_at(error, name, ""))?;
        self.changed.notify_one();
        Ok(())
    }

    async fn bucket(&self, owner: &Owner, name: &str) -> Result<Bucket, ObjectError> {
        self.owned(owner, name).await
    }

    async fn buckets(&self, owner: &Owner) -> Result<Vec<Bucket>, ObjectError> {
        self.index.buckets(&owner.account).await.map_err(failed)
    }

    async fn put(&self, owner: &Owner, put: Put) -> Result<ObjectInfo, ObjectError> {
        self.put_object(owner, put).await
    }

    async fn head(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        conditions: &Conditions,
    ) -> Result<Option<ObjectInfo>, ObjectError> {
        self.head_object(owner, bucket, key, conditions).await
    }

    async fn get(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        range: Option<ByteRange>,
        conditions: &Conditions,
    ) -> Result<Option<Read>, ObjectError> {
        self.get_object(owner, bucket, key, range, conditions).await
    }

    async fn delete(&self, owner: &Owner, bucket: &str, key: &str) -> Result<(), ObjectError> {
        self.delete_object(owner, bucket, key).await
    }

    async fn copy(
        &self,
        owner: &Owner,
        source: (&str, &str),
        conditions: &Conditions,
        target: (&str, &str),
        headers: Option<ObjectHeaders>,
    ) -> Result<ObjectInfo, ObjectError> {
        self.copy_object(owner, source, conditions, target, headers).await
    }

    async fn list(&self, owner: &Owner, list: &ListKeys) -> Result<Listing, ObjectError> {
        self.list_objects(owner, list).await
    }

    async fn open_parts(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
    ) -> Result<(ObjectInfo, Vec<Part>), ObjectError> {
        self.open_object(owner, bucket, key).await
    }

    async fn create_upload(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        headers: ObjectHeaders,
        checksums: Checksums,
    ) -> Result<Upload, ObjectError> {
        self.begin_upload(owner, bucket, key, headers, checksums).await
    }

    async fn upload_part(
        &self,
        owner: &Owner,
        upload: &str,
        number: u32,
        put: Put,
    ) -> Result<UploadedPart, ObjectError> {
        self.put_part(owner, upload, number, put).await
    }

    async fn upload_part_copy(
        &self,
        owner: &Owner,
        source: (&str, &str),
        range: Option<(u64, u64)>,
        conditions: &Conditions,
        target: (&str, &str, &str, u32),
    ) -> Result<UploadedPart, ObjectError> {
        self.copy_part(owner, source, range, conditions, target).await
    }

    async fn complete_upload(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        upload: &str,
        parts: &[PartName],
        conditions: &Conditions,
    ) -> Result<ObjectInfo, ObjectError> {
        self.owned(owner, bucket).await?;
        self.complete(bucket, key, upload, parts, conditions).await
    }

    async fn abort_upload(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        upload: &str,
    ) -> Result<(), ObjectError> {
        self.owned(owner, bucket).await?;
        self.index.abort(bucket, key, upload).await.map_err(failed)?;
        self.changed.notify_one();
        Ok(())
    }

    async fn parts(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        upload: &str,
        after: u32,
        limit: usize,
    ) -> Result<(Upload, Vec<UploadedPart>), ObjectError> {
        let found = self.upload_of(owner, bucket, key, upload).await?;
        let limit = limit.min(uploads::PARTS);
        let parts = self.index.parts(upload, after, limit).await.map_err(failed)?;
        Ok((found, parts.into_iter().map(|entry| entry.part).collect()))
    }

    async fn uploads(
        &self,
        owner: &Owner,
        bucket: &str,
        prefix: &str,
    ) -> Result<Vec<Upload>, ObjectError> {
        self.owned(owner, bucket).await?;
        self.index.uploads(bucket, prefix).await.map_err(|error| failed_at(error, bucket, ""))
    }
}
