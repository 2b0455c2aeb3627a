//! The verifier: who signed, whether it is true, and the [`Caller`] that follows from it.
//!
//! Everything is judged on the head as it came. Where the signature covers a hash that stands in
//! the head it is checked before the body is read, so a wrong key costs no upload; the services
//! that sign the body's own hash are checked up to the key before, and wholly after, reading it.

mod policy;

use aws::{
    AuthError, Refusal, sigv2,
    sigv4::{self, Claim, Head, HexDigest, Payload, SigningKey, Verified},
};
use bytes::Bytes;
use http::{Method, header::USER_AGENT, request::Parts};
use platform::access::{Access, Identity, Unidentified};
use types::{Caller, Id, Owner, Timestamp};

use crate::{dialect::Dialect, door::Door, regions};

pub use policy::PolicyVerifier;
pub(crate) use policy::{Signature, SignedPolicy};

/// A body larger than this is hashed off the reactor: about 0.2 ms of SHA-256.
const HASH_INLINE: usize = 256 << 10;

/// A request's head as the signature covers it.
pub fn head(parts: &Parts) -> Head<'_> {
    Head {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or(""),
        headers: &parts.headers,
    }
}

/// A claim whose key is known, and not yet that it is true.
pub struct Known<'a> {
    claim: Claim<'a>,
    identity: Identity,
    /// There where the signature did not have to wait for the body.
    verified: Option<Verified>,
}

/// Whether the claim may be true of this service: scope, region, key; and the signature itself
/// where it does not cover the body's own hash.
pub fn know<'a>(
    door: &Door,
    parts: &Parts,
    claim: Claim<'a>,
    signing_name: Option<&str>,
    dialect: Dialect,
) -> Result<Known<'a>, Refusal> {
    let named = |error: AuthError| dialect.name(&error);
    if let Some(expected) = signing_name.filter(|name| *name != claim.service()) {
        return Err(named(AuthError::Scope { expected: expected.to_owned() }));
    }
    if !regions::known(claim.region()) {
        return Err(dialect.unknown_region(claim.region()));
    }
    let token = claim.session_token.as_deref();
    let identity = identify(&*door.access, claim.access_key(), token).map_err(named)?;
    let mut known = Known { claim, identity, verified: None };
    if let Some(hash) = known.claim.payload_hash() {
        let (head, key) = (head(parts), known.key(door));
        let verified = sigv4::verify(&head, &known.claim, &key, Timestamp::now(), hash);
        known.verified = Some(verified.map_err(named)?);
    }
    Ok(known)
}

impl Known<'_> {
    fn key(&self, door: &Door) -> SigningKey {
        door.keys.get(&self.claim, &self.identity.secret)
    }

    /// The caller of a request whose body was read.
    pub async fn with_body(
        self,
        door: &Door,
        parts: &Parts,
        body: &Bytes,
        id: Id,
    ) -> Result<Caller, AuthError> {
        match &self.claim.payload {
            Payload::OfBody => {
                let hash = hash(body).await?;
                let (head, key) = (head(parts), self.key(door));
                sigv4::check(&head, &self.claim, &key, Timestamp::now(), hash.as_str())?;
            }
            Payload::Hex(said) => {
                if *said != *hash(body).await?.as_str() {
                    return Err(AuthError::Mismatch);
                }
            }
            Payload::Unsigned
            | Payload::SignedChunks
            | Payload::SignedChunksTrailer
            | Payload::UnsignedChunksTrailer => return Err(AuthError::ContentHash),
        }
        Ok(self.caller(parts, id))
    }

    /// The caller of a request whose body is checked by whoever reads it.
    pub fn before_body(
        self,
        parts: &Parts,
        id: Id,
    ) -> Result<(Caller, Payload, Verified), AuthError> {
        let caller = self.caller(parts, id);
        let verified = self.verified.ok_or(AuthError::ContentHash)?;
        Ok((caller, self.claim.payload, verified))
    }

    fn caller(&self, parts: &Parts, id: Id) -> Caller {
        caller(&self.identity, self.claim.region(), parts, id)
    }
}

/// The caller of a query signed by version 2, which only S3's GET, HEAD and PUT know. `path` begins
/// with the bucket wherever it stood in the request.
pub fn version_2(
    door: &Door,
    parts: &Parts,
    path: &str,
    id: Id,
) -> Result<Option<Caller>, AuthError> {
    let head = Head { path, ..head(parts) };
    let Some(claim) = sigv2::read(&head)? else { return Ok(None) };
    let allowed = matches!(parts.method, Method::GET | Method::HEAD | Method::PUT);
    if !door.config.sigv2 || !allowed {
        let message = "Version 2 signatures are accepted in the query of GET, HEAD and PUT only, \
                       and not where the server switches them off. Use AWS4-HMAC-SHA256.";
        return Err(AuthError::Query(message.to_owned()));
    }
    let identity = identify(&*door.access, &claim.access_key, claim.session_token.as_deref())?;
    sigv2::verify(&head, &claim, &identity.secret, Timestamp::now())?;
    Ok(Some(caller(&identity, &door.config.region, parts, id)))
}

fn identify(access: &dyn Access, key: &str, token: Option<&str>) -> Result<Identity, AuthError> {
    access.identify(key, token).map_err(|why| match why {
        Unidentified::UnknownKey => AuthError::UnknownKey,
        Unidentified::BadToken => AuthError::InvalidToken,
        Unidentified::Expired => AuthError::ExpiredToken,
    })
}

fn caller(identity: &Identity, region: &str, parts: &Parts, id: Id) -> Caller {
    let Identity { account, principal, .. } = identity;
    let region = regions::shared(region).unwrap_or_else(|| region.into());
    let owner = Owner::new(account.clone(), region, principal.clone());
    let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("");
    Caller::verified(owner, id, agent)
}

async fn hash(body: &Bytes) -> Result<HexDigest, AuthError> {
    if body.len() <= HASH_INLINE {
        return Ok(HexDigest::of(body));
    }
    let body = body.clone();
    let hashing = tokio::task::spawn_blocking(move || HexDigest::of(&body));
    // Fails only where the runtime is ending; what has no hash matches nothing.
    hashing.await.map_err(|_| AuthError::Mismatch)
}
