//! A client whose requests have passed the verifier.

use std::{net::SocketAddr, sync::Arc};

use aws::sigv4::{Payload, SigningKeys, Verified};
use bytes::Bytes;
use gateway::{OperationName, PolicyVerifier, S3, S3Request, s3::Front};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use platform::{
    access::{Access, Account, Denied, Identity, Unidentified},
    objects::{
        blobs::{Blobs, memory::MemoryBlobs},
        index::memory::MemoryIndex,
    },
};
use services::storage::Storage;
use sha2::{Digest, Sha256};
use types::{Caller, CanonicalId, Id, Owner};

pub const ACCOUNT: &str = "123456789012";
/// The one key there is, of [`ACCOUNT`].
pub const KEY: &str = "AKIAFORMS";
pub const SECRET: &str = "secret";

struct Everything;

impl Access for Everything {
    fn identify(&self, key: &str, token: Option<&str>) -> Result<Identity, Unidentified> {
        match (key, token) {
            (KEY, None) => Ok(Identity {
                secret: SECRET.into(),
                account: ACCOUNT.into(),
                principal: role(ACCOUNT).into(),
            }),
            (KEY, Some(_)) => Err(Unidentified::BadToken),
            _ => Err(Unidentified::UnknownKey),
        }
    }

    fn allow(&self, caller: &Caller, action: &str, thing: &str, _: &Owner) -> Result<(), Denied> {
        if !thing.ends_with("forbidden") {
            return Ok(());
        }
        let principal = caller.owner().principal.to_string();
        Err(Denied { principal, action: action.to_owned(), resource: thing.to_owned() })
    }

    fn account(&self, id: &str) -> Option<Arc<Account>> {
        let canonical_id = canonical(id);
        let account = Account { id: id.into(), canonical_id, name: "somebody".into() };
        Some(Arc::new(account))
    }

    fn account_of(&self, id: &CanonicalId) -> Option<Arc<Account>> {
        self.account(id.to_string().trim_start_matches('0'))
    }
}

/// The canonical id of the account with these digits.
pub fn canonical(account: &str) -> CanonicalId {
    format!("{account:0>64}").parse().unwrap()
}

fn role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/r")
}

/// A request on its way.
pub struct Ask {
    method: Method,
    uri: String,
    headers: HeaderMap,
    account: Option<&'static str>,
    pub payload: Payload,
    pub verified: Option<Verified>,
    pub host_bucket: Option<String>,
    pub sigv2: bool,
    body: Bytes,
}

pub fn ask(method: Method, uri: impl Into<String>) -> Ask {
    Ask {
        method,
        uri: uri.into(),
        headers: HeaderMap::new(),
        account: Some(ACCOUNT),
        payload: Payload::Unsigned,
        verified: None,
        host_bucket: None,
        sigv2: true,
        body: Bytes::new(),
    }
}

impl Ask {
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    pub fn of(mut self, account: Option<&'static str>) -> Self {
        self.account = account;
        self
    }

    /// A body and its true length.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("content-length", &length)
    }

    /// Signed as a hash.
    pub fn hashed(mut self, hash_of: &[u8]) -> Self {
        self.payload = Payload::Hex(hex::encode(Sha256::digest(hash_of)));
        self
    }

    /// Framed as `aws-chunked` with a trailer, unsigned.
    pub fn framed(mut self, contents: &[u8], trailer: &str) -> Self {
        let mut body = format!("{:x}\r\n", contents.len()).into_bytes();
        body.extend_from_slice(contents);
        body.extend_from_slice(format!("\r\n0\r\n{trailer}\r\n\r\n").as_bytes());
        self.body = body.into();
        self.payload = Payload::UnsignedChunksTrailer;
        let name = trailer.split(':').next().unwrap().to_owned();
        self.header("x-amz-trailer", &name)
            .header("x-amz-decoded-content-length", &contents.len().to_string())
            .header("content-encoding", "aws-chunked")
            .header("transfer-encoding", "chunked")
    }

    fn request(self) -> S3Request {
        let mut request = http::Request::builder().method(self.method).uri(self.uri);
        *request.headers_mut().unwrap() = self.headers;
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let text = |name| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let owner = |account| Owner::new(account, "eu-west-1", role(account));
        S3Request {
            caller: self.account.map(|it| Caller::verified(owner(it), Id::from_bits(7), "")),
            request_id: Id::from_bits(7),
            region: Arc::from("eu-west-1"),
            bucket: self.host_bucket,
            payload: self.payload,
            verified: self.verified,
            policies: Arc::new(PolicyVerifier::new(
                Arc::new(Everything),
                Arc::new(SigningKeys::default()),
                Arc::from("eu-west-1"),
                self.sigv2,
            )),
            decoded_length: text("x-amz-decoded-content-length").and_then(|it| it.parse().ok()),
            trailers: text("x-amz-trailer").into_iter().collect(),
            body: self.body.into(),
            peer: SocketAddr::from(([127, 0, 0, 1], 1)),
            secure: false,
            parts,
        }
    }
}

/// An answer, read.
#[derive(Debug)]
pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub operation: Option<&'static str>,
}

impl Got {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The text of the first element of that name.
    pub fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.text().split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    }

    /// The texts of all elements of that name.
    pub fn elements(&self, name: &str) -> Vec<&str> {
        let open = format!("<{name}>");
        self.text().split(&open).skip(1).map(|rest| rest.split('<').next().unwrap()).collect()
    }

    /// Status and code of an error.
    pub fn error(&self) -> (u16, &str) {
        (self.status.as_u16(), self.element("Code").unwrap_or(""))
    }
}

pub struct Client {
    front: Front,
    blobs: Arc<MemoryBlobs>,
}

impl Client {
    /// With a bucket called `data`.
    pub async fn new() -> Self {
        let (index, blobs) = (MemoryIndex::default(), Arc::new(MemoryBlobs::default()));
        let objects = Arc::new(Storage::new(Arc::new(index), blobs.clone()));
        let client = Self { front: Front::new(objects, Arc::new(Everything)), blobs };
        assert_eq!(client.send(ask(Method::PUT, "/data")).await.status, 200);
        client
    }

    pub async fn send(&self, ask: Ask) -> Got {
        let response = self.front.call(ask.request()).await;
        let operation = response.extensions().get::<OperationName>().map(|name| name.0);
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Got { status: head.status, headers: head.headers, body, operation }
    }

    /// Whether no object is there, and no bytes of one.
    pub async fn is_empty(&self) -> bool {
        let objects = self.get("/data?list-type=2").await;
        let blobs = self.blobs.list(None, 1).await.unwrap();
        objects.elements("Key").is_empty() && blobs.is_empty()
    }

    pub async fn get(&self, uri: &str) -> Got {
        self.send(ask(Method::GET, uri)).await
    }

    pub async fn put(&self, uri: &str, body: &'static [u8]) -> Got {
        self.send(ask(Method::PUT, uri).body(body).hashed(body)).await
    }
}
