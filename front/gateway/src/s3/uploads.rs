//! Uploads in parts.

use platform::objects::{
    Checksums, Conditions, PartName, Put, Upload, UploadedPart, index::common_prefix,
};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
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
        let owner = self.allow_object(ask, "s3:PutObject", &input.bucket, &input.key)?;
        let algorithm = input.checksum_algorithm.as_ref().map(known).transpose()?;
        let checksums = asked_checksums(algorithm, input.checksum_type.as_ref())?;
        let headers = stored!(input);
        let (bucket, key) = (input.bucket, input.key);
        let upload = self.objects.create_upload(owner, &bucket, &key, headers, checksums).await?;
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
        let owner = self.allow_object(ask, "s3:PutObject", &input.bucket, &input.key)?;
        let number = part_number(input.part_number)?;
        let mut put = Put::new(input.bucket, input.key, convert::body(input.body));
        put.checksums = ask.checksums.clone();
        put.content_md5 = ask.content_md5.clone();
        let part = self.objects.upload_part(owner, &input.upload_id, number, put).await?;
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
        let owner = self.allow_object(ask, "s3:PutObject", &bucket, &key)?;
        let listed = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let parts = listed.into_iter().map(part_name).collect::<Result<Vec<_>, _>>()?;
        if parts.is_empty() {
            return Err(malformed());
        }
        let (upload, conditions): (&str, &Conditions) = (&input.upload_id, &ask.conditions);
        let info =
            self.objects.complete_upload(owner, &bucket, &key, upload, &parts, conditions).await?;
        Ok(summed!(CompleteMultipartUploadOutput, &info.checksums, {
            checksum_type: convert::kind(&info.checksums),
            location: Some(format!("/{bucket}/{key}")),
            bucket: Some(bucket),
            key: Some(key),
            e_tag: Some(convert::etag(&info.etag)),
            ..Default::default()
        }))
    }

    pub(super) async fn abort_multipart_upload(
        &self,
        input: AbortMultipartUploadInput,
        ask: &Ask,
    ) -> Result<AbortMultipartUploadOutput, Refused> {
        let (bucket, key) = (&input.bucket, &input.key);
        let owner = self.allow_object(ask, "s3:AbortMultipartUpload", bucket, key)?;
        self.objects.abort_upload(owner, bucket, key, &input.upload_id).await?;
        Ok(AbortMultipartUploadOutput::default())
    }

    pub(super) async fn list_parts(
        &self,
        input: ListPartsInput,
        ask: &Ask,
    ) -> Result<ListPartsOutput, Refused> {
        let (bucket, key) = (input.bucket, input.key);
        let owner = self.allow_object(ask, "s3:ListMultipartUploadParts", &bucket, &key)?;
        let limit = convert::limit(input.max_parts, PAGE, "max-parts")?;
        let after = u32::try_from(input.part_number_marker.unwrap_or(0))
            .map_err(|_| Refused::argument("part-number-marker must not be negative"))?;
        let id = input.upload_id;
        // One more than the page tells whether there is another.
        let (upload, mut parts) =
            self.objects.parts(owner, &bucket, &key, &id, after, limit + 1).await?;
        let truncated = parts.len() > limit;
        parts.truncate(limit);
        let last = parts.last().map(|part| number(part.number));
        Ok(ListPartsOutput {
            bucket: Some(bucket),
            checksum_algorithm: convert::algorithm(&upload.checksums),
            checksum_type: checksum_type(&upload.checksums),
            initiator: Some(initiator(owner)),
            is_truncated: Some(truncated),
            key: Some(key),
            max_parts: Some(convert::count(limit)),
            next_part_number_marker: last.filter(|_| truncated),
            owner: Some(convert::owner(&owner.account)),
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
        let owner = self.allow(ask, "s3:ListBucketMultipartUploads", &input.bucket)?;
        let spelling = Spelling::of(input.encoding_type.as_ref())?;
        let page = Page {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()),
            key: input.key_marker.as_deref().unwrap_or_default(),
            upload: input.upload_id_marker.as_deref().filter(|id| !id.is_empty()),
            limit: convert::limit(input.max_uploads, PAGE, "max-uploads")?,
        };
        let uploads = self.objects.uploads(owner, &input.bucket, page.prefix).await?;
        let cut = page.cut(uploads);
        let next = cut.next.unzip();
        let listed = |upload: Upload| MultipartUpload {
            checksum_algorithm: convert::algorithm(&upload.checksums),
            checksum_type: checksum_type(&upload.checksums),
            initiated: Some(convert::moment(upload.created)),
            initiator: Some(initiator(owner)),
            key: Some(spelling.write(upload.key)),
            owner: Some(convert::owner(&owner.account)),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            upload_id: Some(upload.id),
        };
        Ok(ListMultipartUploadsOutput {
            max_uploads: Some(convert::count(page.limit)),
            prefix: Some(spelling.write(page.prefix.to_owned())),
            delimiter: page.delimiter.map(|delimiter| spelling.write(delimiter.to_owned())),
            bucket: Some(input.bucket),
            common_prefixes: spelling.prefixes(cut.prefixes),
            encoding_type: input.encoding_type,
            is_truncated: Some(next.0.is_some()),
            key_marker: Some(spelling.write(input.key_marker.unwrap_or_default())),
            next_key_marker: next.0.map(|key| spelling.write(key)),
            next_upload_id_marker: next.1,
            upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
            uploads: Some(cut.uploads.into_iter().map(listed).collect()),
            request_charged: None,
        })
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
        return Err(malformed());
    };
    let checksum = part
        .checksum_crc32
        .or(part.checksum_crc32c)
        .or(part.checksum_crc64nvme)
        .or(part.checksum_sha1)
        .or(part.checksum_sha256);
    Ok(PartName { number: part_number(number)?, etag: etag.into_value(), checksum })
}

