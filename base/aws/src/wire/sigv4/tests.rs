//! Published signatures, and a signer against the verifier with every part changed once.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, Request};
use proptest::prelude::*;
use types::Timestamp;

use super::*;
use crate::wire::AuthError;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn credentials(service: &str) -> Credentials {
    Credentials {
        access_key: "AKIDEXAMPLE".into(),
        secret: SECRET.into(),
        session_token: None,
        region: "us-east-1".into(),
        service: service.into(),
    }
}

fn now() -> Timestamp {
    moment::parse("20150830T123600Z").unwrap()
}

/// A request as a server sees it, owned so that a test may change any part.
#[derive(Clone)]
struct Received {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
}

impl Received {
    fn signed(method: &str, uri: &str, headers: &[(&'static str, &str)], service: &str) -> Self {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let payload = Payload::Hex("a".repeat(64));
        sign(&mut parts, &credentials(service), now(), &payload).unwrap();
        Self {
            method: method.into(),
            path: parts.uri.path().into(),
            query: parts.uri.query().unwrap_or_default().into(),
            headers: parts.headers,
        }
    }

    fn head(&self) -> Head<'_> {
        Head { method: &self.method, path: &self.path, query: &self.query, headers: &self.headers }
    }

    fn check(&self, at: Timestamp, body: &str) -> Result<Verified, AuthError> {
        let claim = read(&self.head())?.ok_or(AuthError::Missing)?;
        let key = SigningKeys::default().get(&claim, &SECRET.into());
        let hash = claim.payload_hash().unwrap_or(body).to_owned();
        verify(&self.head(), &claim, &key, at, &hash)
    }

    fn checked(&self) -> Result<(), AuthError> {
        self.check(now(), &"a".repeat(64)).map(drop)
    }
}

/// The example of AWS's signing pages: IAM ListUsers of 30 August 2015.
#[test]
fn the_published_request_has_the_published_signature() {
    let mut headers = HeaderMap::new();
    headers.insert(
        "content-type",
        "application/x-www-form-urlencoded; charset=utf-8".parse().unwrap(),
    );
    headers.insert("host", "iam.amazonaws.com".parse().unwrap());
    headers.insert("x-amz-date", "20150830T123600Z".parse().unwrap());
    let authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, \
         Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
    headers.insert("authorization", authorization.parse().unwrap());
    let received = Received {
        method: "GET".into(),
        path: "/".into(),
        query: "Action=ListUsers&Version=2010-05-08".into(),
        headers,
    };
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert!(received.check(now(), empty).is_ok());
    assert_eq!(received.check(now(), &"0".repeat(64)).unwrap_err(), AuthError::Mismatch);
}

/// The example of S3's "query parameters" page.
#[test]
fn the_published_presigned_url_is_good_for_its_day() {
    let mut headers = HeaderMap::new();
    headers.insert("host", "examplebucket.s3.amazonaws.com".parse().unwrap());
    let received = Received {
        method: "GET".into(),
        path: "/test.txt".into(),
        query: "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524\
                %2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400\
                &X-Amz-SignedHeaders=host&X-Amz-Signature=\
                aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
            .into(),
        headers,
    };
    let claim = read(&received.head()).unwrap().unwrap();
    let key = SigningKey::derive(
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "20130524",
        "us-east-1",
        "s3",
    );
    let check =
        |at: Timestamp| verify(&received.head(), &claim, &key, at, "UNSIGNED-PAYLOAD").map(drop);
    let signed = moment::parse("20130524T000000Z").unwrap();
    assert_eq!(check(signed), Ok(()));
    assert_eq!(check(signed + Duration::from_hours(24)), Ok(()));
    assert_eq!(check(signed + Duration::from_secs(86_401)), Err(AuthError::Expired));
    let before = moment::parse("20130523T234459Z").unwrap();
    assert_eq!(check(before), Err(AuthError::NotYetValid));
}

fn example() -> Received {
    let headers =
        [("host", "127.0.0.1:4599"), ("content-type", "text/csv"), ("x-amz-acl", "private")];
    Received::signed("PUT", "/bucket/a%20b/c?versionId=7&tagging", &headers, "s3")
}

#[test]
fn a_clock_may_be_a_quarter_of_an_hour_off_and_no_more() {
    let minutes = |minutes: u64| Duration::from_mins(minutes);
    let example = example();
    assert!(example.check(now() + minutes(15), "").is_ok());
    assert_eq!(example.check(now() + minutes(16), "").unwrap_err(), AuthError::Skewed);
    let early = Timestamp::from_micros(now().micros() - 16 * 60 * 1_000_000);
    assert_eq!(example.check(early, "").unwrap_err(), AuthError::Skewed);
}

#[test]
fn an_added_amz_header_is_refused_and_one_of_the_sdks_is_not() {
    let mut changed = example();
    changed.headers.insert("amz-sdk-request", "attempt=1".parse().unwrap());
    assert_eq!(changed.checked(), Ok(()));
    changed.headers.insert("x-amz-copy-source", "/other/key".parse().unwrap());
    assert_eq!(changed.checked(), Err(AuthError::Unsigned(vec!["x-amz-copy-source".into()])));
}

#[test]
fn a_second_value_of_a_signed_header_is_refused() {
    let mut changed = example();
    changed.headers.append("x-amz-acl", "public-read".parse().unwrap());
    assert_eq!(changed.checked(), Err(AuthError::Mismatch));
}

#[test]
fn two_ways_of_signing_at_once_are_refused() {
    let mut changed = example();
    changed.query.push_str("&X-Amz-Signature=0");
    assert_eq!(changed.checked(), Err(AuthError::Ambiguous));
    let mut changed = example();
    let again = changed.headers["authorization"].clone();
    changed.headers.append("authorization", again);
    assert_eq!(changed.checked(), Err(AuthError::Ambiguous));
    let mut changed = example();
    changed.query.push_str("&AWSAccessKeyId=a&Signature=b&Expires=1");
    assert_eq!(changed.checked(), Err(AuthError::Ambiguous));
}

#[test]
fn other_algorithms_and_malformed_headers_are_told_apart() {
    let with = |authorization: &str| {
        let mut changed = example();
        changed.headers.insert("authorization", authorization.parse().unwrap());
        changed.checked().unwrap_err()
    };
    assert_eq!(with("AWS AKIA:abc="), AuthError::Unsupported);
    assert_eq!(with("AWS4-ECDSA-P256-SHA256 Credential=a"), AuthError::Unsupported);
    assert_eq!(with("Basic QVdTOnNlY3JldA=="), AuthError::Unsupported);
    assert!(matches!(with("AWS4-HMAC-SHA256 Credential=a"), AuthError::Header(_)));
    let old = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150829/us-east-1/s3/aws4_request, \
               SignedHeaders=host, Signature=";
    assert!(matches!(with(&format!("{old}{}", "0".repeat(64))), AuthError::Header(_)));
}

#[test]
fn nothing_presented_is_no_claim() {
    let headers = HeaderMap::new();
    let head = Head { method: "GET", path: "/", query: "list-type=2", headers: &headers };
    assert!(read(&head).unwrap().is_none());
}

fn presigned(expires: u64) -> Received {
    let mut headers = HeaderMap::new();
    headers.insert("host", "127.0.0.1:4599".parse().unwrap());
    let mut received = Received {
        method: "GET".into(),
        path: "/bucket/key".into(),
        query: "response-content-type=text%2Fcsv".into(),
        headers,
    };
    received.query = presign(&received.head(), &credentials("s3"), now(), expires);
    received
}

#[test]
fn a_presigned_request_is_good_for_at_most_a_week() {
    assert_eq!(presigned(604_800).checked(), Ok(()));
    assert!(matches!(presigned(604_801).checked(), Err(AuthError::Lifetime(_))));
    let mut changed = presigned(60);
    for (text, refused) in [
        ("-7", AuthError::Lifetime("X-Amz-Expires must be non-negative".into())),
        ("soon", AuthError::Query("X-Amz-Expires should be a number".into())),
    ] {
        changed.query = presigned(60).query.replace("Expires=60", &format!("Expires={text}"));
        assert_eq!(changed.checked(), Err(refused));
    }
    changed = presigned(60);
    changed.query = changed.query.replace("Expires=60", "Expires=600");
    assert_eq!(changed.checked(), Err(AuthError::Mismatch));
    changed = presigned(60);
    changed.query.push_str("&X-Amz-Expires=600");
    assert!(matches!(changed.checked(), Err(AuthError::Query(_))));
    changed = presigned(60);
    changed.headers.insert("x-amz-acl", "public-read".parse().unwrap());
    assert_eq!(changed.checked(), Err(AuthError::Unsigned(vec!["x-amz-acl".into()])));
}

#[test]
fn a_query_can_be_rid_of_its_signature() {
    assert_eq!(unsigned_query(&presigned(60).query), "response-content-type=text%2Fcsv");
}

#[test]
fn a_claimed_hash_cannot_be_exchanged_for_another() {
    let example = example();
    let claim = read(&example.head()).unwrap().unwrap();
    let key = SigningKeys::default().get(&claim, &SECRET.into());
    let other = verify(&example.head(), &claim, &key, now(), &"b".repeat(64));
    assert_eq!(other.unwrap_err(), AuthError::Mismatch);
}

#[test]
fn a_changed_secret_is_noticed_by_the_kept_keys() {
    let example = example();
    let claim = read(&example.head()).unwrap().unwrap();
    let keys = SigningKeys::default();
    let check = |secret| {
        let key = keys.get(&claim, &Arc::from(secret));
        verify(&example.head(), &claim, &key, now(), claim.payload_hash().unwrap()).is_ok()
    };
    assert!(check(SECRET));
    assert!(!check("another"));
    assert!(check(SECRET));
}

proptest! {
    #[test]
    fn what_our_signer_signs_is_right(
        method in "GET|PUT|POST|DELETE|HEAD",
        path in "(/[a-zA-Z0-9._~!$'()*+,;=:@-]{0,8}|/%[0-9A-F]{2}){1,5}",
        query in "([a-z]{1,3}(=[a-zA-Z0-9+.~-]{0,5})?(&|%26)){0,4}",
        value in "[!-~]([ -~]{0,20}[!-~])?",
        service in "s3|sagemaker|iam",
    ) {
        let headers = [("host", "localhost:1"), ("x-amz-meta-a", value.as_str())];
        let received = Received::signed(&method, &format!("{path}?{query}"), &headers, &service);
        prop_assert_eq!(received.checked(), Ok(()));
    }

    #[test]
    fn no_part_of_a_signed_request_can_be_changed(
        part in 0..5usize,
        place in any::<prop::sample::Index>(),
        letter in "[a-z]",
    ) {
        let mut changed = example();
        let letter = letter.as_str();
        let swap = |text: &str| {
            let at = place.index(text.len());
            let swapped = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
            (swapped != text).then_some(swapped)
        };
        let done = match part {
            0 => swap(&changed.method).map(|text| changed.method = text),
            1 => swap(&changed.path[1..]).map(|text| changed.path = format!("/{text}")),
            2 => swap(&changed.query).map(|text| changed.query = text),
            _ => {
                let name = ["x-amz-acl", "host"][part - 3];
                swap(changed.headers[name].to_str().unwrap())
                    .map(|text| drop(changed.headers.insert(name, text.parse().unwrap())))
            }
        };
        prop_assume!(done.is_some());
        // A letter for the separator of two fields, or for a digit of an escape, is a change too.
        prop_assert!(changed.checked().is_err());
    }

    #[test]
    fn no_header_or_query_makes_it_panic(
        authorization in "(AWS4-HMAC-SHA256 )?[ -~]{0,120}",
        query in "(X-Amz-[A-Za-z]{1,10}=[ -~]{0,10}&){0,6}",
    ) {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", authorization.parse().unwrap());
        let _ = read(&Head { method: "GET", path: "/", query: "", headers: &headers });
        let none = HeaderMap::new();
        let _ = read(&Head { method: "GET", path: "/", query: &query, headers: &none });
    }
}
