//! What was accepted is finished.

use std::time::Duration;

use serde_json::json;
use tokio::{net::TcpStream, time::timeout};

use crate::{client::Ask, server::Server};

const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_call_under_way_is_answered_and_nobody_new_is_let_in() {
    let mut server = Server::start().await;
    let address = server.address;
    let idle = TcpStream::connect(address).await.unwrap();
    let ask = Ask::sagemaker("DescribeModel", &json!({ "ModelName": "slow" }));
    let call = tokio::spawn(async move { ask.send(address).await.status });
    server.stage.begun.notified().await;
    server.stop();
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, refused).await.expect("the listener is closed");
    server.stage.go_on.notify_one();
    assert_eq!(timeout(PATIENCE, call).await.unwrap().unwrap(), 200);
    timeout(PATIENCE, server.ended()).await.expect("the server ends when the last call has");
    drop(idle);
}

#[tokio::test]
async fn a_write_whose_client_left_is_still_waited_for() {
    let mut server = Server::start().await;
    let address = server.address;
    let ask = Ask::sagemaker("DeleteModel", &json!({ "ModelName": "slow" }));
    let call = tokio::spawn(async move { ask.send(address).await.status });
    server.stage.begun.notified().await;
    call.abort();
    server.stop();
    let stage = server.stage.clone();
    let ended = tokio::spawn(server.ended());
    tokio::task::yield_now().await;
    assert!(!ended.is_finished());
    stage.go_on.notify_one();
    timeout(PATIENCE, stage.written.notified()).await.expect("the write is finished");
    timeout(PATIENCE, ended).await.expect("and then the server ends").unwrap();
}

#[tokio::test]
async fn who_takes_longer_than_the_grace_time_is_not_waited_for() {
    let mut server = Server::with(|config| config.limits.grace = Duration::from_millis(100)).await;
    let address = server.address;
    let ask = Ask::sagemaker("DescribeModel", &json!({ "ModelName": "slow" }));
    let call = tokio::spawn(async move { ask.send(address).await.status });
    server.stage.begun.notified().await;
    server.stop();
    timeout(PATIENCE, server.ended()).await.expect("the server ends");
    call.abort();
}
