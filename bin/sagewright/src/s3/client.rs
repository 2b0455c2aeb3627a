//! Signed calls of S3, tried again where that may help.

use std::{env, io, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use aws::{
    escape::{encode, encode_path},
    sigv4::{self, Credentials, Head, Payload},
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{CONTENT_LENGTH, HOST},
    request::Parts,
};
use http_body_util::Full;
use services::accounts::Key;
use sha2::{Digest, Sha256};
use types::Timestamp;

use super::{
    http::{Answer, Server},
    place::Object,
    xml::Element,
};
use crate::data::Running;

/// How often a call is tried, and how long it waits before the second time; twice as long before
/// each later one.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(100);

/// The longest document of an answer, bytes: a page of 1,000 keys of 1,024 bytes, percent-encoded,
/// takes 4 MiB.
const DOCUMENT: usize = 16 << 20;

/// What a call was refused with, in the words of the AWS command line.
#[derive(Debug, thiserror::Error)]
#[error("An error occurred ({code}) when calling the {operation} operation: {message}")]
pub struct Refused {
    /// `PutObject`.
    pub operation: &'static str,
    /// HTTP's.
    pub status: u16,
    /// `NoSuchBucket`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// S3 at one endpoint, with one key.
pub struct Client {
    server: Arc<Server>,
    endpoint: Uri,
    credentials: Credentials,
}

/// A call to make.
pub struct Call {
    operation: &'static str,
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
    hash: Payload,
}

impl Call {
    /// A call about a bucket or an object.
    pub fn new(operation: &'static str, method: Method, on: &Object) -> Self {
        let bucket = encode(on.bucket.as_bytes());
        let path = match &*on.key {
            "" => format!("/{bucket}"),
            key => format!("/{bucket}/{}", encode_path(key)),
        };
        Self { path, ..Self::of_service(operation, method) }
    }

    /// A call about no bucket.
    pub fn of_service(operation: &'static str, method: Method) -> Self {
        Self {
            operation,
            method,
            path: "/".to_owned(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            hash: hash(&[]),
        }
    }

    /// With a member of the query.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let gap = if self.query.is_empty() { "" } else { "&" };
        for piece in [gap, &encode(name.as_bytes()), "=", &encode(value.as_bytes())] {
            self.query.push_str(piece);
        }
        self
    }

    /// With a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Result<Self> {
        let value = HeaderValue::try_from(value)?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// With headers of another answer.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// With a body, which is hashed here.
    pub fn body(mut self, body: Bytes) -> Self {
        self.hash = hash(&body);
        self.body = body;
        self
    }

    fn target(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }
}

impl Client {
    /// A client of the running server, with its administrator's key.
    pub fn of(running: &Running, key: &Key) -> Result<Self> {
        let credentials = Credentials {
            access_key: key.access_key.clone(),
            secret: key.secret.clone(),
            session_token: None,
            region: running.region.clone(),
            service: "s3".to_owned(),
        };
        Self::new(&running.url, credentials)
    }

    /// A client of another endpoint, with the key of the environment.
    pub fn of_environment(url: &str) -> Result<Self> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let asked = |name| variable(name).with_context(|| format!("--endpoint-url needs {name}"));
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let credentials = Credentials {
            access_key: asked("AWS_ACCESS_KEY_ID")?,
            secret: asked("AWS_SECRET_ACCESS_KEY")?,
            session_token: variable("AWS_SESSION_TOKEN"),
            region: region.unwrap_or_else(|| "us-east-1".to_owned()),
            service: "s3".to_owned(),
        };
        Self::new(url, credentials)
    }

    pub(super) fn new(url: &str, credentials: Credentials) -> Result<Self> {
        let endpoint: Uri = url.parse().with_context(|| format!("{url:?} is no URL"))?;
        let server = Arc::new(Server::at(&endpoint)?);
        Ok(Self { server, endpoint, credentials })
    }

    /// Makes a call; an answer that refuses it is an error.
    pub async fn call(&self, call: Call) -> Result<Answer> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.attempt(&call).await? {
                Ok(answer) if !may_help(answer.status.as_u16()) => {
                    return settled(&call, answer).await;
                }
                Ok(_) | Err(_) => tokio::time::sleep(pause).await,
            }
            pause *= 2;
        }
        let answer = self.attempt(&call).await?;
        settled(&call, answer.with_context(|| format!("{} cannot be reached", self.endpoint))?)
            .await
    }

    /// Makes a call that is answered by a document.
    pub async fn ask(&self, call: Call) -> Result<Element> {
        let operation = call.operation;
        let document = self.call(call).await?.whole(DOCUMENT).await?;
        let document = Element::read(&document)?;
        // Some calls are answered 200 before it is known whether they succeed.
        if document.name() == "Error" {
            Err(refused(operation, 200, &document).into())
        } else {
            Ok(document)
        }
    }

    async fn attempt(&self, call: &Call) -> Result<io::Result<Answer>> {
        let parts = self.signed(call)?;
        let request = Request::from_parts(parts, Full::new(call.body.clone()));
        Ok(self.server.send(request).await)
    }

    fn signed(&self, call: &Call) -> Result<Parts> {
        let request = Request::builder().method(call.method.clone()).uri(call.target());
        let (mut parts, ()) = request.body(())?.into_parts();
        parts.headers = call.headers.clone();
        parts.headers.insert(HOST, self.host()?);
        if !call.body.is_empty() || call.method == Method::PUT {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(call.body.len()));
        }
        sigv4::sign(&mut parts, &self.credentials, Timestamp::now(), &call.hash)?;
        Ok(parts)
    }

    fn host(&self) -> Result<HeaderValue> {
        let authority = self.endpoint.authority().context("the endpoint's URL names no host")?;
        Ok(HeaderValue::try_from(authority.as_str())?)
    }

    /// A URL by which anybody can read the object for so many seconds.
    pub fn presigned(&self, object: &Object, seconds: u64) -> Result<String> {
        let call = Call::new("GetObject", Method::GET, object);
        let headers = HeaderMap::from_iter([(HOST, self.host()?)]);
        let head = Head { method: "GET", path: &call.path, query: "", headers: &headers };
        let query = sigv4::presign(&head, &self.credentials, Timestamp::now(), seconds);
        let endpoint = self.endpoint.to_string();
        Ok(format!("{}{}?{query}", endpoint.trim_end_matches('/'), call.path))
    }
}

