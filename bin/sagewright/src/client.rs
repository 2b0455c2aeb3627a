//! A signed call of the API, for the command line: it comes in by the same door as everybody.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use aws::sigv4::{self, Credentials, Payload};
use serde_json::Value;
use services::accounts::Key;
use sha2::{Digest, Sha256};
use types::Timestamp;

use crate::data::Running;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Calls the API of a running server.
pub struct Client {
    running: Running,
    key: Key,
}

/// A call that was refused, in AWS's words.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refused {
    /// `ResourceNotFoundException`.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Client {
    /// A client that signs with this key.
    pub fn new(running: Running, key: Key) -> Self {
        Self { running, key }
    }

    /// Calls an operation of a JSON service: `call("logs", "Logs_20140328.GetLogEvents", …)`.
    pub fn call(&self, service: &str, target: &str, document: &Value) -> Result<Value> {
        let body = document.to_string();
        let request = http::Request::builder()
            .method("POST")
            .uri(format!("{}/", self.running.url))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target);
        let (mut parts, ()) = request.body(())?.into_parts();
        let credentials = Credentials {
            access_key: self.key.access_key.clone(),
            secret: self.key.secret.clone(),
            session_token: None,
            region: self.running.region.clone(),
            service: service.to_owned(),
        };
        let hash = Payload::Hex(hex::encode(Sha256::digest(&body)));
        sigv4::sign(&mut parts, &credentials, Timestamp::now(), &hash)?;
        let (status, answer) = exchange(&parts, &body)?;
        let answer: Value = serde_json::from_slice(&answer)?;
        if status != 200 {
            let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
            return Err(Refused { code: text("__type"), message: text("message") }.into());
        }
        Ok(answer)
    }
}

/// One request, and its answer's status and body.
fn exchange(parts: &http::request::Parts, body: &str) -> Result<(u16, Vec<u8>)> {
    let authority = parts.uri.authority().context("the server's URL has no host")?.as_str();
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut head =
        format!("POST / HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in &parts.headers {
        write!(head, "{name}: {}\r\n", value.to_str()?)?;
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        bail!("the server broke off its answer");
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.context("the server's answer is no HTTP")?, answer.split_off(end + 4)))
}
