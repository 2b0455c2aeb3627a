//! The port's words in `s3s`'s, and back.

use std::{
    io,
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::StreamExt;
use platform::{
    access::Account,
    objects::{ByteStream, Checksums, ObjectName, Version},
};
use s3s::{
    StdError,
    dto::{self, ChecksumType, ETag, StreamingBlob, TimestampFormat},
};
use types::Timestamp;

use super::{digest::Algorithm, errors::Refused};

/// The most bytes that names and values of metadata may have together (AWS: 2 KB).
const METADATA_LIMIT: usize = 2 * 1024;

/// What an object without a type is served as.
pub(super) const UNTYPED: &str = "binary/octet-stream";

pub(super) fn etag(etag: &str) -> ETag {
    ETag::Strong(etag.to_owned())
}

/// Bytes as S3's documents count them.
pub(super) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// A number of things as S3's documents count them.
pub(super) fn count(things: usize) -> i32 {
    i32::try_from(things).unwrap_or(i32::MAX)
}

pub(super) fn moment(at: Timestamp) -> dto::Timestamp {
    let micros = Duration::from_micros(u64::try_from(at.micros()).unwrap_or(0));
    UNIX_EPOCH.checked_add(micros).unwrap_or(UNIX_EPOCH).into()
}

/// The time that a document or a header names.
pub(super) fn instant(at: dto::Timestamp) -> Option<Timestamp> {
    let micros = time::OffsetDateTime::from(at).unix_timestamp_nanos() / 1_000;
    i64::try_from(micros).ok().map(Timestamp::from_micros)
}

/// `Expires`, in the form of HTTP.
pub(super) fn expires(at: Option<dto::Timestamp>) -> Option<String> {
    let mut text = Vec::new();
    at?.format(TimestampFormat::HttpDate, &mut text).ok()?;
    String::from_utf8(text).ok()
}

pub(super) fn expires_at(text: Option<&str>) -> Option<dto::Timestamp> {
    dto::Timestamp::parse(TimestampFormat::HttpDate, text?).ok()
}

/// A checksum in the member that is called after its algorithm.
pub(super) fn sums(checksums: &Checksums) -> dto::Checksum {
    let mut sums = dto::Checksum { checksum_type: kind(checksums), ..Default::default() };
    let value = checksums.value.clone();
    match checksums.algorithm.as_deref().and_then(Algorithm::of) {
        Some(Algorithm::Crc32) => sums.checksum_crc32 = value,
        Some(Algorithm::Crc32c) => sums.checksum_crc32c = value,
        Some(Algorithm::Crc64Nvme) => sums.checksum_crc64nvme = value,
        Some(Algorithm::Sha1) => sums.checksum_sha1 = value,
        Some(Algorithm::Sha256) => sums.checksum_sha256 = value,
        None => {}
    }
    sums
}

/// Whether a checksum is of the bytes, or of the parts' checksums.
pub(super) fn kind(checksums: &Checksums) -> Option<ChecksumType> {
    let kind = match checksums.value.as_deref()? {
        value if value.contains('-') => ChecksumType::COMPOSITE,
        _ => ChecksumType::FULL_OBJECT,
    };
    Some(ChecksumType::from_static(kind))
}

/// The algorithm as documents name it.
pub(super) fn algorithm(checksums: &Checksums) -> Option<dto::ChecksumAlgorithm> {
    let algorithm = checksums.algorithm.as_deref().and_then(Algorithm::of)?;
    Some(dto::ChecksumAlgorithm::from_static(algorithm.name()))
}

/// An owner as S3 shows one: never by the account's twelve digits.
pub(super) fn owner(account: Option<&Account>) -> dto::Owner {
    dto::Owner {
        display_name: account.map(|account| account.name.to_string()),
        id: account.map(|account| account.canonical_id.to_string()),
    }
}

/// Metadata by name, for a map has no order of its own.
pub(super) fn metadata(map: Option<dto::Metadata>) -> Result<Vec<(String, String)>, Refused> {
    let mut metadata: Vec<(String, String)> = map.into_iter().flatten().collect();
    let total: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if total > METADATA_LIMIT {
        return Err(Refused::bad(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
        ));
    }
    metadata.sort();
    Ok(metadata)
}

/// An upload's body as the port takes it. The error keeps what the body said of itself.
pub(super) fn body(blob: Option<StreamingBlob>) -> ByteStream {
    match blob {
        Some(blob) => Box::pin(blob.map(|bytes| bytes.map_err(io_error))),
        None => platform::objects::whole(bytes::Bytes::new()),
    }
}

fn io_error(error: StdError) -> io::Error {
    match error.downcast::<io::Error>() {
        Ok(error) => *error,
        Err(other) => io::Error::other(other),
    }
}

/// The version that a request names, if it names one.
pub(super) fn version(version: Option<&str>) -> Result<Option<Version>, Refused> {
    let named = version.filter(|version| !version.is_empty());
    named.map(str::parse).transpose().map_err(|_| {
        Refused::argument("Invalid version id specified")
            .with("ArgumentName", "versionId")
            .with("ArgumentValue", version.unwrap_or_default())
    })
}

/// An object that a request names.
pub(super) fn named<'a>(
    bucket: &'a str,
    key: &'a str,
    version: Option<&str>,
) -> Result<ObjectName<'a>, Refused> {
    Ok(ObjectName { bucket, key, version: self::version(version)? })
}

