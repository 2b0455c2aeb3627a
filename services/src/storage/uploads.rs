//! Uploads in parts. Completing one makes a list of its parts' blobs; no byte is moved.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use platform::objects::{
    ByteStream, Checksums, Conditions, ObjectError, ObjectHeaders, ObjectInfo, PartName, Put,
    Upload, UploadedPart,
    index::{Content, Entry, IndexError, PartEntry},
};
use types::{Id, Owner, Timestamp};

use super::{
    Storage,
    checksums::{self, Algorithm, Digests, Promise},
    conditions,
    extents::slice,
    failed, failed_at, names,
    pins::Pin,
    receive::{Hashing, LARGEST},
};

/// Parts of an upload at most (S3's quota).
pub(super) const PARTS: usize = 10_000;
/// The numbers that parts may have (same place).
const NUMBERS: std::ops::RangeInclusive<u32> = 1..=10_000;
/// The smallest part that is not the last, bytes (same place: 5 MiB).
const SMALLEST: u64 = 5 << 20;

impl Storage {
    pub(super) async fn begin_upload(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        headers: ObjectHeaders,
        checksums: Checksums,
    ) -> Result<Upload, ObjectError> {
        self.owned(owner, bucket).await?;
        names::check_key(key)?;
        checksums::check_asked(&checksums)?;
        let upload = Upload {
            key: key.to_owned(),
            id: Id::random().to_string(),
            created: Timestamp::now(),
            headers,
            checksums,
        };
        let begun = self.index.create_upload(bucket, upload.clone()).await;
        begun.map_err(|error| failed_at(error, bucket, key))?;
        Ok(upload)
    }

    /// The caller's upload with that id for that key.
    pub(super) async fn upload_of(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        upload: &str,
    ) -> Result<Upload, ObjectError> {
        self.owned(owner, bucket).await?;
        let found = self.index.upload(bucket, key, upload).await.map_err(failed)?;
        found.ok_or(ObjectError::NoSuchUpload)
    }

    pub(super) async fn put_part(
        &self,
        owner: &Owner,
        upload: &str,
        number: u32,
        put: Put,
    ) -> Result<UploadedPart, ObjectError> {
        check_number(number)?;
        let Put { bucket, key, checksums, content_md5, body, .. } = put;
        let found = self.upload_of(owner, &bucket, &key, upload).await?;
        let algorithm = Algorithm::asked(&found.checksums)?;
        let promise = Promise::new(&checksums, algorithm, content_md5.as_deref())?;
        self.keep_part(upload, number, body, &promise).await
    }

    /// Takes a part in as a blob of its own.
    async fn keep_part(
        &self,
        upload: &str,
        number: u32,
        body: ByteStream,
        promise: &Promise,
    ) -> Result<UploadedPart, ObjectError> {
        let received = self.receiver(None).take(body, promise).await?;
        let content = received.content;
        let part = describe(number, received.size, received.digests);
        match self.commit_part(upload, part.clone(), content.clone(), received.pin).await {
            Ok(()) => Ok(part),
            Err(refusal) => {
                self.discard(&content, &refusal).await;
                Err(failed(refusal))
            }
        }
    }

    async fn commit_part(
        &self,
        upload: &str,
        part: UploadedPart,
        content: Content,
        pin: Pin,
    ) -> Result<(), IndexError> {
        let extents = match content {
            Content::Inline(_) => return Err(IndexError::failed("a part is never inline")),
            Content::Extents(extents) => extents,
        };
        let (index, upload) = (self.index.clone(), upload.to_owned());
        let entry = PartEntry { part, extents };
        self.decide(pin, async move { index.put_part(&upload, entry).await }).await
    }

    /// The bytes are read once, for the part's ETag is theirs, but not written again; only those of
    /// an object that lives in the index are.
    pub(super) async fn copy_part(
        &self,
        owner: &Owner,
        source: (&str, &str),
        range: Option<(u64, u64)>,
        conditions: &Conditions,
        (bucket, key, upload, number): (&str, &str, &str, u32),
    ) -> Result<UploadedPart, ObjectError> {
        check_number(number)?;
        self.owned(owner, source.0).await?;
        let found = self.upload_of(owner, bucket, key, upload).await?;
        let promise =
            Promise::new(&Checksums::default(), Algorithm::asked(&found.checksums)?, None)?;
        let (entry, pin) = self.held(source.0, source.1).await?;
        conditions::require(conditions, &entry.info)?;
        let (offset, len) = inside(range, entry.info.size)?;
        let content = slice(&entry.content, offset, len);
        if matches!(content, Content::Inline(_)) {
            return self.keep_part(upload, number, self.body(content, pin), &promise).await;
        }
        let again = self.pins.pin(content.blobs());
        let digests = digest(self.body(content.clone(), again), &promise).await?;
        let part = describe(number, len, digests);
        let kept = self.commit_part(upload, part.clone(), content, pin).await;
        kept.map_err(failed)?;
        Ok(part)
    }

