//! Calls of the control plane.

use aws::sigv4::Payload;
use http::Method;
use serde_json::json;
use tokio::net::TcpStream;

use crate::{
    client::Ask,
    server::{ACCOUNT, REGION, Server},
};

fn describe(name: &str) -> Ask {
    Ask::sagemaker("DescribeModel", &json!({ "ModelName": name }))
}

#[tokio::test]
async fn a_signed_call_is_answered_with_what_its_shape_knows() {
    let server = Server::start().await;
    let answer = describe("churn").send(server.address).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let arn = format!("arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/churn");
    assert_eq!(answer.json(), json!({ "ModelName": "churn", "ModelArn": arn }));
    assert_eq!(answer.header("content-type"), "application/x-amz-json-1.1");
    assert_eq!(answer.header("x-amzn-requestid").len(), 36);
    assert!(!answer.header("date").is_empty());
}

#[tokio::test]
async fn who_is_not_known_is_told_so_in_the_words_of_its_protocol() {
    let server = Server::start().await;
    let mut unknown = describe("x");
    unknown.key = "AKIANOBODY";
    let answer = unknown.send(server.address).await;
    assert_eq!(answer.error(), (403, "UnrecognizedClientException".to_owned()));
    assert_eq!(answer.json()["message"], "The security token included in the request is invalid.");
    let answer = describe("x").unsigned().send(server.address).await;
    assert_eq!(answer.error(), (403, "MissingAuthenticationTokenException".to_owned()));
    assert_eq!(answer.json()["message"], "Missing Authentication Token");
    let mut wrong = describe("x");
    wrong.secret = "not the secret";
    let answer = wrong.send(server.address).await;
    assert_eq!(answer.error(), (403, "InvalidSignatureException".to_owned()));
}

#[tokio::test]
async fn a_changed_body_breaks_the_signature_whether_its_hash_was_sent_or_not() {
    let server = Server::start().await;
    let other = Payload::Hex("0".repeat(64));
    let mut ask = describe("x");
    ask.payload = Some(other);
    let answer = ask.send(server.address).await;
    assert_eq!(answer.error(), (403, "InvalidSignatureException".to_owned()));
    ask.payload = Some(Payload::Unsigned);
    assert_eq!(ask.send(server.address).await.status.as_u16() / 100, 4);
}

#[tokio::test]
async fn a_scope_of_another_service_or_of_no_region_is_refused() {
    let server = Server::start().await;
    for (service, region) in [("s3", REGION), ("sts", REGION), ("sagemaker", "evil")] {
        let mut ask = describe("x");
        (ask.service, ask.region) = (service, region);
        let answer = ask.send(server.address).await;
        assert_eq!(answer.error(), (403, "InvalidSignatureException".to_owned()), "{service}");
        assert!(answer.text().contains("Credential should be scoped"), "{}", answer.text());
    }
}

#[tokio::test]
async fn resources_live_under_the_region_of_the_scope() {
    let server = Server::start().await;
    let mut ask = describe("x");
    ask.region = "eu-central-1";
    let answer = ask.send(server.address).await;
    assert!(answer.text().contains("arn:aws:sagemaker:eu-central-1:"), "{}", answer.text());
}

#[tokio::test]
async fn what_is_not_served_is_told_apart_from_what_does_not_exist() {
    let server = Server::start().await;
    let answer = Ask::sagemaker("CreateLabelingJob", &json!({})).send(server.address).await;
    assert_eq!(answer.error(), (400, "UnsupportedOperationException".to_owned()));
    let sentence = "CreateLabelingJob is not supported by Sagewright 0.1.";
    assert_eq!(answer.json()["message"], sentence);
    let answer = Ask::sagemaker("MakeCoffee", &json!({})).send(server.address).await;
    assert_eq!(answer.error(), (400, "UnknownOperationException".to_owned()));
    let mut foreign = Ask::new(Method::POST, "/", "ecr");
    foreign = foreign.header("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.ListImages");
    let answer = foreign.send(server.address).await;
    assert_eq!(answer.error(), (400, "UnsupportedOperationException".to_owned()));
}

#[tokio::test]
async fn a_document_outside_its_shape_is_refused_in_awss_sentence() {
    let server = Server::start().await;
    let answer = Ask::sagemaker("DescribeModel", &json!({})).send(server.address).await;
    assert_eq!(answer.error(), (400, "ValidationException".to_owned()));
    assert!(answer.text().contains("1 validation error detected"), "{}", answer.text());
    let ask = Ask::sagemaker("DescribeModel", &json!({ "ModelName": 1 }));
    assert_eq!(ask.send(server.address).await.error(), (400, "SerializationException".to_owned()));
    let mut garbled = describe("x");
    garbled.body = "{".into();
    let answer = garbled.send(server.address).await;
    assert_eq!(answer.error(), (400, "SerializationException".to_owned()));
}

