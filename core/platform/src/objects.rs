//! The port to objects, with S3's promises: what was acknowledged is durable, and a read after a
//! write sees it.
//!
//! [`Objects`] has S3's rules and is implemented once, in `services::storage`, over two smaller
//! ports: [`index`] (names, versions, uploads; always ours) and [`blobs`] (bytes under opaque
//! names; a folder, or an outside store).

mod acl;
pub mod blobs;
mod context;
mod cors;
mod encryption;
mod error;
pub mod index;
pub mod keys;
mod rights;
pub mod settings;
mod upload;
mod version;

use std::{io, pin::Pin, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use types::{Owner, Timestamp};

use crate::{sealed::Secret, workload::Part};

pub use acl::{Acl, Grant, Grantee, Ownership, Permission};
pub use context::Context;
pub use cors::{CorsAnswer, CorsAsked, CorsGrant};
pub use encryption::{Encryption, KmsAsked, Protection, Seal};
pub use error::ObjectError;
pub use rights::{Asked, Circumstances};
pub use settings::{BucketSettings, SettingsChange, Tags};
pub use upload::{
    Completion, ListUploads, NewUpload, PartName, Upload, UploadListing, UploadName, UploadedPart,
};
pub use version::{
    DeleteIf, Deleted, Kept, ListVersions, Marker, NotAVersion, ObjectName, Version, VersionListing,
};

/// A body on its way. Ends in an error where it is not what its sender promised; then nothing of
/// it may be kept.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send + Sync>>;

/// A body that is at hand.
#[must_use]
pub fn whole(bytes: impl Into<Bytes>) -> ByteStream {
    let bytes = bytes.into();
    Box::pin(futures_util::stream::once(async move { Ok(bytes) }))
}

/// A file's bytes from where it stands, in blocks.
#[must_use]
pub fn of_file(file: std::fs::File) -> ByteStream {
    let file = tokio::fs::File::from_std(file);
    Box::pin(futures_util::stream::try_unfold(file, |mut file| async move {
        let mut block = Vec::with_capacity(BLOCK);
        let read = (&mut file).take(BLOCK as u64).read_to_end(&mut block).await?;
        Ok((read > 0).then(|| (Bytes::from(block), file)))
    }))
}

/// How much of a file is read at once, bytes: large enough that the hops between threads do not
/// count.
const BLOCK: usize = 256 * 1024;

/// What is kept of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name, global.
    pub name: String,
    /// The account it belongs to.
    pub account: String,
    /// The region it says it is in.
    pub region: String,
    /// When it was made.
    pub created: Timestamp,
    /// What its owner has set about it.
    pub settings: BucketSettings,
}

/// The checksums that S3 knows of an object, as base64 text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksums {
    /// `crc32`, `crc32c`, `crc64nvme`, `sha1`, `sha256`.
    pub algorithm: Option<String>,
    /// Base64 text; a composite one ends in `-N`.
    pub value: Option<String>,
    /// Whether it is that of all the bytes, and not (*composite*) one of the parts' checksums. Where
    /// an upload begins, which of both is asked for (`x-amz-checksum-type`); CRC64NVME has only
    /// this one, SHA only the other.
    #[serde(default)]
    pub full_object: bool,
}