    pub(super) async fn complete(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        parts: &[PartName],
        conditions: &Conditions,
    ) -> Result<ObjectInfo, ObjectError> {
        let guard = conditions::guard(conditions)?;
        let Some(found) = self.index.upload(bucket, key, upload).await.map_err(failed)? else {
            return self.completed_before(bucket, key, upload).await;
        };
        let (entry, pin) = match self.assemble(found, parts).await {
            Err(ObjectError::NoSuchUpload) => {
                return self.completed_before(bucket, key, upload).await;
            }
            assembled => assembled?,
        };
        let info = entry.info.clone();
        let (index, name) = (self.index.clone(), bucket.to_owned());
        match self.decide(pin, async move { index.complete(&name, entry, guard).await }).await {
            Ok(()) => Ok(info),
            Err(IndexError::NoSuchUpload) => self.completed_before(bucket, key, upload).await,
            Err(error) => Err(failed_at(error, bucket, key)),
        }
    }

    /// The answer to a repeated call, as long as the object is still the one that it made.
    async fn completed_before(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
    ) -> Result<ObjectInfo, ObjectError> {
        let entry = self.index.get(bucket, key).await.map_err(failed)?;
        let made = entry.filter(|entry| entry.upload.as_deref() == Some(upload));
        made.map(|entry| entry.info).ok_or(ObjectError::NoSuchUpload)
    }

    /// The object that the named parts are together, its blobs held.
    async fn assemble(
        &self,
        upload: Upload,
        named: &[PartName],
    ) -> Result<(Entry, Pin), ObjectError> {
        let _looking = self.pins.looking().await;
        let uploaded = self.index.parts(&upload.id, 0, PARTS).await.map_err(failed)?;
        let chosen = choose(named, uploaded)?;
        let (parts, extents): (Vec<_>, Vec<_>) =
            chosen.into_iter().map(|entry| (entry.part, entry.extents)).unzip();
        let content = Content::Extents(extents.concat());
        let pin = self.pins.pin(content.blobs());
        let info = ObjectInfo {
            key: upload.key,
            size: parts.iter().map(|part| part.size).sum(),
            etag: checksums::etag_of_parts(&parts)?,
            modified: Timestamp::now(),
            headers: upload.headers,
            checksums: checksums::of_parts(&upload.checksums, &parts)?,
            part_sizes: parts.iter().map(|part| part.size).collect(),
        };
        Ok((Entry { info, upload: Some(upload.id), content }, pin))
    }
}

fn check_number(number: u32) -> Result<(), ObjectError> {
    if NUMBERS.contains(&number) {
        return Ok(());
    }
    let what = "Part number must be an integer between 1 and 10000, inclusive";
    Err(ObjectError::InvalidArgument(what.to_owned()))
}

fn describe(number: u32, size: u64, digests: Digests) -> UploadedPart {
    UploadedPart {
        number,
        size,
        etag: hex::encode(&digests.md5),
        modified: Timestamp::now(),
        checksums: digests.checksums,
    }
}

/// Where a range that names its first and last byte begins, and how long it is.
fn inside(range: Option<(u64, u64)>, length: u64) -> Result<(u64, u64), ObjectError> {
    let (offset, len) = match range {
        None => (0, length),
        Some((first, last)) if first <= last && last < length => (first, last - first + 1),
        Some(_) => return Err(ObjectError::InvalidRange { length }),
    };
    if len > LARGEST { Err(ObjectError::EntityTooLarge) } else { Ok((offset, len)) }
}

/// What would have been computed of these bytes had they come in.
async fn digest(mut body: ByteStream, promise: &Promise) -> Result<Digests, ObjectError> {
    let mut hashing = Hashing::new(promise.hashes());
    while let Some(chunk) = body.next().await {
        hashing.add(chunk.map_err(ObjectError::internal)?).await?;
    }
    hashing.finish().await
}

/// The uploaded parts that a client names, each as it says.
fn choose(named: &[PartName], uploaded: Vec<PartEntry>) -> Result<Vec<PartEntry>, ObjectError> {
    if named.is_empty() {
        let what = "You must specify at least one part";
        return Err(ObjectError::InvalidArgument(what.to_owned()));
    }
    if !named.is_sorted_by(|one, next| one.number < next.number) {
        return Err(ObjectError::InvalidPartOrder);
    }
    let mut uploaded: HashMap<u32, PartEntry> =
        uploaded.into_iter().map(|entry| (entry.part.number, entry)).collect();
    let chosen: Option<Vec<PartEntry>> = named
        .iter()
        .map(|name| uploaded.remove(&name.number).filter(|entry| is_as_named(&entry.part, name)))
        .collect();
    let chosen = chosen.ok_or(ObjectError::InvalidPart)?;
    let (_last, others) = chosen.split_last().ok_or(ObjectError::InvalidPart)?;
    if others.iter().any(|entry| entry.part.size < SMALLEST) {
        return Err(ObjectError::EntityTooSmall);
    }
    Ok(chosen)
}

fn is_as_named(part: &UploadedPart, name: &PartName) -> bool {
    let checksum_fits = name.checksum.is_none() || name.checksum == part.checksums.value;
    part.etag == name.etag && checksum_fits
}
