//! Heads of signed requests.

use std::{env, fmt::Write as _};

use anyhow::{Context, Result};
use aws::sigv4::{Credentials, Payload, sign};
use http::Request;
use sha2::{Digest, Sha256};
use types::Timestamp;

pub struct Signer {
    credentials: Credentials,
    authority: String,
}

impl Signer {
    pub fn from_environment(port: u16) -> Result<Self> {
        let variable = |name| env::var(name).with_context(|| format!("{name} is not set"));
        let credentials = Credentials {
            access_key: variable("AWS_ACCESS_KEY_ID")?,
            secret: variable("AWS_SECRET_ACCESS_KEY")?,
            session_token: None,
            region: variable("AWS_REGION")?,
            service: "s3".to_owned(),
        };
        Ok(Self { credentials, authority: format!("127.0.0.1:{port}") })
    }

    /// The bytes before the body; `target` is path and query.
    pub fn head(
        &self,
        method: &str,
        target: &str,
        payload: &Payload,
        length: usize,
    ) -> Result<Vec<u8>> {
        let uri = format!("http://{}{target}", self.authority);
        let (mut parts, ()) = Request::builder().method(method).uri(uri).body(())?.into_parts();
        sign(&mut parts, &self.credentials, Timestamp::now(), payload)?;
        let mut head = format!("{method} {target} HTTP/1.1\r\ncontent-length: {length}\r\n");
        for (name, value) in &parts.headers {
            write!(head, "{name}: {}\r\n", value.to_str()?)?;
        }
        head += "\r\n";
        Ok(head.into_bytes())
    }
}

/// In lower-case hexadecimal.
pub fn sha256<'a>(blocks: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    blocks.into_iter().for_each(|block| hasher.update(block));
    hex::encode(hasher.finalize())
}
