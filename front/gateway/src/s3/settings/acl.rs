//! ACLs as AWS has them by default: the bucket's owner owns everything, and nothing else can be
//! said.

use s3s::dto::{
    AccessControlPolicy, BucketCannedACL, GetBucketAclInput, GetBucketAclOutput, GetObjectAclInput,
    GetObjectAclOutput, Grant, Grantee, ObjectCannedACL, Owner as Shown, Permission,
    PutBucketAclInput, PutBucketAclOutput, PutObjectAclInput, PutObjectAclOutput, Type,
};

use crate::s3::{Desk, ask::Ask, convert, errors::Refused, served};

impl Desk {
    pub(in crate::s3) async fn get_bucket_acl(
        &self,
        input: GetBucketAclInput,
        ask: &Ask,
    ) -> Result<GetBucketAclOutput, Refused> {
        let owner = self.allow(ask, "s3:GetBucketAcl", &input.bucket).await?;
        let owner = self.shown(&owner);
        let grants = Some(vec![full_control(&owner)]);
        Ok(GetBucketAclOutput { grants, owner: Some(owner) })
    }

    pub(in crate::s3) async fn put_bucket_acl(
        &self,
        input: PutBucketAclInput,
        ask: &Ask,
    ) -> Result<PutBucketAclOutput, Refused> {
        let owner = self.allow(ask, "s3:PutBucketAcl", &input.bucket).await?;
        let canned = input.acl.as_ref().map(BucketCannedACL::as_str);
        check(canned, input.access_control_policy, &self.shown(&owner))?;
        Ok(PutBucketAclOutput::default())
    }

    pub(in crate::s3) async fn get_object_acl(
        &self,
        input: GetObjectAclInput,
        ask: &Ask,
    ) -> Result<GetObjectAclOutput, Refused> {
        let (bucket, key) = (&input.bucket, &input.key);
        let owner = self.allow_object(ask, "s3:GetObjectAcl", bucket, key).await?;
        let name = convert::named(bucket, key, input.version_id.as_deref())?;
        self.objects.describe(&owner, name).await?;
        let owner = self.shown(&owner);
        let grants = Some(vec![full_control(&owner)]);
        Ok(GetObjectAclOutput { grants, owner: Some(owner), request_charged: None })
    }

    pub(in crate::s3) async fn put_object_acl(
        &self,
        input: PutObjectAclInput,
        ask: &Ask,
    ) -> Result<PutObjectAclOutput, Refused> {
        let (bucket, key) = (&input.bucket, &input.key);
        let owner = self.allow_object(ask, "s3:PutObjectAcl", bucket, key).await?;
        let name = convert::named(bucket, key, input.version_id.as_deref())?;
        self.objects.describe(&owner, name).await?;
        let canned = input.acl.as_ref().map(ObjectCannedACL::as_str);
        check(canned, input.access_control_policy, &self.shown(&owner))?;
        Ok(PutObjectAclOutput::default())
    }
}

fn full_control(owner: &Shown) -> Grant {
    Grant {
        grantee: Some(Grantee {
            display_name: owner.display_name.clone(),
            email_address: None,
            id: owner.id.clone(),
            type_: Type::from_static(Type::CANONICAL_USER),
            uri: None,
        }),
        permission: Some(Permission::from_static(Permission::FULL_CONTROL)),
    }
}

/// Accepts what says of a bucket or an object what holds anyway.
fn check(
    canned: Option<&str>,
    written: Option<AccessControlPolicy>,
    owner: &Shown,
) -> Result<(), Refused> {
    match (canned, written) {
        (Some(canned), None) => served::check_acl(canned),
        (None, Some(written)) if is_owners(&written, owner) => Ok(()),
        (None, Some(_)) => Err(served::acl_not_supported()),
        (None, None) => {
            Err(Refused::bad("MissingSecurityHeader", "Your request was missing a required header")
                .with("MissingHeaderName", "x-amz-acl"))
        }
        (Some(_), Some(_)) => {
            Err(Refused::bad("UnexpectedContent", "This request does not support content"))
        }
    }
}

fn is_owners(written: &AccessControlPolicy, owner: &Shown) -> bool {
    let id = |shown: Option<&str>| shown == owner.id.as_deref();
    let named = written.owner.as_ref().is_none_or(|named| id(named.id.as_deref()));
    let full = |grant: &Grant| {
        let grantee = grant.grantee.as_ref().and_then(|grantee| grantee.id.as_deref());
        let permission = grant.permission.as_ref().map(Permission::as_str);
        id(grantee) && permission == Some(Permission::FULL_CONTROL)
    };
    named && matches!(written.grants.as_deref(), Some([grant]) if full(grant))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(id: &str) -> Shown {
        Shown { display_name: None, id: Some(id.to_owned()) }
    }

    fn written(grants: Vec<Grant>) -> AccessControlPolicy {
        AccessControlPolicy { grants: Some(grants), owner: Some(called("me")) }
    }

    #[test]
    fn what_holds_anyway_is_accepted_and_nothing_else() {
        let (me, you) = (called("me"), called("you"));
        assert!(check(Some("private"), None, &me).is_ok());
        assert!(check(Some("bucket-owner-full-control"), None, &me).is_ok());
        assert!(check(None, Some(written(vec![full_control(&me)])), &me).is_ok());
        let code = |canned, written| check(canned, written, &me).unwrap_err().code;
        let refused = "AccessControlListNotSupported";
        assert_eq!(code(Some("public-read"), None), refused);
        assert_eq!(code(None, Some(written(vec![]))), refused);
        assert_eq!(code(None, Some(written(vec![full_control(&you)]))), refused);
        assert_eq!(code(None, Some(written(vec![full_control(&me), full_control(&you)]))), refused);
        let mut read = full_control(&me);
        read.permission = Some(Permission::from_static(Permission::READ));
        assert_eq!(code(None, Some(written(vec![read]))), refused);
        assert_eq!(code(None, None), "MissingSecurityHeader");
        assert_eq!(code(Some("private"), Some(written(vec![]))), "UnexpectedContent");
    }
}
