//! Operations as clients see them.

use http::Method;

use super::client::{Client, ask};

const NASTY: [(&str, &str); 6] = [
    ("a%20b%2Bc/%C3%BC%2520%26%C3%A9.txt", "a%20b%2Bc/%C3%BC%2520%26%C3%A9.txt"),
    ("p//q", "p//q"),
    ("../up", "../up"),
    ("./dot", "./dot"),
    ("a/../b", "a/../b"),
    ("x%0Ay", "x%0Ay"),
];

#[tokio::test]
async fn nasty_keys_come_back_as_they_were() {
    let client = Client::new().await;
    for (path, _) in NASTY {
        assert_eq!(client.put(&format!("/data/{path}"), b"1").await.status, 200, "{path}");
    }
    for (path, listed) in NASTY {
        assert_eq!(client.get(&format!("/data/{path}")).await.status, 200, "{path}");
        for version in ["", "&list-type=2"] {
            let uri = format!("/data?encoding-type=url&prefix={path}{version}");
            let page = client.get(&uri).await;
            assert_eq!(page.elements("Key"), [listed]);
            // The first version's own prefix stays plain: boto3 decodes all but that.
            let encoded = page.elements("Prefix") == [listed];
            assert!(encoded || version.is_empty(), "{listed}");
            assert_eq!(page.element("EncodingType"), Some("url"));
        }
    }
}

#[tokio::test]
async fn lists_page_and_fold_without_loss() {
    let client = Client::new().await;
    for key in ["a", "b/1", "b/2", "c", "d/1", "e"] {
        client.put(&format!("/data/{key}"), b"1").await;
    }
    let (mut keys, mut token) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/data?list-type=2&max-keys=2&delimiter=/{token}")).await;
        keys.extend(page.elements("Key").iter().map(ToString::to_string));
        // The first is the prefix that was asked for.
        keys.extend(page.elements("Prefix")[1..].iter().map(ToString::to_string));
        match page.element("NextContinuationToken") {
            Some(next) => token = format!("&continuation-token={next}"),
            None => break,
        }
        assert_eq!(page.element("KeyCount"), Some("2"));
    }
    keys.sort();
    assert_eq!(keys, ["a", "b/", "c", "d/", "e"]);

    let first = client.get("/data?max-keys=2&delimiter=/").await;
    assert_eq!(first.element("NextMarker"), Some("b/"));
    let second = client.get("/data?max-keys=2&delimiter=/&marker=b/").await;
    assert_eq!((second.element("Key"), second.elements("Prefix")), (Some("c"), vec!["", "d/"]));
    assert_eq!(client.get("/data?max-keys=-1").await.error(), (400, "InvalidArgument"));
    let wrong = client.get("/data?list-type=2&continuation-token=!").await;
    assert_eq!(wrong.error(), (400, "InvalidArgument"));
    assert_eq!(client.get("/data?max-keys=0").await.element("IsTruncated"), Some("false"));
}

#[tokio::test]
async fn a_range_is_partial_content_and_carries_no_checksum_of_the_whole() {
    let client = Client::new().await;
    let put = ask(Method::PUT, "/data/key").body("hello world");
    let put = client.send(put.header("x-amz-checksum-crc32", "DUoRhQ==")).await;
    assert_eq!(put.header("etag"), Some("\"5eb63bbbe01eeed093cb22bb8f5acdc3\""));
    assert_eq!(put.header("x-amz-checksum-crc32"), Some("DUoRhQ=="));
    for method in [Method::GET, Method::HEAD] {
        let get = || ask(method.clone(), "/data/key").header("x-amz-checksum-mode", "ENABLED");
        let whole = client.send(get()).await;
        assert_eq!((whole.status.as_u16(), whole.header("content-length")), (200, Some("11")));
        assert_eq!(whole.header("x-amz-checksum-crc32"), Some("DUoRhQ=="));
        let part = client.send(get().header("range", "bytes=6-99")).await;
        assert_eq!((part.status.as_u16(), part.header("content-length")), (206, Some("5")));
        assert_eq!(part.header("content-range"), Some("bytes 6-10/11"));
        assert_eq!(part.header("x-amz-checksum-crc32"), None);
        assert_eq!(client.send(get().header("range", "bytes=11-")).await.status, 416);
        assert_eq!(client.send(get().header("range", "bytes=3-1")).await.status, 200);
    }
    let outside = client.send(ask(Method::GET, "/data/key").header("range", "bytes=11-")).await;
    assert_eq!(outside.error(), (416, "InvalidRange"));
    assert_eq!(outside.element("ActualObjectSize"), Some("11"));
}

