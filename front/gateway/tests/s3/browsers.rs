//! Pages of other origins: the question before a call, and what the call's answer says.

use http::Method;

use super::client::{Ask, Client, Got, ask};

const RULES: &str = "<CORSConfiguration>\
    <CORSRule><AllowedOrigin>https://*.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
    <AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-amz-*</AllowedHeader>\
    <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule>\
    <CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>HEAD</AllowedMethod></CORSRule>\
    </CORSConfiguration>";

async fn with_rules() -> Client {
    let client = Client::new().await;
    client.put("/data/k", b"1").await;
    let sum = "x-amz-checksum-sha256";
    let digest = <sha2::Sha256 as sha2::Digest>::digest(RULES);
    let digest = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest);
    let put = ask(Method::PUT, "/data?cors").body(RULES).header(sum, &digest);
    assert_eq!(client.send(put).await.status, 200);
    client
}

fn question(uri: &str, origin: &str, method: &str) -> Ask {
    let question = ask(Method::OPTIONS, uri).of(None).header("origin", origin);
    question.header("access-control-request-method", method)
}

fn allowed(got: &Got) -> Option<&str> {
    got.header("access-control-allow-origin")
}

#[tokio::test]
async fn a_question_is_answered_by_the_first_rule_that_fits() {
    let client = with_rules().await;
    let asked = question("/data/k", "https://a.example", "PUT")
        .header("access-control-request-headers", "X-Amz-Date, x-amz-acl");
    let got = client.send(asked).await;
    assert_eq!((got.status.as_u16(), allowed(&got)), (200, Some("https://a.example")));
    assert_eq!(got.header("access-control-allow-methods"), Some("GET, PUT"));
    assert_eq!(got.header("access-control-allow-headers"), Some("X-Amz-Date, x-amz-acl"));
    assert_eq!(got.header("access-control-expose-headers"), Some("ETag"));
    assert_eq!(got.header("access-control-max-age"), Some("60"));
    assert_eq!(got.header("access-control-allow-credentials"), Some("true"));
    assert!(got.header("vary").unwrap().contains("Origin"));
    assert!(got.body.is_empty());
    let open = client.send(question("/data", "https://b.test", "HEAD")).await;
    assert_eq!((open.status.as_u16(), allowed(&open)), (200, Some("*")));
    assert_eq!(open.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn a_question_that_no_rule_fits_is_refused() {
    let client = with_rules().await;
    for asked in [
        question("/data/k", "https://b.test", "GET"),
        question("/data/k", "https://a.example", "DELETE"),
        question("/data/k", "https://a.example", "PUT")
            .header("access-control-request-headers", "authorization"),
    ] {
        let got = client.send(asked).await;
        assert_eq!((got.error(), allowed(&got)), ((403, "AccessForbidden"), None));
        assert!(got.element("Message").unwrap().starts_with("CORSResponse: This CORS request"));
        assert_eq!(got.element("ResourceType"), Some("OBJECT"));
    }
}

#[tokio::test]
async fn without_rules_and_without_an_origin_there_is_nothing_to_allow() {
    let client = Client::new().await;
    let off = client.send(question("/data", "https://a.example", "GET")).await;
    assert_eq!(off.error(), (403, "AccessForbidden"));
    let message = "CORSResponse: CORS is not enabled for this bucket.";
    assert_eq!(off.element("Message"), Some(message));
    let nobody = client.send(ask(Method::OPTIONS, "/data").of(None)).await;
    assert_eq!(nobody.error(), (400, "BadRequest"));
    let odd = client.send(question("/data", "https://a.example", "PATCH")).await;
    assert_eq!(odd.error(), (400, "BadRequest"));
    let missing = client.send(question("/none", "https://a.example", "GET")).await;
    assert_eq!(missing.error(), (404, "NoSuchBucket"));
    let root = client.send(question("/", "https://a.example", "GET")).await;
    assert_eq!(root.error(), (403, "AccessForbidden"));
}

#[tokio::test]
async fn answers_tell_the_browser_also_where_they_are_errors() {
    let client = with_rules().await;
    let from = |uri: &str, origin: &str| ask(Method::GET, uri).header("origin", origin);
    let found = client.send(from("/data/k", "https://a.example")).await;
    assert_eq!((found.status.as_u16(), allowed(&found)), (200, Some("https://a.example")));
    assert_eq!(found.header("access-control-expose-headers"), Some("ETag"));
    let missing = client.send(from("/data/none", "https://a.example")).await;
    assert_eq!((missing.status.as_u16(), allowed(&missing)), (404, Some("https://a.example")));
    let denied = client.send(from("/data/k", "https://a.example").of(None)).await;
    assert_eq!((denied.status.as_u16(), allowed(&denied)), (403, Some("https://a.example")));
    let other = client.send(from("/data/k", "https://b.test")).await;
    assert_eq!((other.status.as_u16(), allowed(&other)), (200, None));
    assert_eq!(allowed(&client.get("/data/k").await), None);
}
