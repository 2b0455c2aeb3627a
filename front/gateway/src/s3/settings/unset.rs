//! Parts that cannot be set here, and that S3 has a definite word for where nothing is set.

use s3s::dto::{
    GetBucketAccelerateConfigurationInput, GetBucketAccelerateConfigurationOutput,
    GetBucketLoggingInput, GetBucketLoggingOutput, GetBucketNotificationConfigurationInput,
    GetBucketNotificationConfigurationOutput, GetBucketReplicationInput,
    GetBucketReplicationOutput, GetBucketRequestPaymentInput, GetBucketRequestPaymentOutput,
    GetBucketWebsiteInput, GetBucketWebsiteOutput, GetObjectLockConfigurationInput,
    GetObjectLockConfigurationOutput, Payer,
};

use crate::s3::{Desk, ask::Ask, errors::Refused};

impl Desk {
    pub(in crate::s3) async fn get_bucket_request_payment(
        &self,
        input: GetBucketRequestPaymentInput,
        ask: &Ask,
    ) -> Result<GetBucketRequestPaymentOutput, Refused> {
        self.allow(ask, "s3:GetBucketRequestPayment", &input.bucket).await?;
        let payer = Some(Payer::from_static(Payer::BUCKET_OWNER));
        Ok(GetBucketRequestPaymentOutput { payer })
    }

    pub(in crate::s3) async fn get_bucket_logging(
        &self,
        input: GetBucketLoggingInput,
        ask: &Ask,
    ) -> Result<GetBucketLoggingOutput, Refused> {
        self.allow(ask, "s3:GetBucketLogging", &input.bucket).await?;
        Ok(GetBucketLoggingOutput::default())
    }

    pub(in crate::s3) async fn get_bucket_notification_configuration(
        &self,
        input: GetBucketNotificationConfigurationInput,
        ask: &Ask,
    ) -> Result<GetBucketNotificationConfigurationOutput, Refused> {
        self.allow(ask, "s3:GetBucketNotification", &input.bucket).await?;
        Ok(GetBucketNotificationConfigurationOutput::default())
    }

    pub(in crate::s3) async fn get_bucket_accelerate_configuration(
        &self,
        input: GetBucketAccelerateConfigurationInput,
        ask: &Ask,
    ) -> Result<GetBucketAccelerateConfigurationOutput, Refused> {
        self.allow(ask, "s3:GetAccelerateConfiguration", &input.bucket).await?;
        Ok(GetBucketAccelerateConfigurationOutput::default())
    }

    pub(in crate::s3) async fn get_bucket_website(
        &self,
        input: GetBucketWebsiteInput,
        ask: &Ask,
    ) -> Result<GetBucketWebsiteOutput, Refused> {
        self.allow(ask, "s3:GetBucketWebsite", &input.bucket).await?;
        Err(Refused::missing(
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
        )
        .with("BucketName", input.bucket))
    }

    pub(in crate::s3) async fn get_bucket_replication(
        &self,
        input: GetBucketReplicationInput,
        ask: &Ask,
    ) -> Result<GetBucketReplicationOutput, Refused> {
        self.allow(ask, "s3:GetReplicationConfiguration", &input.bucket).await?;
        Err(Refused::missing(
            "ReplicationConfigurationNotFoundError",
            "The replication configuration was not found",
        )
        .with("BucketName", input.bucket))
    }

    pub(in crate::s3) async fn get_object_lock_configuration(
        &self,
        input: GetObjectLockConfigurationInput,
        ask: &Ask,
    ) -> Result<GetObjectLockConfigurationOutput, Refused> {
        self.allow(ask, "s3:GetBucketObjectLockConfiguration", &input.bucket).await?;
        Err(Refused::missing(
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
        )
        .with("BucketName", input.bucket))
    }
}
