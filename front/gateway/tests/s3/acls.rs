//! ACLs, where a bucket has them.

use http::Method;

use super::client::{ACCOUNT, Ask, Client, Got, ask, canonical};

const OTHER: &str = "999999999999";
const THIRD: &str = "888888888888";
const EVERYBODY: [Option<&str>; 4] = [Some(ACCOUNT), Some(OTHER), Some(THIRD), None];

/// With a bucket `/open` that has ACLs, beside `/data`, which has none.
async fn with_acls() -> Client {
    let client = Client::new().await;
    let made = ask(Method::PUT, "/open").header("x-amz-object-ownership", "ObjectWriter");
    assert_eq!(client.send(made).await.status, 200);
    client
}

fn put(uri: &str) -> Ask {
    ask(Method::PUT, uri).body("1")
}

fn get(uri: &str) -> Ask {
    ask(Method::GET, uri)
}

async fn status(client: &Client, request: Ask) -> u16 {
    client.send(request).await.status.as_u16()
}

async fn done(client: &Client, request: Ask) -> Got {
    let got = client.send(request).await;
    assert!(got.status.is_success(), "{}", got.text());
    got
}

/// How a request ends for the owner, two other accounts, and who does not sign.
async fn for_each(client: &Client, request: impl Fn() -> Ask) -> [u16; 4] {
    let mut ends = [0; 4];
    for (end, account) in ends.iter_mut().zip(EVERYBODY) {
        *end = status(client, request().of(account)).await;
    }
    ends
}

#[tokio::test]
async fn an_object_is_read_by_whom_its_acl_names() {
    let client = with_acls().await;
    let to_other = format!("id=\"{}\"", canonical(OTHER));
    for (name, value, ends) in [
        ("x-amz-acl", "private", [200, 403, 403, 403]),
        ("x-amz-acl", "bucket-owner-read", [200, 403, 403, 403]),
        ("x-amz-acl", "public-read", [200; 4]),
        ("x-amz-acl", "authenticated-read", [200, 200, 200, 403]),
        ("x-amz-grant-read", &*to_other, [200, 200, 403, 403]),
        ("x-amz-grant-full-control", &*to_other, [200, 200, 403, 403]),
        ("x-amz-grant-write", &*to_other, [200, 403, 403, 403]),
    ] {
        done(&client, put("/open/k").header(name, value)).await;
        assert_eq!(for_each(&client, || get("/open/k")).await, ends, "{name}: {value}");
        done(&client, put("/open/set")).await;
        assert_eq!(for_each(&client, || get("/open/set")).await, [200, 403, 403, 403]);
        done(&client, ask(Method::PUT, "/open/set?acl").header(name, value)).await;
        assert_eq!(for_each(&client, || get("/open/set")).await, ends, "{name}: {value}");
        let source = || put("/open/copy").header("x-amz-copy-source", "/open/k").body("");
        done(&client, source()).await;
        assert_eq!(for_each(&client, || get("/open/copy")).await, [200, 403, 403, 403]);
        done(&client, source().header(name, value)).await;
        assert_eq!(for_each(&client, || get("/open/copy")).await, ends, "{name}: {value}");
    }
}

#[tokio::test]
async fn an_upload_in_parts_keeps_the_acl_that_it_began_with() {
    let client = with_acls().await;
    let begin = ask(Method::POST, "/open/k?uploads").header("x-amz-acl", "public-read");
    let upload = done(&client, begin).await.element("UploadId").unwrap().to_owned();
    complete(&client, "/open/k", &upload).await;
    assert_eq!(for_each(&client, || get("/open/k")).await, [200; 4]);
}

