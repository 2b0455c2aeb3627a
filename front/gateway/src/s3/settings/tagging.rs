//! A bucket's own tags.

use platform::objects::settings::{SettingsChange, Tags};
use s3s::dto::{
    DeleteBucketTaggingInput, DeleteBucketTaggingOutput, GetBucketTaggingInput,
    GetBucketTaggingOutput, PutBucketTaggingInput, PutBucketTaggingOutput, Tag,
};

use crate::s3::{Desk, ask::Ask, errors::Refused};

/// Tags as documents write them.
pub(in crate::s3) fn written(tags: Tags) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag { key: Some(key), value: Some(value) }).collect()
}

/// Tags of a document, each with a name and a value.
pub(in crate::s3) fn read(tags: Vec<Tag>) -> Result<Tags, Refused> {
    tags.into_iter().map(|tag| tag.key.zip(tag.value).ok_or_else(Refused::malformed)).collect()
}

impl Desk {
    pub(in crate::s3) async fn get_bucket_tagging(
        &self,
        input: GetBucketTaggingInput,
        ask: &Ask,
    ) -> Result<GetBucketTaggingOutput, Refused> {
        let settings = self.settings(ask, "s3:GetBucketTagging", &input.bucket).await?;
        if settings.tags.is_empty() {
            return Err(Refused::missing("NoSuchTagSet", "The TagSet does not exist")
                .with("BucketName", input.bucket));
        }
        Ok(GetBucketTaggingOutput { tag_set: written(settings.tags) })
    }

    pub(in crate::s3) async fn put_bucket_tagging(
        &self,
        input: PutBucketTaggingInput,
        ask: &Ask,
    ) -> Result<PutBucketTaggingOutput, Refused> {
        let change = SettingsChange::Tags(read(input.tagging.tag_set)?);
        self.change(ask, "s3:PutBucketTagging", &input.bucket, change).await?;
        Ok(PutBucketTaggingOutput::default())
    }

    pub(in crate::s3) async fn delete_bucket_tagging(
        &self,
        input: DeleteBucketTaggingInput,
        ask: &Ask,
    ) -> Result<DeleteBucketTaggingOutput, Refused> {
        let change = SettingsChange::Tags(Vec::new());
        self.change(ask, "s3:PutBucketTagging", &input.bucket, change).await?;
        Ok(DeleteBucketTaggingOutput::default())
    }
}
