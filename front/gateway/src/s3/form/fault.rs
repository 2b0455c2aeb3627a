//! Why a form is refused that cannot be read, or whose file is not what was allowed.

use aws::Refusal;
use http::StatusCode;

use crate::{
    body::BodyError,
    s3::{body::BodyFault, errors::Refused},
};

/// What is wrong with the body of a form. Stands inside the [`std::io::Error`] that a store is
/// given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormFault {
    /// No `multipart/form-data`, or one that does not end.
    #[error("The body of your POST request is not well-formed multipart/form-data.")]
    Malformed,
    /// More is written before the file than is read.
    #[error("Your POST request fields preceding the upload file were too large.")]
    FieldsTooLarge,
    /// The form ends before its file.
    #[error("POST requires exactly one file upload per request.")]
    NoFile,
    /// The file is larger than the policy says, bytes.
    #[error("Your proposed upload exceeds the maximum allowed size")]
    TooLarge { most: u64 },
    /// The file is smaller than the policy says, bytes.
    #[error("Your proposed upload is smaller than the minimum allowed size")]
    TooSmall { least: u64, size: u64 },
    /// The body did not come to its end.
    #[error(transparent)]
    Body(#[from] BodyFault),
}

impl From<BodyError> for FormFault {
    fn from(error: BodyError) -> Self {
        Self::Body(error.into())
    }
}

impl From<FormFault> for Refused {
    fn from(fault: FormFault) -> Self {
        let message = fault.to_string();
        match fault {
            FormFault::Malformed => Self::bad("MalformedPOSTRequest", message),
            FormFault::FieldsTooLarge => Self::bad("MaxPostPreDataLengthExceededError", message),
            FormFault::NoFile => {
                Self::argument(message).with("ArgumentName", "file").with("ArgumentValue", "0")
            }
            FormFault::TooLarge { most } => {
                Self::bad("EntityTooLarge", message).with("MaxSizeAllowed", most.to_string())
            }
            FormFault::TooSmall { least, size } => Self::bad("EntityTooSmall", message)
                .with("ProposedSize", size.to_string())
                .with("MinSizeAllowed", least.to_string()),
            FormFault::Body(fault) => Self::from(&fault),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(Refusal { code, status, message }: Refusal) -> Self {
        Self::new(StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN), code, message)
    }
}