#[tokio::test]
async fn conditions_answer_304_and_412() {
    let client = Client::new().await;
    let etag = client.put("/data/key", b"1").await.header("etag").unwrap().to_owned();
    let get = |name, value: &str| client.send(ask(Method::GET, "/data/key").header(name, value));
    assert_eq!(get("if-match", &etag).await.status, 200);
    assert_eq!(get("if-match", &format!("\"x\", {etag}")).await.status, 200);
    assert_eq!(get("if-match", "\"x\"").await.error(), (412, "PreconditionFailed"));
    let unmodified = get("if-none-match", &etag).await;
    assert_eq!((unmodified.status.as_u16(), unmodified.body.len()), (304, 0));
    assert_eq!(unmodified.header("etag"), Some(&*etag));
    let again = ask(Method::PUT, "/data/key").body("2").header("if-none-match", "*");
    assert_eq!(client.send(again).await.error(), (412, "PreconditionFailed"));
}

/// Bytes of a part that is not the last (AWS: 5 MiB).
const SMALLEST_PART: usize = 5 * 1024 * 1024;

#[tokio::test]
async fn an_upload_in_parts_becomes_one_object() {
    let client = Client::new().await;
    let begun = client.send(ask(Method::POST, "/data/big?uploads")).await;
    let id = begun.element("UploadId").unwrap();
    assert!(client.get("/data?uploads").await.elements("Key").contains(&"big"));
    let mut list = String::new();
    let head = "h".repeat(SMALLEST_PART);
    for (number, part) in [(1, head.clone()), (2, "world".to_owned())] {
        let uri = format!("/data/big?partNumber={number}&uploadId={id}");
        let etag = client.send(ask(Method::PUT, uri).body(part)).await;
        let etag = etag.header("etag").unwrap();
        list = format!("{list}<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    }
    let parts = client.get(&format!("/data/big?uploadId={id}&max-parts=1")).await;
    assert_eq!(parts.element("NextPartNumberMarker"), Some("1"));
    let complete = |list: &str| {
        let xml = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
        client.send(ask(Method::POST, format!("/data/big?uploadId={id}")).body(xml))
    };
    assert_eq!(complete("").await.error(), (400, "MalformedXML"));
    let done = complete(&list).await;
    assert_eq!((done.status.as_u16(), done.element("Key")), (200, Some("big")));
    assert!(client.get("/data/big").await.body == format!("{head}world"));
    let second = client.get("/data/big?partNumber=2").await;
    assert_eq!((second.status.as_u16(), &second.body[..]), (206, &b"world"[..]));
    assert_eq!(second.header("x-amz-mp-parts-count"), Some("2"));
    assert_eq!(client.get("/data/big?partNumber=3").await.error(), (416, "InvalidPartNumber"));
    let again = complete(&list).await;
    assert_eq!(again.header("etag"), done.header("etag"), "a repeated call answers the same");
    let attributes = ask(Method::GET, "/data/big?attributes");
    let attributes = attributes.header("x-amz-object-attributes", "ObjectSize,ObjectParts");
    let attributes = client.send(attributes).await;
    assert_eq!(attributes.element("ObjectSize"), Some("5242885"));
    assert_eq!(attributes.element("PartsCount"), Some("2"));
}

#[tokio::test]
async fn many_keys_are_deleted_and_each_refusal_is_named() {
    let client = Client::new().await;
    client.put("/data/a", b"1").await;
    let delete = |quiet: bool| {
        let xml = format!(
            "<Delete><Quiet>{quiet}</Quiet><Object><Key>a</Key></Object>\
             <Object><Key>forbidden</Key></Object></Delete>"
        );
        client.send(ask(Method::POST, "/data?delete").body(xml))
    };
    let loud = delete(false).await;
    assert_eq!(loud.elements("Key"), ["a", "forbidden"]);
    assert_eq!(loud.element("Code"), Some("AccessDenied"));
    assert_eq!(delete(true).await.elements("Key"), ["forbidden"]);
    assert_eq!(client.get("/data/a").await.status, 404);
}

#[tokio::test]
async fn copies_keep_or_replace_what_was_stored() {
    let client = Client::new().await;
    let put = ask(Method::PUT, "/data/a%20b").body("1").header("x-amz-meta-color", "red");
    client.send(put.header("content-type", "text/csv")).await;
    let copy = |to: &str| {
        ask(Method::PUT, format!("/data/{to}")).header("x-amz-copy-source", "/data/a%20b")
    };
    let copied = client.send(copy("kept")).await;
    assert_eq!((copied.status.as_u16(), copied.operation), (200, Some("CopyObject")));
    let kept = client.get("/data/kept").await;
    assert_eq!(kept.header("x-amz-meta-color"), Some("red"));
    assert_eq!(kept.header("content-type"), Some("text/csv"));
    client.send(copy("new").header("x-amz-metadata-directive", "REPLACE")).await;
    let replaced = client.get("/data/new").await;
    assert_eq!(replaced.header("x-amz-meta-color"), None);
    assert_eq!(replaced.header("content-type"), Some("binary/octet-stream"));
    assert_eq!(client.send(copy("a%20b")).await.error(), (400, "InvalidRequest"));
    let unmet = copy("x").header("x-amz-copy-source-if-match", "\"other\"");
    assert_eq!(client.send(unmet).await.error(), (412, "PreconditionFailed"));
}

#[tokio::test]
async fn only_the_owner_is_let_in_and_only_as_the_owner_that_was_expected() {
    let client = Client::new().await;
    client.put("/data/key", b"1").await;
    for account in [None, Some("999999999999")] {
        let got = client.send(ask(Method::GET, "/data/key").of(account)).await;
        assert_eq!(got.error(), (403, "AccessDenied"), "{account:?}");
    }
    let expecting =
        |owner| ask(Method::GET, "/data/key").header("x-amz-expected-bucket-owner", owner);
    assert_eq!(client.send(expecting(super::client::ACCOUNT)).await.status, 200);
    assert_eq!(client.send(expecting("999999999999")).await.error(), (403, "AccessDenied"));
    let denied = client.get("/data/forbidden").await;
    assert_eq!(denied.error(), (403, "AccessDenied"));
    assert!(denied.text().contains("s3:GetObject on resource: arn:aws:s3:::data/forbidden"));
}

#[tokio::test]
async fn errors_carry_ids_and_resource_and_a_head_has_no_body() {
    let client = Client::new().await;
    let missing = client.get("/data/none").await;
    assert_eq!(missing.error(), (404, "NoSuchKey"));
    assert_eq!(missing.element("Key"), Some("none"));
    assert_eq!(missing.element("Resource"), Some("/data/none"));
    let id = missing.header("x-amz-request-id").unwrap();
    assert_eq!(missing.element("RequestId"), Some(id));
    let own = client.send(ask(Method::POST, "/data?delete").body("<x")).await;
    assert_eq!((own.error(), own.element("RequestId")), ((400, "MalformedXML"), Some(id)));
    for uri in ["/nowhere", "/data/none"] {
        let head = client.send(ask(Method::HEAD, uri)).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (404, 0), "{uri}");
    }
    let head = client.send(ask(Method::HEAD, "/data")).await;
    assert_eq!(head.header("x-amz-bucket-region"), Some("eu-west-1"));
    assert_eq!(client.send(ask(Method::PUT, "/data")).await.error().0, 409);
    assert_eq!(client.get("/data?location").await.element("Code"), None);
    assert!(client.get("/data?location").await.text().contains(">eu-west-1<"));
}

#[tokio::test]
async fn what_is_not_served_is_said_and_never_taken_for_something_else() {
    let client = Client::new().await;
    let delete = client.send(ask(Method::DELETE, "/data?inventory")).await;
    assert_eq!(delete.error(), (501, "NotImplemented"));
    assert_eq!(client.send(ask(Method::HEAD, "/data")).await.status, 200, "the bucket is gone");
    let put = |name, value| ask(Method::PUT, "/data/key").body("1").header(name, value);
    let cases = [
        ("x-amz-object-lock-mode", "GOVERNANCE", (501, "NotImplemented")),
        ("x-amz-acl", "public-read", (400, "AccessControlListNotSupported")),
        ("x-amz-acl", "private", (400, "AccessControlListNotSupported")),
        ("x-amz-storage-class", "GLACIER", (400, "InvalidStorageClass")),
    ];
    for (name, value, error) in cases {
        assert_eq!(client.send(put(name, value)).await.error(), error, "{name}");
    }
    assert_eq!(client.get("/data/key").await.status, 404);
    assert_eq!(client.send(put("x-amz-acl", "bucket-owner-full-control")).await.status, 200);
    let form = ask(Method::POST, "/data")
        .body("--x")
        .header("content-type", "multipart/form-data; boundary=x");
    assert_eq!(client.send(form).await.error(), (501, "NotImplemented"));
}

#[tokio::test]
async fn a_bucket_in_the_host_and_a_signature_in_the_query_are_understood() {
    let client = Client::new().await;
    client.put("/data/a/b", b"1").await;
    let mut get = ask(Method::GET, "/a/b?X-Amz-Signature=0&X-Amz-Date=1&response-content-type=x/y");
    get.host_bucket = Some("data".to_owned());
    let got = client.send(get.header("authorization", "AWS4-HMAC-SHA256 Credential=x")).await;
    assert_eq!((got.status.as_u16(), got.header("content-type")), (200, Some("x/y")));
    let got = client.get("/data/a/b?AWSAccessKeyId=k&Signature=s%3D&Expires=1").await;
    assert_eq!(got.status, 200);
}

#[tokio::test]
async fn a_short_rest_is_read_away_and_a_long_one_ends_the_connection() {
    let client = Client::new().await;
    let refused = |body: Vec<u8>| ask(Method::PUT, "/data/forbidden").body(body);
    assert_eq!(client.send(refused(vec![0; 1000])).await.header("connection"), None);
    let long = client.send(refused(vec![0; 1 << 20])).await;
    assert_eq!((long.error(), long.header("connection")), ((403, "AccessDenied"), Some("close")));
    let waiting = client.send(refused(vec![0; 10]).header("expect", "100-continue")).await;
    assert_eq!(waiting.header("connection"), Some("close"));
}