/// Headers that a client stored with an object and gets back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectHeaders {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`.
    pub content_encoding: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Expires`, as sent.
    pub expires: Option<String>,
    /// `x-amz-meta-*`, lower-cased and without the prefix, in order.
    pub metadata: Vec<(String, String)>,
}

/// A part of an object that was uploaded in parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectPart {
    /// The number that it had in the upload, 1 to 10,000.
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// Base64 text, by the object's algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// What is known of an object without its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Without quotes: MD5 in hexadecimal, or MD5 of MD5s and `-N`.
    pub etag: String,
    /// When it was acknowledged.
    pub modified: Timestamp,
    /// What came with it.
    pub headers: ObjectHeaders,
    /// What is known of its bytes.
    pub checksums: Checksums,
    /// The parts it was uploaded in; none for a plain PUT.
    pub parts: Vec<ObjectPart>,
    /// Its tags.
    pub tags: Tags,
    /// Who else may read it, where its bucket has ACLs. Lists do not tell it.
    pub acl: Acl,
    /// The account whose it is, where that is not the bucket's: who wrote it under
    /// [`Ownership::Writer`].
    pub owner: Option<String>,
    /// Which version it is; `None` where its bucket never kept any.
    pub version: Option<Version>,
    /// How its bytes are encrypted; `None` where they lie plain. Lists do not tell it.
    pub encryption: Option<Encryption>,
}

/// Which bytes to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// From the first to the last, both inclusive; to the end where there is no last.
    From(u64, Option<u64>),
    /// The last so many.
    Suffix(u64),
}

/// On what a call depends, by RFC 9110's rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `If-Match`: ETags without quotes, or `*`.
    pub if_match: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<Timestamp>,
    /// `If-Unmodified-Since`.
    pub if_unmodified_since: Option<Timestamp>,
}

/// What is said of a bucket as it is made.
#[derive(Clone, Debug, Default)]
pub struct NewBucket {
    /// Whether it has ACLs; as the store's own setting says where nothing is said.
    pub ownership: Option<Ownership>,
    /// Who else may.
    pub acl: Acl,
}

/// An object on its way in.
pub struct Put {
    /// The bucket's name.
    pub bucket: String,
    /// The key, UTF-8.
    pub key: String,
    /// What is kept with it.
    pub headers: ObjectHeaders,
    /// Its tags.
    pub tags: Tags,
    /// Who else may read it.
    pub acl: Acl,
    /// The checksum to compute and keep, and the value it must have where it was sent before the
    /// body. One that comes in a trailer is checked by the body itself.
    pub checksums: Checksums,
    /// `Content-MD5`, base64 text.
    pub content_md5: Option<String>,
    /// The SHA-256 that its sender signed, lower-case hexadecimal.
    pub content_sha256: Option<String>,
    /// Checked in the same commit that makes the object visible.
    pub conditions: Conditions,
    /// How the bytes are to be encrypted. A part only brings the customer's key of its upload.
    pub protection: Protection,
    /// The bytes.
    pub body: ByteStream,
}

impl Put {
    /// A plain object, for our own outputs.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>, body: ByteStream) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            headers: ObjectHeaders::default(),
            tags: Tags::new(),
            acl: Acl::default(),
            checksums: Checksums::default(),
            content_md5: None,
            content_sha256: None,
            conditions: Conditions::default(),
            protection: Protection::Unsaid,
            body,
        }
    }
}

/// An object on its way out.
pub struct Read {
    /// What is known of it.
    pub info: ObjectInfo,
    /// The first byte and how many follow; `None` where the whole was asked for.
    pub range: Option<(u64, u64)>,
    /// The bytes of the range.
    pub body: ByteStream,
}

/// Which keys to list.
#[derive(Clone, Debug, Default)]
pub struct ListKeys {
    /// The bucket's name.
    pub bucket: String,
    /// Only keys that begin with this.
    pub prefix: String,
    /// Folds what follows the prefix up to it into one common prefix.
    pub delimiter: Option<String>,
    /// Only what sorts after this (a key, or a common prefix of the last page).
    pub after: Option<String>,
    /// At most so many keys and common prefixes.
    pub limit: usize,
}

/// A page of keys, in binary order.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Objects.
    pub objects: Vec<ObjectInfo>,
    /// Common prefixes.
    pub prefixes: Vec<String>,
    /// Whether there is more after [`Listing::last`].
    pub truncated: bool,
    /// The last key or common prefix of the page.
    pub last: Option<String>,
}

/// Where a copy reads.
#[derive(Clone, Copy, Debug)]
pub struct CopySource<'a> {
    /// Whose bucket it is in.
    pub owner: &'a Owner,
    /// What is copied.
    pub name: ObjectName<'a>,
    /// What must hold of it.
    pub conditions: &'a Conditions,
    /// The customer's key that it is encrypted with, if it is.
    pub customer: Option<&'a Secret>,
}

/// A copy to make. What is `None` is taken over from the source.
pub struct Copy<'a> {
    /// Of what.
    pub source: CopySource<'a>,
    /// The bucket and the key that it will have.
    pub target: (&'a str, &'a str),
    /// What must hold of the object that it replaces.
    pub conditions: &'a Conditions,
    /// What is kept with it.
    pub headers: Option<ObjectHeaders>,
    /// Its tags.
    pub tags: Option<Tags>,
    /// Who else may read it: never taken over.
    pub acl: Acl,
    /// The algorithm of the checksum to compute, `crc32`.
    pub checksum: Option<String>,
    /// How its bytes are to be encrypted, however the source's are.
    pub protection: Protection,
}

/// When an object goes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// From this moment on.
    pub at: Timestamp,
    /// The id of the rule that says so.
    pub rule: String,
}

/// Everything that touches users' data. The caller's account must own the bucket, else
/// [`ObjectError::AccessDenied`]; a bucket is reachable from any region.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Makes a bucket in `owner`'s region.
    async fn create_bucket(&self, owner: &Owner, name: &str) -> Result<Bucket, ObjectError> {
        self.create_bucket_as(owner, name, NewBucket::default()).await
    }
    /// The same, with what is said of it from the start.
    async fn create_bucket_as(
        &self,
        owner: &Owner,
        name: &str,
        new: NewBucket,
    ) -> Result<Bucket, ObjectError>;
    /// Removes an empty bucket.
    async fn delete_bucket(&self, owner: &Owner, name: &str) -> Result<(), ObjectError>;
    /// The bucket, if the caller may know of it.
    async fn bucket(&self, owner: &Owner, name: &str) -> Result<Arc<Bucket>, ObjectError>;
    /// The owner to act for, where the asker may: one of the bucket's own account whom no policy
    /// denies it, or anybody whom a policy or, where the bucket has them, an ACL allows it.
    async fn authorize(&self, asked: &Asked<'_>) -> Result<Owner, ObjectError>;
    /// Whether the bucket's policy lets in people whom it does not name.
    async fn is_public(&self, owner: &Owner, name: &str) -> Result<bool, ObjectError>;
    /// How objects are encrypted of which nothing is said: as the bucket says, else as the store
    /// does.
    async fn default_encryption(
        &self,
        owner: &Owner,
        name: &str,
    ) -> Result<Option<settings::DefaultEncryption>, ObjectError>;
    /// What a browser is told about calls from another origin, and whether there are any rules. Said
    /// to everybody: it grants nothing.
    async fn cors(&self, name: &str, asked: &CorsAsked<'_>) -> Result<CorsAnswer, ObjectError>;
    /// When the current version `info` goes by itself.
    async fn expiry(
        &self,
        owner: &Owner,
        bucket: &str,
        info: &ObjectInfo,
    ) -> Result<Option<Expiry>, ObjectError>;
    /// The caller's buckets, by name.
    async fn buckets(&self, owner: &Owner) -> Result<Vec<Bucket>, ObjectError>;

    /// Changes one thing that is set about a bucket.
    async fn change_bucket(
        &self,
        owner: &Owner,
        name: &str,
        change: SettingsChange,
    ) -> Result<(), ObjectError>;

    /// Stores an object; visible and durable when it returns.
    async fn put(&self, owner: &Owner, put: Put) -> Result<ObjectInfo, ObjectError>;
    /// What is known of an object. `None` stands for "not modified", as the conditions say.
    /// `customer` is the key that came along, which is needed where the object is encrypted with it.
    async fn head(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        conditions: &Conditions,
        customer: Option<&Secret>,
    ) -> Result<Option<ObjectInfo>, ObjectError>;
    /// An object's bytes; the rest as for [`Objects::head`].
    async fn get(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        range: Option<ByteRange>,
        conditions: &Conditions,
        customer: Option<&Secret>,
    ) -> Result<Option<Read>, ObjectError>;
    /// What is known of an object, to whom its bytes do not matter: no customer's key is asked for.
    async fn describe(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
    ) -> Result<ObjectInfo, ObjectError>;
    /// Removes an object, or puts a delete marker in its place where versions are kept; with a
    /// version removes that one for good. Removing what is not there succeeds.
    async fn delete(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        conditions: &DeleteIf,
    ) -> Result<Deleted, ObjectError>;
    /// Replaces an object's tags; what else is known of it stays.
    async fn set_tags(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        tags: Tags,
    ) -> Result<Option<Version>, ObjectError>;
    /// Replaces an object's ACL; what else is known of it stays.
    async fn set_acl(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        acl: Acl,
    ) -> Result<Option<Version>, ObjectError>;
    /// Makes an object of the same bytes as another; `owner` has the target's bucket.
    async fn copy(&self, owner: &Owner, copy: Copy<'_>) -> Result<ObjectInfo, ObjectError>;
    /// A page of keys.
    async fn list(&self, owner: &Owner, list: &ListKeys) -> Result<Listing, ObjectError>;
    /// A page of keys with all their versions.
    async fn list_versions(
        &self,
        owner: &Owner,
        list: &ListVersions,
    ) -> Result<VersionListing, ObjectError>;
    /// An object as files open for reading, pinned until dropped. One that only a customer's key
    /// opens is [`ObjectError::AccessDenied`].
    async fn open_parts(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
    ) -> Result<(ObjectInfo, Vec<Part>), ObjectError>;
    /// The ARN of the named key that objects in a bucket would be encrypted with: by id, alias or
    /// ARN. A key of the bucket's account is made the first time it is asked for.
    async fn named_key(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
    ) -> Result<String, ObjectError>;

    /// Begins an upload.
    async fn create_upload(&self, owner: &Owner, new: NewUpload) -> Result<Upload, ObjectError>;
    /// Stores a part; durable when it returns. The same number again replaces it. `put` carries
    /// bucket, key, body and checksums; the rest of it is not looked at.
    async fn upload_part(
        &self,
        owner: &Owner,
        upload: &str,
        number: u32,
        put: Put,
    ) -> Result<UploadedPart, ObjectError>;
    /// Stores a range of the source, first and last byte inclusive, as a part. A range that leaves
    /// the source is [`ObjectError::InvalidRange`]. `customer` is the key of the upload.
    async fn upload_part_copy(
        &self,
        owner: &Owner,
        source: CopySource<'_>,
        range: Option<(u64, u64)>,
        target: UploadName<'_>,
        number: u32,
        customer: Option<&Secret>,
    ) -> Result<UploadedPart, ObjectError>;
    /// Makes the object of its parts, which need not all be used. A repeated call answers the same.
    async fn complete_upload(
        &self,
        owner: &Owner,
        name: UploadName<'_>,
        completion: Completion<'_>,
    ) -> Result<ObjectInfo, ObjectError>;
    /// Forgets an upload and its parts.
    async fn abort_upload(&self, owner: &Owner, name: UploadName<'_>) -> Result<(), ObjectError>;
    /// An upload and its parts after number `after`, at most `limit`.
    async fn parts(
        &self,
        owner: &Owner,
        name: UploadName<'_>,
        after: u32,
        limit: usize,
    ) -> Result<(Upload, Vec<UploadedPart>), ObjectError>;
    /// A page of the bucket's uploads.
    async fn uploads(
        &self,
        owner: &Owner,
        list: &ListUploads,
    ) -> Result<UploadListing, ObjectError>;
}
