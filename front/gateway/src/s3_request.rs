//! What the gateway hands to the S3 front, and what it wants back.
//!
//! The signature over the head has been checked (or there was none: then `caller` is `None`). The
//! body has not been looked at: that its hash, chunks, length, checksums and trailers are right is
//! found out by whoever reads it, before anything is kept.

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use aws::sigv4::{Payload, Verified};
use http::request::Parts;
use types::{Caller, Id};

use crate::{
    body::{RequestBody, Response},
    verify::PolicyVerifier,
};

/// One request for S3.
pub struct S3Request {
    /// The head as it came, `Authorization` and signature query included.
    pub parts: Parts,
    /// Who signed; nobody where the request is unsigned.
    pub caller: Option<Caller>,
    /// Goes back to the client as `x-amz-request-id`; the caller's where there is one.
    pub request_id: Id,
    /// The signature's region; the server's own where nobody signed or by version 2.
    pub region: Arc<str>,
    /// The bucket that stands in the host name, of virtual-host addresses behind CONNECT.
    pub bucket: Option<String>,
    /// How the signature covers the body. [`Payload::Unsigned`] where nobody signed.
    pub payload: Payload,
    /// What signed chunks chain to; nothing for unsigned requests and version 2.
    pub verified: Option<Verified>,
    /// Says who signed the policy of a form, which stands in the body.
    pub policies: Arc<PolicyVerifier>,
    /// `x-amz-decoded-content-length`.
    pub decoded_length: Option<u64>,
    /// The names that `x-amz-trailer` announces, lower case.
    pub trailers: Vec<String>,
    /// The body as framed by the client.
    pub body: RequestBody,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// Came over TLS (`aws:SecureTransport`).
    pub secure: bool,
}

/// The S3 protocol. Answers every request, errors included; the gateway adds `x-amz-request-id`
/// where it is missing.
#[async_trait]
pub trait S3: Send + Sync {
    /// Answers one request. May put an [`OperationName`] and an [`Account`] among the answer's
    /// extensions.
    async fn call(&self, request: S3Request) -> Response;
}

/// What an answer's extensions may say for the log and the metrics: `GetObject`.
#[derive(Clone, Copy, Debug)]
pub struct OperationName(pub &'static str);

/// What an answer's extensions may say for the log: whose account it was, where only the body
/// could tell.
#[derive(Clone, Debug)]
pub struct Account(pub Arc<str>);
