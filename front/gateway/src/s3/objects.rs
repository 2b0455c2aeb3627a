//! Objects: PUT, GET, HEAD, DELETE.

use futures_util::{StreamExt, stream};
use http::{StatusCode, header};
use platform::objects::{ByteRange, Conditions, ObjectError, ObjectInfo, Put};
use s3s::dto::{
    ChecksumMode, ChecksumType, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput,
    DeleteObjectsOutput, DeletedObject, Error, GetObjectAttributesInput, GetObjectAttributesOutput,
    GetObjectAttributesParts, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    ObjectIdentifier, ObjectPart, PutObjectInput, PutObjectOutput, StorageClass, StreamingBlob,
};
use types::Owner;

use super::{
    Desk,
    ask::Ask,
    conditions,
    convert::{self, stored, summed},
    errors::Refused,
};

/// The most keys of one DeleteObjects (AWS).
const DELETE_LIMIT: usize = 1_000;

/// Deletions under way at once, so that the index can commit them in groups.
const DELETES_AT_ONCE: usize = 64;

/// The described members of a GET and of a HEAD: the same, in two types.
macro_rules! described {
    ($type:ident, $info:expr, $checksums:expr, { $($member:ident: $value:expr,)* }) => {{
        let info: ObjectInfo = $info;
        let sent = if $checksums { info.checksums } else { Default::default() };
        let checksum_type: Option<ChecksumType> = convert::kind(&sent);
        let headers = info.headers;
        summed!($type, &sent, {
            checksum_type: checksum_type,
            accept_ranges: Some("bytes".to_owned()),
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            content_type: headers.content_type.or_else(|| Some(convert::UNTYPED.to_owned())),
            e_tag: Some(convert::etag(&info.etag)),
            expires: convert::expires_at(headers.expires.as_deref()),
            last_modified: Some(convert::moment(info.modified)),
            metadata: Some(headers.metadata.into_iter().collect()),
            $($member: $value,)*
            ..Default::default()
        })
    }};
}

impl Desk {
    pub(super) async fn put_object(
        &self,
        input: PutObjectInput,
        ask: &Ask,
    ) -> Result<PutObjectOutput, Refused> {
        let owner = self.allow_object(ask, "s3:PutObject", &input.bucket, &input.key)?;
        let put = Put {
            headers: stored!(input),
            bucket: input.bucket,
            key: input.key,
            checksums: ask.checksums.clone(),
            content_md5: ask.content_md5.clone(),
            conditions: ask.conditions.clone(),
            body: convert::body(input.body),
        };
        let info = self.objects.put(owner, put).await?;
        Ok(summed!(PutObjectOutput, &info.checksums, {
            checksum_type: convert::kind(&info.checksums),
            e_tag: Some(convert::etag(&info.etag)),
            ..Default::default()
        }))
    }

    pub(super) async fn get_object(
        &self,
        input: GetObjectInput,
        ask: &Ask,
    ) -> Result<GetObjectOutput, Refused> {
        let GetObjectInput { bucket, key, .. } = &input;
        let owner = self.allow_object(ask, "s3:GetObject", bucket, key)?;
        convert::current(input.version_id.as_deref())?;
        let mut conditions = ask.conditions.clone();
        let mut range = ask.range;
        if let Some(number) = input.part_number {
            let info = self.info(owner, bucket, key, &Conditions::default()).await?;
            range = part_range(&info, number)?;
            // The part of another object than the one whose parts were read would be torn.
            conditions.if_match.get_or_insert(info.etag);
        }
        let read = self.objects.get(owner, bucket, key, range, &conditions).await?;
        let Some(read) = read else { return Err(self.unmodified(owner, bucket, key).await) };
        let size = read.info.size;
        let parts_count = parts_count(&read.info, input.part_number);
        let len = read.range.map_or(size, |(_, len)| len);
        let checksums = wanted(input.checksum_mode.as_ref()) && read.range.is_none();
        Ok(described!(GetObjectOutput, read.info, checksums, {
            parts_count: parts_count,
            content_length: Some(convert::size(len)),
            content_range: read.range.map(|range| content_range(range, size)),
            body: Some(StreamingBlob::wrap(read.body)),
        }))
    }

