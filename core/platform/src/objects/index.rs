//! The port to the names of objects: buckets, keys, uploads, and which blobs they stand for.
//!
//! The index is the truth. A blob that it does not name is an orphan, and a blob whose last name
//! went is *garbage*: it stays listed until [`ObjectIndex::forget`], so that no crash can lose
//! track of it. Every write is one transaction, durable when it returns, and what it takes for
//! granted (the bucket is there, the object is the expected one) is checked inside it.
//!
//! Rules of S3 that need no transaction are not here but in `services::storage`.

mod keys;
#[cfg(any(test, feature = "testkit"))]
pub mod memory;
#[cfg(any(test, feature = "testkit"))]
pub mod suite;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use types::{Id, Timestamp};

pub use keys::{Start, common_prefix, past, start};

use super::{
    Acl, Bucket, DeleteIf, Deleted, ListKeys, ListUploads, ListVersions, Listing, Marker,
    ObjectInfo, ObjectName, Seal, SettingsChange, Tags, Upload, UploadListing, UploadName,
    UploadedPart, Version, VersionListing,
};

/// A range of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Which blob.
    pub blob: Id,
    /// Where the range begins, bytes.
    pub offset: u64,
    /// How long it is, bytes.
    pub len: u64,
    /// What the whole blob was when it was written; older programs did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<BlobSum>,
}

/// What a blob was when it was written, as it lies: sealed, where it is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobSum {
    /// CRC64NVME of all its bytes.
    pub crc64nvme: u64,
    /// How many they are.
    pub len: u64,
}

/// Where an object's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In the index itself.
    Inline(Bytes),
    /// In blobs, in this order. Objects share blobs; the index counts.
    Extents(Vec<Extent>),
}

impl Content {
    /// Bytes as they lie.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Extents(extents) => extents.iter().map(|extent| extent.len).sum(),
        }
    }

    /// The blobs that it needs, one name per extent.
    pub fn blobs(&self) -> impl Iterator<Item = Id> + '_ {
        self.extents().iter().map(|extent| extent.blob)
    }

    /// Its extents; none where it lies in the index.
    #[must_use]
    pub fn extents(&self) -> &[Extent] {
        match self {
            Self::Inline(_) => &[],
            Self::Extents(extents) => extents,
        }
    }
}

/// An object as the index keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What is told about it.
    pub info: ObjectInfo,
    /// The upload that it was made of.
    pub upload: Option<String>,
    /// What its bytes are sealed with, if they are; then [`ObjectInfo::encryption`] is of it, and
    /// its extents are whole blobs, each as long as its plain bytes.
    pub seal: Option<Seal>,
    /// Its bytes.
    pub content: Content,
}

/// What a key or one of its versions stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An object.
    Object(Box<Entry>),
    /// A delete marker.
    Marker(Marker),
}

/// A part of an upload as the index keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartEntry {
    /// What is told about it.
    pub part: UploadedPart,
    /// Its bytes; never inline, so that an object of many parts is a list of blobs.
    pub extents: Vec<Extent>,
}

/// What a write expects of the object that it replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    #[default]
    Any,
    /// There is none.
    Absent,
    /// There is one.
    Present,
    /// There is one, and its ETag is among these.
    OneOf(Vec<String>),
    /// There is none, or its ETag is not among these.
    NoneOf(Vec<String>),
}

impl Guard {
    /// Whether an object with this ETag (`None`: no object) is as expected.
    pub fn check(&self, etag: Option<&str>) -> Result<(), IndexError> {
        let named = |etags: &[String], etag: &str| etags.iter().any(|one| one == etag);
        match (self, etag) {
            (Self::Any, _) | (Self::Absent | Self::NoneOf(_), None) | (Self::Present, Some(_)) => {
                Ok(())
            }
            (Self::Present | Self::OneOf(_), None) => Err(IndexError::NoSuchKey),
            (Self::Absent, Some(_)) => Err(IndexError::Unmet),
            (Self::OneOf(etags), Some(etag)) if named(etags, etag) => Ok(()),
            (Self::OneOf(_), Some(_)) => Err(IndexError::Unmet),
            (Self::NoneOf(etags), Some(etag)) if named(etags, etag) => Err(IndexError::Unmet),
            (Self::NoneOf(_), Some(_)) => Ok(()),
        }
    }
}

/// Why the index did nothing.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// No bucket of that name.
    #[error("there is no such bucket")]
    NoSuchBucket,
    /// A guard wants an object, and there is none.
    #[error("there is no such key")]
    NoSuchKey,
    /// The key has no such version.
    #[error("there is no such version")]
    NoSuchVersion,
    /// No upload with that id for that key.
    #[error("there is no such upload")]
    NoSuchUpload,
    /// Only an empty bucket can be removed.
    #[error("the bucket holds objects")]
    BucketNotEmpty,
    /// A guard did not hold.
    #[error("the object is not as expected")]
    Unmet,
    /// The index failed. Whether a write happened is not known.
    #[error("the object index failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl IndexError {
    /// Wraps what went wrong below.
    pub fn failed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(cause.into())
    }
}

