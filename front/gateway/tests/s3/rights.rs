//! Who may: strangers, other accounts and the owner, with and without a policy.

use http::Method;

use super::client::{ACCOUNT, Ask, Client, ask};

const OTHER: &str = "999999999999";

async fn with_policy(statements: &str) -> Client {
    let client = Client::new().await;
    client.put("/data/k", b"open").await;
    client.put("/data/tagged", b"1").await;
    set_policy(&client, statements).await;
    client
}

async fn set_policy(client: &Client, statements: &str) {
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let got = client.send(ask(Method::PUT, "/data?policy").body(policy)).await;
    assert_eq!(got.status, 204, "{}", got.text());
}

const READ_BY_ALL: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#;

async fn status(client: &Client, request: Ask) -> u16 {
    client.send(request).await.status.as_u16()
}

fn get(uri: &str) -> Ask {
    ask(Method::GET, uri)
}

#[tokio::test]
async fn without_a_policy_only_the_owner_is_let_in() {
    let client = Client::new().await;
    client.put("/data/k", b"1").await;
    for account in [Some(OTHER), None] {
        for uri in ["/data", "/data/k", "/data/none", "/data?versions", "/data?uploads"] {
            let got = client.send(get(uri).of(account)).await;
            assert_eq!(got.error(), (403, "AccessDenied"), "{uri}");
        }
        let put = ask(Method::PUT, "/data/k").body("2").of(account);
        assert_eq!(client.send(put).await.error(), (403, "AccessDenied"));
        let delete = ask(Method::DELETE, "/data/k").of(account);
        assert_eq!(client.send(delete).await.error(), (403, "AccessDenied"));
    }
    assert_eq!(client.send(get("/").of(None)).await.error(), (403, "AccessDenied"));
    let make = ask(Method::PUT, "/mine").of(None);
    assert_eq!(client.send(make).await.error(), (403, "AccessDenied"));
    assert_eq!(client.send(get("/none").of(None)).await.error(), (404, "NoSuchBucket"));
    assert_eq!(client.get("/data/k").await.text(), "1");
}

#[tokio::test]
async fn a_policy_lets_in_whom_it_names_for_what_it_names() {
    let client = with_policy(READ_BY_ALL).await;
    for account in [Some(OTHER), None] {
        assert_eq!(client.send(get("/data/k").of(account)).await.text(), "open");
        assert_eq!(status(&client, ask(Method::HEAD, "/data/k").of(account)).await, 200);
        assert_eq!(status(&client, get("/data").of(account)).await, 403);
        assert_eq!(status(&client, get("/data/k?versionId=null").of(account)).await, 403);
        assert_eq!(status(&client, get("/data/k?tagging").of(account)).await, 403);
        let put = ask(Method::PUT, "/data/k").body("2").of(account);
        assert_eq!(status(&client, put).await, 403);
    }
}

#[tokio::test]
async fn what_is_missing_is_told_only_to_who_may_list() {
    let client = with_policy(READ_BY_ALL).await;
    assert_eq!(client.send(get("/data/none").of(None)).await.error(), (403, "AccessDenied"));
    assert_eq!(status(&client, ask(Method::HEAD, "/data/none").of(None)).await, 403);
    assert_eq!(client.get("/data/none").await.error(), (404, "NoSuchKey"));
    let listing = r#"{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::data"}"#;
    set_policy(&client, &format!("{READ_BY_ALL},{listing}")).await;
    assert_eq!(client.send(get("/data/none").of(None)).await.error(), (404, "NoSuchKey"));
    assert_eq!(client.send(get("/data?prefix=k").of(None)).await.elements("Key"), ["k"]);
    let within = r#"{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::data","Condition":{"StringLike":{"s3:prefix":"open/*"}}}"#;
    set_policy(&client, &format!("{READ_BY_ALL},{within}")).await;
    for (uri, code) in
        [("/data/open/none", 404), ("/data/none", 403), ("/data/none?prefix=open/none", 403)]
    {
        assert_eq!(status(&client, ask(Method::HEAD, uri).of(None)).await, code, "{uri}");
    }
}

#[tokio::test]
async fn a_denial_holds_for_the_owner_until_the_policy_is_changed() {
    let client = with_policy(
        r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#,
    )
    .await;
    assert_eq!(status(&client, get("/data/k")).await, 403);
    assert_eq!(status(&client, get("/data")).await, 403);
    assert_eq!(status(&client, ask(Method::DELETE, "/data")).await, 403);
    assert_eq!(status(&client, get("/data?policy")).await, 200);
    assert_eq!(status(&client, ask(Method::DELETE, "/data?policy")).await, 204);
    assert_eq!(status(&client, get("/data/k")).await, 200);
}

