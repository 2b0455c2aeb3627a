//! Uploads in parts.

use platform::objects::{
    Checksums, Completion, ListUploads, NewUpload, PartName, Protection, Put, Upload, UploadName,
    UploadedPart,
};
use s3s::dto::{
    self, AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, Initiator, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput, MultipartUpload, Part,
    StorageClass, UploadPartInput, UploadPartOutput,
};
use types::Owner;

use super::{
    Desk,
    ask::Ask,
    convert::{self, stored, summed},
    digest::Algorithm,
    errors::Refused,
    listing::Spelling,
    tagging,
};

/// The most parts, or uploads, of a page (AWS).
const PAGE: usize = 1_000;

/// The most parts of an upload (AWS).
const PARTS: u32 = 10_000;

impl Desk {
    pub(super) async fn create_multipart_upload(
        &self,
        input: CreateMultipartUploadInput,
        ask: &Ask,
    ) -> Result<CreateMultipartUploadOutput, Refused> {
        let tags = tagging::of_header(ask)?;
        let owner = &self.allow_put(ask, &input.bucket, &input.key, &tags).await?;
        let acl = self.acl_of_headers(ask, owner, (&input.bucket, &input.key)).await?;
        let algorithm = input.checksum_algorithm.as_ref().map(known).transpose()?;
        let checksums = asked_checksums(algorithm, input.checksum_type.as_ref())?;
        let headers = stored!(input);
        let (bucket, key) = (input.bucket, input.key);
        let new = NewUpload {
            bucket: bucket.clone(),
            key: key.clone(),
            headers,
            tags,
            acl,
            checksums,
            protection: ask.encryption()?.protection(),
        };
        let upload = self.objects.create_upload(owner, new).await?;
        ask.wrote(upload.seal.as_ref().map(|seal| &seal.encryption));
        Ok(CreateMultipartUploadOutput {
            bucket: Some(bucket),
            checksum_algorithm: convert::algorithm(&upload.checksums),
            checksum_type: checksum_type(&upload.checksums),
            key: Some(key),
            upload_id: Some(upload.id),
            ..Default::default()
        })
    }

    pub(super) async fn upload_part(
        &self,
        input: UploadPartInput,
        ask: &Ask,
    ) -> Result<UploadPartOutput, Refused> {
        let owner = &self.allow_object(ask, "s3:PutObject", &input.bucket, &input.key).await?;
        let number = part_number(input.part_number)?;
        let mut put = Put::new(input.bucket, input.key, convert::body(input.body));
        put.checksums = ask.checksums.clone();
        put.content_md5 = ask.content_md5.clone();
        put.content_sha256 = ask.content_sha256.clone();
        let key = ask.encryption()?.key()?.cloned();
        put.protection = key.map_or(Protection::Unsaid, Protection::Customer);
        let part = self.objects.upload_part(owner, &input.upload_id, number, put).await?;
        ask.reads(part.encryption.as_ref());
        Ok(summed!(UploadPartOutput, &part.checksums, {
            e_tag: Some(convert::etag(&part.etag)),
            ..Default::default()
        }))
    }

    pub(super) async fn complete_multipart_upload(
        &self,
        input: CompleteMultipartUploadInput,
        ask: &Ask,
    ) -> Result<CompleteMultipartUploadOutput, Refused> {
        let (bucket, key) = (input.bucket, input.key);
        let owner = &self.allow_object(ask, "s3:PutObject", &bucket, &key).await?;
        let listed = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let parts = listed.into_iter().map(part_name).collect::<Result<Vec<_>, _>>()?;
        if parts.is_empty() {
            return Err(Refused::malformed());
        }
        let name = UploadName { bucket: &bucket, key: &key, id: &input.upload_id };
        let checksum = input
            .checksum_crc32
            .or(input.checksum_crc32c)
            .or(input.checksum_crc64nvme)
            .or(input.checksum_sha1)
            .or(input.checksum_sha256);
        let completion = Completion {
            parts: &parts,
            checksum: checksum.as_deref(),
            size: input.mpu_object_size.and_then(|size| u64::try_from(size).ok()),
            conditions: &ask.conditions,
            customer: ask.encryption()?.key()?,
        };
        let info = self.objects.complete_upload(owner, name, completion).await?;
        ask.reads(info.encryption.as_ref());
        let expiration = self.expiration(owner, &bucket, &info).await;
        Ok(summed!(CompleteMultipartUploadOutput, &info.checksums, {
            checksum_type: convert::kind(&info.checksums),
            location: Some(format!("/{bucket}/{key}")),
            bucket: Some(bucket),
            key: Some(key),
            e_tag: Some(convert::etag(&info.etag)),
            expiration: expiration,
            version_id: convert::made(info.version),
            ..Default::default()
        }))
    }

