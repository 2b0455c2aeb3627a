//! The inventory of what is open to everybody: every route under `/_/`, asked without a signature.

use std::sync::atomic::Ordering;

use http::Method;

use crate::{client::Ask, server::Server};

async fn status(server: &Server, method: Method, path: &str) -> u16 {
    let ask = Ask::new(method, path, "").unsigned();
    ask.send(server.address).await.status.as_u16()
}

#[tokio::test]
async fn these_routes_are_open_and_no_others() {
    let server = Server::start().await;
    for (path, wanted) in [
        ("/_/health/live", 200),
        ("/_/health/ready", 503),
        ("/_/metrics", 200),
        ("/_/ca.pem", 200),
        ("/_/", 404),
        ("/_", 404),
        ("/_/console", 404),
        ("/_/events", 404),
        ("/_/debug/pprof", 404),
        ("/_/health", 404),
        ("/_/health/live/", 404),
        ("/_//metrics", 404),
    ] {
        assert_eq!(status(&server, Method::GET, path).await, wanted, "{path}");
        assert_eq!(status(&server, Method::POST, path).await, 405, "{path}");
    }
    server.ready.store(true, Ordering::Release);
    assert_eq!(status(&server, Method::GET, "/_/health/ready").await, 200);
    assert!(server.stage.s3.lock().unwrap().is_empty(), "none of them is a bucket");
}

#[tokio::test]
async fn what_was_done_is_counted_by_operation() {
    let server = Server::start().await;
    let ask = Ask::sagemaker("DescribeModel", &serde_json::json!({ "ModelName": "x" }));
    ask.send(server.address).await;
    let metrics = Ask::new(Method::GET, "/_/metrics", "").unsigned().send(server.address).await;
    let line = r#"{service="sagemaker",operation="DescribeModel",status="200"} 1"#;
    assert!(metrics.text().contains(line), "{}", metrics.text());
}

#[tokio::test]
async fn the_certificate_is_the_authoritys() {
    let server = Server::start().await;
    let answer = Ask::new(Method::GET, "/_/ca.pem", "").unsigned().send(server.address).await;
    assert_eq!(answer.text(), server.authority.certificate().await.unwrap());
}
