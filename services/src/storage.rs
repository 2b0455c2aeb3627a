//! S3's rules over two small ports: names in an [`ObjectIndex`], bytes in [`Blobs`].
//!
//! The order of every write is: bytes durable under a name that nobody knows, then one commit of the
//! index, then the answer. So what is visible is whole, what was acknowledged survives, and what a
//! crash leaves between the two is an orphan that the sweeper finds. A commit runs to its end even
//! if its caller has gone, for the blobs that it names stay pinned until it is decided.

mod acl;
mod buckets;
mod checksums;
mod conditions;
mod copies;
mod cors;
mod expirer;
mod extents;
mod keepers;
mod lifecycle;
mod names;
mod pass;
mod pins;
mod policy;
mod read;
mod receive;
mod rights;
mod scrub;
mod seal;
mod settings;
mod sums;
mod sweeper;
mod tags;
mod uploads;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use platform::{
    objects::{
        Acl, Asked, Bucket, ByteRange, Completion, Conditions, Copy, CopySource, CorsAnswer,
        CorsAsked, DeleteIf, Deleted, Expiry, ListKeys, ListUploads, ListVersions, Listing,
        NewBucket, NewUpload, ObjectError, ObjectInfo, ObjectName, Objects, Ownership, Put, Read,
        SettingsChange, Tags, Upload, UploadListing, UploadName, UploadedPart, Version,
        VersionListing,
        blobs::Blobs,
        index::{IndexError, ObjectIndex},
        settings::DefaultEncryption,
    },
    sealed::Secret,
    workload::Part,
};
use tokio::sync::Notify;
use types::Owner;

use buckets::Known;
pub use expirer::Expired;
pub use keepers::BlobsKept;
use keepers::Keepers;
pub use lifecycle::Day;
use pins::{Pin, Pins};
use rights::Policies;
pub use scrub::Scrubbed;
use seal::Keys;
pub use seal::{Vault, VaultError};
use sums::Damage;
use sweeper::Suspects;
pub use sweeper::Swept;

/// The object store.
pub struct Storage {
    index: Arc<dyn ObjectIndex>,
    blobs: Arc<dyn Blobs>,
    buckets: Arc<Known>,
    policies: Policies,
    keys: Option<Keys>,
    pins: Arc<Pins>,
    /// Told after each commit, for the sweeper.
    changed: Arc<Notify>,
    /// Bytes of the disk that stay free.
    reserve: u64,
    /// Whether buckets have ACLs of which nothing is said as they are made.
    ownership: Ownership,
    suspects: Suspects,
    damage: Arc<Damage>,
    keepers: Keepers,
}

impl Storage {
    /// A store over these two. What a crash left behind goes with the first
    /// [`Storage::keep_swept`].
    #[must_use]
    pub fn new(index: Arc<dyn ObjectIndex>, blobs: Arc<dyn Blobs>) -> Self {
        Self {
            index,
            blobs,
            buckets: Arc::default(),
            policies: Policies::default(),
            keys: None,
            pins: Arc::default(),
            changed: Arc::default(),
            reserve: receive::RESERVE,
            ownership: Ownership::default(),
            suspects: Suspects::default(),
            damage: Arc::default(),
            keepers: Keepers::default(),
        }
    }

    /// The same, with so many bytes of the disk kept free for deletes and for the index.
    #[must_use]
    pub fn reserving(self, bytes: u64) -> Self {
        Self { reserve: bytes, ..self }
    }

    /// The same, whose new buckets have ACLs or have none.
    #[must_use]
    pub fn owning(self, ownership: Ownership) -> Self {
        Self { ownership, ..self }
    }

    /// The same store with keys, without which nothing is encrypted. `everything` says whether also
    /// that is for which nobody asks it.
    #[must_use]
    pub fn with_keys(mut self, vault: Vault, everything: bool) -> Self {
        self.keys = Some(Keys { vault, everything });
        self
    }

    /// Has the sweeper wait until the answer is dropped, so that there is time to copy blobs.
    pub fn keep_blobs(&self) -> BlobsKept {
        self.keepers.add()
    }

