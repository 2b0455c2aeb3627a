//! Whether a claim is true.

use std::{fmt, time::Duration};

use http::HeaderMap;
use subtle::ConstantTimeEq;
use types::Timestamp;

use super::{Claim, Head, SigningKey, canonical, claim::names};
use crate::wire::AuthError;

/// How far a client's clock may be from ours: AWS's fifteen minutes.
const SKEW: Duration = Duration::from_mins(15);

/// A signature that was found to be right, and what the chunks of the body chain to.
#[derive(Clone)]
pub struct Verified {
    /// The request's signature, which the first chunk's continues.
    pub(crate) seed: String,
    /// Signs the chunks.
    pub(crate) key: SigningKey,
    /// `yyyymmddThhmmssZ`.
    pub(crate) at: String,
    /// `yyyymmdd/region/service/aws4_request`.
    pub(crate) scope: String,
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// [`check`], and what the body's chunks chain to.
pub fn verify(
    head: &Head<'_>,
    claim: &Claim<'_>,
    key: &SigningKey,
    now: Timestamp,
    payload_hash: &str,
) -> Result<Verified, AuthError> {
    check(head, claim, key, now, payload_hash)?;
    Ok(Verified {
        seed: claim.signature.clone().into_owned(),
        key: key.clone(),
        at: claim.written().to_owned(),
        scope: claim.scope().to_owned(),
    })
}

/// Checks `claim` against the request it came with. `payload_hash` is [`Claim::payload_hash`], or
/// the lower-case hexadecimal SHA-256 of the body where the claim says nothing. That a body really
/// has the hash it claims is for whoever reads the body.
pub fn check(
    head: &Head<'_>,
    claim: &Claim<'_>,
    key: &SigningKey,
    now: Timestamp,
    payload_hash: &str,
) -> Result<(), AuthError> {
    if claim.payload_hash().is_some_and(|said| said != payload_hash) {
        return Err(AuthError::Mismatch);
    }
    let signed_headers = claim.signed_headers();
    all_signed(head.headers, signed_headers)?;
    in_time(claim, now)?;
    let request = canonical::digest(head, claim.service(), signed_headers, payload_hash)?;
    let right = canonical::signature(key, claim.written(), claim.scope(), &request);
    if bool::from(right.as_str().as_bytes().ct_eq(claim.signature.as_bytes())) {
        Ok(())
    } else {
        Err(AuthError::Mismatch)
    }
}

/// An unsigned `x-amz-copy-source` would turn a signed upload into a copy: so `host` and every
/// `x-amz-*` header must be signed. Those of the SDKs' retries (`amz-sdk-*`) have another prefix.
fn all_signed(headers: &HeaderMap, signed: &str) -> Result<(), AuthError> {
    let is_signed = |name: &str| names(signed).any(|signed| signed == name.as_bytes());
    let mut missing: Vec<String> = headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| name.starts_with("x-amz-") && !is_signed(name))
        .map(str::to_owned)
        .collect();
    if !is_signed("host") {
        missing.push("host".to_owned());
    }
    if missing.is_empty() { Ok(()) } else { Err(AuthError::Unsigned(missing)) }
}

fn in_time(claim: &Claim<'_>, now: Timestamp) -> Result<(), AuthError> {
    let early = claim.at.since(now) > SKEW;
    match claim.expires {
        None if early || now.since(claim.at) > SKEW => Err(AuthError::Skewed),
        Some(_) if early => Err(AuthError::NotYetValid),
        Some(seconds) if now > claim.at + Duration::from_secs(seconds) => Err(AuthError::Expired),
        None | Some(_) => Ok(()),
    }
}
