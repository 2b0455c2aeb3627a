//! The four forms of a body, right and wrong. What is wrong leaves nothing behind.

use aws::sigv4::{self, Head, Payload, SigningKey};
use http::Method;

use super::client::{Ask, Client, ask};

const HELLO: &[u8] = b"hello world";
/// Of [`HELLO`].
const CRC32: &str = "DUoRhQ==";
const OTHER_CRC32: &str = "DUoRhg==";

fn put() -> Ask {
    ask(Method::PUT, "/data/key")
}

async fn refused(ask: Ask) -> (u16, String) {
    let client = Client::new().await;
    let got = client.send(ask).await;
    let (status, code) = got.error();
    assert_eq!(client.get("/data/key").await.error(), (404, "NoSuchKey"), "something was kept");
    (status, code.to_owned())
}

async fn accepted(ask: Ask, contents: &[u8]) {
    let client = Client::new().await;
    let put = client.send(ask).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let got = client.get("/data/key").await;
    assert_eq!(got.status, 200);
    assert_eq!(&got.body[..], contents);
    assert_eq!(got.header("content-encoding"), None, "aws-chunked is no encoding of the object");
}

#[tokio::test]
async fn a_signed_hash_is_compared() {
    accepted(put().body(HELLO).hashed(HELLO), HELLO).await;
    let wrong = refused(put().body(HELLO).hashed(b"hello there")).await;
    assert_eq!(wrong, (400, "XAmzContentSHA256Mismatch".to_owned()));
}

#[tokio::test]
async fn an_unsigned_payload_is_only_measured() {
    accepted(put().body(HELLO), HELLO).await;
    let short = refused(put().body(HELLO).header("content-length", "12")).await;
    assert_eq!(short, (400, "IncompleteBody".to_owned()));
    let long = refused(put().body(HELLO).header("content-length", "10")).await;
    assert_eq!(long, (400, "InvalidRequest".to_owned()));
    let untold = ask(Method::PUT, "/data/key").header("transfer-encoding", "chunked");
    assert_eq!(refused(untold).await, (411, "MissingContentLength".to_owned()));
}

#[tokio::test]
async fn a_trailer_is_compared() {
    accepted(put().framed(HELLO, &format!("x-amz-checksum-crc32:{CRC32}")), HELLO).await;
    let wrong = refused(put().framed(HELLO, &format!("x-amz-checksum-crc32:{OTHER_CRC32}"))).await;
    assert_eq!(wrong, (400, "BadDigest".to_owned()));
    let (status, _) = refused(put().framed(HELLO, "x-amz-checksum-crc32:nonsense")).await;
    assert_eq!(status, 400);
    let longer = put().framed(HELLO, &format!("x-amz-checksum-crc32:{CRC32}"));
    let longer = refused(longer.header("x-amz-decoded-content-length", "12")).await;
    assert_eq!(longer, (400, "IncompleteBody".to_owned()));
}

#[tokio::test]
async fn an_object_put_with_a_trailer_is_kept_with_that_checksum() {
    let client = Client::new().await;
    client.send(put().framed(HELLO, &format!("x-amz-checksum-crc32:{CRC32}"))).await;
    let listed = client.get("/data?list-type=2").await;
    assert_eq!(listed.element("ChecksumAlgorithm"), Some("CRC32"));
}

/// The example of AWS's page "Signature calculations: transferring payload in multiple chunks":
/// 65 KiB of `a` in chunks of 64 KiB.
mod example {
    use super::{Ask, Client, Head, Method, Payload, SigningKey, accepted, ask, sigv4};

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const SIGNATURES: [&str; 3] = [
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ];

