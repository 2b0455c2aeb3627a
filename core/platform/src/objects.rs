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
mod listing;
mod object;
mod rights;
pub mod settings;
mod stream;
mod transfer;
mod upload;
mod version;

use std::sync::Arc;

use async_trait::async_trait;
use types::{Owner, Timestamp};

use crate::{sealed::Secret, workload::Part};

pub use acl::{Acl, Grant, Grantee, Ownership, Permission};
pub use context::Context;
pub use cors::{CorsAnswer, CorsAsked, CorsGrant};
pub use encryption::{Encryption, KmsAsked, Protection, Seal};
pub use error::ObjectError;
pub use listing::{ListKeys, Listing};
pub use object::{Checksums, ObjectHeaders, ObjectInfo, ObjectPart};
pub use rights::{Asked, Circumstances};
pub use settings::{BucketSettings, SettingsChange, Tags};
pub use stream::{ByteStream, of_file, whole};
pub use transfer::{ByteRange, Conditions, Copy, CopySource, Put, Read};
pub use upload::{
    Completion, ListUploads, NewUpload, PartName, Upload, UploadListing, UploadName, UploadedPart,
};
pub use version::{
    DeleteIf, Deleted, Kept, ListVersions, Marker, NotAVersion, ObjectName, Version, VersionListing,
};

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

/// What is said of a bucket as it is made.
#[derive(Clone, Debug, Default)]
pub struct NewBucket {
    /// Whether it has ACLs; as the store's own setting says where nothing is said.
    pub ownership: Option<Ownership>,
    /// Who else may.
    pub acl: Acl,
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