#[tokio::test]
async fn a_fault_gets_the_code_of_its_family_and_a_refused_action_awss_sentence() {
    let server = Server::start().await;
    let answer = describe("missing").send(server.address).await;
    assert_eq!(answer.error(), (400, "ValidationException".to_owned()));
    assert_eq!(answer.json()["message"], "Could not find model.");
    let stop = Ask::sagemaker("StopTrainingJob", &json!({ "TrainingJobName": "x" }));
    let answer = stop.send(server.address).await;
    assert_eq!(answer.error(), (400, "AccessDeniedException".to_owned()));
    assert!(answer.text().contains("is not authorized to perform: sagemaker:StopTrainingJob"));
}

#[tokio::test]
async fn a_panic_costs_one_request_and_is_counted() {
    let server = Server::start().await;
    for operation in ["DescribeModel", "DeleteModel"] {
        let answer = Ask::sagemaker(operation, &json!({ "ModelName": "panic" }));
        let answer = answer.send(server.address).await;
        assert_eq!(answer.error(), (500, "InternalFailure".to_owned()));
        assert!(!answer.text().contains("wishes"));
    }
    assert_eq!(describe("x").send(server.address).await.status, 200);
    let metrics = Ask::new(Method::GET, "/_/metrics", "").unsigned().send(server.address).await;
    assert!(metrics.text().contains("sagewright_panics_total 2\n"), "{}", metrics.text());
}

#[tokio::test]
async fn a_reader_ends_with_its_client_and_a_writer_comes_to_its_end() {
    let server = Server::start().await;
    for (operation, end) in
        [("DescribeModel", &server.stage.dropped), ("DeleteModel", &server.stage.written)]
    {
        let ask = Ask::sagemaker(operation, &json!({ "ModelName": "slow" }));
        let stream = TcpStream::connect(server.address).await.unwrap();
        let client = tokio::spawn(async move { ask.send_over(stream).await.status });
        server.stage.begun.notified().await;
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        if operation == "DeleteModel" {
            server.stage.go_on.notify_one();
        }
        let patience = std::time::Duration::from_secs(5);
        tokio::time::timeout(patience, end.notified()).await.expect(operation);
    }
}

#[tokio::test]
async fn forms_are_answered_in_xml() {
    let server = Server::start().await;
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let answer = Ask::query("sts", form).send(server.address).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("assumed-role/Admin/me</Arn>"), "{}", answer.text());
    assert_eq!(answer.header("content-type"), "text/xml");
    let mut wrong = Ask::query("sts", form);
    wrong.secret = "not the secret";
    let answer = wrong.send(server.address).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("<Code>SignatureDoesNotMatch</Code>"), "{}", answer.text());
    let answer = Ask::query("sts", "Action=MakeCoffee").send(server.address).await;
    assert!(answer.text().contains("<Code>InvalidAction</Code>"), "{}", answer.text());
}

#[tokio::test]
async fn s3_gets_who_signed_and_also_who_did_not() {
    let server = Server::start().await;
    let mut put = Ask::new(Method::PUT, "/endpoints/x/invocations", "s3");
    put.body = "12345".into();
    let answer = put.send(server.address).await;
    assert_eq!(answer.text(), "from s3");
    assert_eq!(answer.header("x-amz-request-id").len(), 36);
    Ask::new(Method::GET, "/b/k", "s3").unsigned().send(server.address).await;
    let mut wrong = Ask::new(Method::GET, "/b/k", "s3");
    wrong.secret = "not the secret";
    let answer = wrong.send(server.address).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("<Code>SignatureDoesNotMatch</Code>"), "{}", answer.text());
    let calls = server.stage.s3.lock().unwrap();
    let who = format!("arn:aws:sts::{ACCOUNT}:assumed-role/Admin/me");
    let signed = ("/endpoints/x/invocations".to_owned(), Some(who), None, 5);
    assert_eq!(*calls, [signed, ("/b/k".to_owned(), None, None, 0)]);
}

#[tokio::test]
async fn a_wrong_key_costs_no_upload() {
    let server = Server::start().await;
    let head = "PUT /b/k HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\
                \r\nx-amz-date: 20260101T000000Z\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\n\
                Authorization: AWS4-HMAC-SHA256 Credential=AKIANOBODY/20260101/us-west-2/s3/\
                aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=";
    let signature = "0".repeat(64);
    let answer = crate::client::raw(server.address, &format!("{head}{signature}\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("InvalidAccessKeyId"), "{answer}");
}
