//! ACLs: their owner has everything, and where the bucket has ACLs, others what they are granted.

use platform::objects::{Ownership, SettingsChange};
use s3s::dto::{
    AccessControlPolicy, GetBucketAclInput, GetBucketAclOutput, GetObjectAclInput,
    GetObjectAclOutput, PutBucketAclInput, PutBucketAclOutput, PutObjectAclInput,
    PutObjectAclOutput,
};

use crate::s3::{Desk, acl::Said, ask::Ask, convert, errors::Refused, rights::Right};

impl Desk {
    pub(in crate::s3) async fn get_bucket_acl(
        &self,
        input: GetBucketAclInput,
        ask: &Ask,
    ) -> Result<GetBucketAclOutput, Refused> {
        let owner = self.allow(ask, "s3:GetBucketAcl", &input.bucket).await?;
        let bucket = self.objects.bucket(&owner, &input.bucket).await?;
        let owner = self.shown(&owner);
        let settings = &bucket.settings;
        let grants = self.shown_grants(&owner, settings.ownership, &settings.acl);
        Ok(GetBucketAclOutput { grants: Some(grants), owner: Some(owner) })
    }

    pub(in crate::s3) async fn put_bucket_acl(
        &self,
        input: PutBucketAclInput,
        ask: &Ask,
    ) -> Result<PutBucketAclOutput, Refused> {
        let owner = self.allow(ask, "s3:PutBucketAcl", &input.bucket).await?;
        let bucket = self.objects.bucket(&owner, &input.bucket).await?;
        let ownership = bucket.settings.ownership;
        let said = said(ask, input.access_control_policy)?;
        let acl = self.acl(said, ownership, self.shown(&owner))?;
        if ownership != Ownership::Enforced {
            let change = SettingsChange::Acl(acl);
            self.objects.change_bucket(&owner, &input.bucket, change).await?;
        }
        Ok(PutBucketAclOutput::default())
    }

    pub(in crate::s3) async fn get_object_acl(
        &self,
        input: GetObjectAclInput,
        ask: &Ask,
    ) -> Result<GetObjectAclOutput, Refused> {
        let name = convert::named(&input.bucket, &input.key, input.version_id.as_deref())?;
        let right = Right::of_object("s3:GetObjectAcl", name.bucket, name.key)
            .of_version("s3:GetObjectVersionAcl", name.version);
        let owner = self.allow_right(ask, &right).await?;
        let info = self.objects.describe(&owner, name).await?;
        let owners = self.owners(&owner, name.bucket).await?;
        let owner = owners.shown(info.owner.as_deref());
        let grants = self.shown_grants(&owner, owners.ownership, &info.acl);
        Ok(GetObjectAclOutput { grants: Some(grants), owner: Some(owner), request_charged: None })
    }

    pub(in crate::s3) async fn put_object_acl(
        &self,
        input: PutObjectAclInput,
        ask: &Ask,
    ) -> Result<PutObjectAclOutput, Refused> {
        let name = convert::named(&input.bucket, &input.key, input.version_id.as_deref())?;
        let right = Right::of_object("s3:PutObjectAcl", name.bucket, name.key)
            .of_version("s3:PutObjectVersionAcl", name.version);
        let owner = self.allow_right(ask, &right).await?;
        let info = self.objects.describe(&owner, name).await?;
        let owners = self.owners(&owner, name.bucket).await?;
        let said = said(ask, input.access_control_policy)?;
        let acl = self.acl(said, owners.ownership, owners.shown(info.owner.as_deref()))?;
        if owners.ownership != Ownership::Enforced {
            self.objects.set_acl(&owner, name, acl).await?;
        }
        Ok(PutObjectAclOutput::default())
    }
}

/// What is to be set: in headers or in a document.
fn said(ask: &Ask, document: Option<AccessControlPolicy>) -> Result<Said<'_>, Refused> {
    match (Said::by(&ask.facts)?, document) {
        (Some(said), None) => Ok(said),
        (None, Some(document)) => Ok(Said::Document(document)),
        (None, None) => {
            Err(Refused::bad("MissingSecurityHeader", "Your request was missing a required header")
                .with("MissingHeaderName", "x-amz-acl"))
        }
        (Some(_), Some(_)) => {
            Err(Refused::bad("UnexpectedContent", "This request does not support content"))
        }
    }
}
