//! What strangers send to bring a server down or to slip past a proxy in front of it.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    client::{Ask, raw, rest},
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
    let mut ask = Ask::sagemaker("DescribeModel", &serde_json::json!({}));
    ask.body = "{}".into();
    let head = ask.head();
    let answer = raw(server.address, &format!("{head}{{")).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up_too() {
    let patience = Duration::from_millis(300);
    let server = Server::with(|config| config.limits.body_idle_timeout = patience).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = Ask::invoke("churn", "text/csv", vec![b'1'; 200]).head();
    stream.write_all(head.as_bytes()).await.unwrap();
    let begun = Instant::now();
    let mut answer = [0; 12];
    loop {
        // Refused once the server has given up.
        let _ = stream.write_all(b"1").await;
        match timeout(patience / 10, stream.read_exact(&mut answer)).await {
            Ok(read) => {
                read.unwrap();
                break;
            }
            Err(_) => assert!(begun.elapsed() < patience * 10, "it is read for ever"),
        }
    }
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn who_only_claims_to_send_much_takes_no_memory_from_others() {
    let server = Server::with(|config| config.limits.buffered_bytes = 400 << 10).await;
    server.route("churn", &["AllTraffic"]);
    let sized = |size: usize| Ask::invoke("churn", "text/csv", vec![b'1'; size]);
    let mut claims = Vec::new();
    for size in [300 << 10, 1 << 20] {
        let mut ask = sized(size);
        ask.secret = "of nobody";
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all((ask.head() + "1").as_bytes()).await.unwrap();
        claims.push(stream);
    }
    for (size, status) in [(5, 200), (200 << 10, 200), (400 << 10, 503), (60 << 10, 200)] {
        assert_eq!(sized(size).send(server.address).await.status, status, "{size}");
    }
}

#[tokio::test]
async fn the_guard_of_framing_cannot_be_led_astray() {
    let server = Server::start().await;
    let live = |framing: &str, body: &str| {
        format!("POST /b/k HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}")
    };
    let chunked = "Transfer-Encoding: chunked";
    let both = live(&format!("Content-Length: 5\r\n{chunked}"), "0\r\n\r\n");
    let wide = format!("Content-Length:{}1", " ".repeat(70));
    for first in [live(chunked, "1\r\nx\r\n0\r\n\r\n"), live(&wide, "x")] {
        let answer = raw(server.address, &(first + &both)).await;
        assert!(answer.matches("HTTP/1.1 200").count() <= 1, "{answer}");
        assert!(answer.contains("HTTP/1.1 400"), "{answer}");
    }
    let coded = live("Transfer-Encoding: gzip, chunked", "0\r\n\r\n");
    let answer = raw(server.address, &coded).await;
    assert!(answer.starts_with("HTTP/1.1 501"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_rests_is_kept_longer_than_half_a_head() {
    let (head, idle) = (Duration::from_millis(100), Duration::from_millis(900));
    let change = |config: &mut gateway::Config| {
        (config.limits.header_timeout, config.limits.idle_timeout) = (head, idle);
    };
    let server = Server::with(change).await;
    let begun = Instant::now();
    assert!(raw(server.address, LIVE).await.starts_with("HTTP/1.1 200"));
    assert!(begun.elapsed() >= idle);
    let begun = Instant::now();
    let answer = raw(server.address, &format!("{LIVE}GET /")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(begun.elapsed() < idle, "{:?}", begun.elapsed());
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
    let ask = Ask::sagemaker(
        "DescribeModel",
        &serde_json::json!({ "ModelName": "longer than ten bytes" }),
    );
    let answer = raw(server.address, &ask.head()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}