fn malformed() -> Refused {
    Refused::bad(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
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

fn initiator(owner: &Owner) -> Initiator {
    Initiator { display_name: None, id: Some(owner.principal.to_string()) }
}

fn listed_part(part: &UploadedPart) -> Part {
    summed!(Part, &part.checksums, {
        e_tag: Some(convert::etag(&part.etag)),
        last_modified: Some(convert::moment(part.modified)),
        part_number: Some(number(part.number)),
        size: Some(convert::size(part.size)),
    })
}

/// Which uploads to list.
struct Page<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    key: &'a str,
    upload: Option<&'a str>,
    limit: usize,
}

/// A page of uploads, and where the next one goes on.
#[derive(Debug, Default)]
struct Cut {
    uploads: Vec<Upload>,
    prefixes: Vec<String>,
    next: Option<(String, String)>,
}

impl Page<'_> {
    /// Cuts the page out of a bucket's uploads, which come by key and time.
    fn cut(&self, uploads: Vec<Upload>) -> Cut {
        let mut cut = Cut::default();
        let mut last = (String::new(), String::new());
        let mut reached = false;
        for upload in uploads {
            reached |= Some(upload.id.as_str()) == self.upload && upload.key == self.key;
            let folded = common_prefix(self.prefix, self.delimiter, &upload.key);
            let folded = folded.map(str::to_owned);
            if self.is_behind(&upload, folded.as_deref(), reached)
                || (folded.is_some() && folded.as_ref() == cut.prefixes.last())
            {
                continue;
            }
            if cut.uploads.len() + cut.prefixes.len() == self.limit {
                cut.next = (self.limit > 0).then_some(last);
                return cut;
            }
            if let Some(prefix) = folded {
                last = (prefix.clone(), String::new());
                cut.prefixes.push(prefix);
            } else {
                last = (upload.key.clone(), upload.id.clone());
                cut.uploads.push(upload);
            }
        }
        cut
    }

    /// Whether an upload stood on a page before. Of the uploads of the marked key those that
    /// follow the marked upload did not.
    fn is_behind(&self, upload: &Upload, folded: Option<&str>, reached: bool) -> bool {
        if self.key.is_empty() {
            return false;
        }
        match folded.unwrap_or(&upload.key).cmp(self.key) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Greater => false,
            std::cmp::Ordering::Equal => !reached || Some(upload.id.as_str()) == self.upload,
        }
    }
}

#[cfg(test)]
mod tests {
    use platform::objects::ObjectHeaders;
    use types::Timestamp;

    use super::*;

    fn upload((key, id): (&str, &str)) -> Upload {
        Upload {
            key: key.to_owned(),
            id: id.to_owned(),
            created: Timestamp::default(),
            headers: ObjectHeaders::default(),
            checksums: Checksums::default(),
        }
    }

    /// Every page of `limit`, as `key:id` and prefixes.
    fn pages(uploads: &[(&str, &str)], delimiter: Option<&str>, limit: usize) -> Vec<Vec<String>> {
        let (mut pages, mut key, mut id) = (Vec::new(), String::new(), String::new());
        loop {
            let upload_marker = Some(id.as_str()).filter(|id| !id.is_empty());
            let page = Page { prefix: "", delimiter, key: &key, upload: upload_marker, limit };
            let cut = page.cut(uploads.iter().copied().map(upload).collect());
            let named = cut.uploads.iter().map(|upload| format!("{}:{}", upload.key, upload.id));
            pages.push(named.chain(cut.prefixes).collect());
            match cut.next {
                Some(next) => (key, id) = next,
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_of_uploads_hold_each_upload_once() {
        let uploads = [("a", "2"), ("a", "1"), ("b/x", "3"), ("b/y", "4"), ("c", "5")];
        assert_eq!(
            pages(&uploads, None, 2),
            [vec!["a:2", "a:1"], vec!["b/x:3", "b/y:4"], vec!["c:5"]]
        );
        assert_eq!(
            pages(&uploads, Some("/"), 1),
            [vec!["a:2"], vec!["a:1"], vec!["b/"], vec!["c:5"]]
        );
        assert_eq!(pages(&uploads, None, 0), [Vec::<String>::new()]);
    }

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
