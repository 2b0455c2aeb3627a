//! Signature Version 4: what a request claims, whether it is true, and signing.
//!
//! Everything works on the request's head as it came over the wire: a path or query that was
//! decoded or normalised before has another signature.

mod canonical;
mod claim;
mod digest;
mod key;
mod moment;
mod policy;
mod sign;
mod verify;

use http::{HeaderMap, HeaderName};

pub use claim::{Claim, Payload, is_signature_field, read, unsigned_query};
pub use digest::HexDigest;
pub use key::{SigningKey, SigningKeys};
pub use policy::{PolicyFields, read_policy, sign_policy, verify_policy};
pub use sign::{Credentials, presign, sign};
pub use verify::{Verified, check, verify};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Ends every scope.
const TERMINATOR: &str = "aws4_request";
/// How long a presigned request may be valid: seven days, AWS's limit.
const LONGEST_EXPIRES: u64 = 604_800;

/// When a request was signed.
static AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
/// What its signature says of the body.
static CONTENT_HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");
/// Belongs to temporary credentials.
static SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// The head of a request as received.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// `GET`, `PUT`, …
    pub method: &'a str,
    /// Undecoded, with its leading slash.
    pub path: &'a str,
    /// Undecoded, without the question mark; empty where there is none.
    pub query: &'a str,
    /// All headers, `host` among them.
    pub headers: &'a HeaderMap,
}

#[cfg(test)]
mod tests;
