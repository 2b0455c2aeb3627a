//! What strangers send to bring a server down or to slip past a proxy in front of it.

use std::time::{Duration, Instant};

use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    client::{raw, rest},
    server::Server,
};

const LIVE: &str = "GET /_/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn two_hosts_or_none_are_refused() {
    let server = Server::start().await;
    for hosts in ["", "Host: a\r\nHost: a\r\n", "Host: a\r\nHost: b\r\n", "Host: a@b\r\n"] {
        let request = format!("GET /b/k HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        let answer = raw(server.address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{hosts}: {answer}");
    }
}

#[tokio::test]
async fn both_framings_at_once_are_refused_in_either_order() {
    let server = Server::start().await;
    let framings = ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"];
    for (first, second) in [(0, 1), (1, 0)] {
        let request = format!(
            "POST /b/k HTTP/1.1\r\nHost: a\r\n{}{}\r\n0\r\n\r\n",
            framings[first], framings[second],
        );
        let answer = raw(server.address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "nothing behind it is answered");
    }
}

#[tokio::test]
async fn what_cannot_be_parsed_or_is_too_long_is_refused() {
    let server = Server::start().await;
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(100 << 10));
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n", "400"),
        ("TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "405"),
        (long.as_str(), "431"),
    ] {
        let answer = raw(server.address, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer}");
    }
}

#[tokio::test]
async fn half_a_head_is_not_waited_for() {
    let patience = Duration::from_millis(200);
    let server = Server::with(|config| config.limits.header_timeout = patience).await;
    for start in ["", "GET / HTTP/1.1\r\nHost: a\r\nX-", "\u{16}"] {
        let begun = Instant::now();
        let answer = raw(server.address, start).await;
        assert!(answer.is_empty(), "{answer}");
        assert!(begun.elapsed() >= patience);
    }
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up() {
    let patience = Duration::from_millis(200);
    let server = Server::with(|config| config.limits.body_idle_timeout = patience).await;
    let mut ask = crate::client::Ask::sagemaker("DescribeModel", &serde_json::json!({}));
    ask.body = "{}".into();
    let head = ask.head();
    let answer = raw(server.address, &format!("{head}{{")).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_at_once() {
    let server = Server::with(|config| config.limits.connections = 1).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(b"GET /_/health").await.unwrap();
    let answer = raw(server.address, LIVE).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let left = LIVE.strip_prefix("GET /_/health").unwrap();
    let left = left.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    first.write_all(left.as_bytes()).await.unwrap();
    assert!(rest(&mut first).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_longer_than_allowed_is_refused_before_it_is_read() {
    let server = Server::with(|config| config.limits.document_bytes = 10).await;
    let ask = crate::client::Ask::sagemaker(
        "DescribeModel",
        &serde_json::json!({ "ModelName": "longer than ten bytes" }),
    );
    let answer = raw(server.address, &ask.head()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}