    /// Runs a commit to its end, and holds its blobs until it is decided.
    async fn decide<T: Send + 'static>(
        &self,
        pin: Pin,
        commit: impl Future<Output = Result<T, IndexError>> + Send + 'static,
    ) -> Result<T, IndexError> {
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
        IndexError::NoSuchVersion => ObjectError::NoSuchVersion,
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
    async fn create_bucket_as(
        &self,
        owner: &Owner,
        name: &str,
        new: NewBucket,
    ) -> Result<Bucket, ObjectError> {
        self.make_bucket(owner, name, new).await
    }

    async fn delete_bucket(&self, owner: &Owner, name: &str) -> Result<(), ObjectError> {
        self.remove_bucket(owner, name).await
    }

    async fn bucket(&self, owner: &Owner, name: &str) -> Result<Arc<Bucket>, ObjectError> {
        self.owned(owner, name).await
    }

    async fn authorize(&self, asked: &Asked<'_>) -> Result<Owner, ObjectError> {
        self.authorized(asked).await
    }

    async fn is_public(&self, owner: &Owner, name: &str) -> Result<bool, ObjectError> {
        self.lets_strangers_in(owner, name).await
    }

    async fn default_encryption(
        &self,
        owner: &Owner,
        name: &str,
    ) -> Result<Option<DefaultEncryption>, ObjectError> {
        let bucket = self.owned(owner, name).await?;
        Ok(self.unsaid(&bucket))
    }

    async fn cors(&self, name: &str, asked: &CorsAsked<'_>) -> Result<CorsAnswer, ObjectError> {
        self.cors_answer(name, asked).await
    }

    async fn expiry(
        &self,
        owner: &Owner,
        bucket: &str,
        info: &ObjectInfo,
    ) -> Result<Option<Expiry>, ObjectError> {
        self.expires(owner, bucket, info).await
    }

    async fn buckets(&self, owner: &Owner) -> Result<Vec<Bucket>, ObjectError> {
        self.index.buckets(&owner.account).await.map_err(failed)
    }

    async fn change_bucket(
        &self,
        owner: &Owner,
        name: &str,
        change: SettingsChange,
    ) -> Result<(), ObjectError> {
        self.set_about_bucket(owner, name, change).await
    }

    async fn put(&self, owner: &Owner, put: Put) -> Result<ObjectInfo, ObjectError> {
        self.put_object(owner, put).await
    }

    async fn head(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        conditions: &Conditions,
        customer: Option<&Secret>,
    ) -> Result<Option<ObjectInfo>, ObjectError> {
        self.head_object(owner, name, conditions, customer).await
    }

    async fn describe(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
    ) -> Result<ObjectInfo, ObjectError> {
        self.owned(owner, name.bucket).await?;
        Ok(self.held(name).await?.0.info)
    }

    async fn get(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        range: Option<ByteRange>,
        conditions: &Conditions,
        customer: Option<&Secret>,
    ) -> Result<Option<Read>, ObjectError> {
        self.get_object(owner, name, range, conditions, customer).await
    }

    async fn delete(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        conditions: &DeleteIf,
    ) -> Result<Deleted, ObjectError> {
        self.delete_object(owner, name, conditions).await
    }

    async fn set_tags(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        tags: Tags,
    ) -> Result<Option<Version>, ObjectError> {
        self.tag_object(owner, name, tags).await
    }

    async fn set_acl(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        acl: Acl,
    ) -> Result<Option<Version>, ObjectError> {
        self.share_object(owner, name, acl).await
    }

    async fn copy(&self, owner: &Owner, copy: Copy<'_>) -> Result<ObjectInfo, ObjectError> {
        self.copy_object(owner, copy).await
    }

    async fn list(&self, owner: &Owner, list: &ListKeys) -> Result<Listing, ObjectError> {
        self.list_objects(owner, list).await
    }

    async fn list_versions(
        &self,
        owner: &Owner,
        list: &ListVersions,
    ) -> Result<VersionListing, ObjectError> {
        self.list_object_versions(owner, list).await
    }

    async fn open_parts(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
    ) -> Result<(ObjectInfo, Vec<Part>), ObjectError> {
        self.open_object(owner, name).await
    }

    async fn named_key(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
    ) -> Result<String, ObjectError> {
        self.find_named_key(owner, bucket, key).await
    }

    async fn create_upload(&self, owner: &Owner, new: NewUpload) -> Result<Upload, ObjectError> {
        self.begin_upload(owner, new).await
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
        source: CopySource<'_>,
        range: Option<(u64, u64)>,
        target: UploadName<'_>,
        number: u32,
        customer: Option<&Secret>,
    ) -> Result<UploadedPart, ObjectError> {
        self.copy_part(owner, source, range, target, number, customer).await
    }

    async fn complete_upload(
        &self,
        owner: &Owner,
        name: UploadName<'_>,
        completion: Completion<'_>,
    ) -> Result<ObjectInfo, ObjectError> {
        let bucket = self.owned(owner, name.bucket).await?;
        self.complete(&bucket, name, completion).await
    }

    async fn abort_upload(&self, owner: &Owner, name: UploadName<'_>) -> Result<(), ObjectError> {
        self.owned(owner, name.bucket).await?;
        self.index.abort(name).await.map_err(failed)?;
        self.changed.notify_one();
        Ok(())
    }

    async fn parts(
        &self,
        owner: &Owner,
        name: UploadName<'_>,
        after: u32,
        limit: usize,
    ) -> Result<(Upload, Vec<UploadedPart>), ObjectError> {
        let found = self.upload_of(owner, name).await?;
        let limit = limit.min(uploads::PARTS);
        let parts = self.index.parts(name.id, after, limit).await.map_err(failed)?;
        Ok((found, parts.into_iter().map(|entry| entry.part).collect()))
    }

    async fn uploads(
        &self,
        owner: &Owner,
        list: &ListUploads,
    ) -> Result<UploadListing, ObjectError> {
        self.owned(owner, &list.bucket).await?;
        let list = ListUploads {
            delimiter: list.delimiter.clone().filter(|delimiter| !delimiter.is_empty()),
            limit: list.limit.min(uploads::PAGE),
            ..list.clone()
        };
        self.index.uploads(&list).await.map_err(|error| failed_at(error, &list.bucket, ""))
    }
}
