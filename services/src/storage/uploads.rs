//! Uploads in parts. Completing one makes a list of its parts' blobs; no byte is moved.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use platform::{
    objects::{
        Bucket, ByteStream, Checksums, Completion, CopySource, NewUpload, ObjectError, ObjectInfo,
        ObjectName, ObjectPart, PartName, Protection, Put, Upload, UploadName, UploadedPart,
        index::{Content, Entry, Found, IndexError, PartEntry},
    },
    sealed::Secret,
};
use types::{Id, Owner, Timestamp};

use super::{
    Storage, acl,
    checksums::{self, Algorithm, Digests, Promise},
    conditions,
    copies::of_ours,
    extents::slice,
    failed, failed_at, names,
    pass::Passing,
    pins::Pin,
    receive::LARGEST,
    seal::Sealing,
    tags,
};

/// Parts of an upload at most (S3's quota).
pub(super) const PARTS: usize = 10_000;
/// Uploads in a page at most (S3's limit of `max-uploads`).
pub(super) const PAGE: usize = 1000;
/// The numbers that parts may have (same place).
const NUMBERS: std::ops::RangeInclusive<u32> = 1..=10_000;
/// The smallest part that is not the last, bytes (same place: 5 MiB).
const SMALLEST: u64 = 5 << 20;

impl Storage {
    pub(super) async fn begin_upload(
        &self,
        owner: &Owner,
        new: NewUpload,
    ) -> Result<Upload, ObjectError> {
        let NewUpload { bucket, key, headers, tags, acl, checksums, protection } = new;
        let place = self.owned(owner, &bucket).await?;
        names::check_key(&key)?;
        tags::check_object(&tags)?;
        acl::check(&place, &acl)?;
        checksums::check_asked(&checksums)?;
        self.require_room()?;
        let sealing = self.sealing(&place, &key, self.method(&place, protection)).await?;
        let seal = sealing.map(|sealing| sealing.seal);
        let created = Timestamp::now();
        let id = Id::random().to_string();
        let upload = Upload {
            key,
            id,
            created,
            headers,
            tags,
            acl,
            owner: acl::writer(&place, owner),
            initiator: Some(owner.principal.to_string()),
            checksums,
            seal,
        };
        let begun = self.index.create_upload(&bucket, upload.clone()).await;
        begun.map_err(|error| failed_at(error, &bucket, &upload.key))?;
        Ok(upload)
    }

    /// The caller's upload with that id for that key.
    pub(super) async fn upload_of(
        &self,
        owner: &Owner,
        name: UploadName<'_>,
    ) -> Result<Upload, ObjectError> {
        self.owned(owner, name.bucket).await?;
        let found = self.index.upload(name).await.map_err(failed)?;
        found.ok_or(ObjectError::NoSuchUpload)
    }

    /// The same, and what its parts are sealed with.
    async fn open_upload(
        &self,
        owner: &Owner,
        name: UploadName<'_>,
        customer: Option<&Secret>,
    ) -> Result<(Upload, Option<Sealing>), ObjectError> {
        let bucket = self.owned(owner, name.bucket).await?;
        let upload = self.upload_of(owner, name).await?;
        let sealing = self.sealing_of(&bucket, &upload, customer).await?;
        Ok((upload, sealing))
    }

    pub(super) async fn put_part(
        &self,
        owner: &Owner,
        upload: &str,
        number: u32,
        put: Put,
    ) -> Result<UploadedPart, ObjectError> {
        check_number(number)?;
        let Put { bucket, key, checksums, content_md5, content_sha256, protection, body, .. } = put;
        let name = UploadName { bucket: &bucket, key: &key, id: upload };
        let customer = match &protection {
            Protection::Customer(key) => Some(key),
            Protection::Unsaid | Protection::S3 | Protection::Kms(_) => None,
        };
        let (found, sealing) = self.open_upload(owner, name, customer).await?;
        let algorithm = Algorithm::asked(&found.checksums)?;
        let promise = Promise::new(&checksums, algorithm, content_md5.as_deref())?;
        let promise = promise.signed(content_sha256);
        self.keep_part((upload, number), body, &promise, sealing.as_ref()).await
    }

