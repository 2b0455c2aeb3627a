//! Signature Version 2 in the query, which S3 clients still presign with on custom endpoints, and
//! in the forms of old web pages.
//!
//! The query is for GET, HEAD and PUT of S3 only: the caller refuses everything else. Its signature
//! covers the path and the `x-amz-*` headers, but of the query only what selects an operation or
//! changes an answer.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use types::Timestamp;

use super::{
    AuthError,
    escape::{decode_field, encode, fields, values},
    sigv4::Head,
};

/// The members of a query that are signed. Complete rather than minimal: one that a client does
/// not sign cannot be added by another.
const SIGNED_FIELDS: [&str; 48] = [
    "accelerate",
    "acl",
    "analytics",
    "append",
    "attributes",
    "cors",
    "defaultObjectAcl",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "position",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "select",
    "select-type",
    "session",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
    "metadataTable",
    "metadataConfiguration",
];

/// A presigned query of version 2.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whose key.
    pub access_key: String,
    /// Base64 of the HMAC-SHA1.
    pub signature: String,
    /// Epoch seconds after which it is void.
    pub expires: i64,
    /// `x-amz-security-token`, of temporary credentials.
    pub session_token: Option<String>,
}

/// Reads `AWSAccessKeyId`, `Signature` and `Expires`; nothing where the first two are not there.
pub fn read(head: &Head<'_>) -> Result<Option<Claim>, AuthError> {
    let there = |name| values(head.query, name).next().is_some();
    if !there("AWSAccessKeyId") && !there("Signature") {
        return Ok(None);
    }
    if head.headers.contains_key("authorization") {
        return Err(AuthError::Ambiguous);
    }
    let once = |name: &'static str| {
        let mut found = values(head.query, name);
        match (found.next(), found.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(AuthError::Query(format!(
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId \
                 parameters; {name} must be there once."
            ))),
        }
    };
    let expires = once("Expires")?.parse().map_err(|_| {
        AuthError::Query("Invalid date (should be seconds since epoch): Expires".into())
    })?;
    Ok(Some(Claim {
        access_key: once("AWSAccessKeyId")?,
        signature: once("Signature")?,
        expires,
        session_token: amz_headers(head).remove(TOKEN),
    }))
}

const TOKEN: &str = "x-amz-security-token";

/// Checks `claim`. The path of `head` must begin with the bucket; where the bucket came in the host
/// name, the caller puts it in front.
pub fn verify(
    head: &Head<'_>,
    claim: &Claim,
    secret: &str,
    now: Timestamp,
) -> Result<(), AuthError> {
    if now > Timestamp::from_micros(claim.expires.saturating_mul(1_000_000)) {
        return Err(AuthError::Expired);
    }
    let right = signature(head, secret, claim.expires);
    if bool::from(right.as_bytes().ct_eq(claim.signature.as_bytes())) {
        Ok(())
    } else {
        Err(AuthError::Mismatch)
    }
}

/// Checks the signature in a form over its policy's base64 text, which covers nothing else.
pub fn verify_policy(policy: &str, signature: &str, secret: &str) -> Result<(), AuthError> {
    let right = sign_policy(policy, secret);
    if bool::from(right.as_bytes().ct_eq(signature.as_bytes())) {
        Ok(())
    } else {
        Err(AuthError::Mismatch)
    }
}

/// The signature of a policy's base64 text.
#[must_use]
pub fn sign_policy(policy: &str, secret: &str) -> String {
    hmac(secret, policy)
}

/// The query of a presigned request that is void at `expires` (epoch seconds).
#[must_use]
pub fn presign(head: &Head<'_>, access_key: &str, secret: &str, expires: i64) -> String {
    let signature = encode(signature(head, secret, expires).as_bytes());
    let access_key = encode(access_key.as_bytes());
    let separator = if head.query.is_empty() { "" } else { "&" };
    format!(
        "{}{separator}AWSAccessKeyId={access_key}&Signature={signature}&Expires={expires}",
        head.query
    )
}