    pub(super) async fn head_object(
        &self,
        input: HeadObjectInput,
        ask: &Ask,
    ) -> Result<HeadObjectOutput, Refused> {
        let HeadObjectInput { bucket, key, .. } = &input;
        let owner = self.allow_object(ask, "s3:GetObject", bucket, key)?;
        convert::current(input.version_id.as_deref())?;
        let info = self.info(owner, bucket, key, &ask.conditions).await?;
        let range = match input.part_number {
            Some(number) => part_range(&info, number)?,
            None => ask.range,
        };
        let length = info.size;
        let range = range
            .map(|range| {
                conditions::resolve(range, length).ok_or(ObjectError::InvalidRange { length })
            })
            .transpose()?;
        let checksums = wanted(input.checksum_mode.as_ref()) && range.is_none();
        let parts_count = parts_count(&info, input.part_number);
        Ok(described!(HeadObjectOutput, info, checksums, {
            parts_count: parts_count,
            content_length: Some(convert::size(range.map_or(length, |(_, len)| len))),
            content_range: range.map(|range| content_range(range, length)),
        }))
    }

    pub(super) async fn get_object_attributes(
        &self,
        input: GetObjectAttributesInput,
        ask: &Ask,
    ) -> Result<GetObjectAttributesOutput, Refused> {
        let GetObjectAttributesInput { bucket, key, .. } = &input;
        let owner = self.allow_object(ask, "s3:GetObjectAttributes", bucket, key)?;
        convert::current(input.version_id.as_deref())?;
        let info = self.info(owner, bucket, key, &ask.conditions).await?;
        // The header is one list, which `s3s` takes for one name.
        let names = input.object_attributes.iter().flat_map(|list| list.as_str().split(','));
        let mut output = GetObjectAttributesOutput {
            last_modified: Some(convert::moment(info.modified)),
            ..Default::default()
        };
        for name in names {
            attribute(&mut output, name.trim(), &info)?;
        }
        Ok(output)
    }

    pub(super) async fn delete_object(
        &self,
        input: DeleteObjectInput,
        ask: &Ask,
    ) -> Result<DeleteObjectOutput, Refused> {
        let owner = self.allow_object(ask, "s3:DeleteObject", &input.bucket, &input.key)?;
        convert::current(input.version_id.as_deref())?;
        if ask.conditions != Conditions::default() {
            return Err(Refused::not_implemented("A conditional DeleteObject"));
        }
        self.objects.delete(owner, &input.bucket, &input.key).await?;
        Ok(DeleteObjectOutput::default())
    }

    pub(super) async fn delete_objects(
        &self,
        input: DeleteObjectsInput,
        ask: &Ask,
    ) -> Result<DeleteObjectsOutput, Refused> {
        let objects = input.delete.objects;
        if objects.is_empty() || objects.len() > DELETE_LIMIT {
            return Err(Refused::bad(
                "MalformedXML",
                "The XML you provided was not well-formed or did not validate against our \
                 published schema",
            ));
        }
        self.objects.bucket(ask.caller.owner(), &input.bucket).await?;
        let bucket = input.bucket.as_str();
        let mut results = stream::iter(objects)
            .map(|object| self.delete_one(bucket, object, ask))
            .buffered(DELETES_AT_ONCE);
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        while let Some(result) = results.next().await {
            match result {
                Ok(object) => deleted.push(object),
                Err(error) => errors.push(error),
            }
        }
        let quiet = input.delete.quiet == Some(true);
        Ok(DeleteObjectsOutput {
            deleted: (!quiet).then_some(deleted),
            errors: (!errors.is_empty()).then_some(errors),
            request_charged: None,
        })
    }

