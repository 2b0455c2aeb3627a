//! SageMaker's table: which code and status a failed call has there.

use crate::{Fault, What};

/// SageMaker's table. What is missing, taken or in use is told as a `ValidationException` but for
/// jobs, whose names are the idempotency key (`contracts`: wire 8, semantics 1.0).
#[must_use]
pub fn code(fault: &Fault) -> (&'static str, u16) {
    let job = matches!(fault.kind, "training-job" | "transform-job");
    match fault.what {
        What::Taken if job => ("ResourceInUse", 400),
        What::Missing | What::Taken | What::InUse | What::Invalid => ("ValidationException", 400),
        What::Limit => ("ResourceLimitExceeded", 400),
        What::Refused => ("AccessDeniedException", 400),
        What::Unsupported => ("UnsupportedOperationException", 400),
        What::NotReady => ("ThrottlingException", 400),
        What::Internal => ("InternalFailure", 500),
    }
}
