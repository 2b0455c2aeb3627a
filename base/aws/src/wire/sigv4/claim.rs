//! What a request says of its signature, read but not yet believed.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use types::Timestamp;

use super::{ALGORITHM, CONTENT_HASH, Head, LONGEST_EXPIRES, SECURITY_TOKEN, TERMINATOR, moment};
use crate::wire::{
    AuthError,
    escape::{fields, values},
};

/// How the signature covers the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The body's SHA-256, lower-case hexadecimal. Whoever reads the body must compare.
    Hex(String),
    /// `UNSIGNED-PAYLOAD`: the body is not covered.
    Unsigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`: each chunk carries a signature.
    SignedChunks,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`: so do the trailers.
    SignedChunksTrailer,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: framed chunks and trailers, not covered.
    UnsignedChunksTrailer,
    /// Nothing said: the signature covers the SHA-256 of the body, which the caller must compute
    /// before it can verify.
    OfBody,
}

impl Payload {
    fn parse(value: &str) -> Result<Self, AuthError> {
        match value {
            "UNSIGNED-PAYLOAD" => Ok(Self::Unsigned),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => Ok(Self::SignedChunks),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => Ok(Self::SignedChunksTrailer),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Ok(Self::UnsignedChunksTrailer),
            digest if is_digest(digest) => Ok(Self::Hex(digest.to_owned())),
            _ => Err(AuthError::ContentHash),
        }
    }

    /// What stands in `x-amz-content-sha256` and in the canonical request; nothing where the body
    /// must be hashed to know.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Hex(digest) => Some(digest),
            Self::Unsigned => Some("UNSIGNED-PAYLOAD"),
            Self::SignedChunks => Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            Self::SignedChunksTrailer => Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
            Self::UnsignedChunksTrailer => Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            Self::OfBody => None,
        }
    }
}

/// A signature and what it is said to be made of: words of the head where it says them plainly.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    credential: Cow<'a, str>,
    scope: Scope,
    /// When it was signed.
    pub at: Timestamp,
    /// The same as it is signed.
    written: moment::Text,
    /// `X-Amz-Expires`: seconds of validity, of presigned requests only.
    pub expires: Option<u64>,
    signed_headers: Cow<'a, str>,
    /// 64 lower-case hexadecimal digits.
    pub signature: Cow<'a, str>,
    /// How the body is covered.
    pub payload: Payload,
    /// `X-Amz-Security-Token`, of temporary credentials.
    pub session_token: Option<Cow<'a, str>>,
    /// Signed in the query rather than the `Authorization` header.
    pub presigned: bool,
}

impl Claim<'_> {
    /// Whose key.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.credential[..self.scope.access_key]
    }

    /// The scope's day, `yyyymmdd`.
    #[must_use]
    pub fn date(&self) -> &str {
        &self.credential[self.scope.access_key + 1..self.scope.date]
    }

    /// The scope's region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.credential[self.scope.date + 1..self.scope.region]
    }

    /// The scope's service (`s3`, `sagemaker`, `monitoring`, …).
    #[must_use]
    pub fn service(&self) -> &str {
        &self.credential[self.scope.region + 1..self.scope.service]
    }

    /// `KEY/yyyymmdd/region/service/aws4_request`: what a derived key belongs to.
    pub(super) fn credential(&self) -> &str {
        &self.credential
    }

    /// `yyyymmdd/region/service/aws4_request`.
    pub(super) fn scope(&self) -> &str {
        &self.credential[self.scope.access_key + 1..]
    }

    /// When it was signed, `yyyymmddThhmmssZ`.
    pub(super) fn written(&self) -> &str {
        self.written.as_str()
    }

    /// Lower-case, sorted, as sent: with semicolons between them.
    pub(super) fn signed_headers(&self) -> &str {
        &self.signed_headers
    }

    /// What the signature says of the body; nothing where the body must be hashed to know
    /// ([`Payload::OfBody`]).
    #[must_use]
    pub fn payload_hash(&self) -> Option<&str> {
        self.payload.word()
    }
}