#[tokio::test]
async fn each_version_has_an_acl_of_its_own() {
    let client = open_to_writers().await;
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    done(&client, ask(Method::PUT, "/open?versioning").body(enabled)).await;
    let shared = done(&client, put("/open/k").header("x-amz-acl", "public-read")).await;
    done(&client, put("/open/k")).await;
    let older = format!("/open/k?versionId={}", shared.header("x-amz-version-id").unwrap());
    assert_eq!(for_each(&client, || get(&older)).await, [200; 4]);
    assert_eq!(for_each(&client, || get("/open/k")).await, [200, 403, 403, 403]);
    // Who may write may hide it, but no version goes.
    let removed = for_each(&client, || ask(Method::DELETE, older.as_str())).await;
    assert_eq!(removed[1..], [403; 3]);
    done(&client, ask(Method::DELETE, "/open/k").of(None)).await;
    let again = done(&client, put("/open/k").header("x-amz-acl", "public-read")).await;
    let current = again.header("x-amz-version-id").unwrap();
    let private = format!("/open/k?acl&versionId={current}");
    done(&client, put("/open/k").header("x-amz-acl", "public-read")).await;
    done(&client, ask(Method::PUT, private).header("x-amz-acl", "private")).await;
    assert_eq!(for_each(&client, || get("/open/k")).await, [200; 4]);
    let hidden = format!("/open/k?versionId={current}");
    assert_eq!(for_each(&client, || get(&hidden)).await, [200, 403, 403, 403]);
}

#[tokio::test]
async fn a_bucket_is_listed_and_written_by_whom_its_acl_names() {
    let client = with_acls().await;
    done(&client, put("/open/k")).await;
    for (canned, listed, written) in [
        ("private", [200, 403, 403, 403], [200, 403, 403, 403]),
        ("public-read", [200; 4], [200, 403, 403, 403]),
        ("authenticated-read", [200, 200, 200, 403], [200, 403, 403, 403]),
        ("public-read-write", [200; 4], [200; 4]),
    ] {
        done(&client, ask(Method::PUT, "/open?acl").header("x-amz-acl", canned)).await;
        assert_eq!(for_each(&client, || get("/open")).await, listed, "{canned}");
        assert_eq!(for_each(&client, || put("/open/new")).await, written, "{canned}");
        // Neither reads what is in it.
        assert_eq!(for_each(&client, || get("/open/k")).await, [200, 403, 403, 403], "{canned}");
        assert_eq!(for_each(&client, || get("/open?policy")).await, [404, 403, 403, 403]);
    }
    // Only who may list is told that there is nothing.
    assert_eq!(for_each(&client, || get("/open/none")).await, [404; 4]);
    done(&client, ask(Method::PUT, "/open?acl").header("x-amz-acl", "private")).await;
    assert_eq!(for_each(&client, || get("/open/none")).await, [404, 403, 403, 403]);
    let public = put("/open/x").header("x-amz-acl", "public-read").of(Some(OTHER));
    assert_eq!(client.send(public).await.error(), (403, "AccessDenied"));
}

/// With `/open` open to everybody's writes.
async fn open_to_writers() -> Client {
    let client = with_acls().await;
    done(&client, ask(Method::PUT, "/open?acl").header("x-amz-acl", "public-read-write")).await;
    client
}

#[tokio::test]
async fn what_another_account_writes_is_also_its_own() {
    let client = open_to_writers().await;
    let for_two = [200, 200, 403, 403];
    done(&client, put("/open/k").of(Some(OTHER))).await;
    assert_eq!(for_each(&client, || get("/open/k")).await, for_two);
    assert_eq!(for_each(&client, || get("/open/k?acl")).await, for_two);
    let ids = |got: &Got| got.elements("ID").into_iter().map(str::to_owned).collect::<Vec<_>>();
    let (mine, theirs) = (canonical(ACCOUNT).to_string(), canonical(OTHER).to_string());
    assert_eq!(ids(&client.get("/open/k?acl").await), [theirs.as_str(), &theirs]);
    done(&client, put("/open/mine")).await;
    for list in ["/open", "/open?list-type=2&fetch-owner=true", "/open?versions"] {
        assert_eq!(ids(&client.get(list).await), [theirs.as_str(), &mine], "{list}");
    }
    let share =
        |account| ask(Method::PUT, "/open/k?acl").header("x-amz-acl", "public-read").of(account);
    assert_eq!(status(&client, share(Some(THIRD))).await, 403);
    assert_eq!(status(&client, share(None)).await, 403);
    assert_eq!(status(&client, share(Some(OTHER))).await, 200);
    assert_eq!(for_each(&client, || get("/open/k")).await, [200; 4]);
    // A copy is whose who copies, and so is what takes its place.
    done(&client, put("/open/copy").header("x-amz-copy-source", "/open/k").body("")).await;
    done(&client, put("/open/k")).await;
    for uri in ["/open/k", "/open/copy"] {
        assert_eq!(for_each(&client, || get(uri)).await, [200, 403, 403, 403], "{uri}");
    }
}

