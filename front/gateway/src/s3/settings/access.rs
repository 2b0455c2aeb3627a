//! Limits to what policies and ACLs can do.

use platform::objects::{
    Ownership,
    settings::{PublicAccessBlock, SettingsChange},
};
use s3s::dto::{
    DeleteBucketOwnershipControlsInput, DeleteBucketOwnershipControlsOutput,
    DeletePublicAccessBlockInput, DeletePublicAccessBlockOutput, GetBucketOwnershipControlsInput,
    GetBucketOwnershipControlsOutput, GetPublicAccessBlockInput, GetPublicAccessBlockOutput,
    ObjectOwnership, OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration,
    PutBucketOwnershipControlsInput, PutBucketOwnershipControlsOutput, PutPublicAccessBlockInput,
    PutPublicAccessBlockOutput,
};

use crate::s3::{Desk, ask::Ask, errors::Refused};

impl Desk {
    pub(in crate::s3) async fn get_public_access_block(
        &self,
        input: GetPublicAccessBlockInput,
        ask: &Ask,
    ) -> Result<GetPublicAccessBlockOutput, Refused> {
        let settings = self.settings(ask, "s3:GetBucketPublicAccessBlock", &input.bucket).await?;
        let block = settings.public_access.ok_or_else(|| {
            Refused::missing(
                "NoSuchPublicAccessBlockConfiguration",
                "The public access block configuration was not found",
            )
            .with("BucketName", input.bucket)
        })?;
        let PublicAccessBlock { block_acls, ignore_acls, block_policy, restrict_buckets } = block;
        let configuration = PublicAccessBlockConfiguration {
            block_public_acls: Some(block_acls),
            ignore_public_acls: Some(ignore_acls),
            block_public_policy: Some(block_policy),
            restrict_public_buckets: Some(restrict_buckets),
        };
        Ok(GetPublicAccessBlockOutput { public_access_block_configuration: Some(configuration) })
    }

    pub(in crate::s3) async fn put_public_access_block(
        &self,
        input: PutPublicAccessBlockInput,
        ask: &Ask,
    ) -> Result<PutPublicAccessBlockOutput, Refused> {
        let asked = input.public_access_block_configuration;
        let block = PublicAccessBlock {
            block_acls: asked.block_public_acls.unwrap_or(false),
            ignore_acls: asked.ignore_public_acls.unwrap_or(false),
            block_policy: asked.block_public_policy.unwrap_or(false),
            restrict_buckets: asked.restrict_public_buckets.unwrap_or(false),
        };
        let change = SettingsChange::PublicAccess(Some(block));
        self.change(ask, "s3:PutBucketPublicAccessBlock", &input.bucket, change).await?;
        Ok(PutPublicAccessBlockOutput::default())
    }

    pub(in crate::s3) async fn delete_public_access_block(
        &self,
        input: DeletePublicAccessBlockInput,
        ask: &Ask,
    ) -> Result<DeletePublicAccessBlockOutput, Refused> {
        let change = SettingsChange::PublicAccess(None);
        self.change(ask, "s3:PutBucketPublicAccessBlock", &input.bucket, change).await?;
        Ok(DeletePublicAccessBlockOutput::default())
    }

    /// Whether the bucket has ACLs. Its owner owns all that is in it in any case.
    pub(in crate::s3) async fn get_bucket_ownership_controls(
        &self,
        input: GetBucketOwnershipControlsInput,
        ask: &Ask,
    ) -> Result<GetBucketOwnershipControlsOutput, Refused> {
        let settings = self.settings(ask, "s3:GetBucketOwnershipControls", &input.bucket).await?;
        if settings.ownership_undeclared {
            return Err(Refused::missing(
                "OwnershipControlsNotFoundError",
                "The bucket ownership controls were not found",
            )
            .with("BucketName", input.bucket));
        }
        let object_ownership = shown(settings.ownership);
        let rules = vec![OwnershipControlsRule { object_ownership }];
        Ok(GetBucketOwnershipControlsOutput {
            ownership_controls: Some(OwnershipControls { rules }),
        })
    }

    pub(in crate::s3) async fn put_bucket_ownership_controls(
        &self,
        input: PutBucketOwnershipControlsInput,
        ask: &Ask,
    ) -> Result<PutBucketOwnershipControlsOutput, Refused> {
        let rules = input.ownership_controls.rules;
        let Ok([rule]) = <[_; 1]>::try_from(rules) else { return Err(Refused::malformed()) };
        let ownership = ownership(&rule.object_ownership).ok_or_else(Refused::malformed)?;
        let change = SettingsChange::Ownership(Some(ownership));
        self.change(ask, "s3:PutBucketOwnershipControls", &input.bucket, change).await?;
        Ok(PutBucketOwnershipControlsOutput::default())
    }

    /// On AWS this brings ACLs back. Here it only changes what the bucket says of itself: nobody is
    /// let in by taking a word back.
    pub(in crate::s3) async fn delete_bucket_ownership_controls(
        &self,
        input: DeleteBucketOwnershipControlsInput,
        ask: &Ask,
    ) -> Result<DeleteBucketOwnershipControlsOutput, Refused> {
        let change = SettingsChange::Ownership(None);
        self.change(ask, "s3:PutBucketOwnershipControls", &input.bucket, change).await?;
        Ok(DeleteBucketOwnershipControlsOutput::default())
    }
}

/// What S3 calls by that name.
pub(in crate::s3) fn ownership(name: &ObjectOwnership) -> Option<Ownership> {
    match name.as_str() {
        ObjectOwnership::BUCKET_OWNER_ENFORCED => Some(Ownership::Enforced),
        ObjectOwnership::BUCKET_OWNER_PREFERRED => Some(Ownership::Preferred),
        ObjectOwnership::OBJECT_WRITER => Some(Ownership::Writer),
        _ => None,
    }
}

fn shown(ownership: Ownership) -> ObjectOwnership {
    ObjectOwnership::from_static(match ownership {
        Ownership::Enforced => ObjectOwnership::BUCKET_OWNER_ENFORCED,
        Ownership::Preferred => ObjectOwnership::BUCKET_OWNER_PREFERRED,
        Ownership::Writer => ObjectOwnership::OBJECT_WRITER,
    })
}
