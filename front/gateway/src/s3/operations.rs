//! The operations that are served, one line each. What stands here not answers `NotImplemented`.

use std::sync::Arc;

use async_trait::async_trait;
use s3s::dto;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::{Desk, ask::Ask, errors::Refused};

/// Leaves a refusal where the answer is made of it; the error only tells `s3s` that there is one.
fn answer<T>(result: Result<T, Refused>, ask: &Ask) -> S3Result<S3Response<T>> {
    result.map(S3Response::new).map_err(|refused| {
        ask.refuse(refused);
        S3Error::new(S3ErrorCode::InternalError)
    })
}

macro_rules! serve {
    ($($method:ident = $name:literal: $input:ident -> $output:ident;)*) => {
        #[async_trait]
        impl s3s::S3 for Desk {
            $(async fn $method(
                &self,
                request: S3Request<dto::$input>,
            ) -> S3Result<S3Response<dto::$output>> {
                let Some(ask) = request.extensions.get::<Arc<Ask>>() else {
                    return Err(S3Error::new(S3ErrorCode::AccessDenied));
                };
                ask.name($name);
                answer(Desk::$method(self, request.input, ask).await, ask)
            })*
        }
    };
}

serve! {
    list_buckets = "ListBuckets": ListBucketsInput -> ListBucketsOutput;
    create_bucket = "CreateBucket": CreateBucketInput -> CreateBucketOutput;
    delete_bucket = "DeleteBucket": DeleteBucketInput -> DeleteBucketOutput;
    head_bucket = "HeadBucket": HeadBucketInput -> HeadBucketOutput;
    get_bucket_location = "GetBucketLocation": GetBucketLocationInput -> GetBucketLocationOutput;
    get_bucket_versioning = "GetBucketVersioning": GetBucketVersioningInput -> GetBucketVersioningOutput;
    put_bucket_versioning = "PutBucketVersioning": PutBucketVersioningInput -> PutBucketVersioningOutput;
    get_bucket_tagging = "GetBucketTagging": GetBucketTaggingInput -> GetBucketTaggingOutput;
    put_bucket_tagging = "PutBucketTagging": PutBucketTaggingInput -> PutBucketTaggingOutput;
    delete_bucket_tagging = "DeleteBucketTagging": DeleteBucketTaggingInput -> DeleteBucketTaggingOutput;
    get_bucket_cors = "GetBucketCors": GetBucketCorsInput -> GetBucketCorsOutput;
    put_bucket_cors = "PutBucketCors": PutBucketCorsInput -> PutBucketCorsOutput;
    delete_bucket_cors = "DeleteBucketCors": DeleteBucketCorsInput -> DeleteBucketCorsOutput;
    get_bucket_lifecycle_configuration = "GetBucketLifecycleConfiguration": GetBucketLifecycleConfigurationInput -> GetBucketLifecycleConfigurationOutput;
    put_bucket_lifecycle_configuration = "PutBucketLifecycleConfiguration": PutBucketLifecycleConfigurationInput -> PutBucketLifecycleConfigurationOutput;
    delete_bucket_lifecycle = "DeleteBucketLifecycle": DeleteBucketLifecycleInput -> DeleteBucketLifecycleOutput;
    get_bucket_policy = "GetBucketPolicy": GetBucketPolicyInput -> GetBucketPolicyOutput;
    put_bucket_policy = "PutBucketPolicy": PutBucketPolicyInput -> PutBucketPolicyOutput;
    delete_bucket_policy = "DeleteBucketPolicy": DeleteBucketPolicyInput -> DeleteBucketPolicyOutput;
    get_bucket_policy_status = "GetBucketPolicyStatus": GetBucketPolicyStatusInput -> GetBucketPolicyStatusOutput;
    get_bucket_encryption = "GetBucketEncryption": GetBucketEncryptionInput -> GetBucketEncryptionOutput;
    put_bucket_encryption = "PutBucketEncryption": PutBucketEncryptionInput -> PutBucketEncryptionOutput;
    delete_bucket_encryption = "DeleteBucketEncryption": DeleteBucketEncryptionInput -> DeleteBucketEncryptionOutput;
    get_public_access_block = "GetPublicAccessBlock": GetPublicAccessBlockInput -> GetPublicAccessBlockOutput;
    put_public_access_block = "PutPublicAccessBlock": PutPublicAccessBlockInput -> PutPublicAccessBlockOutput;
    delete_public_access_block = "DeletePublicAccessBlock": DeletePublicAccessBlockInput -> DeletePublicAccessBlockOutput;
    get_bucket_ownership_controls = "GetBucketOwnershipControls": GetBucketOwnershipControlsInput -> GetBucketOwnershipControlsOutput;
    put_bucket_ownership_controls = "PutBucketOwnershipControls": PutBucketOwnershipControlsInput -> PutBucketOwnershipControlsOutput;
    delete_bucket_ownership_controls = "DeleteBucketOwnershipControls": DeleteBucketOwnershipControlsInput -> DeleteBucketOwnershipControlsOutput;
    get_bucket_acl = "GetBucketAcl": GetBucketAclInput -> GetBucketAclOutput;
    put_bucket_acl = "PutBucketAcl": PutBucketAclInput -> PutBucketAclOutput;
    get_bucket_request_payment = "GetBucketRequestPayment": GetBucketRequestPaymentInput -> GetBucketRequestPaymentOutput;
    get_bucket_logging = "GetBucketLogging": GetBucketLoggingInput -> GetBucketLoggingOutput;
    get_bucket_notification_configuration = "GetBucketNotificationConfiguration": GetBucketNotificationConfigurationInput -> GetBucketNotificationConfigurationOutput;
    get_bucket_accelerate_configuration = "GetBucketAccelerateConfiguration": GetBucketAccelerateConfigurationInput -> GetBucketAccelerateConfigurationOutput;
    get_bucket_website = "GetBucketWebsite": GetBucketWebsiteInput -> GetBucketWebsiteOutput;
    get_bucket_replication = "GetBucketReplication": GetBucketReplicationInput -> GetBucketReplicationOutput;
    get_object_lock_configuration = "GetObjectLockConfiguration": GetObjectLockConfigurationInput -> GetObjectLockConfigurationOutput;
    list_objects = "ListObjects": ListObjectsInput -> ListObjectsOutput;
    list_objects_v2 = "ListObjectsV2": ListObjectsV2Input -> ListObjectsV2Output;
    list_object_versions = "ListObjectVersions": ListObjectVersionsInput -> ListObjectVersionsOutput;
    put_object = "PutObject": PutObjectInput -> PutObjectOutput;
    get_object = "GetObject": GetObjectInput -> GetObjectOutput;
    head_object = "HeadObject": HeadObjectInput -> HeadObjectOutput;
    get_object_attributes = "GetObjectAttributes": GetObjectAttributesInput -> GetObjectAttributesOutput;
    get_object_tagging = "GetObjectTagging": GetObjectTaggingInput -> GetObjectTaggingOutput;
    put_object_tagging = "PutObjectTagging": PutObjectTaggingInput -> PutObjectTaggingOutput;
    delete_object_tagging = "DeleteObjectTagging": DeleteObjectTaggingInput -> DeleteObjectTaggingOutput;
    get_object_acl = "GetObjectAcl": GetObjectAclInput -> GetObjectAclOutput;
    put_object_acl = "PutObjectAcl": PutObjectAclInput -> PutObjectAclOutput;
    delete_object = "DeleteObject": DeleteObjectInput -> DeleteObjectOutput;
    delete_objects = "DeleteObjects": DeleteObjectsInput -> DeleteObjectsOutput;
    copy_object = "CopyObject": CopyObjectInput -> CopyObjectOutput;
    create_multipart_upload = "CreateMultipartUpload": CreateMultipartUploadInput -> CreateMultipartUploadOutput;
    upload_part = "UploadPart": UploadPartInput -> UploadPartOutput;
    upload_part_copy = "UploadPartCopy": UploadPartCopyInput -> UploadPartCopyOutput;
    complete_multipart_upload = "CompleteMultipartUpload": CompleteMultipartUploadInput -> CompleteMultipartUploadOutput;
    abort_multipart_upload = "AbortMultipartUpload": AbortMultipartUploadInput -> AbortMultipartUploadOutput;
    list_parts = "ListParts": ListPartsInput -> ListPartsOutput;
    list_multipart_uploads = "ListMultipartUploads": ListMultipartUploadsInput -> ListMultipartUploadsOutput;
}
