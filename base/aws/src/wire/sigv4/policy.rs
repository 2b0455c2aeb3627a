//! The signature over the policy of a form, which covers nothing else of its request.
//!
//! What is signed is the policy's base64 text as it came. How long the signature holds stands in
//! the policy itself, so the clock is not asked here.

use std::borrow::Cow;

use subtle::ConstantTimeEq;

use super::{ALGORITHM, Claim, Payload, SigningKey, claim::Parts, moment};
use crate::wire::AuthError;

/// The fields of a form that tell of its signature.
#[derive(Clone, Copy, Debug)]
pub struct PolicyFields<'a> {
    /// `x-amz-algorithm`.
    pub algorithm: &'a str,
    /// `x-amz-credential`.
    pub credential: &'a str,
    /// `x-amz-date`.
    pub date: &'a str,
    /// `x-amz-signature`.
    pub signature: &'a str,
    /// `x-amz-security-token`, of temporary credentials.
    pub token: Option<&'a str>,
}

/// Reads what a form says of its signature. The claim names no headers, for none is covered.
pub fn read_policy<'a>(fields: &PolicyFields<'a>) -> Result<Claim<'a>, AuthError> {
    if fields.algorithm != ALGORITHM {
        return Err(AuthError::Form(format!("X-Amz-Algorithm only supports \"{ALGORITHM}\"")));
    }
    let at = moment::parse(fields.date).ok_or_else(|| {
        AuthError::Form(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"".into(),
        )
    })?;
    let parts = Parts {
        credential: fields.credential.into(),
        signed_headers: "".into(),
        signature: fields.signature.into(),
    };
    let token = fields.token.map(Cow::Borrowed);
    parts.claim(at, None, Payload::Unsigned, token).map_err(AuthError::Form)
}

/// Checks `claim` against the policy's base64 text.
pub fn verify_policy(policy: &str, claim: &Claim<'_>, key: &SigningKey) -> Result<(), AuthError> {
    let right = key.sign(&[policy]);
    if bool::from(right.as_str().as_bytes().ct_eq(claim.signature.as_bytes())) {
        Ok(())
    } else {
        Err(AuthError::Mismatch)
    }
}

/// The signature of a policy's base64 text.
#[must_use]
pub fn sign_policy(policy: &str, key: &SigningKey) -> String {
    key.sign(&[policy]).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;

    /// The example of AWS's page "Browser-Based Upload using HTTP POST (Using AWS Signature
    /// Version 4)". Its lines end in CRLF.
    const POLICY: &str = r#"{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}"#;
    const FIELDS: PolicyFields<'_> = PolicyFields {
        algorithm: "AWS4-HMAC-SHA256",
        credential: "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
        date: "20151229T000000Z",
        signature: "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
        token: None,
    };

    fn encoded(policy: &str) -> String {
        STANDARD.encode(policy.replace('\n', "\r\n"))
    }

    fn check(policy: &str, fields: &PolicyFields<'_>) -> Result<(), AuthError> {
        let claim = read_policy(fields)?;
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let key = SigningKey::derive(secret, claim.date(), claim.region(), claim.service());
        verify_policy(policy, &claim, &key)
    }

    #[test]
    fn the_published_example_is_good_and_no_byte_of_it_can_be_changed() {
        let policy = encoded(POLICY);
        assert_eq!(check(&policy, &FIELDS), Ok(()));
        let other = encoded(&POLICY.replace("user1", "user2"));
        assert_eq!(check(&other, &FIELDS), Err(AuthError::Mismatch));
        assert_eq!(check(&format!("{policy}\n"), &FIELDS), Err(AuthError::Mismatch));
    }

    #[test]
    fn a_scope_that_was_changed_derives_another_key() {
        let policy = encoded(POLICY);
        let credential = "AKIAIOSFODNN7EXAMPLE/20151229/eu-west-1/s3/aws4_request";
        let fields = PolicyFields { credential, ..FIELDS };
        assert_eq!(check(&policy, &fields), Err(AuthError::Mismatch));
    }

    #[test]
    fn fields_that_cannot_be_read_are_refused_by_name() {
        let unread = [
            PolicyFields { algorithm: "AWS4-ECDSA-P256-SHA256", ..FIELDS },
            PolicyFields { credential: "AKIA/20151229/us-east-1/s3", ..FIELDS },
            PolicyFields { date: "2015-12-29", ..FIELDS },
            PolicyFields { date: "20151230T000000Z", ..FIELDS },
            PolicyFields { signature: "8afd", ..FIELDS },
        ];
        for fields in unread {
            assert!(matches!(read_policy(&fields), Err(AuthError::Form(_))), "{fields:?}");
        }
    }
}
