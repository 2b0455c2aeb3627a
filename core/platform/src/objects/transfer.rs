//! Objects on their way: in, out, and from one name to another.

use types::{Owner, Timestamp};

use super::{Acl, ByteStream, Checksums, ObjectHeaders, ObjectInfo, ObjectName, Protection, Tags};
use crate::sealed::Secret;

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

/// An object on its way out.
pub struct Read {
    /// What is known of it.
    pub info: ObjectInfo,
    /// The first byte and how many follow; `None` where the whole was asked for.
    pub range: Option<(u64, u64)>,
    /// The bytes of the range.
    pub body: ByteStream,
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