fn hash(body: &[u8]) -> Payload {
    Payload::Hex(hex::encode(Sha256::digest(body)))
}

/// Whether it may be otherwise the next time.
fn may_help(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

async fn settled(call: &Call, answer: Answer) -> Result<Answer> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let (operation, status) = (call.operation, answer.status);
    let document = answer.whole(DOCUMENT).await?;
    Err(match Element::read(&document) {
        Ok(error) => refused(operation, status.as_u16(), &error),
        // A HEAD has none.
        Err(_) => Refused {
            operation,
            status: status.as_u16(),
            code: status.as_u16().to_string(),
            message: status.canonical_reason().unwrap_or_default().to_owned(),
        },
    }
    .into())
}

fn refused(operation: &'static str, status: u16, error: &Element) -> Refused {
    let (code, message) = (error.text("Code").to_owned(), error.text("Message").to_owned());
    Refused { operation, status, code, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str) -> Client {
        let credentials = Credentials {
            access_key: "AKIAEXAMPLEEXAMPLE22".into(),
            secret: "secret".into(),
            session_token: None,
            region: "us-east-1".into(),
            service: "s3".into(),
        };
        Client::new(url, credentials).unwrap()
    }

    #[test]
    fn a_key_is_never_normalised_on_its_way() {
        let object = Object { bucket: "b".into(), key: "p//q/../a b+c/ü%?".into() };
        let call = Call::new("GetObject", Method::GET, &object).query("partNumber", "1");
        assert_eq!(call.target(), "/b/p//q/../a%20b%2Bc/%C3%BC%25%3F?partNumber=1");
        let signed = client("http://127.0.0.1:1").signed(&call).unwrap();
        assert_eq!(signed.uri.path(), "/b/p//q/../a%20b%2Bc/%C3%BC%25%3F");
        assert_eq!(signed.headers[HOST], "127.0.0.1:1");
    }

    #[test]
    fn a_presigned_url_leads_to_the_endpoint() {
        let object = Object { bucket: "b".into(), key: "a b".into() };
        let url = client("http://127.0.0.1:7243/").presigned(&object, 60).unwrap();
        assert!(url.starts_with("http://127.0.0.1:7243/b/a%20b?X-Amz-Algorithm="), "{url}");
        assert!(url.contains("X-Amz-Expires=60&"), "{url}");
    }

    #[test]
    fn an_endpoint_must_be_a_url_with_a_host() {
        for url in ["127.0.0.1:1", "/path", "ftp://host", ""] {
            let credentials = client("http://h").credentials;
            assert!(Client::new(url, credentials).is_err(), "{url}");
        }
    }
}