#[tokio::test]
async fn who_writes_an_object_says_who_reads_it() {
    let client = open_to_writers().await;
    for account in EVERYBODY {
        done(&client, put("/open/k").header("x-amz-acl", "public-read").of(account)).await;
        assert_eq!(for_each(&client, || get("/open/k")).await, [200; 4], "{account:?}");
    }
    let preferred = ask(Method::PUT, "/ours")
        .header("x-amz-object-ownership", "BucketOwnerPreferred")
        .header("x-amz-acl", "public-read-write");
    done(&client, preferred).await;
    let shared = || put("/ours/k").header("x-amz-acl", "public-read");
    assert_eq!(for_each(&client, shared).await, [200, 403, 403, 403]);
    // That it may change the list of what is there says nothing about what takes its place.
    let to_other = format!("id={}", canonical(OTHER));
    done(&client, put("/ours/k").header("x-amz-grant-write-acp", &to_other)).await;
    assert_eq!(status(&client, shared().of(Some(OTHER))).await, 403);
    done(&client, put("/ours/k").of(Some(OTHER))).await;
    assert_eq!(for_each(&client, || get("/ours/k")).await, [200, 403, 403, 403]);
}

#[tokio::test]
async fn who_may_list_and_write_may_do_nothing_else() {
    let client = open_to_writers().await;
    done(&client, put("/open/k")).await;
    let of_bucket = ["acl", "cors", "encryption", "lifecycle", "location", "ownershipControls"];
    let of_settings = ["policy", "policyStatus", "publicAccessBlock", "tagging", "versioning"];
    let of_object = ["acl", "attributes", "tagging", "versionId=null"];
    let bucket = of_bucket.into_iter().chain(of_settings).map(|part| format!("/open?{part}"));
    let object = of_object.into_iter().map(|part| format!("/open/k?{part}"));
    for uri in bucket.chain(object) {
        for account in [Some(OTHER), None] {
            let read = get(&uri).header("x-amz-object-attributes", "ETag").of(account);
            assert_eq!(client.send(read).await.error(), (403, "AccessDenied"), "{uri}");
            let removed = client.send(ask(Method::DELETE, uri.as_str()).of(account)).await;
            assert!(removed.status.is_client_error(), "{uri}");
        }
    }
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::open/*"}]}"#;
    let acl = || ask(Method::PUT, "/open?acl").header("x-amz-acl", "public-read");
    for account in [Some(OTHER), None] {
        let set = ask(Method::PUT, "/open?policy").body(policy).of(account);
        assert_eq!(status(&client, set).await, 403);
        assert_eq!(status(&client, acl().of(account)).await, 403);
        assert_eq!(status(&client, controls("BucketOwnerEnforced").of(account)).await, 403);
        assert_eq!(status(&client, ask(Method::DELETE, "/open").of(account)).await, 403);
    }
    assert_eq!(for_each(&client, || get("/open/k")).await, [200, 403, 403, 403]);
}

#[tokio::test]
async fn an_owner_has_no_say_where_there_are_no_acls_or_a_policy_denies() {
    let client = open_to_writers().await;
    done(&client, put("/open/k").header("x-amz-acl", "public-read").of(Some(OTHER))).await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"999999999999"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::open/*"}]}"#;
    done(&client, ask(Method::PUT, "/open?policy").body(policy)).await;
    assert_eq!(for_each(&client, || get("/open/k")).await, [200, 403, 200, 200]);
    done(&client, ask(Method::DELETE, "/open?policy")).await;
    done(&client, ask(Method::PUT, "/open?acl").header("x-amz-acl", "private")).await;
    done(&client, controls("BucketOwnerEnforced")).await;
    assert_eq!(for_each(&client, || get("/open/k")).await, [200, 403, 403, 403]);
    let told = client.get("/open/k?acl").await;
    assert_eq!(told.elements("ID"), [&*canonical(ACCOUNT).to_string(); 2]);
}

#[tokio::test]
async fn an_upload_is_whose_who_began_it() {
    let client = open_to_writers().await;
    let uploads = |account| ask(Method::POST, "/open/k?uploads").of(account);
    let (mine, theirs) = (canonical(ACCOUNT).to_string(), canonical(OTHER).to_string());
    for (account, by, whose) in [(Some(OTHER), Some(&*theirs), &theirs), (None, None, &mine)] {
        let upload = done(&client, uploads(account)).await.element("UploadId").unwrap().to_owned();
        let uri = format!("/open/k?uploadId={upload}");
        for told in [client.get("/open?uploads").await, client.get(&uri).await] {
            assert_eq!(id(told.element("Initiator").unwrap()), by);
            assert_eq!(id(told.element("Owner").unwrap()), Some(&**whose));
        }
        done(&client, ask(Method::DELETE, uri).of(account)).await;
    }
    let upload = done(&client, uploads(Some(OTHER))).await.element("UploadId").unwrap().to_owned();
    complete(&client, "/open/k", &upload).await;
    assert_eq!(for_each(&client, || get("/open/k")).await, [200, 200, 403, 403]);
}

fn id(element: &str) -> Option<&str> {
    Some(element.split_once("<ID>")?.1.split_once("</ID>")?.0)
}

/// One part, and the end.
async fn complete(client: &Client, uri: &str, upload: &str) {
    let part = done(client, put(&format!("{uri}?partNumber=1&uploadId={upload}"))).await;
    let list = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part>\
         </CompleteMultipartUpload>",
        part.header("etag").unwrap()
    );
    done(client, ask(Method::POST, format!("{uri}?uploadId={upload}")).body(list)).await;
}

fn controls(ownership: &str) -> Ask {
    ask(Method::PUT, "/open?ownershipControls").body(format!(
        "<OwnershipControls><Rule><ObjectOwnership>{ownership}</ObjectOwnership></Rule>\
         </OwnershipControls>"
    ))
}

#[tokio::test]
async fn an_acl_is_told_and_taken_back_as_it_was_told() {
    let client = with_acls().await;
    let made = ask(Method::PUT, "/shared")
        .header("x-amz-object-ownership", "BucketOwnerPreferred")
        .header("x-amz-acl", "public-read-write");
    done(&client, made).await;
    done(
        &client,
        put("/open/k").header("x-amz-grant-read-acp", &format!("id={}", canonical(OTHER))),
    )
    .await;
    for (uri, permissions) in [
        ("/shared?acl", &["FULL_CONTROL", "READ", "WRITE"][..]),
        ("/open/k?acl", &["FULL_CONTROL", "READ_ACP"]),
    ] {
        let told = client.get(uri).await;
        assert_eq!(told.elements("Permission"), permissions);
        let again = ask(Method::PUT, uri).body(told.body.clone());
        done(&client, again).await;
        assert_eq!(client.get(uri).await.text(), told.text());
    }
    assert_eq!(for_each(&client, || get("/open/k?acl")).await, [200, 200, 403, 403]);
    assert_eq!(for_each(&client, || get("/shared?acl")).await, [200, 403, 403, 403]);
    let rule = client.get("/shared?ownershipControls").await;
    assert_eq!(rule.element("ObjectOwnership"), Some("BucketOwnerPreferred"));
}

#[tokio::test]
async fn a_policy_that_denies_outweighs_an_acl() {
    let client = with_acls().await;
    done(&client, put("/open/k").header("x-amz-acl", "public-read")).await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"999999999999"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::open/*"}]}"#;
    done(&client, ask(Method::PUT, "/open?policy").body(policy)).await;
    assert_eq!(for_each(&client, || get("/open/k")).await, [200, 403, 200, 200]);
}

#[tokio::test]
async fn public_acls_are_blocked_or_ignored_as_the_bucket_wants() {
    let client = with_acls().await;
    done(&client, put("/open/k").header("x-amz-acl", "public-read")).await;
    let block = |acls: bool, ignored: bool| {
        ask(Method::PUT, "/open?publicAccessBlock").body(format!(
            "<PublicAccessBlockConfiguration><BlockPublicAcls>{acls}</BlockPublicAcls>\
             <IgnorePublicAcls>{ignored}</IgnorePublicAcls></PublicAccessBlockConfiguration>"
        ))
    };
    done(&client, block(true, false)).await;
    assert_eq!(for_each(&client, || get("/open/k")).await, [200; 4]);
    for uri in ["/open/new", "/open/k?acl", "/open?acl"] {
        let public = ask(Method::PUT, uri).header("x-amz-acl", "public-read");
        assert_eq!(client.send(public).await.error(), (403, "AccessDenied"), "{uri}");
    }
    done(&client, block(false, true)).await;
    assert_eq!(for_each(&client, || get("/open/k")).await, [200, 403, 403, 403]);
}

#[tokio::test]
async fn a_bucket_has_no_acls_unless_it_is_said() {
    let client = with_acls().await;
    let refused = (400, "AccessControlListNotSupported");
    for (uri, name, value, error) in [
        ("/data/k", "x-amz-acl", "public-read", refused),
        ("/data/k", "x-amz-grant-read", "id=1", refused),
        ("/data/k", "x-amz-acl", "public", (400, "InvalidArgument")),
        ("/data?acl", "x-amz-acl", "public-read", refused),
        ("/new", "x-amz-acl", "public-read", (400, "InvalidBucketAclWithObjectOwnership")),
        ("/new", "x-amz-object-ownership", "Everybody", (400, "InvalidArgument")),
        ("/open/k", "x-amz-grant-read", "id=1", (400, "InvalidArgument")),
        (
            "/open/k",
            "x-amz-grant-read",
            "emailAddress=\"a@example.org\"",
            (400, "UnresolvableGrantByEmailAddress"),
        ),
    ] {
        let got = client.send(ask(Method::PUT, uri).header(name, value)).await;
        assert_eq!(got.error(), error, "{uri} {name}: {value}");
    }
    assert_eq!(client.get("/new").await.status, 404);
    done(&client, put("/open/k").header("x-amz-acl", "public-read")).await;
    done(&client, ask(Method::PUT, "/open?acl").header("x-amz-acl", "public-read")).await;
    let enforced = client.send(controls("BucketOwnerEnforced")).await;
    assert_eq!(enforced.error(), (400, "InvalidBucketAclWithObjectOwnership"));
    done(&client, ask(Method::PUT, "/open?acl").header("x-amz-acl", "private")).await;
    done(&client, controls("BucketOwnerEnforced")).await;
    assert_eq!(for_each(&client, || get("/open/k")).await, [200, 403, 403, 403]);
    assert_eq!(client.get("/open/k?acl").await.elements("Permission"), ["FULL_CONTROL"]);
    done(&client, ask(Method::DELETE, "/open?ownershipControls")).await;
    assert_eq!(client.get("/open?ownershipControls").await.status, 404);
    assert_eq!(for_each(&client, || get("/open/k")).await, [200, 403, 403, 403]);
}
