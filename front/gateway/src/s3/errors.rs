//! One table: what went wrong, as S3 says it.
//!
//! Clients match on code and status; the fields beside them (`BucketName`, `Key`, …) are for
//! people. A refusal without a code is no error but a 304.

use std::borrow::Cow;

use aws::chunked::ChunkError;
use http::{HeaderName, HeaderValue, StatusCode, header};
use platform::{
    access::Denied,
    objects::{ObjectError, Version},
};

use super::{body::BodyFault, convert};

/// An answer that is not the operation's output.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: Cow<'static, str>,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refused {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, message: message.into(), fields: Vec::new(), headers: Vec::new() }
    }

    pub(super) fn bad(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad("InvalidArgument", message)
    }

    pub(super) fn missing(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(super) fn malformed() -> Self {
        Self::from(ObjectError::MalformedXml)
    }

    pub(super) fn denied() -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied")
    }

    pub(super) fn not_implemented(what: &str) -> Self {
        let message = format!("{what} is not supported by Sagewright.");
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    pub(super) fn not_modified() -> Self {
        Self::new(StatusCode::NOT_MODIFIED, "", "")
    }

    pub(super) fn with(mut self, field: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((field, value.into()));
        self
    }

    /// A header of the answer. One whose value cannot stand in a header is left out.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        self
    }

    /// Says that a delete marker was met.
    fn marked(self, version: Version) -> Self {
        self.header(HeaderName::from_static("x-amz-delete-marker"), "true")
            .header(HeaderName::from_static("x-amz-version-id"), &version.to_string())
    }

    fn internal(cause: &(dyn std::error::Error + Send + Sync)) -> Self {
        let chain = std::iter::successors(cause.source(), |error| error.source());
        let causes: Vec<String> = chain.map(ToString::to_string).collect();
        tracing::error!(error = %cause, causes = causes.join(": "), "the object store failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "We encountered an internal error. Please try again.",
        )
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", denied.to_string())
    }
}

impl From<ObjectError> for Refused {
    fn from(error: ObjectError) -> Self {
        use ObjectError as E;
        let (status, code) = status_and_code(&error);
        let refused = Self::new(status, code, error.to_string());
        match error {
            E::NoSuchBucket(name) | E::InvalidBucketName(name) => refused.with("BucketName", name),
            E::NoSuchKey(key) => refused.with("Key", key),
            E::Removed { key, version } => refused.with("Key", key).marked(version),
            E::IsMarker { version, modified } => {
                let modified = convert::expires(Some(convert::moment(modified)));
                refused
                    .marked(version)
                    .header(header::ALLOW, "DELETE")
                    .header(header::LAST_MODIFIED, &modified.unwrap_or_default())
            }
            E::InvalidRange { length } => refused
                .with("ActualObjectSize", length.to_string())
                .header(header::CONTENT_RANGE, &format!("bytes */{length}")),
            // The body itself says it better, and did so first; see `Ask::refuse`.
            E::Body(_) => Self::from(&BodyFault::Broken),
            E::Internal(cause) => Self::internal(cause.as_ref()),
            // Nothing to add to the sentence.
            _ => refused,
        }
    }
}

/// S3's names for what the store refuses.
fn status_and_code(error: &ObjectError) -> (StatusCode, &'static str) {
    use ObjectError as E;
    let (missing, bad) = (StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST);
    let (conflict, forbidden) = (StatusCode::CONFLICT, StatusCode::FORBIDDEN);
    match error {
        E::NoSuchBucket(_) => (missing, "NoSuchBucket"),
        E::NoSuchKey(_) | E::Removed { .. } => (missing, "NoSuchKey"),
        E::NoSuchVersion => (missing, "NoSuchVersion"),
        E::NoSuchUpload => (missing, "NoSuchUpload"),
        E::IsMarker { .. } => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
        E::BucketAlreadyOwnedByYou => (conflict, "BucketAlreadyOwnedByYou"),
        E::BucketAlreadyExists => (conflict, "BucketAlreadyExists"),
        E::BucketNotEmpty => (conflict, "BucketNotEmpty"),
        E::InvalidBucketName(_) => (bad, "InvalidBucketName"),
        E::KeyTooLong => (bad, "KeyTooLongError"),
        E::AccessDenied | E::PublicPolicy | E::WrongCustomerKey => (forbidden, "AccessDenied"),
        E::NoAcls => (bad, "AccessControlListNotSupported"),
        E::HasAcl => (bad, "InvalidBucketAclWithObjectOwnership"),
        E::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "PreconditionFailed"),
        E::InvalidRange { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange"),
        E::InvalidPart => (bad, "InvalidPart"),
        E::InvalidPartOrder => (bad, "InvalidPartOrder"),
        E::EntityTooSmall => (bad, "EntityTooSmall"),
        E::EntityTooLarge => (bad, "EntityTooLarge"),
        E::MalformedPolicy(_) => (bad, "MalformedPolicy"),
        E::MalformedXml => (bad, "MalformedXML"),
        E::InvalidTag(_) => (bad, "InvalidTag"),
        E::CopyTooLarge
        | E::InvalidRequest(_)
        | E::CustomerKeyNeeded
        | E::CustomerKeyNotApplicable
        | E::UploadKeyNeeded
        | E::UploadKeyDiffers => (bad, "InvalidRequest"),
        // Not one of S3's: it makes clients try again later.
        E::StorageFull => (StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
        E::KeyNotFound(_) => (bad, "KMS.NotFoundException"),
        E::BadDigest(_) => (bad, "BadDigest"),
        E::ContentHash => (bad, "XAmzContentSHA256Mismatch"),
        E::InvalidArgument(_) => (bad, "InvalidArgument"),
        E::Body(_) => (bad, "IncompleteBody"),
        E::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
    }
}

impl From<&BodyFault> for Refused {
    fn from(fault: &BodyFault) -> Self {
        let message = fault.to_string();
        match fault {
            BodyFault::ContentHash => Self::bad("XAmzContentSHA256Mismatch", message),
            BodyFault::Short | BodyFault::Broken => Self::bad("IncompleteBody", message),
            BodyFault::Checksum(_) => Self::bad("BadDigest", message),
            BodyFault::Long | BodyFault::Trailer(_) => Self::bad("InvalidRequest", message),
            BodyFault::Idle => Self::bad("RequestTimeout", message),
            BodyFault::Framing(error) => Self::from(error),
        }
    }
}

impl From<&ChunkError> for Refused {
    fn from(error: &ChunkError) -> Self {
        let message = error.to_string();
        match error {
            ChunkError::Malformed(_) => Self::bad("InvalidRequest", message),
            ChunkError::Signature => {
                Self::new(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", message)
            }
            ChunkError::Length { .. } | ChunkError::Incomplete => {
                Self::bad("IncompleteBody", message)
            }
            ChunkError::Trailer(_) => Self::bad("MalformedTrailerError", message),
        }
    }
}
