//! A connection to the server, every request signed by the header.

use anyhow::{Context, Result, ensure};
use aws::sigv4::{Credentials, Payload, sign};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use types::Timestamp;

use crate::content::Piece;

/// Where a server is, and as whom to speak.
#[derive(Clone, Debug)]
pub struct Target {
    /// `127.0.0.1:7243`.
    pub address: String,
    /// Its first key.
    pub credentials: Credentials,
}

/// One connection.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    target: Target,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// A header without quotes; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().trim_matches('"')
    }

    /// The texts of all elements of that name. Enough for XML whose texts we wrote ourselves.
    pub fn texts(&self, element: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.body);
        let open = format!("<{element}>");
        let texts = text.split(&open).skip(1).filter_map(|rest| rest.split('<').next());
        texts.map(|text| text.replace("&quot;", "").replace('"', "")).collect()
    }

    /// The text of the first element of that name.
    pub fn text(&self, element: &str) -> Result<String> {
        let first = self.texts(element).into_iter().next();
        first.with_context(|| format!("no <{element}> in {}", self.said()))
    }

    /// What was said, for a report.
    pub fn said(&self) -> String {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(500)]).into_owned();
        format!("{} {body}", self.status)
    }

    /// Itself, if it was a success.
    pub fn success(self) -> Result<Self> {
        ensure!(self.status.is_success(), "the server answered {}", self.said());
        Ok(self)
    }
}

impl Client {
    /// Connects.
    pub async fn connect(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(&target.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its end is the end of whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Self { sender, target: target.clone() })
    }

    /// Another connection to the same server.
    pub async fn again(&self) -> Result<Self> {
        Self::connect(&self.target).await
    }

    /// Asks and waits for the whole answer.
    pub async fn ask(&mut self, method: Method, path: &str, body: Bytes) -> Result<Answer> {
        self.ask_with(method, path, None, body).await
    }

    /// The same with one more header.
    pub async fn ask_with(
        &mut self,
        method: Method,
        path: &str,
        header: Option<(&'static str, &str)>,
        body: Bytes,
    ) -> Result<Answer> {
        let uri = format!("http://{}{path}", self.target.address);
        let mut request = Request::builder().method(method).uri(uri);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let (mut parts, body) = request.body(Full::new(body))?.into_parts();
        sign(&mut parts, &self.target.credentials, Timestamp::now(), &Payload::Unsigned)?;
        if self.sender.ready().await.is_err() {
            // A server that refuses a body unread closes the connection.
            *self = self.again().await?;
        }
        let answer = self.sender.send_request(Request::from_parts(parts, body)).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.context("the answer broke off")?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    /// `GET`.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// `PUT` of a piece.
    pub async fn put(&mut self, path: &str, piece: Piece) -> Result<Answer> {
        self.ask(Method::PUT, path, piece.bytes()).await?.success()
    }

    /// Makes an object of an upload's parts.
    pub async fn complete(&mut self, path: &str, parts: &[(u32, String)]) -> Result<Answer> {
        let part = |(number, etag): &(u32, String)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
        };
        let parts: String = parts.iter().map(part).collect();
        let xml = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        self.ask(Method::POST, path, xml.into()).await
    }
}