/// Reads the `Authorization` header or the presigned query; nothing where neither is there.
pub fn read<'a>(head: &Head<'a>) -> Result<Option<Claim<'a>>, AuthError> {
    let has = |name| values(head.query, name).next().is_some();
    let presigned = has("X-Amz-Algorithm") || has("X-Amz-Signature") || has("X-Amz-Credential");
    let version_2 = has("AWSAccessKeyId") && has("Signature");
    let mut headers = head.headers.get_all(AUTHORIZATION).iter();
    match (headers.next(), headers.next()) {
        (None, _) if presigned && version_2 => Err(AuthError::Ambiguous),
        (None, _) if presigned => from_query(head).map(Some),
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(AuthError::Ambiguous),
        (Some(_), None) if presigned || version_2 => Err(AuthError::Ambiguous),
        (Some(value), None) => from_header(head, value).map(Some),
    }
}

fn from_header<'a>(head: &Head<'a>, value: &'a HeaderValue) -> Result<Claim<'a>, AuthError> {
    let malformed = |what: &str| AuthError::Header(what.to_owned());
    let text = value.to_str().map_err(|_| malformed("it is not text."))?;
    let parts = text.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix([' ', '\t']));
    let parts = parts.ok_or(AuthError::Unsupported)?;
    let at = moment::of(head.headers).ok_or_else(|| {
        malformed("it requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    })?;
    let payload = content_hash(head.headers)?.unwrap_or(Payload::OfBody);
    let [credential, signed_headers, signature] =
        words(parts).map_err(|name| malformed(&format!("it must have '{name}' once.")))?;
    Parts {
        credential: credential.into(),
        signed_headers: signed_headers.into(),
        signature: signature.into(),
    }
    .claim(at, None, payload, token(head.headers))
    .map_err(AuthError::Header)
}

/// The three words of an `Authorization` header, or the name of one that is not there once.
fn words(parts: &str) -> Result<[&str; 3], &'static str> {
    const NAMES: [&str; 3] = ["Credential", "SignedHeaders", "Signature"];
    let mut found = [None; 3];
    for (name, value) in parts.split(',').filter_map(|part| part.trim().split_once('=')) {
        let Some(at) = NAMES.iter().position(|wanted| *wanted == name) else { continue };
        if found[at].replace(value).is_some() {
            return Err(NAMES[at]);
        }
    }
    let [credential, signed_headers, signature] = found;
    Ok([credential.ok_or(NAMES[0])?, signed_headers.ok_or(NAMES[1])?, signature.ok_or(NAMES[2])?])
}

fn from_query<'a>(head: &Head<'a>) -> Result<Claim<'a>, AuthError> {
    let once = |name: &'static str| {
        let mut found = values(head.query, name);
        match (found.next(), found.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(AuthError::Query(format!(
                "Query-string authentication version 4 requires the {name} parameter, once."
            ))),
        }
    };
    if once("X-Amz-Algorithm")? != ALGORITHM {
        return Err(AuthError::Query(format!("X-Amz-Algorithm only supports \"{ALGORITHM}\"")));
    }
    let at = moment::parse(&once("X-Amz-Date")?).ok_or_else(|| {
        AuthError::Query(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"".into(),
        )
    })?;
    let expires = expires(&once("X-Amz-Expires")?)?;
    let token = match values(head.query, "X-Amz-Security-Token").next() {
        Some(_) => Some(once("X-Amz-Security-Token")?.into()),
        None => token(head.headers),
    };
    let parts = Parts {
        credential: once("X-Amz-Credential")?.into(),
        signed_headers: once("X-Amz-SignedHeaders")?.into(),
        signature: once("X-Amz-Signature")?.into(),
    };
    let mut claim =
        parts.claim(at, Some(expires), Payload::OfBody, token).map_err(AuthError::Query)?;
    claim.payload = presigned_payload(head, claim.service())?;
    Ok(claim)
}

fn expires(text: &str) -> Result<u64, AuthError> {
    let seconds: i64 = text
        .parse()
        .map_err(|_| AuthError::Query("X-Amz-Expires should be a number".to_owned()))?;
    match u64::try_from(seconds) {
        Ok(seconds) if seconds <= LONGEST_EXPIRES => Ok(seconds),
        Ok(_) => Err(AuthError::Lifetime(format!(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires \
             must be less than {LONGEST_EXPIRES} seconds"
        ))),
        Err(_) => Err(AuthError::Lifetime("X-Amz-Expires must be non-negative".to_owned())),
    }
}

