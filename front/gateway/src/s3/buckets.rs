//! Buckets.

use platform::objects::{NewBucket, Ownership};
use s3s::dto::{
    self, BucketLocationConstraint, CreateBucketConfiguration, CreateBucketInput,
    CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput, GetBucketLocationInput,
    GetBucketLocationOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput,
    ListBucketsOutput, ObjectOwnership,
};
use types::Owner;

use super::{Desk, ask::Ask, convert, errors::Refused, settings::access};

/// The region that needs no constraint, and that may make buckets anywhere.
const HOME: &str = "us-east-1";

/// The most buckets of a page (AWS).
const PAGE: usize = 10_000;

impl Desk {
    pub(super) async fn list_buckets(
        &self,
        input: ListBucketsInput,
        ask: &Ask,
    ) -> Result<ListBucketsOutput, Refused> {
        let owner = self.allow_caller(ask, "s3:ListAllMyBuckets", "*")?;
        let after = input.continuation_token.as_deref().map(convert::read_token).transpose()?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let region = input.bucket_region.as_deref();
        let limit = convert::limit(input.max_buckets, PAGE, "max-buckets")?.max(1);
        let mut buckets: Vec<dto::Bucket> = Vec::new();
        for bucket in self.objects.buckets(owner).await? {
            let past = after.as_deref().is_none_or(|after| bucket.name.as_str() > after);
            let wanted = region.is_none_or(|region| bucket.region == region);
            if past && wanted && bucket.name.starts_with(prefix) {
                buckets.push(dto::Bucket {
                    bucket_region: Some(bucket.region),
                    creation_date: Some(convert::moment(bucket.created)),
                    name: Some(bucket.name),
                });
            }
        }
        let more = buckets.len() > limit;
        buckets.truncate(limit);
        let last = buckets.last().and_then(|bucket| bucket.name.as_deref());
        Ok(ListBucketsOutput {
            continuation_token: last.filter(|_| more).map(convert::token),
            owner: Some(self.shown(owner)),
            prefix: input.prefix,
            buckets: Some(buckets),
        })
    }

    pub(super) async fn create_bucket(
        &self,
        input: CreateBucketInput,
        ask: &Ask,
    ) -> Result<CreateBucketOutput, Refused> {
        let owner = self.allow_caller(ask, "s3:CreateBucket", &input.bucket)?;
        let region = place(input.create_bucket_configuration.as_ref(), &owner.region)?;
        let owner = Owner::new(owner.account.clone(), region, owner.principal.clone());
        let new = NewBucket {
            ownership: input.object_ownership.as_ref().map(ownership).transpose()?,
            acl: self.acl_of_new_bucket(ask, &owner)?,
        };
        if new.ownership.is_some() {
            self.allow_caller(ask, "s3:PutBucketOwnershipControls", &input.bucket)?;
        }
        if !new.acl.is_empty() {
            self.allow_caller(ask, "s3:PutBucketAcl", &input.bucket)?;
        }
        self.objects.create_bucket_as(&owner, &input.bucket, new).await?;
        Ok(CreateBucketOutput { location: Some(format!("/{}", input.bucket)) })
    }

    pub(super) async fn delete_bucket(
        &self,
        input: DeleteBucketInput,
        ask: &Ask,
    ) -> Result<DeleteBucketOutput, Refused> {
        let owner = &self.allow(ask, "s3:DeleteBucket", &input.bucket).await?;
        self.objects.delete_bucket(owner, &input.bucket).await?;
        Ok(DeleteBucketOutput {})
    }

    pub(super) async fn head_bucket(
        &self,
        input: HeadBucketInput,
        ask: &Ask,
    ) -> Result<HeadBucketOutput, Refused> {
        let owner = &self.allow(ask, "s3:ListBucket", &input.bucket).await?;
        let bucket = self.objects.bucket(owner, &input.bucket).await?;
        Ok(HeadBucketOutput { bucket_region: Some(bucket.region.clone()), ..Default::default() })
    }

    pub(super) async fn get_bucket_location(
        &self,
        input: GetBucketLocationInput,
        ask: &Ask,
    ) -> Result<GetBucketLocationOutput, Refused> {
        let owner = &self.allow(ask, "s3:GetBucketLocation", &input.bucket).await?;
        let bucket = self.objects.bucket(owner, &input.bucket).await?;
        let constraint = (bucket.region != HOME).then(|| bucket.region.clone());
        Ok(GetBucketLocationOutput {
            location_constraint: constraint.map(BucketLocationConstraint::from),
        })
    }
}

fn ownership(asked: &ObjectOwnership) -> Result<Ownership, Refused> {
    access::ownership(asked).ok_or_else(|| {
        Refused::argument("Invalid x-amz-object-ownership header")
            .with("ArgumentName", "x-amz-object-ownership")
            .with("ArgumentValue", asked.as_str())
    })
}

/// The region of a new bucket: the one it is constrained to, which only us-east-1 may choose
/// freely; else the one that is called.
fn place(asked: Option<&CreateBucketConfiguration>, called: &str) -> Result<String, Refused> {
    let constraint = asked.and_then(|asked| asked.location_constraint.as_ref());
    let region = match constraint.map(BucketLocationConstraint::as_str) {
        None | Some("") => called,
        // What S3's oldest clients call it.
        Some("EU") => "eu-west-1",
        Some(region) => region,
    };
    if !crate::regions::known(region) {
        return Err(Refused::bad(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
        )
        .with("LocationConstraint", region));
    }
    if region != called && called != HOME {
        let message = format!(
            "The {region} location constraint is incompatible for the region specific endpoint \
             this request was sent to."
        );
        return Err(Refused::bad("IllegalLocationConstraintException", message));
    }
    Ok(region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(region: &str) -> CreateBucketConfiguration {
        CreateBucketConfiguration {
            location_constraint: Some(BucketLocationConstraint::from(region.to_owned())),
            ..Default::default()
        }
    }

    #[test]
    fn a_bucket_is_made_where_it_is_constrained_to_or_where_it_is_called() {
        assert_eq!(place(None, "eu-west-1").unwrap(), "eu-west-1");
        assert_eq!(place(Some(&asked("eu-west-1")), "eu-west-1").unwrap(), "eu-west-1");
        assert_eq!(place(Some(&asked("us-west-2")), "us-east-1").unwrap(), "us-west-2");
        assert_eq!(place(Some(&asked("EU")), "us-east-1").unwrap(), "eu-west-1");
        let illegal = place(Some(&asked("us-west-2")), "eu-west-1").unwrap_err();
        assert_eq!(illegal.code, "IllegalLocationConstraintException");
        let invalid = place(Some(&asked("mars-1")), "us-east-1").unwrap_err();
        assert_eq!(invalid.code, "InvalidLocationConstraint");
    }
}
