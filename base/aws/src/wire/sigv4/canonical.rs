//! The canonical form of a request: what both sides hash.
//!
//! It is fed to the hash piece by piece and never stands in memory.

use std::borrow::Cow;

use http::HeaderMap;
use sha2::{Digest, Sha256, digest::Update};

use super::{ALGORITHM, Head, HexDigest, SigningKey};
use crate::wire::{
    AuthError,
    escape::{decode, decode_field, encode, encoded, encoded_path, fields},
};

/// The hash of a request. `signed_headers` are names with semicolons between them.
pub fn digest(
    head: &Head<'_>,
    service: &str,
    signed_headers: &str,
    payload_hash: &str,
) -> Result<HexDigest, AuthError> {
    let mut hash = Sha256::new();
    request(head, service, signed_headers, payload_hash, &mut hash)?;
    Ok(HexDigest::from(hash))
}

/// What is hashed of a request, in bytes, for header values need not be text.
fn request(
    head: &Head<'_>,
    service: &str,
    signed_headers: &str,
    payload_hash: &str,
    form: &mut impl Update,
) -> Result<(), AuthError> {
    form.update(head.method.as_bytes());
    form.update(b"\n");
    path(head.path, service, form);
    form.update(b"\n");
    form.update(query(head.query).as_bytes());
    form.update(b"\n");
    for name in signed_headers.split(';') {
        header(head.headers, name, form)?;
    }
    for part in ["\n", signed_headers, "\n", payload_hash] {
        form.update(part.as_bytes());
    }
    Ok(())
}

/// The signature of a canonical request that has this hash.
pub fn signature(key: &SigningKey, at: &str, scope: &str, request: &HexDigest) -> HexDigest {
    key.sign(&[ALGORITHM, "\n", at, "\n", scope, "\n", request.as_str()])
}

/// S3 signs each segment as its key is, encoded once. The others sign the path as sent, without
/// dots and doubled slashes, encoded once more.
fn path(raw: &str, service: &str, form: &mut impl Update) {
    if service == "s3" {
        for (index, part) in raw.split('/').enumerate() {
            if index > 0 {
                form.update(b"/");
            }
            encoded(&decode(part)).for_each(|piece| form.update(piece.as_bytes()));
        }
    } else {
        encoded_path(&normal(raw)).for_each(|piece| form.update(piece.as_bytes()));
    }
}

/// Whether a path has neither dots nor doubled slashes.
fn is_normal(raw: &str) -> bool {
    let Some(parts) = raw.as_bytes().strip_prefix(b"/") else { return false };
    let parts = parts.strip_suffix(b"/").unwrap_or(parts);
    parts.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
}

fn normal(raw: &str) -> Cow<'_, str> {
    if is_normal(raw) { Cow::Borrowed(raw) } else { Cow::Owned(normalised(raw)) }
}

fn normalised(raw: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in raw.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(part),
        }
    }
    let end = if raw.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

/// All fields but the signature itself, decoded, encoded our way and sorted.
fn query(raw: &str) -> String {
    let mut sorted: Vec<(String, String)> = fields(raw)
        .map(|(name, value)| (encode(&decode_field(name)), encode(&decode_field(value))))
        .filter(|(name, _)| name != "X-Amz-Signature")
        .collect();
    sorted.sort_unstable();
    let joined: Vec<String> =
        sorted.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    joined.join("&")
}

/// `name:value,value` with each value trimmed and its inner spaces made one.
fn header(headers: &HeaderMap, name: &str, form: &mut impl Update) -> Result<(), AuthError> {
    form.update(name.as_bytes());
    let mut separator = b":";
    for value in headers.get_all(name) {
        form.update(separator);
        collapse(value.as_bytes(), form);
        separator = b",";
    }
    if separator == b":" {
        return Err(AuthError::Mismatch);
    }
    form.update(b"\n");
    Ok(())
}

fn collapse(value: &[u8], form: &mut impl Update) {
    let words = value.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            form.update(b" ");
        }
        form.update(word);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Instead of the hash: what it would be fed.
    #[derive(Default)]
    struct Form(Vec<u8>);

    impl Update for Form {
        fn update(&mut self, data: &[u8]) {
            self.0.extend_from_slice(data);
        }
    }

    fn path(raw: &str, service: &str) -> String {
        let mut form = Form::default();
        super::path(raw, service, &mut form);
        String::from_utf8(form.0).unwrap()
    }

    #[test]
    fn s3_encodes_once_and_keeps_every_slash_and_dot() {
        assert_eq!(path("/b/a//../k%20%C3%BC", "s3"), "/b/a//../k%20%C3%BC");
        assert_eq!(path("/b/x(1)=y", "s3"), "/b/x%281%29%3Dy");
        assert_eq!(path("/b/a%2Fb", "s3"), "/b/a%2Fb");
    }

    #[test]
    fn the_others_encode_what_was_sent_once_more() {
        assert_eq!(
            path("/endpoints/a%20b/invocations", "sagemaker"),
            "/endpoints/a%2520b/invocations"
        );
        assert_eq!(path("//a/./b/../c/", "sts"), "/a/c/");
        assert_eq!(path("", "sts"), "/");
    }

    #[test]
    fn a_query_is_sorted_and_encoded_our_way() {
        assert_eq!(query("b=2&a=x/y&a=b+c&X-Amz-Signature=0&flag"), "a=b%20c&a=x%2Fy&b=2&flag=");
    }

    #[test]
    fn values_are_joined_trimmed_and_their_spaces_made_one() {
        let mut headers = HeaderMap::new();
        headers.append("x-amz-meta", "  a   b ".parse().unwrap());
        headers.append("x-amz-meta", "c".parse().unwrap());
        let mut form = Form::default();
        header(&headers, "x-amz-meta", &mut form).unwrap();
        assert_eq!(form.0, b"x-amz-meta:a b,c\n");
        assert_eq!(header(&headers, "host", &mut form), Err(AuthError::Mismatch));
    }

    proptest! {
        #[test]
        fn a_path_that_is_taken_as_it_is_needs_no_change(raw in "/?([a.]{0,3}/){0,4}[a.]{0,3}") {
            prop_assert_eq!(normal(&raw).into_owned(), normalised(&raw));
        }
    }
}
