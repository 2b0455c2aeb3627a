//! An object as it is known, without its bytes.

use serde::{Deserialize, Serialize};
use types::Timestamp;

use super::{Acl, Encryption, Tags, Version};

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