#[tokio::test]
async fn conditions_see_the_request_and_the_object() {
    let client = with_policy(
        r#"{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::data","Condition":{"StringLike":{"s3:prefix":"home/*"}}},
        {"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"s3:ExistingObjectTag/class":"open"}}},
        {"Effect":"Allow","Principal":"*","Action":["s3:PutObject","s3:PutObjectTagging"],"Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"s3:RequestObjectTag/class":"open"}}}"#,
    )
    .await;
    assert_eq!(status(&client, get("/data?prefix=home/a").of(None)).await, 200);
    assert_eq!(status(&client, get("/data?prefix=work/a").of(None)).await, 403);
    assert_eq!(status(&client, get("/data").of(None)).await, 403);
    let put = |tags| ask(Method::PUT, "/data/new").body("1").header("x-amz-tagging", tags).of(None);
    assert_eq!(status(&client, put("class=closed")).await, 403);
    assert_eq!(status(&client, ask(Method::PUT, "/data/new").body("1").of(None)).await, 403);
    assert_eq!(status(&client, put("class=open")).await, 200);
    assert_eq!(status(&client, get("/data/new").of(None)).await, 200);
    assert_eq!(status(&client, get("/data/k").of(None)).await, 403);
}

#[tokio::test]
async fn what_is_not_done_is_told_only_to_who_may() {
    let client = with_policy(READ_BY_ALL).await;
    let put = |account| {
        ask(Method::PUT, "/data/x").body("1").header("x-amz-acl", "public-read").of(account)
    };
    assert_eq!(client.send(put(None)).await.error(), (403, "AccessDenied"));
    assert_eq!(client.send(put(Some(OTHER))).await.error(), (403, "AccessDenied"));
    let owner = client.send(put(Some(ACCOUNT))).await;
    assert_eq!(owner.error(), (400, "AccessControlListNotSupported"));
    assert_eq!(client.get("/data/x").await.status, 404);
    let bucket = ask(Method::PUT, "/mine").header("x-amz-acl", "public-read");
    assert_eq!(client.send(bucket).await.error(), (400, "InvalidBucketAclWithObjectOwnership"));
    assert_eq!(client.get("/mine").await.status, 404);
}

#[tokio::test]
async fn a_copy_needs_rights_to_both_ends() {
    let client = Client::new().await;
    client.put("/data/k", b"secret").await;
    let theirs = ask(Method::PUT, "/theirs").of(Some(OTHER));
    assert_eq!(status(&client, theirs).await, 200);
    let copy = |account| {
        ask(Method::PUT, "/theirs/k").header("x-amz-copy-source", "/data/k").of(Some(account))
    };
    assert_eq!(client.send(copy(OTHER)).await.error(), (403, "AccessDenied"));
    assert_eq!(client.send(copy(ACCOUNT)).await.error(), (403, "AccessDenied"));
    let upload = ask(Method::POST, "/theirs/k?uploads").of(Some(OTHER));
    let upload = client.send(upload).await.element("UploadId").unwrap().to_owned();
    let part = || {
        let uri = format!("/theirs/k?partNumber=1&uploadId={upload}");
        ask(Method::PUT, uri).header("x-amz-copy-source", "/data/k").of(Some(OTHER))
    };
    assert_eq!(client.send(part()).await.error(), (403, "AccessDenied"));
    set_policy(&client, READ_BY_ALL).await;
    assert_eq!(status(&client, copy(OTHER)).await, 200);
    assert_eq!(client.send(get("/theirs/k").of(Some(OTHER))).await.text(), "secret");
    assert_eq!(status(&client, part()).await, 200);
}

#[tokio::test]
async fn the_expected_owner_is_the_real_one_or_nothing_is_done() {
    let client = with_policy(READ_BY_ALL).await;
    let expecting = |name, account| get("/data/k").header(name, account);
    let name = "x-amz-expected-bucket-owner";
    assert_eq!(status(&client, expecting(name, ACCOUNT)).await, 200);
    assert_eq!(client.send(expecting(name, OTHER)).await.error(), (403, "AccessDenied"));
    let stranger = || expecting(name, ACCOUNT).of(Some(OTHER));
    assert_eq!(status(&client, stranger()).await, 200);
    let source = "x-amz-source-expected-bucket-owner";
    let copy = |account| {
        ask(Method::PUT, "/data/c").header("x-amz-copy-source", "/data/k").header(source, account)
    };
    assert_eq!(status(&client, copy(ACCOUNT)).await, 200);
    assert_eq!(client.send(copy(OTHER)).await.error(), (403, "AccessDenied"));
}

#[tokio::test]
async fn a_public_policy_is_blocked_or_cut_as_the_bucket_wants() {
    let client = with_policy(READ_BY_ALL).await;
    assert_eq!(client.get("/data?policyStatus").await.element("IsPublic"), Some("true"));
    let block = |restrict: bool, block: bool| {
        ask(Method::PUT, "/data?publicAccessBlock").body(format!(
            "<PublicAccessBlockConfiguration><RestrictPublicBuckets>{restrict}\
             </RestrictPublicBuckets><BlockPublicPolicy>{block}</BlockPublicPolicy>\
             </PublicAccessBlockConfiguration>"
        ))
    };
    assert_eq!(status(&client, block(true, false)).await, 200);
    assert_eq!(status(&client, get("/data/k").of(None)).await, 403);
    assert_eq!(status(&client, get("/data/k").of(Some(OTHER))).await, 403);
    assert_eq!(status(&client, get("/data/k")).await, 200);
    assert_eq!(status(&client, block(false, true)).await, 200);
    assert_eq!(status(&client, get("/data/k").of(None)).await, 200);
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{READ_BY_ALL}]}}"#);
    let again = client.send(ask(Method::PUT, "/data?policy").body(policy)).await;
    assert_eq!(again.error(), (403, "AccessDenied"));
}

#[tokio::test]
async fn many_deletions_are_judged_one_by_one() {
    let client = with_policy(
        r#"{"Effect":"Allow","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::data/k"}"#,
    )
    .await;
    let list = "<Delete><Object><Key>k</Key></Object><Object><Key>tagged</Key></Object></Delete>";
    let delete = |bucket: &str| ask(Method::POST, format!("/{bucket}?delete")).body(list).of(None);
    let got = client.send(delete("data")).await;
    assert_eq!((got.status.as_u16(), got.elements("Code")), (200, vec!["AccessDenied"]));
    assert_eq!(client.get("/data/k").await.status, 404);
    assert_eq!(client.get("/data/tagged").await.status, 200);
    assert_eq!(client.send(delete("none")).await.error(), (404, "NoSuchBucket"));
}
