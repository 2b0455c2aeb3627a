//! Who signed the policy of a form.
//!
//! It stands in the body, so it is not asked before the request is handed to S3: whoever reads the
//! form asks, with the same keys and by the same rules as for a head.

use std::sync::Arc;

use aws::{
    AuthError, sigv2,
    sigv4::{self, PolicyFields, SigningKeys},
};
use http::request::Parts;
use platform::access::Access;
use types::{Caller, Id};

use super::{caller, identify};
use crate::regions;

/// The service that forms are signed for.
const SERVICE: &str = "s3";

/// Verifies the policies of forms.
pub struct PolicyVerifier {
    access: Arc<dyn Access>,
    keys: Arc<SigningKeys>,
    region: Arc<str>,
    sigv2: bool,
}

/// A policy and what its form says of the signature over it.
pub(crate) struct SignedPolicy<'a> {
    /// Base64 text, as it came.
    pub(crate) policy: &'a str,
    /// Says who signed it.
    pub(crate) signature: Signature<'a>,
}

/// The two ways of signing a policy.
pub(crate) enum Signature<'a> {
    /// `x-amz-signature` and what belongs to it.
    Version4(PolicyFields<'a>),
    /// `AWSAccessKeyId` and `signature`.
    Version2 { access_key: &'a str, signature: &'a str, token: Option<&'a str> },
}

impl PolicyVerifier {
    /// Verifies with the keys that `access` knows. `region` is that of callers whose signature
    /// names none; these (version 2) are refused unless `sigv2`.
    #[must_use]
    pub fn new(
        access: Arc<dyn Access>,
        keys: Arc<SigningKeys>,
        region: Arc<str>,
        sigv2: bool,
    ) -> Self {
        Self { access, keys, region, sigv2 }
    }

    /// The caller that signed. `parts` is the head of the form's request.
    pub(crate) fn caller(
        &self,
        signed: &SignedPolicy<'_>,
        parts: &Parts,
        id: Id,
    ) -> Result<Caller, AuthError> {
        let SignedPolicy { policy, signature } = signed;
        match *signature {
            Signature::Version4(ref fields) => {
                let claim = sigv4::read_policy(fields)?;
                if claim.service() != SERVICE {
                    return Err(AuthError::Scope { expected: SERVICE.to_owned() });
                }
                if !regions::known(claim.region()) {
                    return Err(AuthError::Region { region: claim.region().to_owned() });
                }
                let identity = identify(&*self.access, claim.access_key(), fields.token)?;
                let key = self.keys.get(&claim, &identity.secret);
                sigv4::verify_policy(policy, &claim, &key)?;
                Ok(caller(&identity, claim.region(), parts, id))
            }
            Signature::Version2 { .. } if !self.sigv2 => Err(AuthError::Unsupported),
            Signature::Version2 { access_key, signature, token } => {
                let identity = identify(&*self.access, access_key, token)?;
                sigv2::verify_policy(policy, signature, &identity.secret)?;
                Ok(caller(&identity, &self.region, parts, id))
            }
        }
    }
}
