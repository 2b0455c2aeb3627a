//! Uploads by forms: what is kept, and that nothing is kept of what the policy does not allow.

use aws::{
    sigv2,
    sigv4::{self, SigningKey},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use http::Method;

use super::client::{ACCOUNT, Ask, Client, Got, KEY, SECRET, ask};

/// More than is kept in the index, so that there is a blob.
const FILE_SIZE: usize = 100_000;
const DAY: &str = "20300101";
const SCOPE: &str = "20300101/eu-west-1/s3/aws4_request";

#[derive(Clone)]
struct Form {
    fields: Vec<(String, String)>,
    file: Vec<u8>,
    after: String,
}

fn form() -> Form {
    let form = Form { fields: Vec::new(), file: vec![b'f'; FILE_SIZE], after: "--".to_owned() };
    form.with("key", "up/${filename}")
}

impl Form {
    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(self, file: &[u8]) -> Self {
        Self { file: file.to_vec(), ..self }
    }

    /// Signed by version 4, under a policy that allows the fields that are there by now, and what
    /// `conditions` say.
    fn signed(self, conditions: &str) -> Self {
        self.signed_by(KEY, SCOPE, conditions)
    }

    fn signed_by(self, key: &str, scope: &str, conditions: &str) -> Self {
        let form = self
            .with("X-Amz-Algorithm", "AWS4-HMAC-SHA256")
            .with("X-Amz-Credential", &format!("{key}/{scope}"))
            .with("X-Amz-Date", &format!("{DAY}T000000Z"));
        let policy = form.policy("2100-01-01T00:00:00Z", conditions);
        let parts: Vec<&str> = scope.split('/').collect();
        let key = SigningKey::derive(SECRET, parts[0], parts[1], parts[2]);
        let signature = sigv4::sign_policy(&policy, &key);
        form.with("Policy", &policy).with("X-Amz-Signature", &signature)
    }

    /// Signed by version 2.
    fn signed_2(self, secret: &str) -> Self {
        let policy = self.policy("2100-01-01T00:00:00Z", "");
        let signature = sigv2::sign_policy(&policy, secret);
        self.with("AWSAccessKeyId", KEY).with("policy", &policy).with("signature", &signature)
    }

    fn policy(&self, until: &str, conditions: &str) -> String {
        let keys = ["{\"bucket\": \"data\"}", "[\"starts-with\", \"$key\", \"up/\"]", conditions];
        let mut all: Vec<String> =
            keys.iter().filter(|it| !it.is_empty()).map(ToString::to_string).collect();
        for (name, value) in self.fields.iter().filter(|(name, _)| name != "key") {
            all.push(format!("[\"eq\", \"${name}\", {value:?}]"));
        }
        let all = all.join(",");
        BASE64.encode(format!("{{\"expiration\": {until:?}, \"conditions\": [{all}]}}"))
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            let part = format!(
                "--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend(part.into_bytes());
        }
        body.extend_from_slice(
            b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\a b.txt\"\r\n\
              Content-Type: text/html\r\n\r\n",
        );
        body.extend_from_slice(&self.file);
        body.extend_from_slice(format!("\r\n--x{}\r\n", self.after).as_bytes());
        body
    }

    fn ask(&self) -> Ask {
        posted("/data", self.body())
    }
}

fn posted(uri: &str, body: Vec<u8>) -> Ask {
    let ask = ask(Method::POST, uri).of(None).body(body).header("host", "s3.local");
    ask.header("content-type", "multipart/form-data; boundary=x")
}

/// What a client is told that must have left nothing behind.
async fn refused(ask: Ask) -> Got {
    let client = Client::new().await;
    let got = client.send(ask).await;
    assert!(client.is_empty().await, "something was kept, and told: {}", got.text());
    got
}

fn message(got: &Got) -> &str {
    got.element("Message").unwrap()
}

#[tokio::test]
async fn a_file_is_kept_with_the_fields_that_came_with_it() {
    let client = Client::new().await;
    let form = form()
        .with("Content-Type", "text/csv")
        .with("x-amz-meta-color", "red")
        .with("acl", "bucket-owner-full-control")
        .with("x-amz-checksum-crc32", "HnC7VA==")
        .file(b"a file");
    let got = client.send(form.signed("").ask()).await;
    assert_eq!((got.status.as_u16(), &got.body[..]), (204, &b""[..]), "{}", got.text());
    assert_eq!(got.operation, Some("PostObject"));
    assert_eq!(got.header("location"), Some("http://s3.local/data/up%2Fa%20b.txt"));
    let kept = client.get("/data/up/a%20b.txt").await;
    assert_eq!(&kept.body[..], b"a file");
    assert_eq!(kept.header("content-type"), Some("text/csv"));
    assert_eq!(kept.header("x-amz-meta-color"), Some("red"));
    assert_eq!(kept.header("etag"), got.header("etag"));
}

#[tokio::test]
async fn the_files_own_type_is_not_the_objects() {
    let client = Client::new().await;
    assert_eq!(client.send(form().signed("").ask()).await.status, 204);
    let kept = client.get("/data/up/a%20b.txt").await;
    assert_eq!(kept.header("content-type"), Some("binary/octet-stream"));
    assert_eq!(kept.body.len(), FILE_SIZE);
}

/// Attack 5: one condition after the other.
#[tokio::test]
async fn each_condition_that_is_broken_keeps_the_object_out() {
    let signed = form().with("Content-Type", "image/png").with("x-amz-meta-by", "me").signed("");
    let cases = [
        (signed.clone().with("key", "down/x"), r#"["starts-with", "$key", "up/"]"#),
        (
            signed.clone().with("Content-Type", "text/html"),
            r#"["eq", "$Content-Type", "image/png"]"#,
        ),
        (signed.clone().with("x-amz-meta-by", "you"), r#"["eq", "$x-amz-meta-by", "me"]"#),
        (signed.clone().with("x-amz-meta-by", ""), r#"["eq", "$x-amz-meta-by", "me"]"#),
    ];
    for (form, condition) in cases {
        let got = refused(form.ask()).await;
        assert_eq!(got.error(), (403, "AccessDenied"));
        let told = message(&got).replace("&quot;", "\"");
        assert_eq!(
            told,
            format!("Invalid according to Policy: Policy Condition failed: {condition}")
        );
    }
    let mut missing = signed.clone();
    missing.fields.retain(|(name, _)| name != "x-amz-meta-by");
    assert_eq!(refused(missing.ask()).await.error(), (403, "AccessDenied"));
    let extra = refused(signed.clone().with("x-amz-meta-more", "1").ask()).await;
    assert_eq!(message(&extra), "Invalid according to Policy: Extra input fields: x-amz-meta-more");
    let twice = Form { fields: [&signed.fields[..], &signed.fields[..1]].concat(), ..signed };
    assert_eq!(refused(twice.ask()).await.error(), (400, "InvalidArgument"));
}

#[tokio::test]
async fn the_bucket_is_the_one_that_the_request_names() {
    let client = Client::new().await;
    client.send(ask(Method::PUT, "/other")).await;
    let signed = form().signed("").with("bucket", "data");
    let got = client.send(posted("/other", signed.body())).await;
    assert_eq!(got.error(), (403, "AccessDenied"));
    assert!(message(&got).contains("$bucket"), "{}", got.text());
    let mut by_host = posted("/", signed.body());
    by_host.host_bucket = Some("data".to_owned());
    let got = client.send(by_host).await;
    assert_eq!(got.status, 204, "{}", got.text());
    assert_eq!(got.header("location"), Some("http://s3.local/up%2Fa%20b.txt"));
}

#[tokio::test]
async fn a_policy_ends() {
    let mut form = form();
    let policy = form.policy("2001-01-01T00:00:00.000Z", "");
    form = form.with("AWSAccessKeyId", KEY).with("policy", &policy);
    let got = refused(form.with("signature", &sigv2::sign_policy(&policy, SECRET)).ask()).await;
    assert_eq!(got.error(), (403, "AccessDenied"));
    assert_eq!(message(&got), "Invalid according to Policy: Policy expired.");
}

#[tokio::test]
async fn a_file_is_as_large_as_the_policy_says() {
    let sized =
        |least, most| form().signed(&format!("[\"content-length-range\", {least}, {most}]")).ask();
    let large = refused(sized(0, FILE_SIZE - 1)).await;
    assert_eq!(large.error(), (400, "EntityTooLarge"));
    assert_eq!(large.element("MaxSizeAllowed"), Some("99999"));
    let small = refused(sized(FILE_SIZE + 1, FILE_SIZE + 2)).await;
    assert_eq!(small.error(), (400, "EntityTooSmall"));
    assert_eq!(small.element("ProposedSize"), Some("100000"));
    let client = Client::new().await;
    assert_eq!(client.send(sized(FILE_SIZE, FILE_SIZE)).await.status, 204);
}

#[tokio::test]
async fn only_a_key_of_ours_signs() {
    let cases = [
        (form().signed_by("AKIAOTHER", SCOPE, ""), (403, "InvalidAccessKeyId")),
        (
            form().signed("").with("X-Amz-Signature", &"0".repeat(64)),
            (403, "SignatureDoesNotMatch"),
        ),
        (form().signed("").with("X-Amz-Signature", "0"), (400, "InvalidArgument")),
        (form().signed("").with("x-amz-security-token", "t"), (400, "InvalidToken")),
        (
            form().signed_by(KEY, "20300101/eu-west-1/sagemaker/aws4_request", ""),
            (400, "AuthorizationHeaderMalformed"),
        ),
        (
            form().signed_by(KEY, "20300101/evil/s3/aws4_request", ""),
            (400, "AuthorizationHeaderMalformed"),
        ),
        (form().signed_2("other"), (403, "SignatureDoesNotMatch")),
        (form().signed_2(SECRET).with("X-Amz-Date", "20300101T000000Z"), (400, "InvalidArgument")),
        (form().with("AWSAccessKeyId", KEY).with("signature", "s"), (400, "InvalidArgument")),
        (form().with("policy", "e30="), (400, "InvalidArgument")),
        (form(), (403, "AccessDenied")),
    ];
    for (form, error) in cases {
        assert_eq!(refused(form.ask()).await.error(), error, "{:?}", form.fields);
    }
    let mut changed = form().signed("");
    let policy = changed.policy("2100-01-01T00:00:00Z", "{\"acl\": \"private\"}");
    changed = changed.with("Policy", &policy);
    assert_eq!(refused(changed.ask()).await.error(), (403, "SignatureDoesNotMatch"));
}

#[tokio::test]
async fn version_2_signs_where_it_is_switched_on() {
    let client = Client::new().await;
    let on = form().signed_2(SECRET);
    assert_eq!(client.send(on.ask()).await.status, 204);
    let mut off = on.ask();
    off.sigv2 = false;
    assert_eq!(refused(off).await.error(), (400, "InvalidRequest"));
}

#[tokio::test]
async fn what_is_asked_for_and_not_done_is_refused() {
    let cases = [
        ("acl", "public-read", (400, "AccessControlListNotSupported")),
        ("x-amz-object-lock-mode", "GOVERNANCE", (501, "NotImplemented")),
        ("x-amz-storage-class", "GLACIER", (400, "InvalidStorageClass")),
        ("x-amz-checksum-crc32", "AAAAAA==", (400, "BadDigest")),
        ("x-amz-checksum-sha256", "sailor", (400, "InvalidRequest")),
        ("content-md5", "CY9rzUYh03PK3k6DJie09g==", (400, "BadDigest")),
        ("tagging", "<Tagging>", (400, "MalformedXML")),
    ];
    for (name, value, error) in cases {
        let got = refused(form().with(name, value).signed("").ask()).await;
        assert_eq!(got.error(), error, "{name}");
    }
    let mut keyless = form().signed("");
    keyless.fields.retain(|(name, _)| name != "key");
    assert_eq!(refused(keyless.ask()).await.error(), (403, "AccessDenied"));
}

#[tokio::test]
async fn a_body_that_is_no_whole_form_leaves_nothing() {
    let whole = form().signed("").body();
    let file = whole.len() - FILE_SIZE - 20;
    for cut in [0, 1, 30, file, file + 30, whole.len() - 5] {
        let got = refused(posted("/data", whole[..cut].to_vec())).await;
        assert_eq!(got.error(), (400, "MalformedPOSTRequest"), "{cut}");
    }
    let open = Form { after: String::new(), ..form().signed("") };
    assert_eq!(refused(open.ask()).await.error(), (400, "MalformedPOSTRequest"));
    for kind in ["multipart/form-data", "multipart/form-data; boundary=y"] {
        let got = refused(posted("/data", whole.clone()).header("content-type", kind)).await;
        assert_eq!(got.error(), (400, "MalformedPOSTRequest"), "{kind}");
    }
    let large = form().with("x-amz-meta-a", &"m".repeat(65_537)).signed("");
    assert_eq!(refused(large.ask()).await.error(), (400, "MaxPostPreDataLengthExceededError"));
    let fileless = b"--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--x--\r\n";
    let got = refused(posted("/data", fileless.to_vec())).await;
    assert_eq!(message(&got), "POST requires exactly one file upload per request.");
}

#[tokio::test]
async fn what_follows_the_file_means_nothing() {
    let client = Client::new().await;
    let after = "\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nother\r\n--x--";
    let form = Form { after: after.to_owned(), ..form().signed("") };
    assert_eq!(client.send(form.ask()).await.status, 204);
    assert_eq!(client.get("/data?list-type=2").await.elements("Key"), ["up/a b.txt"]);
}

#[tokio::test]
async fn a_form_says_what_it_wants_to_hear() {
    let client = Client::new().await;
    let created = form().with("success_action_status", "201").signed("");
    let got = client.send(created.ask()).await;
    assert_eq!((got.status.as_u16(), got.element("Key")), (201, Some("up/a b.txt")));
    assert_eq!(got.element("Bucket"), Some("data"));
    assert_eq!(got.element("Location"), got.header("location"));
    let sent_on = form().with("success_action_redirect", "http://page/?a=b").signed("");
    let got = client.send(sent_on.ask()).await;
    let next = got.header("location").unwrap();
    assert_eq!(got.status.as_u16(), 303);
    assert!(next.starts_with("http://page/?a=b&bucket=data&key=up%2Fa%20b.txt&etag=%22"), "{next}");
}

#[tokio::test]
async fn a_form_that_is_no_upload_to_a_bucket_never_reaches_s3s() {
    let body = form().signed("").body();
    for uri in ["/data", "/data/key", "/data?uploads", "/data/key?uploads"] {
        let signed = posted(uri, body.clone()).of(Some(ACCOUNT));
        assert_eq!(refused(signed).await.error(), (501, "NotImplemented"), "{uri}");
    }
}

#[tokio::test]
async fn who_did_not_sign_is_let_in_where_the_bucket_s_policy_says_so() {
    let client = Client::new().await;
    let allow = |action: &str| {
        format!(
            r#"{{"Effect":"Allow","Principal":"*","Action":"{action}","Resource":"arn:aws:s3:::data/up/*"}}"#
        )
    };
    let only_private = r#"{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringNotEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}"#;
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{},{only_private}]}}"#,
        allow("s3:PutObject")
    );
    let set = client.send(ask(Method::PUT, "/data?policy").body(policy)).await;
    assert_eq!(set.status, 204, "{}", set.text());
    let owned = form().with("acl", "bucket-owner-full-control");
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    for form in [form(), owned.clone().with("key", "down/x"), owned.clone().with("tagging", tags)] {
        let got = client.send(form.ask()).await;
        assert_eq!(got.error(), (403, "AccessDenied"), "{:?}", form.fields);
    }
    // What nobody signed of the head is no field.
    let headed = form().ask().header("x-amz-acl", "bucket-owner-full-control");
    assert_eq!(client.send(headed).await.error(), (403, "AccessDenied"));
    assert!(client.is_empty().await);
    assert_eq!(client.send(owned.ask()).await.status, 204);
    assert_eq!(client.get("/data/up/a%20b.txt").await.body.len(), FILE_SIZE);
}

#[tokio::test]
async fn tags_and_conditions_are_those_of_a_put() {
    let client = Client::new().await;
    let tags = "<Tagging><TagSet><Tag><Key>a+b</Key><Value>1</Value></Tag></TagSet></Tagging>";
    let form = form().with("tagging", tags).signed("");
    assert_eq!(client.send(form.ask()).await.status, 204);
    let kept = client.get("/data/up/a%20b.txt?tagging").await;
    assert_eq!((kept.element("Key"), kept.element("Value")), (Some("a+b"), Some("1")));
    let again = client.send(form.ask().header("if-none-match", "*")).await;
    assert_eq!(again.error(), (412, "PreconditionFailed"));
    let expecting = self::form().with("x-amz-expected-bucket-owner", "999999999999").signed("");
    assert_eq!(client.send(expecting.ask()).await.error(), (403, "AccessDenied"));
}
