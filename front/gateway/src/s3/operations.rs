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
    list_objects = "ListObjects": ListObjectsInput -> ListObjectsOutput;
    list_objects_v2 = "ListObjectsV2": ListObjectsV2Input -> ListObjectsV2Output;
    list_object_versions = "ListObjectVersions": ListObjectVersionsInput -> ListObjectVersionsOutput;
    put_object = "PutObject": PutObjectInput -> PutObjectOutput;
    get_object = "GetObject": GetObjectInput -> GetObjectOutput;
    head_object = "HeadObject": HeadObjectInput -> HeadObjectOutput;
    get_object_attributes = "GetObjectAttributes": GetObjectAttributesInput -> GetObjectAttributesOutput;
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
