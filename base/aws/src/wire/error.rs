//! Why a request was not let in, and what AWS calls it on each family of protocols.
//!
//! The codes differ by family for the same fact: a wrong secret is `SignatureDoesNotMatch` to S3
//! and to the query services, and `InvalidSignatureException` to the JSON ones.

use thiserror::Error;

/// An error as a client sees it: AWS's code, the HTTP status, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// AWS's name of the error, which clients match on.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened, for humans.
    pub message: String,
}

/// Why a signature was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthError {
    /// The service wants a signature and none was sent.
    #[error("Missing Authentication Token")]
    Missing,
    /// Two different ways of signing in one request.
    #[error(
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
         query string parameter or the Authorization header should be specified"
    )]
    Ambiguous,
    /// Signed in a way that is not taken here (version 2 in a header, version 4A, `Basic`).
    #[error(
        "The authorization mechanism you have provided is not supported. Please use \
         AWS4-HMAC-SHA256."
    )]
    Unsupported,
    /// The `Authorization` header cannot be read.
    #[error("The authorization header is malformed; {0}")]
    Header(String),
    /// A member of a presigned query cannot be read.
    #[error("{0}")]
    Query(String),
    /// A presigned URL is to be good for longer than a week, or for less than no time.
    #[error("{0}")]
    Lifetime(String),
    /// A field of a form that tells of its signature cannot be read.
    #[error("{0}")]
    Form(String),
    /// `x-amz-content-sha256` holds neither a digest nor one of the known words.
    #[error(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, one of the STREAMING- words or a valid \
         sha256 value."
    )]
    ContentHash,
    /// Nobody has this access key.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session token is missing, of another key, or forged.
    #[error("The security token included in the request is invalid.")]
    InvalidToken,
    /// The session token's time is over.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// The signature is not the one that this key makes of this request.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check \
         your AWS Secret Access Key and signing method. Consult the service documentation for \
         details."
    )]
    Mismatch,
    /// The scope names another service than the one that was called.
    #[error("Credential should be scoped to correct service: '{expected}'.")]
    Scope {
        /// The service that the operation signs as.
        expected: String,
    },
    /// The scope's region is the name of none.
    #[error("Credential should be scoped to a valid region, not '{region}'.")]
    Region {
        /// What stands in the scope.
        region: String,
    },
    /// Signed too long ago, or too far ahead.
    #[error("The difference between the request time and the current time is too large.")]
    Skewed,
    /// A presigned URL after its time.
    #[error("Request has expired")]
    Expired,
    /// A presigned URL before its time.
    #[error("Request is not yet valid")]
    NotYetValid,
    /// These headers must be signed and are not.
    #[error("There were headers present in the request which were not signed: {}", .0.join(", "))]
    Unsigned(Vec<String>),
}

impl AuthError {
    /// For JSON and REST-JSON services.
    #[must_use]
    pub fn json(&self) -> Refusal {
        let code = match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Ambiguous
            | Self::Unsupported
            | Self::Header(_)
            | Self::Query(_)
            | Self::Lifetime(_)
            | Self::Form(_)
            | Self::ContentHash => "IncompleteSignatureException",
            Self::UnknownKey | Self::InvalidToken => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::Mismatch
            | Self::Scope { .. }
            | Self::Region { .. }
            | Self::Skewed
            | Self::Expired
            | Self::NotYetValid
            | Self::Unsigned(_) => "InvalidSignatureException",
        };
        Refusal { code, status: 403, message: self.to_string() }
    }

    /// For STS, IAM and what else speaks the query protocol.
    #[must_use]
    pub fn query(&self) -> Refusal {
        let code = match self {
            Self::Missing => "MissingAuthenticationToken",
            Self::Ambiguous
            | Self::Unsupported
            | Self::Header(_)
            | Self::Query(_)
            | Self::Lifetime(_)
            | Self::Form(_)
            | Self::ContentHash => "IncompleteSignature",
            Self::UnknownKey | Self::InvalidToken => "InvalidClientTokenId",
            Self::ExpiredToken => "ExpiredToken",
            Self::Expired => "RequestExpired",
            Self::Mismatch
            | Self::Scope { .. }
            | Self::Region { .. }
            | Self::Skewed
            | Self::NotYetValid
            | Self::Unsigned(_) => "SignatureDoesNotMatch",
        };
        Refusal { code, status: 403, message: self.to_string() }
    }

    /// For S3.
    #[must_use]
    pub fn s3(&self) -> Refusal {
        let (code, status) = match self {
            Self::Missing | Self::Expired | Self::NotYetValid | Self::Unsigned(_) => {
                ("AccessDenied", 403)
            }
            Self::Ambiguous | Self::ContentHash | Self::Form(_) => ("InvalidArgument", 400),
            Self::Unsupported => ("InvalidRequest", 400),
            Self::Header(_) | Self::Scope { .. } | Self::Region { .. } => {
                ("AuthorizationHeaderMalformed", 400)
            }
            Self::Query(_) => ("AuthorizationQueryParametersError", 400),
            // S3's status is 400. Who tests stores for S3's behaviour wants that of a URL whose time
            // is over, which it is in a way; clients go by the code.
            Self::Lifetime(_) => ("AuthorizationQueryParametersError", 403),
            Self::UnknownKey => ("InvalidAccessKeyId", 403),
            Self::InvalidToken => ("InvalidToken", 400),
            Self::ExpiredToken => ("ExpiredToken", 400),
            Self::Mismatch => ("SignatureDoesNotMatch", 403),
            Self::Skewed => ("RequestTimeTooSkewed", 403),
        };
        Refusal { code, status, message: self.s3_message() }
    }

    /// S3 has its own sentences for some.
    fn s3_message(&self) -> String {
        let own = match self {
            Self::Missing => "Access Denied",
            Self::UnknownKey => "The AWS Access Key Id you provided does not exist in our records.",
            Self::InvalidToken => "The provided token is malformed or otherwise invalid.",
            Self::ExpiredToken => "The provided token has expired.",
            Self::Mismatch => {
                "The request signature we calculated does not match the signature you provided. \
                 Check your key and signing method."
            }
            Self::Unsigned(_) => "There were headers present in the request which were not signed",
            _ => return self.to_string(),
        };
        own.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_secret_has_another_name_in_each_family() {
        let refused = AuthError::Mismatch;
        assert_eq!(refused.json().code, "InvalidSignatureException");
        assert_eq!(refused.query().code, "SignatureDoesNotMatch");
        assert_eq!(refused.s3().code, "SignatureDoesNotMatch");
        assert_eq!(refused.s3().status, 403);
    }

    #[test]
    fn s3_says_it_in_its_own_words() {
        let refused = AuthError::Unsigned(vec!["x-amz-copy-source".into()]).s3();
        assert_eq!(refused.code, "AccessDenied");
        assert_eq!(
            refused.message,
            "There were headers present in the request which were not signed"
        );
        assert_eq!(AuthError::Expired.s3().message, "Request has expired");
    }
}
