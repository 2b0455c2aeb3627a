//! TLS on the same port, and the proxy.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::Method;
use tokio::net::TcpStream;

use crate::{
    client::{Ask, connect, raw, tls},
    server::{Server, TOKEN},
};

const STS: &str = "sts.us-east-1.amazonaws.com";

fn authorization(password: &str) -> String {
    let sent = BASE64_STANDARD.encode(format!("sagewright:{password}"));
    format!("Proxy-Authorization: Basic {sent}\r\n")
}

#[tokio::test]
async fn tls_is_served_on_the_same_port_for_localhost_and_the_address() {
    let server = Server::start().await;
    let pem = server.authority.certificate().await.unwrap();
    for name in ["localhost", "127.0.0.1"] {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let stream = tls(stream, name, &pem).await.unwrap();
        let ask = Ask::sagemaker("DescribeModel", &serde_json::json!({ "ModelName": "x" }));
        assert_eq!(ask.send_over(stream).await.status, 200);
    }
}

#[tokio::test]
async fn a_name_that_is_not_ours_gets_no_certificate_that_a_client_accepts() {
    let server = Server::start().await;
    let pem = server.authority.certificate().await.unwrap();
    for name in ["example.org", "amazonaws.com.example.org"] {
        let stream = TcpStream::connect(server.address).await.unwrap();
        assert!(tls(stream, name, &pem).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_hard_coded_host_of_awss_is_served_through_connect() {
    let server = Server::start().await;
    let pem = server.authority.certificate().await.unwrap();
    let (status, stream) = connect(server.address, &format!("{STS}:443"), "").await;
    assert_eq!(status, 200);
    let stream = tls(stream, STS, &pem).await.unwrap();
    let ask = Ask::query("sts", "Action=GetCallerIdentity&Version=2011-06-15").on(STS);
    let answer = ask.send_over(stream).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("<Account>123456789012</Account>"), "{}", answer.text());
}

#[tokio::test]
async fn through_connect_the_host_names_the_bucket_and_our_pages_are_keys() {
    let server = Server::start().await;
    let pem = server.authority.certificate().await.unwrap();
    let host = "my.bucket.s3.us-west-2.amazonaws.com";
    let (_, stream) = connect(server.address, &format!("{host}:443"), "").await;
    let stream = tls(stream, host, &pem).await.unwrap();
    let answer = Ask::new(Method::GET, "/_/metrics", "s3").on(host).send_over(stream).await;
    assert_eq!(answer.text(), "from s3");
    let calls = server.stage.s3.lock().unwrap();
    assert_eq!(calls[0].0, "/_/metrics");
    assert_eq!(calls[0].2.as_deref(), Some("my.bucket"));
}

#[tokio::test]
async fn reports_of_use_are_answered_and_go_nowhere() {
    let server = Server::start().await;
    let pem = server.authority.certificate().await.unwrap();
    let host = "sm-pysdk-t-us-west-2.s3.us-west-2.amazonaws.com";
    let (_, stream) = connect(server.address, &format!("{host}:443"), "").await;
    let stream = tls(stream, host, &pem).await.unwrap();
    let ask = Ask::new(Method::GET, "/telemetry?x-accountId=1", "s3").on(host).unsigned();
    let answer = ask.send_over(stream).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    assert!(server.stage.s3.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_tunnel_wants_the_token_and_never_leads_to_this_machine() {
    let server = Server::start().await;
    let (wrong, right) = (authorization("wrong"), authorization(TOKEN));
    for (target, headers, wanted) in [
        ("192.0.2.1:443", "", 407),
        ("192.0.2.1:443", wrong.as_str(), 407),
        ("127.0.0.1:443", right.as_str(), 403),
        ("localhost:443", right.as_str(), 403),
        ("[::1]:443", right.as_str(), 403),
        ("169.254.169.254:80", right.as_str(), 403),
        ("sts.us-east-1.amazonaws.com:80", right.as_str(), 403),
        ("noport", right.as_str(), 400),
    ] {
        let (status, _) = connect(server.address, target, headers).await;
        assert_eq!(status, wanted, "{target}");
    }
    let own = format!("127.0.0.1:{}", server.address.port());
    assert_eq!(connect(server.address, &own, &right).await.0, 403);
}

#[tokio::test]
async fn an_air_gapped_server_opens_no_tunnel_and_still_stands_in_for_aws() {
    let server = Server::with(|config| config.air_gapped = true).await;
    let (status, _) = connect(server.address, "192.0.2.1:443", &authorization(TOKEN)).await;
    assert_eq!(status, 403);
    let (status, _) = connect(server.address, &format!("{STS}:443"), "").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn plain_proxy_requests_are_served_for_aws_and_ourselves_only() {
    let server = Server::start().await;
    let own = format!("127.0.0.1:{}", server.address.port());
    for (host, path, wanted) in [
        (own.as_str(), "/_/health/live", "200"),
        ("example.org", "/", "403"),
        ("127.0.0.1:1", "/", "403"),
    ] {
        let request = format!(
            "GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        );
        let answer = raw(server.address, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {wanted}")), "{host}: {answer}");
    }
    let request = format!(
        "POST http://{STS}/ HTTP/1.1\r\nHost: {STS}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let answer = raw(server.address, &request).await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("MissingAuth"), "{answer}");
}

#[tokio::test]
async fn the_bundle_ends_with_our_certificate() {
    let server = Server::start().await;
    let bundle = std::fs::read_to_string(server.authority.bundle().await.unwrap()).unwrap();
    assert!(bundle.ends_with(&server.authority.certificate().await.unwrap()));
}
