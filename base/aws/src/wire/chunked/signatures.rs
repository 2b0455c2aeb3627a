//! The chain of signatures through a body: each covers its chunk and the one before.

use std::mem;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::ChunkError;
use crate::wire::sigv4::{HexDigest, Verified};

/// The SHA-256 of nothing: AWS leaves room for headers of a chunk.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Where the chain stands.
pub struct Chain {
    request: Verified,
    previous: String,
    body: Sha256,
    claimed: String,
}

impl Chain {
    /// Begins at the request's own signature.
    pub fn new(request: Verified) -> Self {
        let previous = request.seed.clone();
        Self { request, previous, body: Sha256::new(), claimed: String::new() }
    }

    /// A chunk begins that claims this signature.
    pub fn begin(&mut self, claimed: &str) {
        claimed.clone_into(&mut self.claimed);
    }

    /// More of the chunk.
    pub fn update(&mut self, data: &[u8]) {
        self.body.update(data);
    }

    /// The chunk has ended: was it what its signature says?
    pub fn end(&mut self) -> Result<(), ChunkError> {
        let hash = HexDigest::from(mem::take(&mut self.body));
        let right = self.sign_chunk(hash.as_str());
        self.advance(right)
    }

    /// The same for the trailers, written `name:value\n`.
    pub fn trailers(&mut self, canonical: &str, claimed: &str) -> Result<(), ChunkError> {
        self.begin(claimed);
        let right = self.sign_trailers(canonical);
        self.advance(right)
    }

    fn advance(&mut self, right: String) -> Result<(), ChunkError> {
        if !bool::from(right.as_bytes().ct_eq(self.claimed.as_bytes())) {
            return Err(ChunkError::Signature);
        }
        self.previous = right;
        Ok(())
    }

    fn sign_chunk(&self, hash: &str) -> String {
        self.sign("PAYLOAD", &[EMPTY, "\n", hash])
    }

    fn sign_trailers(&self, canonical: &str) -> String {
        self.sign("TRAILER", &[HexDigest::of(canonical.as_bytes()).as_str()])
    }

    /// `what` follows on the chain.
    fn sign(&self, kind: &str, what: &[&str]) -> String {
        let Verified { at, scope, key, .. } = &self.request;
        let chain = ["AWS4-HMAC-SHA256-", kind, "\n", at, "\n", scope, "\n", &self.previous, "\n"];
        key.sign(&[&chain[..], what].concat()).as_str().to_owned()
    }
}

#[cfg(test)]
impl Chain {
    /// For the tests' sender: signs what comes next and moves on.
    pub fn next_chunk(&mut self, data: &[u8]) -> String {
        self.previous = self.sign_chunk(HexDigest::of(data).as_str());
        self.previous.clone()
    }

    /// The same for the trailers.
    pub fn next_trailers(&mut self, canonical: &str) -> String {
        self.previous = self.sign_trailers(canonical);
        self.previous.clone()
    }
}
