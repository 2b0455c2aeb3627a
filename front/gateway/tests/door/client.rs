//! A small signed client, and a raw one for what no client would send.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use aws::sigv4::{Credentials, Payload, sign};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, request::Parts};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::pem::PemObject};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use types::Timestamp;

use crate::server::{KEY, REGION, SECRET};

/// No test waits longer.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and `__type` of a JSON error.
    pub fn error(&self) -> (u16, String) {
        let code = self.json()["__type"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), code)
    }
}

/// What is to be sent.
pub struct Ask {
    pub method: Method,
    pub uri: String,
    pub host: String,
    pub service: &'static str,
    pub region: &'static str,
    pub key: &'static str,
    pub secret: &'static str,
    pub signed: bool,
    pub payload: Option<Payload>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Ask {
    pub fn new(method: Method, uri: &str, service: &'static str) -> Self {
        Self {
            method,
            uri: uri.to_owned(),
            host: "localhost".to_owned(),
            service,
            region: REGION,
            key: KEY,
            secret: SECRET,
            signed: true,
            payload: None,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// A SageMaker call.
    pub fn sagemaker(operation: &str, document: &serde_json::Value) -> Self {
        let mut ask = Self::new(Method::POST, "/", "sagemaker");
        ask.body = document.to_string().into();
        ask.header("x-amz-target", &format!("SageMaker.{operation}"))
            .header("content-type", "application/x-amz-json-1.1")
    }

    /// A call of a service that speaks in forms.
    pub fn query(service: &'static str, form: &'static str) -> Self {
        let mut ask = Self::new(Method::POST, "/", service);
        ask.body = form.into();
        ask.header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
    }

    /// An invocation.
    pub fn invoke(endpoint: &str, kind: &str, body: impl Into<Bytes>) -> Self {
        let mut ask =
            Self::new(Method::POST, &format!("/endpoints/{endpoint}/invocations"), "sagemaker");
        ask.body = body.into();
        ask.header("content-type", kind)
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn unsigned(mut self) -> Self {
        self.signed = false;
        self
    }

    pub fn on(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(self.method.clone()).uri(&self.uri);
        request = request.header("host", &self.host);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let (mut parts, body) = request.body(Full::new(self.body.clone())).unwrap().into_parts();
        if self.signed {
            self.sign(&mut parts);
        }
        Request::from_parts(parts, body)
    }

    /// The signed head alone, as it stands on the wire.
    pub fn head(&self) -> String {
        let (parts, _) = self.request().into_parts();
        let mut text = format!("{} {} HTTP/1.1\r\n", parts.method, parts.uri);
        for (name, value) in &parts.headers {
            text += &[name.as_str(), ": ", value.to_str().unwrap(), "\r\n"].concat();
        }
        text + &format!("content-length: {}\r\nconnection: close\r\n\r\n", self.body.len())
    }

    /// Like botocore: the body's own hash is signed, and sent as a header to S3 only.
    fn sign(&self, parts: &mut Parts) {
        let credentials = Credentials {
            access_key: self.key.to_owned(),
            secret: self.secret.to_owned(),
            session_token: None,
            region: self.region.to_owned(),
            service: self.service.to_owned(),
        };
        let hash = Payload::Hex(hex::encode(Sha256::digest(&self.body)));
        let payload = self.payload.clone().unwrap_or(hash);
        sign(parts, &credentials, Timestamp::now(), &payload).unwrap();
    }

    pub async fn send(&self, address: SocketAddr) -> Answer {
        self.send_over(TcpStream::connect(address).await.unwrap()).await
    }

    pub async fn send_over<S>(&self, stream: S) -> Answer
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let exchange = async {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            let connection = tokio::spawn(connection);
            let response = sender.send_request(self.request()).await.unwrap();
            let (head, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            drop(sender);
            // Whether the server or we close first is no matter.
            drop(connection.await);
            Answer { status: head.status, headers: head.headers, body }
        };
        timeout(PATIENCE, exchange).await.expect("an answer in time")
    }
}

/// Sends bytes, and reads until the server closes.
pub async fn raw(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

/// What comes until the server closes.
pub async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = timeout(PATIENCE, stream.read_to_end(&mut answer));
    let outcome = reading.await;
    assert!(matches!(outcome, Ok(Ok(_))), "{outcome:?} after {}", String::from_utf8_lossy(&answer));
    String::from_utf8(answer).unwrap()
}

/// Opens a tunnel by CONNECT: the status, and the stream behind it.
pub async fn connect(address: SocketAddr, target: &str, headers: &str) -> (u16, TcpStream) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let byte = timeout(PATIENCE, stream.read_u8()).await.expect("an answer in time");
        answer.push(byte.unwrap());
    }
    let line = String::from_utf8(answer).unwrap();
    (line.split(' ').nth(1).unwrap().parse().unwrap(), stream)
}

/// TLS as a client that trusts only `pem`.
pub async fn tls(
    stream: TcpStream,
    name: &str,
    pem: &str,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = name.to_owned().try_into().unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}
