//! Objects removed, one by one or many in a call.

use futures_util::{StreamExt, stream};
use platform::objects::{DeleteIf, Deleted, ObjectName};
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    Error, ObjectIdentifier,
};
use types::Owner;

use super::{Desk, ask::Ask, convert, errors::Refused, rights::Right};

/// The most keys of one DeleteObjects (AWS).
const DELETE_LIMIT: usize = 1_000;

/// Deletions under way at once, so that the index can commit them in groups.
const DELETES_AT_ONCE: usize = 64;

impl Desk {
    pub(super) async fn delete_object(
        &self,
        input: DeleteObjectInput,
        ask: &Ask,
    ) -> Result<DeleteObjectOutput, Refused> {
        let name = convert::named(&input.bucket, &input.key, input.version_id.as_deref())?;
        let owner = &self.allow_delete(ask, name).await?;
        let conditions = DeleteIf {
            etag: ask.conditions.if_match.clone(),
            modified: input.if_match_last_modified_time.and_then(convert::instant),
            size: input.if_match_size.and_then(|size| u64::try_from(size).ok()),
        };
        let deleted = self.objects.delete(owner, name, &conditions).await?;
        Ok(DeleteObjectOutput {
            delete_marker: deleted.marker.then_some(true),
            version_id: convert::told(deleted.version),
            ..Default::default()
        })
    }

    pub(super) async fn delete_objects(
        &self,
        input: DeleteObjectsInput,
        ask: &Ask,
    ) -> Result<DeleteObjectsOutput, Refused> {
        let objects = input.delete.objects;
        if objects.is_empty() || objects.len() > DELETE_LIMIT {
            return Err(Refused::malformed());
        }
        let bucket = input.bucket.as_str();
        self.exists(ask, bucket, &objects[0].key).await?;
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

    /// Refuses where there is no bucket. What may be done to each key is each key's answer.
    async fn exists(&self, ask: &Ask, bucket: &str, key: &str) -> Result<(), Refused> {
        match self.allow_delete(ask, ObjectName::current(bucket, key)).await {
            Err(refused) if refused.code == "NoSuchBucket" => Err(refused),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The owner to delete with, once the asker may.
    async fn allow_delete(&self, ask: &Ask, name: ObjectName<'_>) -> Result<Owner, Refused> {
        let right = Right::of_object("s3:DeleteObject", name.bucket, name.key)
            .of_version("s3:DeleteObjectVersion", name.version);
        self.allow_right(ask, &right).await
    }

    async fn delete_one(
        &self,
        bucket: &str,
        object: ObjectIdentifier,
        ask: &Ask,
    ) -> Result<DeletedObject, Error> {
        match self.delete_named(bucket, &object, ask).await {
            Ok(Deleted { version, marker }) => Ok(DeletedObject {
                delete_marker: marker.then_some(true),
                delete_marker_version_id: version.filter(|_| marker).map(|it| it.to_string()),
                key: Some(object.key),
                version_id: object.version_id,
            }),
            Err(refused) => Err(Error {
                code: Some(refused.code.to_owned()),
                key: Some(object.key),
                message: Some(refused.message.into_owned()),
                version_id: object.version_id,
            }),
        }
    }

    async fn delete_named(
        &self,
        bucket: &str,
        object: &ObjectIdentifier,
        ask: &Ask,
    ) -> Result<Deleted, Refused> {
        let name = convert::named(bucket, &object.key, object.version_id.as_deref())?;
        let owner = &self.allow_delete(ask, name).await?;
        let conditions = DeleteIf {
            etag: object.e_tag.as_ref().map(|etag| etag.value().to_owned()),
            modified: object.last_modified_time.clone().and_then(convert::instant),
            size: object.size.and_then(|size| u64::try_from(size).ok()),
        };
        Ok(self.objects.delete(owner, name, &conditions).await?)
    }
}
