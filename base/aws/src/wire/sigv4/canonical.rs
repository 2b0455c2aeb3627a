//! The canonical form of a request: what both sides hash.

use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::{ALGORITHM, Head};
use crate::wire::{
    AuthError,
    escape::{decode, decode_field, encode, encode_path, fields},
};

/// What is hashed of a request, in bytes, for header values need not be text.
pub fn request(
    head: &Head<'_>,
    service: &str,
    signed_headers: &[String],
    payload_hash: &str,
) -> Result<Vec<u8>, AuthError> {
    let mut form = Vec::with_capacity(512);
    for line in [head.method, &path(head.path, service), &query(head.query)] {
        form.extend_from_slice(line.as_bytes());
        form.push(b'\n');
    }
    for name in signed_headers {
        header(head.headers, name, &mut form)?;
    }
    form.push(b'\n');
    form.extend_from_slice(signed_headers.join(";").as_bytes());
    form.push(b'\n');
    form.extend_from_slice(payload_hash.as_bytes());
    Ok(form)
}

/// What is signed of a canonical request.
pub fn string_to_sign(at: &str, scope: &str, request: &[u8]) -> String {
    format!("{ALGORITHM}\n{at}\n{scope}\n{}", hex::encode(Sha256::digest(request)))
}

/// S3 signs each segment as its key is, encoded once. The others sign the path as sent, without
/// dots and doubled slashes, encoded once more.
fn path(raw: &str, service: &str) -> String {
    if service == "s3" {
        let segments: Vec<String> = raw.split('/').map(|part| encode(&decode(part))).collect();
        segments.join("/")
    } else {
        encode_path(&normal(raw))
    }
}

fn normal(raw: &str) -> String {
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
fn header(headers: &HeaderMap, name: &str, form: &mut Vec<u8>) -> Result<(), AuthError> {
    form.extend_from_slice(name.as_bytes());
    let mut separator = b':';
    for value in headers.get_all(name) {
        form.push(separator);
        collapse(value.as_bytes(), form);
        separator = b',';
    }
    if separator == b':' {
        return Err(AuthError::Mismatch);
    }
    form.push(b'\n');
    Ok(())
}

fn collapse(value: &[u8], form: &mut Vec<u8>) {
    let words = value.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            form.push(b' ');
        }
        form.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut form = Vec::new();
        header(&headers, "x-amz-meta", &mut form).unwrap();
        assert_eq!(form, b"x-amz-meta:a b,c\n");
        assert_eq!(header(&headers, "host", &mut form), Err(AuthError::Mismatch));
    }
}
