//! Whether a bucket keeps what is replaced and removed.

use platform::objects::settings::{SettingsChange, Versioning};
use s3s::dto::{
    BucketVersioningStatus, GetBucketVersioningInput, GetBucketVersioningOutput, MFADelete,
    PutBucketVersioningInput, PutBucketVersioningOutput,
};

use crate::s3::{Desk, ask::Ask, errors::Refused};

impl Desk {
    pub(in crate::s3) async fn get_bucket_versioning(
        &self,
        input: GetBucketVersioningInput,
        ask: &Ask,
    ) -> Result<GetBucketVersioningOutput, Refused> {
        let settings = self.settings(ask, "s3:GetBucketVersioning", &input.bucket).await?;
        let status = match settings.versioning {
            Versioning::Off => None,
            Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
            Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
        };
        Ok(GetBucketVersioningOutput {
            status: status.map(BucketVersioningStatus::from_static),
            mfa_delete: None,
        })
    }

    pub(in crate::s3) async fn put_bucket_versioning(
        &self,
        input: PutBucketVersioningInput,
        ask: &Ask,
    ) -> Result<PutBucketVersioningOutput, Refused> {
        let asked = input.versioning_configuration;
        if asked.mfa_delete.is_some_and(|asked| asked.as_str() == MFADelete::ENABLED) {
            return Err(Refused::not_implemented("MfaDelete"));
        }
        let versioning = match asked.status.as_ref().map(BucketVersioningStatus::as_str) {
            Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
            Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
            Some(_) => return Err(Refused::malformed()),
            None => {
                return Err(Refused::bad(
                    "IllegalVersioningConfigurationException",
                    "The Versioning element must be specified",
                ));
            }
        };
        let change = SettingsChange::Versioning(versioning);
        self.change(ask, "s3:PutBucketVersioning", &input.bucket, change).await?;
        Ok(PutBucketVersioningOutput::default())
    }
}