    async fn delete_one(
        &self,
        bucket: &str,
        object: ObjectIdentifier,
        ask: &Ask,
    ) -> Result<DeletedObject, Error> {
        let ObjectIdentifier { key, version_id, .. } = object;
        match self.delete_key(bucket, &key, version_id.as_deref(), ask).await {
            Ok(()) => Ok(DeletedObject { key: Some(key), ..Default::default() }),
            Err(refused) => Err(Error {
                code: Some(refused.code.to_owned()),
                key: Some(key),
                message: Some(refused.message.into_owned()),
                version_id,
            }),
        }
    }

    async fn delete_key(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        ask: &Ask,
    ) -> Result<(), Refused> {
        let owner = self.allow_object(ask, "s3:DeleteObject", bucket, key)?;
        convert::current(version)?;
        Ok(self.objects.delete(owner, bucket, key).await?)
    }

    /// What is known of an object, or the answer that it was not modified.
    async fn info(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        conditions: &Conditions,
    ) -> Result<ObjectInfo, Refused> {
        match self.objects.head(owner, bucket, key, conditions).await? {
            Some(info) => Ok(info),
            None => Err(self.unmodified(owner, bucket, key).await),
        }
    }

    /// 304 with the headers that a cache needs.
    async fn unmodified(&self, owner: &Owner, bucket: &str, key: &str) -> Refused {
        let refused = Refused::not_modified();
        match self.objects.head(owner, bucket, key, &Conditions::default()).await {
            Ok(Some(info)) => {
                let modified = convert::expires(Some(convert::moment(info.modified)));
                refused
                    .header(header::ETAG, &format!("\"{}\"", info.etag))
                    .header(header::LAST_MODIFIED, &modified.unwrap_or_default())
            }
            Ok(None) | Err(_) => refused,
        }
    }
}

fn wanted(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

fn content_range((first, len): (u64, u64), size: u64) -> String {
    format!("bytes {first}-{}/{size}", (first + len).saturating_sub(1))
}

/// Said only to who asked for a part, and of objects that have parts.
fn parts_count(info: &ObjectInfo, part: Option<i32>) -> Option<i32> {
    part.filter(|_| !info.part_sizes.is_empty()).map(|_| convert::count(info.part_sizes.len()))
}

/// The bytes of a part; an object that was put whole is its own first. Nothing where there are
/// no bytes.
fn part_range(info: &ObjectInfo, number: i32) -> Result<Option<ByteRange>, Refused> {
    let whole = [info.size];
    let sizes = if info.part_sizes.is_empty() { &whole[..] } else { &info.part_sizes };
    let part = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let Some((part, size)) = part.and_then(|part| Some((part, *sizes.get(part)?))) else {
        return Err(Refused::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "InvalidPartNumber",
            "The requested partnumber is not satisfiable",
        ));
    };
    let first: u64 = sizes[..part].iter().sum();
    Ok(size.checked_sub(1).map(|rest| ByteRange::From(first, Some(first + rest))))
}

fn attribute(
    output: &mut GetObjectAttributesOutput,
    name: &str,
    info: &ObjectInfo,
) -> Result<(), Refused> {
    match name {
        "ETag" => output.e_tag = Some(convert::etag(&info.etag)),
        "Checksum" if info.checksums.value.is_some() => {
            output.checksum = Some(convert::sums(&info.checksums));
        }
        "ObjectParts" if !info.part_sizes.is_empty() => output.object_parts = Some(parts(info)),
        "Checksum" | "ObjectParts" => {}
        "StorageClass" => {
            output.storage_class = Some(StorageClass::from_static(StorageClass::STANDARD));
        }
        "ObjectSize" => output.object_size = Some(convert::size(info.size)),
        _ => return Err(Refused::argument("Invalid attribute name specified.")),
    }
    Ok(())
}

fn parts(info: &ObjectInfo) -> GetObjectAttributesParts {
    let part = |(number, size): (i32, &u64)| ObjectPart {
        part_number: Some(number),
        size: Some(convert::size(*size)),
        ..Default::default()
    };
    GetObjectAttributesParts {
        parts: Some((1..).zip(&info.part_sizes).map(part).collect()),
        total_parts_count: Some(convert::count(info.part_sizes.len())),
        is_truncated: Some(false),
        ..Default::default()
    }
}
