//! Who else may do what: the document as it was written, and whether it lets strangers in.

use http::StatusCode;
use platform::objects::settings::SettingsChange;
use s3s::dto::{
    DeleteBucketPolicyInput, DeleteBucketPolicyOutput, GetBucketPolicyInput, GetBucketPolicyOutput,
    GetBucketPolicyStatusInput, GetBucketPolicyStatusOutput, PolicyStatus, PutBucketPolicyInput,
    PutBucketPolicyOutput,
};

use crate::s3::{Desk, ask::Ask, errors::Refused};

impl Desk {
    pub(in crate::s3) async fn get_bucket_policy(
        &self,
        input: GetBucketPolicyInput,
        ask: &Ask,
    ) -> Result<GetBucketPolicyOutput, Refused> {
        let settings = self.settings(ask, "s3:GetBucketPolicy", &input.bucket).await?;
        let policy = settings.policy.ok_or_else(|| {
            Refused::missing("NoSuchBucketPolicy", "The bucket policy does not exist")
                .with("BucketName", input.bucket)
        })?;
        ask.tell("content-type", "application/json");
        Ok(GetBucketPolicyOutput { policy: Some(policy) })
    }

    pub(in crate::s3) async fn put_bucket_policy(
        &self,
        input: PutBucketPolicyInput,
        ask: &Ask,
    ) -> Result<PutBucketPolicyOutput, Refused> {
        if input.policy.is_empty() {
            return Err(Refused::new(
                StatusCode::BAD_REQUEST,
                "MissingRequestBodyError",
                "Request body is empty",
            ));
        }
        let change = SettingsChange::Policy(Some(input.policy));
        self.change(ask, "s3:PutBucketPolicy", &input.bucket, change).await?;
        Ok(PutBucketPolicyOutput::default())
    }

    pub(in crate::s3) async fn delete_bucket_policy(
        &self,
        input: DeleteBucketPolicyInput,
        ask: &Ask,
    ) -> Result<DeleteBucketPolicyOutput, Refused> {
        let change = SettingsChange::Policy(None);
        self.change(ask, "s3:DeleteBucketPolicy", &input.bucket, change).await?;
        Ok(DeleteBucketPolicyOutput::default())
    }

    /// Without a policy the bucket is simply not public. AWS says `NoSuchBucketPolicy` where there
    /// is none; but it is asked for by checks that mean "is it public?".
    pub(in crate::s3) async fn get_bucket_policy_status(
        &self,
        input: GetBucketPolicyStatusInput,
        ask: &Ask,
    ) -> Result<GetBucketPolicyStatusOutput, Refused> {
        let owner = self.allow(ask, "s3:GetBucketPolicyStatus", &input.bucket).await?;
        let is_public = self.objects.is_public(&owner, &input.bucket).await?;
        let status = PolicyStatus { is_public: Some(is_public) };
        Ok(GetBucketPolicyStatusOutput { policy_status: Some(status) })
    }
}
