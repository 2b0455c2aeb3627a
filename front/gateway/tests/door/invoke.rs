//! `InvokeEndpoint`.

use platform::routes::Route;

use crate::{
    client::{Ask, raw},
    server::Server,
};

#[tokio::test]
async fn a_payload_is_scored_small_and_large_alike() {
    let server = Server::start().await;
    server.route("churn", &["AllTraffic"]);
    for size in [0_usize, 5, 300 << 10] {
        let answer = Ask::invoke("churn", "text/csv", vec![b'1'; size]).send(server.address).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.text(), size.to_string());
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(answer.header("x-amzn-invoked-production-variant"), "AllTraffic");
        assert_eq!(answer.header("x-amzn-requestid").len(), 36);
    }
    assert_eq!(server.calls("churn"), (3, 0, 0));
}

#[tokio::test]
async fn what_was_sent_at_once_is_answered_in_order() {
    let server = Server::start().await;
    server.route("churn", &["AllTraffic"]);
    let ask = |row: &str| Ask::invoke("churn", "text/csv", row.to_owned()).head() + row;
    let keep = |text: String| text.replace("connection: close\r\n", "");
    let sent = keep(ask("1")) + &keep(ask("22")) + &ask("333");
    let answers = raw(server.address, &sent).await;
    let bodies: Vec<&str> = answers
        .split("HTTP/1.1 200 OK")
        .filter_map(|answer| answer.split_once("\r\n\r\n"))
        .map(|(_, body)| body)
        .collect();
    assert_eq!(bodies, ["1", "2", "3"], "{answers}");
}

#[tokio::test]
async fn a_variant_can_be_asked_for_by_name() {
    let server = Server::start().await;
    server.route("churn", &["a", "b"]);
    let ask = |name: &str| {
        Ask::invoke("churn", "text/csv", "1").header("x-amzn-sagemaker-target-variant", name)
    };
    for name in ["a", "b"] {
        let answer = ask(name).send(server.address).await;
        assert_eq!(answer.header("x-amzn-invoked-production-variant"), name);
    }
    let answer = ask("c").send(server.address).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-amzn-errortype")),
        (400, "ValidationError")
    );
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_or_not_ready_is_told_apart() {
    let server = Server::start().await;
    let ask = Ask::invoke("churn", "text/csv", "1");
    let answer = ask.send(server.address).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-amzn-errortype")),
        (400, "ValidationError")
    );
    let message = answer.json();
    assert_eq!(message["message"], "Endpoint churn of account 123456789012 not found.");
    server.set("churn", Route::NotReady);
    let answer = ask.send(server.address).await;
    let code = answer.header("x-amzn-errortype");
    assert_eq!((answer.status.as_u16(), code), (429, "ModelNotReadyException"));
}

#[tokio::test]
async fn what_the_model_refuses_is_a_model_error_with_the_models_own_words() {
    let server = Server::start().await;
    server.route("churn", &["AllTraffic"]);
    let answer = Ask::invoke("churn", "text/x", "1").send(server.address).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-amzn-errortype")), (424, "ModelError"));
    let body = answer.json();
    assert_eq!(body["OriginalStatusCode"], 415);
    assert_eq!(body["OriginalMessage"], "Content-type text/x not supported");
    let begin = "Received client error (415) from primary with message \"Content-type text/x not \
                 supported\". See https://us-west-2.console.aws.amazon.com/cloudwatch/home";
    assert!(body["Message"].as_str().unwrap().starts_with(begin), "{body}");
    assert_eq!(server.calls("churn"), (1, 1, 0));
}

#[tokio::test]
async fn a_panic_in_scoring_costs_one_request() {
    let server = Server::start().await;
    server.route("churn", &["AllTraffic"]);
    for size in [1_usize, 100 << 10] {
        let answer = Ask::invoke("churn", "panic", vec![b'1'; size]).send(server.address).await;
        assert_eq!(answer.status, 424);
        assert_eq!(answer.json()["OriginalStatusCode"], 500);
    }
    assert_eq!(Ask::invoke("churn", "text/csv", "1").send(server.address).await.status, 200);
    assert_eq!(server.calls("churn"), (3, 0, 2));
}

#[tokio::test]
async fn what_the_runtime_does_not_serve_is_told_by_name() {
    let server = Server::start().await;
    let mut ask = Ask::invoke("churn", "text/csv", "1");
    ask.uri = "/endpoints/churn/async-invocations".to_owned();
    let answer = ask.send(server.address).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("InvokeEndpointAsync is not supported"), "{}", answer.text());
    ask.uri = "/nothing/here".to_owned();
    let answer = ask.send(server.address).await;
    assert_eq!(answer.header("x-amzn-errortype"), "UnknownOperationException");
}

#[tokio::test]
async fn a_payload_beyond_the_limit_is_refused() {
    let server = Server::with(|config| config.limits.invoke_bytes = 10).await;
    server.route("churn", &["AllTraffic"]);
    assert_eq!(
        Ask::invoke("churn", "text/csv", "1234567890").send(server.address).await.status,
        200
    );
    let answer = Ask::invoke("churn", "text/csv", "12345678901").send(server.address).await;
    assert_eq!(answer.status, 413);
}