    fn framed(contents: &[u8]) -> Vec<u8> {
        let (first, second) = contents.split_at(64 * 1024);
        let mut body = Vec::new();
        for (chunk, signature) in [first, second, &[]].into_iter().zip(SIGNATURES) {
            let head = format!("{:x};chunk-signature={signature}\r\n", chunk.len());
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        body
    }

    fn signed() -> (Payload, sigv4::Verified) {
        let headers = [
            ("host", "s3.amazonaws.com"),
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", "66560"),
            ("content-length", "66824"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/\
                 aws4_request,SignedHeaders=content-encoding;content-length;host;\
                 x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,\
                 Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
            ),
        ];
        let headers = headers
            .map(|(name, value)| {
                (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())
            })
            .into_iter()
            .collect();
        let path = "/examplebucket/chunkObject.txt";
        let head = Head { method: "PUT", path, query: "", headers: &headers };
        let claim = sigv4::read(&head).unwrap().unwrap();
        let key = SigningKey::derive(SECRET, "20130524", "us-east-1", "s3");
        let hash = claim.payload_hash().unwrap().to_owned();
        let verified = sigv4::verify(&head, &claim, &key, claim.at, &hash).unwrap();
        (claim.payload, verified)
    }

    fn upload(contents: &[u8]) -> Ask {
        let (payload, verified) = signed();
        assert_eq!(payload, Payload::SignedChunks);
        let mut upload = ask(Method::PUT, "/data/key")
            .body(framed(contents))
            .header("content-encoding", "aws-chunked")
            .header("x-amz-decoded-content-length", "66560");
        upload.payload = payload;
        upload.verified = Some(verified);
        upload
    }

    #[tokio::test]
    async fn signed_chunks_are_verified_one_by_one() {
        let contents = vec![b'a'; 65 * 1024];
        accepted(upload(&contents), &contents).await;
    }

    #[tokio::test]
    async fn one_byte_of_a_signed_chunk_cannot_be_changed() {
        for place in [0, 65 * 1024 - 1] {
            let mut contents = vec![b'a'; 65 * 1024];
            contents[place] = b'b';
            let client = Client::new().await;
            let got = client.send(upload(&contents)).await;
            assert_eq!(got.error(), (403, "SignatureDoesNotMatch"));
            assert_eq!(client.get("/data/key").await.status, 404);
        }
    }
}

#[tokio::test]
async fn the_document_of_a_bucket_is_checked_though_no_store_sees_it() {
    const XML: &[u8] = b"<Delete><Object><Key>key</Key></Object></Delete>";
    let client = Client::new().await;
    client.put("/data/key", HELLO).await;
    let delete = || ask(Method::POST, "/data?delete").body(XML);
    let wrong = client.send(delete().header("x-amz-checksum-crc32", OTHER_CRC32)).await;
    assert_eq!(wrong.error(), (400, "BadDigest"));
    let wrong = client.send(delete().header("content-md5", "CY9rzUYh03PK3k6DJie09g==")).await;
    assert_eq!(wrong.error(), (400, "BadDigest"));
    let wrong = client.send(delete().hashed(HELLO)).await;
    assert_eq!(wrong.error(), (400, "XAmzContentSHA256Mismatch"));
    assert_eq!(client.get("/data/key").await.status, 200);
    assert_eq!(client.send(delete().hashed(XML)).await.elements("Key"), ["key"]);
    assert_eq!(client.get("/data/key").await.status, 404);
}

#[tokio::test]
async fn headers_that_cannot_be_checksums_are_refused_before_the_body() {
    let cases = [
        ("x-amz-checksum-crc32", "AA==", (400, "InvalidRequest")),
        ("x-amz-checksum-xxhash64", "AAAAAAAAAAA=", (501, "NotImplemented")),
        ("x-amz-sdk-checksum-algorithm", "CRC7", (400, "InvalidRequest")),
        ("content-md5", "AA==", (400, "InvalidDigest")),
        ("content-length", "5368709121", (400, "EntityTooLarge")),
    ];
    for (name, value, (status, code)) in cases {
        let got = refused(put().body(HELLO).header(name, value)).await;
        assert_eq!(got, (status, code.to_owned()), "{name}: {value}");
    }
}