/// S3 presigns without knowing the body; the others cover it.
fn presigned_payload(head: &Head<'_>, service: &str) -> Result<Payload, AuthError> {
    if let Some(payload) = content_hash(head.headers)? {
        return Ok(payload);
    }
    match values(head.query, "X-Amz-Content-Sha256").next() {
        Some(word) => Payload::parse(&word),
        None if service == "s3" => Ok(Payload::Unsigned),
        None => Ok(Payload::OfBody),
    }
}

fn content_hash(headers: &HeaderMap) -> Result<Option<Payload>, AuthError> {
    let mut found = headers.get_all(&CONTENT_HASH).iter();
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let word = value.to_str().map_err(|_| AuthError::ContentHash)?;
            Payload::parse(word).map(Some)
        }
        (Some(_), Some(_)) => Err(AuthError::ContentHash),
    }
}

fn token(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    headers.get(&SECURITY_TOKEN)?.to_str().ok().map(Cow::Borrowed)
}

fn is_digest(text: &str) -> bool {
    // Without a way out of the loop, for then many bytes are looked at in one step.
    let digits = |all, byte| all & matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 64 && text.bytes().fold(true, digits)
}

/// What header, query and form have in common.
pub(super) struct Parts<'a> {
    pub(super) credential: Cow<'a, str>,
    pub(super) signed_headers: Cow<'a, str>,
    pub(super) signature: Cow<'a, str>,
}

impl<'a> Parts<'a> {
    pub(super) fn claim(
        self,
        at: Timestamp,
        expires: Option<u64>,
        payload: Payload,
        session_token: Option<Cow<'a, str>>,
    ) -> Result<Claim<'a>, String> {
        let Self { credential, signed_headers, signature } = self;
        let scope = Scope::of(&credential)?;
        let written = moment::Text::of(at);
        let presigned = expires.is_some();
        let claim = Claim {
            credential,
            scope,
            at,
            written,
            expires,
            signed_headers,
            signature,
            payload,
            session_token,
            presigned,
        };
        if written.day() != claim.date() {
            let date = claim.date();
            return Err(format!(
                "Invalid credential date \"{date}\". It is not that of the request."
            ));
        }
        if !is_digest(&claim.signature) {
            return Err("the signature is not 64 lower-case hexadecimal digits.".to_owned());
        }
        if !are_header_names(&claim.signed_headers) {
            return Err("SignedHeaders must be lower-case and sorted.".to_owned());
        }
        Ok(claim)
    }
}

/// Where the words of a credential end.
#[derive(Clone, Copy, Debug)]
struct Scope {
    access_key: usize,
    date: usize,
    region: usize,
    service: usize,
}

impl Scope {
    /// Access keys have no slash, so five words it is.
    fn of(credential: &str) -> Result<Self, String> {
        let malformed = || {
            format!(
                "the Credential is mal-formed; expecting \
                 \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/{TERMINATOR}\"."
            )
        };
        let places = credential.bytes().enumerate();
        let mut ends = places.filter(|(_, byte)| *byte == b'/').map(|(end, _)| end);
        let four = (ends.next(), ends.next(), ends.next(), ends.next(), ends.next());
        let (Some(access_key), Some(date), Some(region), Some(service), None) = four else {
            return Err(malformed());
        };
        let empty = access_key == 0
            || date == access_key + 1
            || region == date + 1
            || service == region + 1;
        if empty || &credential[service + 1..] != TERMINATOR {
            return Err(malformed());
        }
        Ok(Self { access_key, date, region, service })
    }
}

fn are_header_names(text: &str) -> bool {
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    lower && names(text).is_sorted_by(|one, next| one < next)
}

/// The bytes of each name in a list with semicolons between them.
pub(super) fn names(signed_headers: &str) -> impl Iterator<Item = &[u8]> {
    signed_headers.as_bytes().split(|byte| *byte == b';')
}

/// Whether a query carries members of a signature, of either version: they must not reach those
/// who read the query afterwards.
#[must_use]
pub fn is_signature_field(name: &str) -> bool {
    const OF_SIGNATURES: [&str; 11] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
        "X-Amz-Content-Sha256",
        "AWSAccessKeyId",
        "Signature",
        "Expires",
    ];
    OF_SIGNATURES.contains(&name)
}

/// The query without the members of its signature, still raw.
#[must_use]
pub fn unsigned_query(query: &str) -> String {
    let kept: Vec<&str> = query
        .split('&')
        .filter(|field| fields(field).all(|(name, _)| !is_signature_field(name)))
        .collect();
    kept.join("&")
}
