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
        let message = error.to_string();
        match error {
            E::NoSuchBucket(name) => {
                Self::missing("NoSuchBucket", message).with("BucketName", name)
            }
            E::NoSuchKey(key) => Self::missing("NoSuchKey", message).with("Key", key),
            E::NoSuchVersion => Self::missing("NoSuchVersion", message),
            E::Removed { key, version } => {
                Self::missing("NoSuchKey", message).with("Key", key).marked(version)
            }
            E::IsMarker { version, modified } => {
                let modified = convert::expires(Some(convert::moment(modified)));
                Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
                    .marked(version)
                    .header(header::ALLOW, "DELETE")
                    .header(header::LAST_MODIFIED, &modified.unwrap_or_default())
            }
            E::NoSuchUpload => Self::missing("NoSuchUpload", message),
            E::BucketAlreadyOwnedByYou => conflict("BucketAlreadyOwnedByYou", message),
            E::BucketAlreadyExists => conflict("BucketAlreadyExists", message),
            E::BucketNotEmpty => conflict("BucketNotEmpty", message),
            E::InvalidBucketName(name) => {
                Self::bad("InvalidBucketName", message).with("BucketName", name)
            }
            E::KeyTooLong => Self::bad("KeyTooLongError", message),
            E::AccessDenied => Self::denied(),
            E::NoAcls => Self::bad("AccessControlListNotSupported", message),
            E::HasAcl => Self::bad("InvalidBucketAclWithObjectOwnership", message),
            E::PreconditionFailed => {
                Self::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message)
            }
            E::InvalidRange { length } => {
                Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", message)
                    .with("ActualObjectSize", length.to_string())
                    .header(header::CONTENT_RANGE, &format!("bytes */{length}"))
            }
            E::InvalidPart => Self::bad("InvalidPart", message),
            E::InvalidPartOrder => Self::bad("InvalidPartOrder", message),
            E::EntityTooSmall => Self::bad("EntityTooSmall", message),
            E::EntityTooLarge => Self::bad("EntityTooLarge", message),
            E::MalformedPolicy(_) => Self::bad("MalformedPolicy", message),
            E::PublicPolicy => Self::new(StatusCode::FORBIDDEN, "AccessDenied", message),
            E::MalformedXml => Self::bad("MalformedXML", message),
            E::InvalidTag(_) => Self::bad("InvalidTag", message),
            E::CopyTooLarge | E::InvalidRequest(_) => Self::bad("InvalidRequest", message),
            // Not one of S3's: it makes clients try again later.
            E::StorageFull => Self::new(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", message),
            E::CustomerKeyNeeded
            | E::CustomerKeyNotApplicable
            | E::UploadKeyNeeded
            | E::UploadKeyDiffers => Self::bad("InvalidRequest", message),
            E::WrongCustomerKey => Self::new(StatusCode::FORBIDDEN, "AccessDenied", message),
            E::KeyNotFound(_) => Self::bad("KMS.NotFoundException", message),
            E::BadDigest(_) => Self::bad("BadDigest", message),
            E::ContentHash => Self::bad("XAmzContentSHA256Mismatch", message),
            E::InvalidArgument(_) => Self::argument(message),
            // The body itself says it better, and did so first; see `Ask::refuse`.
            E::Body(_) => Self::from(&BodyFault::Broken),
            E::Internal(cause) => Self::internal(cause.as_ref()),
        }
    }
}

fn conflict(code: &'static str, message: String) -> Refused {
    Refused::new(StatusCode::CONFLICT, code, message)
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
