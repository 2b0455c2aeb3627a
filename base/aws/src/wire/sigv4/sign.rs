//! Signing, for our own command line, tests and benches.

use std::fmt;

use http::{HeaderMap, HeaderValue, header::InvalidHeaderValue, request::Parts};
use types::Timestamp;

use super::{
    ALGORITHM, AMZ_DATE, CONTENT_HASH, Head, HexDigest, Payload, SECURITY_TOKEN, SigningKey,
    TERMINATOR, canonical, moment,
};
use crate::wire::{AuthError, escape::encode};

/// Who signs, for where.
#[derive(Clone)]
pub struct Credentials {
    /// Access key id.
    pub access_key: String,
    /// Its secret.
    pub secret: String,
    /// Of temporary credentials.
    pub session_token: Option<String>,
    /// The region in the scope.
    pub region: String,
    /// The service in the scope.
    pub service: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl Credentials {
    fn scope(&self, at: &str) -> String {
        format!("{}/{}/{}/{TERMINATOR}", &at[..8], self.region, self.service)
    }

    fn signature(&self, at: &str, request: &HexDigest) -> String {
        let key = SigningKey::derive(&self.secret, &at[..8], &self.region, &self.service);
        canonical::signature(&key, at, &self.scope(at), request).as_str().to_owned()
    }
}

/// Adds `x-amz-date`, `authorization` and what goes with them to `parts`. A missing `host` is taken
/// from the URI. A `payload` of [`Payload::OfBody`] signs an empty body.
pub fn sign(
    parts: &mut Parts,
    credentials: &Credentials,
    now: Timestamp,
    payload: &Payload,
) -> Result<(), InvalidHeaderValue> {
    let at = moment::write(now);
    let hash = payload.word().unwrap_or(EMPTY);
    prepare(parts, credentials, &at, payload)?;
    let signed = signed_headers(&parts.headers);
    let head = Head {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
    };
    let request = present(canonical::digest(&head, &credentials.service, &signed, hash));
    let authorization = format!(
        "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={}",
        credentials.access_key,
        credentials.scope(&at),
        signed,
        credentials.signature(&at, &request),
    );
    parts.headers.insert("authorization", HeaderValue::try_from(authorization)?);
    Ok(())
}

/// The SHA-256 of nothing.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn prepare(
    parts: &mut Parts,
    credentials: &Credentials,
    at: &str,
    payload: &Payload,
) -> Result<(), InvalidHeaderValue> {
    parts.headers.insert(&AMZ_DATE, HeaderValue::try_from(at)?);
    if let Some(token) = &credentials.session_token {
        parts.headers.insert(&SECURITY_TOKEN, HeaderValue::try_from(token)?);
    }
    if let Some(word) = payload.word()
        && credentials.service == "s3"
    {
        parts.headers.insert(&CONTENT_HASH, HeaderValue::try_from(word)?);
    }
    if let Some(authority) = parts.uri.authority()
        && !parts.headers.contains_key("host")
    {
        parts.headers.insert("host", HeaderValue::try_from(authority.as_str())?);
    }
    Ok(())
}

/// What proxies leave alone and servers insist on.
fn signed_headers(headers: &HeaderMap) -> String {
    let mut names: Vec<&str> = headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| {
            name.starts_with("x-amz-") || matches!(*name, "host" | "content-type" | "content-md5")
        })
        .collect();
    names.sort_unstable();
    names.join(";")
}

#[expect(clippy::expect_used, reason = "the names were read from the same headers")]
fn present(request: Result<HexDigest, AuthError>) -> HexDigest {
    request.expect("every signed header is there")
}

/// The query of a presigned request that is valid for `expires` seconds from `now`. Of `head`, the
/// query is what it has already; `host` and all `x-amz-*` headers are signed and must be sent.
#[must_use]
pub fn presign(head: &Head<'_>, credentials: &Credentials, now: Timestamp, expires: u64) -> String {
    let at = moment::write(now);
    let signed = signed_headers(head.headers);
    let mut fields: Vec<String> = head.query.split('&').map(str::to_owned).collect();
    fields.retain(|field| !field.is_empty());
    let mut add = |name: &str, value: &str| {
        fields.push(format!("{name}={}", encode(value.as_bytes())));
    };
    add("X-Amz-Algorithm", ALGORITHM);
    add("X-Amz-Credential", &format!("{}/{}", credentials.access_key, credentials.scope(&at)));
    add("X-Amz-Date", &at);
    add("X-Amz-Expires", &expires.to_string());
    add("X-Amz-SignedHeaders", &signed);
    if let Some(token) = &credentials.session_token {
        add("X-Amz-Security-Token", token);
    }
    let query = fields.join("&");
    let hash = if credentials.service == "s3" { "UNSIGNED-PAYLOAD" } else { EMPTY };
    let head = Head { query: &query, ..*head };
    let request = present(canonical::digest(&head, &credentials.service, &signed, hash));
    format!("{query}&X-Amz-Signature={}", credentials.signature(&at, &request))
}