fn signature(head: &Head<'_>, secret: &str, expires: i64) -> String {
    let mut text = format!(
        "{}\n{}\n{}\n{expires}\n",
        head.method,
        header(head, "content-md5"),
        header(head, "content-type"),
    );
    for (name, value) in amz_headers(head) {
        text.extend([&name, ":", &value, "\n"]);
    }
    text.push_str(head.path);
    text.push_str(&resource_query(head.query));
    hmac(secret, &text)
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn hmac(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A header, or the member of the query that a presigning client made of it.
fn header(head: &Head<'_>, name: &str) -> String {
    match head.headers.get(name) {
        Some(value) => String::from_utf8_lossy(value.as_bytes()).trim().to_owned(),
        None => values(head.query, name).next().unwrap_or_default(),
    }
}

/// All `x-amz-*` headers, sorted; clients move those they presign with into the query.
fn amz_headers(head: &Head<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, value) in fields(head.query) {
        let name = String::from_utf8_lossy(&decode_field(name)).to_ascii_lowercase();
        if name.starts_with("x-amz-") {
            let value = String::from_utf8_lossy(&decode_field(value)).into_owned();
            found.entry(name).or_insert(value);
        }
    }
    for name in head.headers.keys().filter(|name| name.as_str().starts_with("x-amz-")) {
        let all: Vec<String> = head
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
            .collect();
        found.insert(name.as_str().to_owned(), all.join(","));
    }
    found
}

/// `?acl&versionId=…`, sorted, values decoded.
fn resource_query(query: &str) -> String {
    let mut signed: Vec<(String, String)> = fields(query)
        .map(|(name, value)| {
            let decoded = |text| String::from_utf8_lossy(&decode_field(text)).into_owned();
            (decoded(name), decoded(value))
        })
        .filter(|(name, _)| SIGNED_FIELDS.contains(&name.as_str()))
        .collect();
    signed.sort_unstable();
    let joined: Vec<String> = signed
        .into_iter()
        .map(|(name, value)| if value.is_empty() { name } else { format!("{name}={value}") })
        .collect();
    if joined.is_empty() { String::new() } else { format!("?{}", joined.join("&")) }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn head<'a>(
        method: &'a str,
        path: &'a str,
        query: &'a str,
        headers: &'a HeaderMap,
    ) -> Head<'a> {
        Head { method, path, query, headers }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    /// Made by botocore 1.44.5 with the key `secret` and the token `t/+=`.
    #[test]
    fn what_botocore_presigns_is_good() {
        let query = "versionId=7&AWSAccessKeyId=AKIA&Signature=fP7rWSix2leZotMJ%2FTAbbIp3ML8%3D\
                     &content-type=text%2Fcsv&x-amz-security-token=t%2F%2B%3D&Expires=2000";
        assert_eq!(check("PUT", "/b/a%20b", query, &HeaderMap::new()), Ok(()));
    }

    fn check(method: &str, path: &str, query: &str, headers: &HeaderMap) -> Result<(), AuthError> {
        let head = head(method, path, query, headers);
        let claim = read(&head)?.expect("a presigned query");
        verify(&head, &claim, "secret", at(1_000))
    }

    #[test]
    fn a_presigned_get_is_good_until_it_expires_and_for_nothing_else() {
        let headers = HeaderMap::new();
        let plain = head("GET", "/b/k", "versionId=7", &headers);
        let query = presign(&plain, "AKIA", "secret", 1_000);
        assert_eq!(check("GET", "/b/k", &query, &headers), Ok(()));
        assert_eq!(check("PUT", "/b/k", &query, &headers), Err(AuthError::Mismatch));
        assert_eq!(check("GET", "/b/other", &query, &headers), Err(AuthError::Mismatch));
        let other = query.replace("versionId=7", "versionId=8");
        assert_eq!(check("GET", "/b/k", &other, &headers), Err(AuthError::Mismatch));
        let added = format!("{query}&acl");
        assert_eq!(check("GET", "/b/k", &added, &headers), Err(AuthError::Mismatch));
        let late = presign(&plain, "AKIA", "secret", 999);
        assert_eq!(check("GET", "/b/k", &late, &headers), Err(AuthError::Expired));
    }

    /// Made by Python's `hmac` with the key `secret`.
    #[test]
    fn a_policy_is_good_with_its_own_signature_only() {
        let signature = "nmIRzb4eKJU+a8tuS+H5Eo4wYBI=";
        assert_eq!(verify_policy("eyJ9", signature, "secret"), Ok(()));
        assert_eq!(verify_policy("eyJ8", signature, "secret"), Err(AuthError::Mismatch));
        assert_eq!(verify_policy("eyJ9", "", "secret"), Err(AuthError::Mismatch));
    }

    #[test]
    fn an_added_amz_header_is_refused() {
        let mut headers = HeaderMap::new();
        let query = presign(&head("PUT", "/b/k", "", &headers), "AKIA", "secret", 2_000);
        assert_eq!(check("PUT", "/b/k", &query, &headers), Ok(()));
        headers.insert("x-amz-copy-source", "/b/secret".parse().unwrap());
        assert_eq!(check("PUT", "/b/k", &query, &headers), Err(AuthError::Mismatch));
    }

    #[test]
    fn a_token_and_a_type_that_the_client_moved_into_the_query_count_as_headers() {
        let mut signed = HeaderMap::new();
        signed.insert(TOKEN, "t/+=".parse().unwrap());
        signed.insert("content-type", "text/csv".parse().unwrap());
        let query = presign(&head("PUT", "/b/k", "", &signed), "AKIA", "secret", 2_000);
        let query = format!("{query}&x-amz-security-token=t%2F%2B%3D&content-type=text%2Fcsv");
        let none = HeaderMap::new();
        assert_eq!(check("PUT", "/b/k", &query, &none), Ok(()));
        let claim = read(&head("PUT", "/b/k", &query, &none)).unwrap().unwrap();
        assert_eq!(claim.session_token.as_deref(), Some("t/+="));
    }
}
