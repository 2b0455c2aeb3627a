//! Against a server that says what a test tells it to, and remembers what it was asked.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use aws::sigv4::Credentials;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::watch};

use super::{Client, Object, Place, Transfers};

type Answer = Response<Full<Bytes>>;

/// What to answer, first to last, and what was asked.
#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    asked: Vec<(Method, String, HeaderMap)>,
}

struct Stage {
    script: Arc<Mutex<Script>>,
    url: String,
}

impl Stage {
    async fn set(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = answers.into_iter().collect();
        let script = Arc::new(Mutex::new(Script { answers, ..Script::default() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, script.clone()));
        Self { script, url }
    }

    fn client(&self) -> Client {
        let credentials = Credentials {
            access_key: "AKIAEXAMPLEEXAMPLE22".into(),
            secret: "secret".into(),
            session_token: None,
            region: "us-east-1".into(),
            service: "s3".into(),
        };
        Client::new(&self.url, credentials).unwrap()
    }

    async fn copy(&self, from: &str, to: &str) -> anyhow::Result<()> {
        let place = |text: &str| Place::read(text.as_ref()).unwrap();
        Transfers::new(self.client(), watch::channel(false).1).one(place(from), place(to)).await
    }

    fn asked(&self) -> Vec<(Method, String, HeaderMap)> {
        std::mem::take(&mut self.script.lock().unwrap().asked)
    }
}

async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let script = script.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let mut script = script.lock().unwrap();
            let (head, _) = request.into_parts();
            script.asked.push((head.method, head.uri.to_string(), head.headers));
            let answer = script.answers.pop_front().unwrap_or_else(|| says(500, ""));
            async move { Ok::<_, Infallible>(answer) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

fn says(status: u16, body: &'static str) -> Answer {
    Response::builder().status(status).body(Full::from(body)).unwrap()
}

fn object(size: u64) -> Answer {
    let answer = Response::builder().header("content-length", size).header("etag", "\"e\"");
    let answer = answer.header("content-type", "text/x").header("x-amz-meta-a", "b");
    answer.body(Full::default()).unwrap()
}

const PART: &str = "<CopyPartResult><ETag>\"p\"</ETag></CopyPartResult>";

#[tokio::test]
async fn an_object_too_large_for_one_copy_is_copied_in_parts_with_its_headers() {
    let begun = says(200, "<Result><UploadId>u</UploadId></Result>");
    let parts = (0..11).map(|_| says(200, PART));
    let done = says(200, "<CompleteMultipartUploadResult/>");
    let size = (5 << 30) + 1;
    let stage = Stage::set([object(size), begun].into_iter().chain(parts).chain([done])).await;
    stage.copy("s3://from/k", "s3://to/k").await.unwrap();

    let asked = stage.asked();
    let (_, _, headers) = &asked[1];
    assert_eq!(
        (&headers["content-type"], &headers["x-amz-meta-a"]),
        (&"text/x".parse().unwrap(), &"b".parse().unwrap())
    );
    let mut ranges: Vec<_> = asked[2..13]
        .iter()
        .map(|(_, _, headers)| {
            assert_eq!(headers["x-amz-copy-source-if-match"], "\"e\"");
            headers["x-amz-copy-source-range"].to_str().unwrap().to_owned()
        })
        .collect();
    ranges.sort();
    assert_eq!(ranges[0], "bytes=0-536870911");
    assert!(ranges.contains(&format!("bytes={}-{}", 5_u64 << 30, 5_u64 << 30)));
    assert_eq!((&asked[13].0, &*asked[13].1), (&Method::POST, "/to/k?uploadId=u"));
}

#[tokio::test]
async fn a_copy_in_parts_that_fails_is_forgotten() {
    let begun = says(200, "<Result><UploadId>u</UploadId></Result>");
    let denied =
        says(403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");
    let stage = Stage::set([object((5 << 30) + 1), begun, denied]).await;
    assert!(stage.copy("s3://from/k", "s3://to/k").await.is_err());
    let aborted = stage.asked().into_iter().filter(|(method, ..)| *method == Method::DELETE);
    assert!(aborted.map(|(_, uri, _)| uri).all(|uri| uri == "/to/k?uploadId=u"));
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let busy = || says(503, "<Error><Code>SlowDown</Code></Error>");
    let stage = Stage::set([busy(), busy(), says(204, "")]).await;
    let object = Object::read("s3://b/k").unwrap();
    stage.client().delete(&object).await.unwrap();
    assert_eq!(stage.asked().len(), 3);

    let denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let stage = Stage::set([says(403, denied), says(204, "")]).await;
    let error = stage.client().delete(&object).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "An error occurred (AccessDenied) when calling the DeleteObject operation: Access Denied"
    );
    assert_eq!(stage.asked().len(), 1);
}

#[tokio::test]
async fn an_error_that_is_answered_with_200_is_an_error() {
    let failed = "<Error><Code>InternalError</Code><Message>Try again</Message></Error>";
    let stage = Stage::set([object(1), says(200, failed)]).await;
    assert!(stage.copy("s3://from/k", "s3://to/k").await.is_err());
}

#[tokio::test]
async fn bytes_that_are_not_what_they_should_be_become_no_file() {
    let head = |size: u64, crc: &str| {
        let mut head = object(size);
        head.headers_mut().insert("x-amz-checksum-crc32", crc.parse().unwrap());
        head
    };
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("file");
    let copy = async |head, body| {
        let stage = Stage::set([head, says(206, body)]).await;
        stage.copy("s3://b/k", target.to_str().unwrap()).await
    };
    assert!(copy(head(5, "NhCmhg=="), "hellp").await.is_err());
    assert!(copy(head(5, "NhCmhg=="), "hell").await.is_err());
    assert!(copy(head(4, "NhCmhg=="), "hello").await.is_err());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    copy(head(5, "NhCmhg=="), "hello").await.unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), b"hello");
}