/// A version as answers name it.
pub(super) fn told(version: Option<Version>) -> Option<String> {
    version.map(|version| version.to_string())
}

/// The version that a write made. S3 says nothing where versions are not kept.
pub(super) fn made(version: Option<Version>) -> Option<String> {
    told(version.filter(|version| *version != Version::Null))
}

/// How many to list: what was asked, and never more than a page.
pub(super) fn limit(asked: Option<i32>, page: usize, name: &str) -> Result<usize, Refused> {
    let Some(asked) = asked else { return Ok(page) };
    let asked = usize::try_from(asked).map_err(|_| {
        Refused::argument(format!("Argument {name} must be an integer between 0 and 2147483647"))
            .with("ArgumentName", name)
            .with("ArgumentValue", asked.to_string())
    })?;
    Ok(asked.min(page))
}

/// Where a list goes on, opaque to clients.
pub(super) fn token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

/// What [`token`] was made of.
pub(super) fn read_token(token: &str) -> Result<String, Refused> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| !bytes.is_empty());
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Refused::argument("The continuation token provided is incorrect"))
}

/// What a copy reads.
pub(super) fn source(source: &dto::CopySource) -> Result<ObjectName<'_>, Refused> {
    match source {
        dto::CopySource::Bucket { bucket, key, version_id } => {
            named(bucket, key, version_id.as_deref())
        }
        dto::CopySource::AccessPoint { .. } | dto::CopySource::Outpost { .. } => {
            Err(Refused::not_implemented("A copy from an access point"))
        }
    }
}

/// The headers that an input stores with its object.
macro_rules! stored {
    ($input:ident) => {
        platform::objects::ObjectHeaders {
            content_type: $input.content_type,
            content_encoding: $input.content_encoding,
            content_disposition: $input.content_disposition,
            content_language: $input.content_language,
            cache_control: $input.cache_control,
            expires: $crate::s3::convert::expires($input.expires),
            metadata: $crate::s3::convert::metadata($input.metadata)?,
        }
    };
}

/// An output with the five members of its checksum.
macro_rules! summed {
    ($type:ident, $checksums:expr, { $($member:ident: $value:expr,)* $(..$rest:expr)? }) => {{
        let sums = $crate::s3::convert::sums($checksums);
        $type {
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            $($member: $value,)*
            $(..$rest)?
        }
    }};
}

pub(super) use {stored, summed};
