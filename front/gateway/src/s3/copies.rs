//! Copies inside the store.

use platform::objects::{Copy, CopySource, ObjectName, UploadName};
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, MetadataDirective,
    TaggingDirective, UploadPartCopyInput, UploadPartCopyOutput,
};
use types::Owner;

use super::{
    Desk,
    ask::Ask,
    conditions,
    convert::{self, stored, summed},
    errors::Refused,
    rights::Right,
    tagging, uploads,
};

impl Desk {
    pub(super) async fn copy_object(
        &self,
        input: CopyObjectInput,
        ask: &Ask,
    ) -> Result<CopyObjectOutput, Refused> {
        let name = convert::source(&input.copy_source)?;
        let tags = match input.tagging_directive.as_ref().map(TaggingDirective::as_str) {
            None | Some(TaggingDirective::COPY) => None,
            Some(TaggingDirective::REPLACE) => Some(tagging::of_header(ask)?),
            Some(_) => return Err(Refused::argument("Unknown tagging directive.")),
        };
        let reader = &self.allow_source(ask, name).await?;
        let target = (input.bucket.as_str(), input.key.as_str());
        let kept = tags.clone().unwrap_or_default();
        let owner = &self.allow_put(ask, target.0, target.1, &kept).await?;
        let acl = self.acl_of_headers(ask, owner, target).await?;
        let replace = replaces(input.metadata_directive.as_ref())?;
        let encryption = ask.encryption()?;
        if name == ObjectName::current(target.0, target.1) && !replace && !encryption.is_said() {
            self.check_copy_to_itself(owner, target.0).await?;
        }
        let checksum = input.checksum_algorithm.as_ref();
        let headers = if replace { Some(stored!(input)) } else { None };
        let copy = Copy {
            source: source(reader, name, ask)?,
            target,
            conditions: &ask.conditions,
            headers,
            tags,
            acl,
            checksum: checksum.map(|algorithm| algorithm.as_str().to_ascii_lowercase()),
            protection: encryption.protection(),
        };
        let info = match self.objects.copy(owner, copy).await {
            Ok(info) => info,
            Err(error) => return Err(self.missing(ask, name, error.into()).await),
        };
        ask.wrote(info.encryption.as_ref());
        let result = summed!(CopyObjectResult, &info.checksums, {
            checksum_type: convert::kind(&info.checksums),
            e_tag: Some(convert::etag(&info.etag)),
            last_modified: Some(convert::moment(info.modified)),
        });
        Ok(CopyObjectOutput {
            copy_object_result: Some(result),
            copy_source_version_id: convert::told(name.version),
            expiration: self.expiration(owner, target.0, &info).await,
            version_id: convert::made(info.version),
            ..Default::default()
        })
    }

    /// Refuses a copy that changes nothing: neither what is kept with the object nor, by what the
    /// bucket says, how it is encrypted.
    async fn check_copy_to_itself(&self, owner: &Owner, bucket: &str) -> Result<(), Refused> {
        let bucket = self.objects.bucket(owner, bucket).await?;
        if bucket.settings.encryption.is_some() { Ok(()) } else { Err(to_itself()) }
    }

    /// The owner to read a copy's source with, once the asker may.
    async fn allow_source(&self, ask: &Ask, name: ObjectName<'_>) -> Result<Owner, Refused> {
        let right = Right::of_object("s3:GetObject", name.bucket, name.key)
            .of_version("s3:GetObjectVersion", name.version)
            .of_source();
        self.allow_right(ask, &right).await
    }

    pub(super) async fn upload_part_copy(
        &self,
        input: UploadPartCopyInput,
        ask: &Ask,
    ) -> Result<UploadPartCopyOutput, Refused> {
        let name = convert::source(&input.copy_source)?;
        let reader = &self.allow_source(ask, name).await?;
        let owner = &self.allow_object(ask, "s3:PutObject", &input.bucket, &input.key).await?;
        let range = input.copy_source_range.as_deref().map(part_range).transpose()?;
        let number = uploads::part_number(input.part_number)?;
        let target = UploadName { bucket: &input.bucket, key: &input.key, id: &input.upload_id };
        let (source, key) = (source(reader, name, ask)?, ask.encryption()?.key()?);
        let copied = self.objects.upload_part_copy(owner, source, range, target, number, key);
        let part = copied.await?;
        ask.reads(part.encryption.as_ref());
        let result = summed!(CopyPartResult, &part.checksums, {
            e_tag: Some(convert::etag(&part.etag)),
            last_modified: Some(convert::moment(part.modified)),
        });
        Ok(UploadPartCopyOutput {
            copy_part_result: Some(result),
            copy_source_version_id: convert::told(name.version),
            ..Default::default()
        })
    }
}

fn source<'a>(
    owner: &'a Owner,
    name: ObjectName<'a>,
    ask: &'a Ask,
) -> Result<CopySource<'a>, Refused> {
    let (conditions, customer) = (&ask.source_conditions, ask.encryption()?.source_key());
    Ok(CopySource { owner, name, conditions, customer })
}

fn replaces(directive: Option<&MetadataDirective>) -> Result<bool, Refused> {
    match directive.map(MetadataDirective::as_str) {
        None | Some(MetadataDirective::COPY) => Ok(false),
        Some(MetadataDirective::REPLACE) => Ok(true),
        Some(_) => Err(Refused::argument("Unknown metadata directive.")),
    }
}

fn to_itself() -> Refused {
    Refused::bad(
        "InvalidRequest",
        "This copy request is illegal because it is trying to copy an object to itself without \
         changing the object's metadata, storage class, website redirect location or encryption \
         attributes.",
    )
}

fn part_range(text: &str) -> Result<(u64, u64), Refused> {
    conditions::copy_range(text).ok_or_else(|| {
        Refused::argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first \
             and last are the zero-based offsets of the first and last bytes to copy",
        )
    })
}