    pub(super) async fn abort_multipart_upload(
        &self,
        input: AbortMultipartUploadInput,
        ask: &Ask,
    ) -> Result<AbortMultipartUploadOutput, Refused> {
        let (bucket, key) = (&input.bucket, &input.key);
        let owner = &self.allow_object(ask, "s3:AbortMultipartUpload", bucket, key).await?;
        let name = UploadName { bucket, key, id: &input.upload_id };
        self.objects.abort_upload(owner, name).await?;
        Ok(AbortMultipartUploadOutput::default())
    }

    pub(super) async fn list_parts(
        &self,
        input: ListPartsInput,
        ask: &Ask,
    ) -> Result<ListPartsOutput, Refused> {
        let (bucket, key) = (input.bucket, input.key);
        let owner = &self.allow_object(ask, "s3:ListMultipartUploadParts", &bucket, &key).await?;
        let limit = convert::limit(input.max_parts, PAGE, "max-parts")?;
        let after = u32::try_from(input.part_number_marker.unwrap_or(0))
            .map_err(|_| Refused::argument("part-number-marker must not be negative"))?;
        let id = input.upload_id;
        // One more than the page tells whether there is another.
        let name = UploadName { bucket: &bucket, key: &key, id: &id };
        let (upload, mut parts) = self.objects.parts(owner, name, after, limit + 1).await?;
        let truncated = parts.len() > limit;
        parts.truncate(limit);
        let last = parts.last().map(|part| number(part.number));
        let owners = self.owners(owner, &bucket).await?;
        Ok(ListPartsOutput {
            bucket: Some(bucket),
            checksum_algorithm: convert::algorithm(&upload.checksums),
            checksum_type: checksum_type(&upload.checksums),
            initiator: Some(self.initiator(owner, upload.initiator.as_deref())),
            is_truncated: Some(truncated),
            key: Some(key),
            max_parts: Some(convert::count(limit)),
            next_part_number_marker: last.filter(|_| truncated),
            owner: Some(owners.shown(upload.owner.as_deref())),
            part_number_marker: Some(number(after)),
            parts: Some(parts.iter().map(listed_part).collect()),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            upload_id: Some(id),
            ..Default::default()
        })
    }

    pub(super) async fn list_multipart_uploads(
        &self,
        input: ListMultipartUploadsInput,
        ask: &Ask,
    ) -> Result<ListMultipartUploadsOutput, Refused> {
        let owner = &self.allow(ask, "s3:ListBucketMultipartUploads", &input.bucket).await?;
        let spelling = Spelling::of(input.encoding_type.as_ref())?;
        let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
        let key = input.key_marker.clone().filter(|key| !key.is_empty());
        let upload = input.upload_id_marker.clone().filter(|id| !id.is_empty());
        let list = ListUploads {
            bucket: input.bucket.clone(),
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: delimiter.clone(),
            after: key.map(|key| (key, upload)),
            limit: convert::limit(input.max_uploads, PAGE, "max-uploads")?,
        };
        let page = self.objects.uploads(owner, &list).await?;
        let (next_key, next_upload) = page.last.filter(|_| page.truncated).unzip();
        let owners = self.owners(owner, &input.bucket).await?;
        let listed = |upload: Upload| MultipartUpload {
            checksum_algorithm: convert::algorithm(&upload.checksums),
            checksum_type: checksum_type(&upload.checksums),
            initiated: Some(convert::moment(upload.created)),
            initiator: Some(self.initiator(owner, upload.initiator.as_deref())),
            key: Some(spelling.write(upload.key)),
            owner: Some(owners.shown(upload.owner.as_deref())),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            upload_id: Some(upload.id),
        };
        Ok(ListMultipartUploadsOutput {
            max_uploads: Some(convert::count(list.limit)),
            prefix: Some(spelling.write(list.prefix)),
            delimiter: delimiter.map(|delimiter| spelling.write(delimiter)),
            bucket: Some(input.bucket),
            common_prefixes: spelling.prefixes(page.prefixes),
            encoding_type: input.encoding_type,
            is_truncated: Some(page.truncated),
            key_marker: Some(spelling.write(input.key_marker.unwrap_or_default())),
            next_key_marker: next_key.map(|key| spelling.write(key)),
            next_upload_id_marker: next_upload.map(Option::unwrap_or_default),
            upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
            uploads: Some(page.uploads.into_iter().map(listed).collect()),
            request_charged: None,
        })
    }

    /// Who began an upload: a user by its ARN, anybody else by its account, and the bucket's owner
    /// where it was not kept.
    fn initiator(&self, owner: &Owner, principal: Option<&str>) -> Initiator {
        let Some(principal) = principal else { return as_initiator(self.shown(owner)) };
        let mut parts = principal.splitn(6, ':').skip(4);
        let (account, resource) = (parts.next(), parts.next().unwrap_or_default());
        if let Some(user) = resource.strip_prefix("user/") {
            let name = user.rsplit('/').next().map(str::to_owned);
            return Initiator { display_name: name, id: Some(principal.to_owned()) };
        }
        let known = account.and_then(|account| self.access.account(account));
        as_initiator(convert::owner(known.as_deref()))
    }
}

