//! Why a call on objects failed, in S3's words.

use std::io;

use types::Timestamp;

use super::Version;

/// Why a call on objects failed. Each has its S3 code in `api`.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// There is no bucket of that name.
    #[error("The specified bucket does not exist")]
    NoSuchBucket(String),
    /// The bucket holds no such key.
    #[error("The specified key does not exist.")]
    NoSuchKey(String),
    /// The key has no such version.
    #[error("The specified version does not exist.")]
    NoSuchVersion,
    /// The current version is a delete marker: the object was removed, and may be brought back.
    #[error("The specified key does not exist.")]
    Removed {
        /// The key.
        key: String,
        /// The marker's version.
        version: Version,
    },
    /// The version that was asked for is a delete marker, which has nothing to read.
    #[error("The specified method is not allowed against this resource.")]
    IsMarker {
        /// The marker's version.
        version: Version,
        /// When it was made.
        modified: Timestamp,
    },
    /// No upload with that id, or it was completed or aborted.
    #[error(
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )]
    NoSuchUpload,
    /// The bucket is the caller's already.
    #[error("Your previous request to create the named bucket succeeded and you already own it.")]
    BucketAlreadyOwnedByYou,
    /// The bucket is somebody else's.
    #[error(
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."
    )]
    BucketAlreadyExists,
    /// The bucket holds objects.
    #[error("The bucket you tried to delete is not empty")]
    BucketNotEmpty,
    /// Not a name that a bucket may have.
    #[error("The specified bucket is not valid.")]
    InvalidBucketName(String),
    /// More than 1,024 bytes.
    #[error("Your key is too long")]
    KeyTooLong,
    /// The caller's account may not.
    #[error("Access Denied")]
    AccessDenied,
    /// An ACL grants something, and the bucket has none.
    #[error("The bucket does not allow ACLs")]
    NoAcls,
    /// The bucket's ACL grants something, so the bucket cannot be one without ACLs.
    #[error("Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")]
    HasAcl,
    /// A condition on the object did not hold.
    #[error("At least one of the pre-conditions you specified did not hold")]
    PreconditionFailed,
    /// The range begins after the end.
    #[error("The requested range is not satisfiable")]
    InvalidRange {
        /// The object's length, bytes.
        length: u64,
    },
    /// A part is missing, or its ETag is another.
    #[error(
        "One or more of the specified parts could not be found. The part might not have been uploaded, or the specified entity tag might not have matched the part's entity tag."
    )]
    InvalidPart,
    /// The list of parts is not ascending.
    #[error("The list of parts was not in ascending order. Parts must be ordered by part number.")]
    InvalidPartOrder,
    /// More than one request may bring (5 GiB).
    #[error("Your proposed upload exceeds the maximum allowed size")]
    EntityTooLarge,
    /// A copy of more than 5 GiB in one request.
    #[error(
        "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"
    )]
    CopyTooLarge,
    /// The disk is nearly full; what is left is kept for deletes and the index. S3 has no code for
    /// it; 503 `SlowDown` makes clients try again later.
    #[error("The disk of the object store is full. Delete something, or give it more room.")]
    StorageFull,
    /// A part that is not the last is smaller than 5 MiB.
    #[error("Your proposed upload is smaller than the minimum allowed size")]
    EntityTooSmall,
    /// The bytes are not those that the checksum promised.
    #[error("The {0} you specified did not match what we received.")]
    BadDigest(String),
    /// The bytes are not those that were signed.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    ContentHash,
    /// A policy that is none, in AWS's words.
    #[error("{0}")]
    MalformedPolicy(String),
    /// The bucket blocks policies that let everybody in.
    #[error(
        "Access Denied because the policy is public, which the bucket's BlockPublicPolicy setting prevents."
    )]
    PublicPolicy,
    /// A document that does not fit its schema.
    #[error(
        "The XML you provided was not well-formed or did not validate against our published schema"
    )]
    MalformedXml,
    /// Tags that no bucket or object can have, in AWS's words.
    #[error("{0}")]
    InvalidTag(String),
    /// Parts of the request that do not go together, or with what it is about.
    #[error("{0}")]
    InvalidRequest(String),
    /// The object is sealed with a key of the customer's, and none came along.
    #[error(
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."
    )]
    CustomerKeyNeeded,
    /// The customer's key that came along is not the one that the object is sealed with.
    #[error(
        "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key."
    )]
    WrongCustomerKey,
    /// A customer's key came along, and the object is sealed with none.
    #[error("The encryption parameters are not applicable to this object.")]
    CustomerKeyNotApplicable,
    /// The upload is sealed with a key of the customer's, and the part came without one, or the
    /// other way round.
    #[error(
        "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters."
    )]
    UploadKeyNeeded,
    /// The upload is sealed with another key of the customer's.
    #[error("The provided encryption parameters did not match the ones used originally.")]
    UploadKeyDiffers,
    /// No named key can be meant by that, in KMS's words.
    #[error("{0}")]
    KeyNotFound(String),
    /// An argument has no meaning here.
    #[error("{0}")]
    InvalidArgument(String),
    /// The body broke off or was not as promised.
    #[error("the request's body ended early")]
    Body(#[source] io::Error),
    /// Index or blobs failed.
    #[error("the object store failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ObjectError {
    /// Wraps what went wrong below.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}
