//! `InvokeEndpoint`.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use platform::{routes::Route, scorer::Estimate};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    client::{Ask, raw, rest},
    server::{Server, Weighty},
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
    assert_eq!(body["ErrorCode"], "CLIENT_ERROR_FROM_MODEL");
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
        assert_eq!(answer.json().get("ErrorCode"), None);
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
    let id = answer.header("x-amzn-requestid");
    assert_eq!(answer.error(), (400, "ValidationError".to_owned()));
    assert_eq!(answer.json()["message"], format!("Request {id} has oversize body."));
}

#[tokio::test]
async fn what_no_endpoint_here_has_is_refused_by_name() {
    let server = Server::start().await;
    server.route("churn", &["AllTraffic"]);
    for (header, value, said) in [
        (
            "x-amzn-sagemaker-target-model",
            "other.tar.gz",
            "Endpoint churn is not a multi-model endpoint and does not support target model header.",
        ),
        ("x-amzn-sagemaker-target-container-hostname", "h", "target container hostname header."),
        ("x-amzn-sagemaker-inference-component", "c", "inference component name header."),
        ("x-amzn-sagemaker-session-id", "NEW_SESSION", "session id header."),
        ("x-amzn-sagemaker-enable-explanations", "`true`", "enable explanations header."),
    ] {
        let ask = Ask::invoke("churn", "text/csv", "1").header(header, value);
        let answer = ask.send(server.address).await;
        assert_eq!(answer.error(), (400, "ValidationError".to_owned()), "{header}");
        assert!(answer.json()["message"].as_str().unwrap().ends_with(said), "{}", answer.text());
    }
    assert_eq!(server.calls("churn"), (0, 0, 0));
}

#[tokio::test]
async fn a_name_that_no_endpoint_can_have_is_told_so() {
    let server = Server::start().await;
    for name in ["a_b", "%00", &"a".repeat(64)] {
        let answer = Ask::invoke(name, "text/csv", "1").send(server.address).await;
        assert_eq!(answer.error(), (400, "ValidationError".to_owned()));
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains("'endpointName' failed to satisfy constraint"), "{message}");
    }
}

#[tokio::test]
async fn an_invocation_that_nobody_signed_is_refused_as_the_runtime_refuses_it() {
    let server = Server::start().await;
    server.route("churn", &["AllTraffic"]);
    let unsigned = Ask::invoke("churn", "text/csv", "1").unsigned();
    let answer = unsigned.send(server.address).await;
    let code = answer.header("x-amzn-errortype");
    assert_eq!((answer.status.as_u16(), code), (403, "MissingAuthenticationTokenException"));
    let twice = unsigned.header("authorization", "AWS4-HMAC-SHA256 x");
    let answer = twice.header("authorization", "AWS4-HMAC-SHA256 y").send(server.address).await;
    let code = answer.header("x-amzn-errortype");
    assert_eq!((answer.status.as_u16(), code), (403, "IncompleteSignatureException"));
}

fn weighty(time: Duration, reply: usize) -> (Weighty, mpsc::Sender<()>) {
    let (tell, told) = mpsc::channel();
    let estimate = Estimate { time, reply };
    (Weighty { estimate, begun: Arc::default(), go_on: Mutex::new(told) }, tell)
}

#[tokio::test]
async fn a_short_payload_that_takes_long_keeps_nobody_waiting() {
    let server = Server::start().await;
    let (model, tell) = weighty(Duration::from_secs(1), 0);
    let begun = model.begun.clone();
    server.serve("heavy", model);
    server.route("churn", &["AllTraffic"]);
    let address = server.address;
    let heavy =
        tokio::spawn(async move { Ask::invoke("heavy", "text/csv", "1").send(address).await });
    // The server has one lane, which is this thread: it stood still if the model were called on it.
    begun.notified().await;
    let answer = Ask::invoke("churn", "text/csv", "1").send(server.address).await;
    assert_eq!((answer.status.as_u16(), heavy.is_finished()), (200, false));
    tell.send(()).unwrap();
    assert_eq!(heavy.await.unwrap().text(), "told");
}

#[tokio::test]
async fn a_reply_needs_room_before_it_is_made() {
    let server = Server::with(|config| config.limits.buffered_bytes = 1 << 20).await;
    for (reply, status) in [(2 << 20, 503), (1 << 20, 200), (1 << 20, 200)] {
        let (model, tell) = weighty(Duration::from_secs(1), reply);
        tell.send(()).unwrap();
        server.serve("large", model);
        let answer = Ask::invoke("large", "text/csv", "1").send(server.address).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
}

#[tokio::test]
async fn what_a_request_takes_around_the_model_is_no_time_of_the_models() {
    let server = Server::start().await;
    server.route("churn", &["AllTraffic"]);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(Ask::invoke("churn", "text/csv", "1").head().as_bytes()).await.unwrap();
    let pause = Duration::from_millis(50);
    tokio::time::sleep(pause).await;
    stream.write_all(b"1").await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200"));
    let counts = server.counts("churn");
    let pause = u64::try_from(pause.as_micros()).unwrap();
    assert!(counts.model_micros < pause, "{counts:?}");
    assert!(counts.overhead_micros >= pause * 9 / 10, "{counts:?}");
}
