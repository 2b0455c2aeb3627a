//! What is set about buckets, over the wire: each part is written, read back and removed, and no
//! sub-resource reaches an operation that is not its own.

use http::Method;

use super::client::{Client, Got, ask};

const OTHER: &str = "999999999999";

async fn put(client: &Client, uri: &str, document: &'static str) -> Got {
    let sum = base64(&md5(document.as_bytes()));
    client.send(ask(Method::PUT, uri).body(document).header("content-md5", &sum)).await
}

fn md5(bytes: &[u8]) -> Vec<u8> {
    use md5::Digest;
    md5::Md5::digest(bytes).to_vec()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

async fn removed(client: &Client, uri: &str) -> u16 {
    client.send(ask(Method::DELETE, uri)).await.status.as_u16()
}

#[tokio::test]
async fn what_is_not_set_is_answered_as_s3_answers_it() {
    let client = Client::new().await;
    for (part, code) in [
        ("tagging", "NoSuchTagSet"),
        ("cors", "NoSuchCORSConfiguration"),
        ("lifecycle", "NoSuchLifecycleConfiguration"),
        ("policy", "NoSuchBucketPolicy"),
        ("encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
        ("website", "NoSuchWebsiteConfiguration"),
        ("replication", "ReplicationConfigurationNotFoundError"),
        ("object-lock", "ObjectLockConfigurationNotFoundError"),
    ] {
        assert_eq!(client.get(&format!("/data?{part}")).await.error(), (404, code));
    }
    for (part, element, text) in [
        ("requestPayment", "Payer", Some("BucketOwner")),
        ("policyStatus", "IsPublic", Some("false")),
        ("ownershipControls", "ObjectOwnership", Some("BucketOwnerEnforced")),
        ("acl", "Permission", Some("FULL_CONTROL")),
        ("versioning", "Status", None),
        ("logging", "LoggingEnabled", None),
        ("accelerate", "Status", None),
        ("notification", "TopicConfiguration", None),
    ] {
        let got = client.get(&format!("/data?{part}")).await;
        assert_eq!((got.status.as_u16(), got.element(element)), (200, text), "{part}");
    }
    for part in ["tagging", "cors", "lifecycle", "policy", "encryption", "publicAccessBlock"] {
        assert_eq!(removed(&client, &format!("/data?{part}")).await, 204, "{part}");
    }
}

/// A document for each part, and what of it is read back.
const DOCUMENTS: [(&str, &str, &str); 6] = [
    (
        "tagging",
        "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>",
        "<Key>a</Key>",
    ),
    (
        "cors",
        "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>\
         <AllowedOrigin>https://*.example</AllowedOrigin></CORSRule></CORSConfiguration>",
        "<AllowedOrigin>https://*.example</AllowedOrigin>",
    ),
    (
        "lifecycle",
        "<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter><Prefix>tmp/\
         </Prefix></Filter><Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>",
        "<Days>3</Days>",
    ),
    (
        "encryption",
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
         <SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>\
         </ServerSideEncryptionConfiguration>",
        "<SSEAlgorithm>AES256</SSEAlgorithm>",
    ),
    (
        "publicAccessBlock",
        "<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy>\
         </PublicAccessBlockConfiguration>",
        "<BlockPublicPolicy>true</BlockPublicPolicy>",
    ),
    (
        "policy",
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}"#,
        r#""Principal":{"AWS":"999999999999"}"#,
    ),
];

#[tokio::test]
async fn each_part_is_read_back_as_it_was_written_and_gone_when_removed() {
    let client = Client::new().await;
    for (part, document, shown) in DOCUMENTS {
        let uri = format!("/data?{part}");
        let written = put(&client, &uri, document).await;
        assert!(written.status.is_success(), "{part}: {}", written.text());
        let got = client.get(&uri).await;
        assert!(got.text().contains(shown), "{part}: {}", got.text());
        let kind = if part == "policy" { "application/json" } else { "application/xml" };
        assert_eq!(got.header("content-type"), Some(kind), "{part}");
        assert_eq!(removed(&client, &uri).await, 204);
        assert_eq!(client.get(&uri).await.status.as_u16(), 404);
    }
}

#[tokio::test]
async fn nobody_else_reads_or_changes_a_part() {
    let client = Client::new().await;
    for (part, document, _) in DOCUMENTS {
        let uri = format!("/data?{part}");
        for account in [Some(OTHER), None] {
            for method in [Method::GET, Method::PUT, Method::DELETE] {
                let request = ask(method, uri.clone()).body(document).of(account);
                let request = request.header("content-md5", &base64(&md5(document.as_bytes())));
                assert_eq!(client.send(request).await.error(), (403, "AccessDenied"), "{part}");
            }
        }
        assert_eq!(client.get(&uri).await.status.as_u16(), 404);
    }
}

#[tokio::test]
async fn versions_are_kept_from_when_they_are_asked_for() {
    let client = Client::new().await;
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert_eq!(put(&client, "/data?versioning", enabled).await.status, 200);
    assert_eq!(client.get("/data?versioning").await.element("Status"), Some("Enabled"));
    assert!(client.put("/data/k", b"1").await.header("x-amz-version-id").is_some());
    let nothing = "<VersioningConfiguration/>";
    let refused = put(&client, "/data?versioning", nothing).await;
    assert_eq!(refused.error(), (400, "IllegalVersioningConfigurationException"));
    let wrong = "<VersioningConfiguration><Status>Off</Status></VersioningConfiguration>";
    assert_eq!(put(&client, "/data?versioning", wrong).await.error(), (400, "MalformedXML"));
}

#[tokio::test]
async fn settings_that_mean_nothing_are_refused() {
    let client = Client::new().await;
    for (part, document, code) in [
        ("policy", "{", "MalformedPolicy"),
        ("policy", r#"{"Statement":[]}"#, "MalformedPolicy"),
        ("tagging", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", "MalformedXML"),
        (
            "tagging",
            "<Tagging><TagSet><Tag><Key>a*</Key><Value/></Tag></TagSet></Tagging>",
            "InvalidTag",
        ),
        (
            "cors",
            "<CORSConfiguration><CORSRule><AllowedMethod>PATCH</AllowedMethod>\
             <AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>",
            "InvalidRequest",
        ),
        (
            "lifecycle",
            "<LifecycleConfiguration><Rule><Status>Enabled</Status><Prefix/><Expiration><Days>0\
             </Days></Expiration></Rule></LifecycleConfiguration>",
            "InvalidArgument",
        ),
        (
            "ownershipControls",
            "<OwnershipControls><Rule><ObjectOwnership>Everybody</ObjectOwnership></Rule>\
             </OwnershipControls>",
            "MalformedXML",
        ),
    ] {
        let got = put(&client, &format!("/data?{part}"), document).await;
        assert_eq!(got.element("Code"), Some(code), "{part} {document}");
    }
    for refused in ["public-read", "private"] {
        let acl = ask(Method::PUT, "/data?acl").header("x-amz-acl", refused);
        assert_eq!(client.send(acl).await.error(), (400, "AccessControlListNotSupported"));
    }
    let acl = ask(Method::PUT, "/data?acl").header("x-amz-acl", "bucket-owner-full-control");
    assert_eq!(client.send(acl).await.status, 200);
}

#[tokio::test]
async fn a_document_must_bring_its_checksum_where_s3_wants_one_and_it_must_be_right() {
    let client = Client::new().await;
    let (_, document, _) = DOCUMENTS[1];
    let bare = client.send(ask(Method::PUT, "/data?cors").body(document)).await;
    assert_eq!(bare.error(), (400, "InvalidRequest"));
    let wrong = ask(Method::PUT, "/data?cors").body(document);
    let wrong = client.send(wrong.header("content-md5", &base64(&md5(b"else")))).await;
    assert_eq!(wrong.error(), (400, "BadDigest"));
    assert_eq!(client.get("/data?cors").await.status, 404);
}

/// Every sub-resource of S3, of ours and of none, with every method: whatever it does, the bucket
/// and the object are still there and still the same.
#[tokio::test]
async fn no_sub_resource_reaches_an_operation_that_is_not_its_own() {
    let client = Client::new().await;
    client.put("/data/k", b"first").await;
    for part in [
        "abac",
        "accelerate",
        "acl",
        "analytics",
        "analytics&id=1",
        "append",
        "attributes",
        "cors",
        "delete",
        "encryption",
        "intelligent-tiering",
        "intelligent-tiering&id=1",
        "inventory",
        "inventory&id=1",
        "legal-hold",
        "lifecycle",
        "location",
        "logging",
        "metadataConfiguration",
        "metadataInventoryTable",
        "metadataJournalTable",
        "metadataTable",
        "metrics",
        "metrics&id=1",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "renameObject",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select&select-type=2",
        "session",
        "tagging",
        "torrent",
        "uploads",
        "versioning",
        "versions",
        "website",
        "acl&policy",
        "%70olicyStatus",
        "uploadId=1",
        "partNumber=1",
    ] {
        for path in ["/data", "/data/k"] {
            for method in [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE] {
                // Of an upload that there is not, and a read of a part that there is.
                if path == "/data" && (part == "uploadId=1" || part == "partNumber=1") {
                    continue;
                }
                if part == "partNumber=1" && method == Method::DELETE {
                    continue;
                }
                let uri = format!("{path}?{part}");
                let got = client.send(ask(method.clone(), uri.clone())).await;
                assert_ne!(got.status.as_u16(), 500, "{method} {uri}");
                let kept = client.get("/data/k").await;
                assert_eq!(kept.text(), "first", "{method} {uri}");
                assert_eq!(kept.header("x-amz-version-id"), None, "{method} {uri}");
            }
        }
    }
}

#[tokio::test]
async fn objects_have_tags_of_their_own() {
    let client = Client::new().await;
    let tagged = ask(Method::PUT, "/data/k").body("1").header("x-amz-tagging", "a=1&b=x%20y");
    assert_eq!(client.send(tagged).await.status, 200);
    for method in [Method::GET, Method::HEAD] {
        let got = client.send(ask(method, "/data/k")).await;
        assert_eq!(got.header("x-amz-tagging-count"), Some("2"));
    }
    let tags = client.get("/data/k?tagging").await;
    assert_eq!((tags.elements("Key"), tags.elements("Value")), (vec!["a", "b"], vec!["1", "x y"]));
    let copy = |directive| {
        let copy = ask(Method::PUT, "/data/c").header("x-amz-copy-source", "/data/k");
        copy.header("x-amz-tagging-directive", directive).header("x-amz-tagging", "n=9")
    };
    assert_eq!(client.send(copy("COPY")).await.status, 200);
    assert_eq!(client.get("/data/c?tagging").await.elements("Key"), ["a", "b"]);
    assert_eq!(client.send(copy("REPLACE")).await.status, 200);
    assert_eq!(client.get("/data/c?tagging").await.elements("Key"), ["n"]);
    let (_, document, _) = DOCUMENTS[0];
    assert_eq!(put(&client, "/data/k?tagging", document).await.status, 200);
    assert_eq!(client.get("/data/k?tagging").await.elements("Key"), ["a"]);
    assert_eq!(client.get("/data/k").await.text(), "1");
    assert_eq!(removed(&client, "/data/k?tagging").await, 204);
    assert_eq!(client.get("/data/k").await.header("x-amz-tagging-count"), None);
    let many = (0..11).map(|it| format!("t{it}=")).collect::<Vec<_>>().join("&");
    let many = ask(Method::PUT, "/data/m").body("1").header("x-amz-tagging", &many);
    assert_eq!(client.send(many).await.error(), (400, "InvalidTag"));
    assert_eq!(client.get("/data/m").await.status, 404);
    assert_eq!(client.get("/data/none?tagging").await.error(), (404, "NoSuchKey"));
}

#[tokio::test]
async fn an_object_says_when_it_will_go() {
    let client = Client::new().await;
    let (part, document, _) = DOCUMENTS[2];
    put(&client, &format!("/data?{part}"), document).await;
    let told = client.put("/data/tmp/x", b"1").await;
    let expiration = told.header("x-amz-expiration").unwrap().to_owned();
    assert!(expiration.starts_with("expiry-date=\"") && expiration.ends_with("rule-id=\"r\""));
    assert!(expiration.contains("00:00:00 GMT"));
    for method in [Method::GET, Method::HEAD] {
        let got = client.send(ask(method, "/data/tmp/x")).await;
        assert_eq!(got.header("x-amz-expiration"), Some(expiration.as_str()));
    }
    assert_eq!(client.put("/data/x", b"1").await.header("x-amz-expiration"), None);
}