/// A part's number, as clients may name it.
pub(super) fn part_number(number: i32) -> Result<u32, Refused> {
    u32::try_from(number).ok().filter(|number| (1..=PARTS).contains(number)).ok_or_else(|| {
        Refused::argument(format!(
            "Part number must be an integer between 1 and {PARTS}, inclusive"
        ))
    })
}

fn number(part: u32) -> i32 {
    i32::try_from(part).unwrap_or(i32::MAX)
}

fn part_name(part: CompletedPart) -> Result<PartName, Refused> {
    let (Some(number), Some(etag)) = (part.part_number, part.e_tag) else {
        return Err(Refused::malformed());
    };
    let checksum = part
        .checksum_crc32
        .or(part.checksum_crc32c)
        .or(part.checksum_crc64nvme)
        .or(part.checksum_sha1)
        .or(part.checksum_sha256);
    Ok(PartName { number: part_number(number)?, etag: etag.into_value(), checksum })
}

fn known(algorithm: &ChecksumAlgorithm) -> Result<Algorithm, Refused> {
    Algorithm::of(algorithm.as_str()).ok_or_else(|| {
        Refused::bad(
            "InvalidRequest",
            format!("Checksum algorithm {} is not supported", algorithm.as_str()),
        )
    })
}

/// What the checksum of an upload will be of.
fn checksum_type(checksums: &Checksums) -> Option<ChecksumType> {
    checksums.algorithm.as_ref()?;
    Some(ChecksumType::from_static(if checksums.full_object {
        ChecksumType::FULL_OBJECT
    } else {
        ChecksumType::COMPOSITE
    }))
}

/// The checksum that an upload asks for. A CRC of 64 bits can only be of all the bytes, a SHA
/// only of the parts; the other two are of the parts unless it is said otherwise.
fn asked_checksums(
    algorithm: Option<Algorithm>,
    asked: Option<&ChecksumType>,
) -> Result<Checksums, Refused> {
    use Algorithm::{Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
    let full_object = match (asked.map(ChecksumType::as_str), algorithm) {
        (None, _) => algorithm == Some(Crc64Nvme),
        (Some(ChecksumType::FULL_OBJECT), Some(Crc32 | Crc32c | Crc64Nvme)) => true,
        (Some(ChecksumType::COMPOSITE), Some(Crc32 | Crc32c | Sha1 | Sha256)) => false,
        (Some(kind), Some(algorithm)) => {
            let name = algorithm.name();
            let message = format!(
                "The {kind} checksum type cannot be used with the {name} checksum algorithm."
            );
            return Err(Refused::bad("InvalidRequest", message));
        }
        (Some(_), None) => {
            return Err(Refused::bad(
                "InvalidRequest",
                "The x-amz-checksum-type header can only be used with the \
                 x-amz-checksum-algorithm header.",
            ));
        }
    };
    let algorithm = algorithm.map(|algorithm| algorithm.id().to_owned());
    Ok(Checksums { algorithm, value: None, full_object })
}

fn as_initiator(shown: dto::Owner) -> Initiator {
    Initiator { display_name: shown.display_name, id: shown.id }
}

fn listed_part(part: &UploadedPart) -> Part {
    summed!(Part, &part.checksums, {
        e_tag: Some(convert::etag(&part.etag)),
        last_modified: Some(convert::moment(part.modified)),
        part_number: Some(number(part.number)),
        size: Some(convert::size(part.size)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_algorithm_has_the_kinds_of_checksum_that_it_can_have() {
        let full = ChecksumType::from_static(ChecksumType::FULL_OBJECT);
        let composite = ChecksumType::from_static(ChecksumType::COMPOSITE);
        let of = |algorithm, kind| asked_checksums(Some(algorithm), kind).map(|it| it.full_object);
        assert!(of(Algorithm::Crc64Nvme, None).unwrap());
        assert!(!of(Algorithm::Crc32, None).unwrap());
        assert!(of(Algorithm::Crc32, Some(&full)).unwrap());
        assert!(!of(Algorithm::Sha256, Some(&composite)).unwrap());
        for (algorithm, kind) in [(Algorithm::Crc64Nvme, &composite), (Algorithm::Sha1, &full)] {
            assert_eq!(of(algorithm, Some(kind)).unwrap_err().code, "InvalidRequest");
        }
        assert_eq!(asked_checksums(None, Some(&full)).unwrap_err().code, "InvalidRequest");
    }

    #[test]
    fn part_numbers_go_from_one_to_ten_thousand() {
        assert_eq!(part_number(1).unwrap(), 1);
        assert_eq!(part_number(10_000).unwrap(), 10_000);
        for number in [-1, 0, 10_001] {
            assert_eq!(part_number(number).unwrap_err().code, "InvalidArgument");
        }
    }
}