/// The names of objects. Keys are compared as bytes and never normalised.
#[async_trait]
pub trait ObjectIndex: Send + Sync {
    /// Makes a bucket, or answers with the one that has its name already.
    async fn create_bucket(&self, bucket: Bucket) -> Result<Option<Bucket>, IndexError>;
    /// Removes a bucket that holds no object. Uploads under way end with it.
    async fn delete_bucket(&self, name: &str) -> Result<(), IndexError>;
    /// The bucket of that name.
    async fn bucket(&self, name: &str) -> Result<Option<Bucket>, IndexError>;
    /// An account's buckets, by name.
    async fn buckets(&self, account: &str) -> Result<Vec<Bucket>, IndexError>;
    /// All buckets that have lifecycle rules, by name.
    async fn ruled(&self) -> Result<Vec<Bucket>, IndexError>;

    /// Changes one thing that is set about a bucket.
    async fn change_bucket(&self, name: &str, change: SettingsChange) -> Result<(), IndexError>;

    /// Makes an object, in place of the one that has its key or, where the bucket keeps versions,
    /// before it. Answers which version it is. What [`Entry::info`] says of that is not looked at.
    async fn put(
        &self,
        bucket: &str,
        entry: Entry,
        guard: Guard,
    ) -> Result<Option<Version>, IndexError>;
    /// What that key or version stands for; `None` also where there is no bucket.
    async fn get(&self, name: ObjectName<'_>) -> Result<Option<Found>, IndexError>;
    /// Removes a version, or what is there where the bucket keeps none; else makes a delete marker
    /// at `now`. Removing what is not there succeeds, and fits every condition.
    async fn delete(
        &self,
        name: ObjectName<'_>,
        conditions: &DeleteIf,
        now: Timestamp,
    ) -> Result<Deleted, IndexError>;
    /// Replaces an object's tags, and answers which version it is.
    async fn set_tags(
        &self,
        name: ObjectName<'_>,
        tags: Tags,
    ) -> Result<Option<Version>, IndexError>;
    /// Replaces an object's ACL, and answers which version it is.
    async fn set_acl(&self, name: ObjectName<'_>, acl: Acl) -> Result<Option<Version>, IndexError>;
    /// A page of the keys that stand for objects. Headers, parts, ACLs and tags are left out.
    async fn list(&self, list: &ListKeys) -> Result<Listing, IndexError>;
    /// A page of all versions. Headers, parts and ACLs are left out.
    async fn list_versions(&self, list: &ListVersions) -> Result<VersionListing, IndexError>;

    /// Begins an upload.
    async fn create_upload(&self, bucket: &str, upload: Upload) -> Result<(), IndexError>;
    /// The upload with that id for that key.
    async fn upload(&self, name: UploadName<'_>) -> Result<Option<Upload>, IndexError>;
    /// A page of a bucket's uploads by key, then time.
    async fn uploads(&self, list: &ListUploads) -> Result<UploadListing, IndexError>;
    /// Adds a part, in place of the one that has its number.
    async fn put_part(&self, upload: &str, part: PartEntry) -> Result<(), IndexError>;
    /// An upload's parts after number `after`, ascending, at most `limit`.
    async fn parts(
        &self,
        upload: &str,
        after: u32,
        limit: usize,
    ) -> Result<Vec<PartEntry>, IndexError>;
    /// Makes the object that [`Entry::upload`] names, as [`ObjectIndex::put`] does, and ends that
    /// upload.
    async fn complete(
        &self,
        bucket: &str,
        entry: Entry,
        guard: Guard,
    ) -> Result<Option<Version>, IndexError>;
    /// Ends an upload and forgets its parts.
    async fn abort(&self, name: UploadName<'_>) -> Result<(), IndexError>;

    /// Extents of objects, from the position that the last call answered with or from 0, and the
    /// next position; `None` at the end. What is written meanwhile may be left out.
    async fn extents(&self, after: u64) -> Result<Option<(u64, Vec<Extent>)>, IndexError>;
    /// Blobs that were named once and are no longer, at most `limit`.
    async fn garbage(&self, limit: usize) -> Result<Vec<Id>, IndexError>;
    /// Drops garbage from the list, after its blobs were deleted. What is named again stays.
    async fn forget(&self, blobs: &[Id]) -> Result<(), IndexError>;
    /// Which of these blobs the index does not know, neither as named nor as garbage.
    async fn unknown(&self, blobs: Vec<Id>) -> Result<Vec<Id>, IndexError>;
}