    /// Takes a part in as a blob of its own.
    async fn keep_part(
        &self,
        (upload, number): (&str, u32),
        body: ByteStream,
        promise: &Promise,
        sealing: Option<&Sealing>,
    ) -> Result<UploadedPart, ObjectError> {
        let received = self.receiver(None, sealing).take(body, promise).await?;
        let content = received.content;
        let part = UploadedPart {
            number,
            size: received.size,
            etag: received.etag,
            modified: Timestamp::now(),
            checksums: received.checksums,
            encryption: sealing.map(|sealing| sealing.seal.encryption.clone()),
        };
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

    /// Plain bytes are read once, for the part's ETag is theirs, but not written again where they
    /// stay plain; only those of an object that lives in the index are.
    pub(super) async fn copy_part(
        &self,
        owner: &Owner,
        source: CopySource<'_>,
        range: Option<(u64, u64)>,
        target: UploadName<'_>,
        number: u32,
        customer: Option<&Secret>,
    ) -> Result<UploadedPart, ObjectError> {
        check_number(number)?;
        self.require_room()?;
        let from = self.owned(source.owner, source.name.bucket).await?;
        let (found, sealing) = self.open_upload(owner, target, customer).await?;
        let promise =
            Promise::new(&Checksums::default(), Algorithm::asked(&found.checksums)?, None)?;
        let (entry, pin) = self.held(source.name).await?;
        let data = self.opened(&from, &entry, source.customer).await?;
        conditions::require(source.conditions, &entry.info)?;
        let range = inside(range, entry.info.size)?;
        let part = (target.id, number);
        match (data, sealing) {
            (None, None) if matches!(entry.content, Content::Extents(_)) => {
                let content = slice(&entry.content, range.0, range.1);
                self.share_part(part, content, &promise, pin).await
            }
            (data, sealing) => {
                let body = self.plain(&entry.content, range, data, pin)?;
                let kept = self.keep_part(part, body, &promise, sealing.as_ref()).await;
                kept.map_err(of_ours)
            }
        }
    }

    /// Makes a part of blobs that another object names.
    async fn share_part(
        &self,
        (upload, number): (&str, u32),
        content: Content,
        promise: &Promise,
        pin: Pin,
    ) -> Result<UploadedPart, ObjectError> {
        let again = self.pins.pin(content.blobs());
        let digests = digest(self.body(content.clone(), again), promise).await?;
        let part = UploadedPart {
            number,
            size: content.size(),
            etag: hex::encode(digests.md5),
            modified: Timestamp::now(),
            checksums: digests.checksums,
            encryption: None,
        };
        let kept = self.commit_part(upload, part.clone(), content, pin).await;
        kept.map_err(failed)?;
        Ok(part)
    }

    pub(super) async fn complete(
        &self,
        bucket: &Bucket,
        name: UploadName<'_>,
        completion: Completion<'_>,
    ) -> Result<ObjectInfo, ObjectError> {
        let guard = conditions::guard(completion.conditions)?;
        let Some(found) = self.index.upload(name).await.map_err(failed)? else {
            return self.completed_before(name).await;
        };
        if completion.customer.is_some() {
            self.sealing_of(bucket, &found, completion.customer).await?;
        }
        let (entry, pin) = match self.assemble(found, completion.parts).await {
            Err(ObjectError::NoSuchUpload) => return self.completed_before(name).await,
            assembled => assembled?,
        };
        check_whole(&entry.info, &completion)?;
        let info = entry.info.clone();
        let (index, bucket) = (self.index.clone(), name.bucket.to_owned());
        match self.decide(pin, async move { index.complete(&bucket, entry, guard).await }).await {
            Ok(version) => Ok(ObjectInfo { version, ..info }),
            Err(IndexError::NoSuchUpload) => self.completed_before(name).await,
            Err(error) => Err(failed_at(error, name.bucket, name.key)),
        }
    }

    /// The answer to a repeated call, as long as the object is still the one that it made.
    async fn completed_before(&self, name: UploadName<'_>) -> Result<ObjectInfo, ObjectError> {
        let current = ObjectName::current(name.bucket, name.key);
        match self.index.get(current).await.map_err(failed)? {
            Some(Found::Object(entry)) if entry.upload.as_deref() == Some(name.id) => {
                Ok(entry.info)
            }
            Some(Found::Object(_) | Found::Marker(_)) | None => Err(ObjectError::NoSuchUpload),
        }
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
            parts: parts.into_iter().map(object_part).collect(),
            tags: upload.tags,
            acl: upload.acl,
            owner: upload.owner,
            version: None,
            encryption: upload.seal.as_ref().map(|seal| seal.encryption.clone()),
        };
        Ok((Entry { info, upload: Some(upload.id), seal: upload.seal, content }, pin))
    }
}

fn object_part(part: UploadedPart) -> ObjectPart {
    ObjectPart { number: part.number, size: part.size, checksum: part.checksums.value }
}

/// Whether the object is what its client says of all of it.
fn check_whole(info: &ObjectInfo, completion: &Completion<'_>) -> Result<(), ObjectError> {
    if completion.size.is_some_and(|size| size != info.size) {
        return Err(ObjectError::InvalidRequest(
            "The provided 'x-amz-mp-object-size' header does not match what was computed."
                .to_owned(),
        ));
    }
    match (completion.checksum, info.checksums.value.as_deref()) {
        (Some(said), Some(known)) if said != known => {
            let algorithm = info.checksums.algorithm.as_deref().unwrap_or_default();
            Err(ObjectError::BadDigest(algorithm.to_uppercase()))
        }
        (Some(_) | None, _) => Ok(()),
    }
}

fn check_number(number: u32) -> Result<(), ObjectError> {
    if NUMBERS.contains(&number) {
        return Ok(());
    }
    let what = "Part number must be an integer between 1 and 10000, inclusive";
    Err(ObjectError::InvalidArgument(what.to_owned()))
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
pub(super) async fn digest(
    mut body: ByteStream,
    promise: &Promise,
) -> Result<Digests, ObjectError> {
    let mut passing = Passing::hashing(promise.hashes());
    while let Some(chunk) = body.next().await {
        passing.add(chunk.map_err(ObjectError::internal)?).await?;
    }
    Ok(passing.finish().await?.0)
}

/// The uploaded parts that a client names, each as it says.
fn choose(named: &[PartName], uploaded: Vec<PartEntry>) -> Result<Vec<PartEntry>, ObjectError> {
    if named.is_empty() {
        let what = "You must specify at least one part";
        return Err(ObjectError::InvalidArgument(what.to_owned()));
    }
    if !named.is_sorted_by_key(|name| name.number) {
        return Err(ObjectError::InvalidPartOrder);
    }
    // Of a part that is named again the last name counts, as its last upload does.
    let last_of_number = |(place, name): &(usize, &PartName)| {
        named.get(place + 1).is_none_or(|next| next.number != name.number)
    };
    let named = named.iter().enumerate().filter(last_of_number).map(|(_, name)| name);
    let mut uploaded: HashMap<u32, PartEntry> =
        uploaded.into_iter().map(|entry| (entry.part.number, entry)).collect();
    let chosen: Option<Vec<PartEntry>> = named
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
