//! Objects: PUT, GET, HEAD.

use http::{StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use platform::{
    objects::{
        ByteRange, Checksums, Conditions, ObjectError, ObjectInfo, ObjectName, ObjectPart, Put,
        Read, Tags,
    },
    sealed::Secret,
};
use s3s::dto::{
    ChecksumMode, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    PutObjectInput, PutObjectOutput, StreamingBlob,
};
use types::Owner;

use super::{
    Desk,
    ask::Ask,
    conditions,
    convert::{self, stored, summed},
    errors::Refused,
    rights::Right,
    tagging,
};

/// The described members of a GET and of a HEAD: the same, in two types.
macro_rules! described {
    ($type:ident, $info:expr, $checksums:expr, { $($member:ident: $value:expr,)* }) => {{
        let info: ObjectInfo = $info;
        let sent: Checksums = $checksums;
        let headers = info.headers;
        summed!($type, &sent, {
            checksum_type: sent.value.as_ref().and(convert::kind(&info.checksums)),
            accept_ranges: Some("bytes".to_owned()),
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            content_type: headers.content_type.or_else(|| Some(convert::UNTYPED.to_owned())),
            e_tag: Some(convert::etag(&info.etag)),
            expires: convert::expires_at(headers.expires.as_deref()),
            last_modified: Some(convert::moment(info.modified)),
            version_id: convert::told(info.version),
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
        let tags = tagging::of_header(ask)?;
        let owner = &self.allow_put(ask, &input.bucket, &input.key, &tags).await?;
        let acl = self.acl_of_headers(ask, owner, (&input.bucket, &input.key)).await?;
        let bucket = input.bucket.clone();
        let put = Put {
            headers: stored!(input),
            tags,
            acl,
            bucket: input.bucket,
            key: input.key,
            checksums: ask.checksums.clone(),
            content_md5: ask.content_md5.clone(),
            content_sha256: ask.content_sha256.clone(),
            conditions: ask.conditions.clone(),
            protection: ask.encryption()?.protection(),
            body: convert::body(input.body),
        };
        let info = self.objects.put(owner, put).await?;
        ask.wrote(info.encryption.as_ref());
        Ok(summed!(PutObjectOutput, &info.checksums, {
            checksum_type: convert::kind(&info.checksums),
            e_tag: Some(convert::etag(&info.etag)),
            expiration: self.expiration(owner, &bucket, &info).await,
            version_id: convert::made(info.version),
            ..Default::default()
        }))
    }

    /// The owner to put with, once the asker may put an object with these tags.
    pub(super) async fn allow_put(
        &self,
        ask: &Ask,
        bucket: &str,
        key: &str,
        tags: &Tags,
    ) -> Result<Owner, Refused> {
        let right = |action| Right::of_object(action, bucket, key).with_tags(tags);
        if !tags.is_empty() {
            self.allow_right(ask, &right("s3:PutObjectTagging")).await?;
        }
        self.allow_right(ask, &right("s3:PutObject")).await
    }

    /// `x-amz-expiration`. That it cannot be told is no reason to fail.
    pub(super) async fn expiration(
        &self,
        owner: &Owner,
        bucket: &str,
        info: &ObjectInfo,
    ) -> Option<String> {
        let expiry = self.objects.expiry(owner, bucket, info).await.ok()??;
        let at = convert::expires(Some(convert::moment(expiry.at)))?;
        let rule = utf8_percent_encode(&expiry.rule, NON_ALPHANUMERIC);
        Some(format!("expiry-date=\"{at}\", rule-id=\"{rule}\""))
    }

    pub(super) async fn get_object(
        &self,
        input: GetObjectInput,
        ask: &Ask,
    ) -> Result<GetObjectOutput, Refused> {
        let name = convert::named(&input.bucket, &input.key, input.version_id.as_deref())?;
        let owner = &self.allow_get(ask, name).await?;
        let read = match self.read(owner, name, input.part_number, ask).await {
            Ok(read) => read,
            Err(refused) => return Err(self.missing(ask, name, refused).await),
        };
        ask.reads(read.info.encryption.as_ref());
        let size = read.info.size;
        let parts_count = parts_count(&read.info, input.part_number);
        let len = read.range.map_or(size, |(_, len)| len);
        let sent = Sent { part: input.part_number, whole: read.range.is_none() };
        let checksums = sent.checksums(&read.info, input.checksum_mode.as_ref());
        let tag_count = tagging::count(&read.info.tags);
        let expiration = self.expiration(owner, name.bucket, &read.info).await;
        Ok(described!(GetObjectOutput, read.info, checksums, {
            parts_count: parts_count,
            content_length: Some(convert::size(len)),
            content_range: read.range.map(|range| content_range(range, size)),
            body: Some(StreamingBlob::wrap(read.body)),
            expiration: expiration,
            tag_count: tag_count,
        }))
    }

    /// The owner to read with, once the asker may.
    pub(super) async fn allow_get(
        &self,
        ask: &Ask,
        name: ObjectName<'_>,
    ) -> Result<Owner, Refused> {
        let right = Right::of_object("s3:GetObject", name.bucket, name.key)
            .of_version("s3:GetObjectVersion", name.version);
        self.allow_right(ask, &right).await
    }

    async fn read(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        part: Option<i32>,
        ask: &Ask,
    ) -> Result<Read, Refused> {
        let mut conditions = ask.conditions.clone();
        let mut range = ask.range;
        if let Some(number) = part {
            let info = self.info(owner, name, &Conditions::default(), ask).await?;
            range = part_range(&info, number)?;
            // The part of another object than the one whose parts were read would be torn.
            conditions.if_match.get_or_insert(info.etag);
        }
        let key = ask.encryption()?.key()?;
        match self.objects.get(owner, name, range, &conditions, key).await? {
            Some(read) => Ok(read),
            None => Err(self.unmodified(owner, name, key).await),
        }
    }

    pub(super) async fn head_object(
        &self,
        input: HeadObjectInput,
        ask: &Ask,
    ) -> Result<HeadObjectOutput, Refused> {
        let name = convert::named(&input.bucket, &input.key, input.version_id.as_deref())?;
        let owner = &self.allow_get(ask, name).await?;
        let info = match self.info(owner, name, &ask.conditions, ask).await {
            Ok(info) => info,
            Err(refused) => return Err(self.missing(ask, name, refused).await),
        };
        ask.reads(info.encryption.as_ref());
        if let Some(count) = tagging::count(&info.tags) {
            ask.tell("x-amz-tagging-count", &count.to_string());
        }
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
        let sent = Sent { part: input.part_number, whole: range.is_none() };
        let checksums = sent.checksums(&info, input.checksum_mode.as_ref());
        let parts_count = parts_count(&info, input.part_number);
        let expiration = self.expiration(owner, name.bucket, &info).await;
        Ok(described!(HeadObjectOutput, info, checksums, {
            expiration: expiration,
            parts_count: parts_count,
            content_length: Some(convert::size(range.map_or(length, |(_, len)| len))),
            content_range: range.map(|range| content_range(range, length)),
        }))
    }

    /// What is known of an object, or the answer that it was not modified.
    pub(super) async fn info(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        conditions: &Conditions,
        ask: &Ask,
    ) -> Result<ObjectInfo, Refused> {
        let key = ask.encryption()?.key()?;
        match self.objects.head(owner, name, conditions, key).await? {
            Some(info) => Ok(info),
            None => Err(self.unmodified(owner, name, key).await),
        }
    }

    /// 304 with the headers that a cache needs.
    async fn unmodified(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        key: Option<&Secret>,
    ) -> Refused {
        let refused = Refused::not_modified();
        match self.objects.head(owner, name, &Conditions::default(), key).await {
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

/// What of an object is sent.
struct Sent {
    part: Option<i32>,
    whole: bool,
}

impl Sent {
    /// The checksum of what is sent, where it is asked for and known: that of the whole, or of a
    /// part.
    fn checksums(self, info: &ObjectInfo, mode: Option<&ChecksumMode>) -> Checksums {
        let known = info.checksums.clone();
        let part = self.part.and_then(|number| part_of(info, number));
        match (mode.map(ChecksumMode::as_str), part) {
            (Some(ChecksumMode::ENABLED), Some(part)) => {
                Checksums { value: part.checksum.clone(), ..known }
            }
            (Some(ChecksumMode::ENABLED), None) if self.whole => known,
            (Some(_) | None, _) => Checksums::default(),
        }
    }
}

/// The part of that place, of an object that has parts.
fn part_of(info: &ObjectInfo, number: i32) -> Option<&ObjectPart> {
    info.parts.get(usize::try_from(number).ok()?.checked_sub(1)?)
}

fn content_range((first, len): (u64, u64), size: u64) -> String {
    format!("bytes {first}-{}/{size}", (first + len).saturating_sub(1))
}

/// Said only to who asked for a part, and of objects that have parts.
fn parts_count(info: &ObjectInfo, part: Option<i32>) -> Option<i32> {
    part.filter(|_| !info.parts.is_empty()).map(|_| convert::count(info.parts.len()))
}

/// The bytes of a part; an object that was put whole is its own first. Nothing where there are
/// no bytes.
fn part_range(info: &ObjectInfo, number: i32) -> Result<Option<ByteRange>, Refused> {
    let sizes: Vec<u64> = match &info.parts[..] {
        [] => vec![info.size],
        parts => parts.iter().map(|part| part.size).collect(),
    };
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
