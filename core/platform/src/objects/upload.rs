//! Uploads in parts: what is under way, and how it is named and listed.

use types::Timestamp;

use crate::sealed::Secret;

use super::{Acl, Checksums, Conditions, Encryption, ObjectHeaders, Protection, Seal, Tags};

/// A part of an upload, as a client names it to complete it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartName {
    /// 1 to 10,000.
    pub number: u32,
    /// Without quotes.
    pub etag: String,
    /// Base64 text, where the client sent one.
    pub checksum: Option<String>,
}

/// How an upload becomes an object.
#[derive(Clone, Copy, Debug)]
pub struct Completion<'a> {
    /// Its parts, in this order.
    pub parts: &'a [PartName],
    /// The checksum that the object has, as the client says.
    pub checksum: Option<&'a str>,
    /// Bytes that the object has, as the client says.
    pub size: Option<u64>,
    /// What must hold of the object that it replaces.
    pub conditions: &'a Conditions,
    /// The customer's key of the upload, which need not come along again.
    pub customer: Option<&'a Secret>,
}

/// An uploaded part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedPart {
    /// 1 to 10,000.
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// When it was acknowledged.
    pub modified: Timestamp,
    /// What is known of its bytes.
    pub checksums: Checksums,
    /// How they are encrypted: told where it was just stored, and by its upload otherwise.
    pub encryption: Option<Encryption>,
}

/// An upload under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The key it will have.
    pub key: String,
    /// Opaque.
    pub id: String,
    /// When it was begun.
    pub created: Timestamp,
    /// What the object will carry.
    pub headers: ObjectHeaders,
    /// The tags it will have.
    pub tags: Tags,
    /// Who else may read the object.
    pub acl: Acl,
    /// The account whose the object will be, where that is not the bucket's.
    pub owner: Option<String>,
    /// As whom it was begun: an ARN, or no name of anybody. `None` where that was not kept.
    pub initiator: Option<String>,
    /// The checksum's algorithm.
    pub checksums: Checksums,
    /// How its parts are encrypted, if they are.
    pub seal: Option<Seal>,
}

/// An upload to begin.
#[derive(Clone, Debug, Default)]
pub struct NewUpload {
    /// The bucket's name.
    pub bucket: String,
    /// The key that the object will have.
    pub key: String,
    /// What the object will carry.
    pub headers: ObjectHeaders,
    /// The tags it will have.
    pub tags: Tags,
    /// Who else may read the object.
    pub acl: Acl,
    /// The checksum's algorithm, and what it is to be of.
    pub checksums: Checksums,
    /// How its parts are to be encrypted.
    pub protection: Protection,
}

/// An upload under way, by all that names it.
#[derive(Clone, Copy, Debug)]
pub struct UploadName<'a> {
    /// The bucket's name.
    pub bucket: &'a str,
    /// The key that the object will have.
    pub key: &'a str,
    /// The upload's id.
    pub id: &'a str,
}

/// Which uploads to list.
#[derive(Clone, Debug, Default)]
pub struct ListUploads {
    /// The bucket's name.
    pub bucket: String,
    /// Only keys that begin with this.
    pub prefix: String,
    /// Folds what follows the prefix up to it into one common prefix.
    pub delimiter: Option<String>,
    /// Only what comes after this key (or common prefix), or after this upload of it.
    pub after: Option<(String, Option<String>)>,
    /// At most so many uploads and common prefixes.
    pub limit: usize,
}

/// A page of uploads, by key and then in the order in which they were begun.
#[derive(Clone, Debug, Default)]
pub struct UploadListing {
    /// Uploads.
    pub uploads: Vec<Upload>,
    /// Common prefixes.
    pub prefixes: Vec<String>,
    /// Whether there is more after [`UploadListing::last`].
    pub truncated: bool,
    /// The last key with its upload, or the last common prefix, of the page.
    pub last: Option<(String, Option<String>)>,
}
