//! A body that is checked while it streams, and ends in an error where it is not what the head
//! promised. Whoever keeps it only once it has ended well keeps nothing wrong.
//!
//! What the store can check (`Content-MD5`, the signed hash, a checksum in the head) it does, beside
//! its own hashes and away from the reactor's threads. Here is checked what only the stream knows:
//! frames and their signatures, trailers, the length, and documents, which no store sees. The
//! length is checked before bytes are handed on, so no more than was promised ever reaches a disk.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use aws::chunked::{ChunkError, Decoder, Trailers};
use bytes::Bytes;
use futures_util::Stream;
use http_body::Body;
use s3s::{
    StdError,
    stream::{ByteStream, RemainingLength},
};
use sha2::{Digest, Sha256};

use super::{
    ask::Ask,
    digest::{Algorithm, HEADER_PREFIX, Hasher},
    errors::Refused,
};
use crate::body::{BodyError, RequestBody};

/// How a body differs from what its head promised. Stands inside the [`io::Error`] that a store
/// is given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// Not the SHA-256 that was signed.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    ContentHash,
    /// Fewer bytes than `Content-Length` says.
    #[error("You did not provide the number of bytes specified by the Content-Length HTTP header.")]
    Short,
    /// More bytes than `Content-Length` says.
    #[error("The body is longer than the Content-Length HTTP header says.")]
    Long,
    /// Not the checksum of that name that was sent before or after the body.
    #[error("The {0} you specified did not match the calculated checksum.")]
    Checksum(&'static str),
    /// The trailer of that name did not come, or is no checksum.
    #[error("Value for {0} trailing header is invalid.")]
    Trailer(String),
    /// The framing is wrong, or the signature of a chunk.
    #[error(transparent)]
    Framing(#[from] ChunkError),
    /// The connection broke off.
    #[error("The request body terminated unexpectedly.")]
    Broken,
    /// Nothing came for too long.
    #[error(
        "Your socket connection to the server was not read from or written to within the timeout period."
    )]
    Idle,
}

impl From<BodyError> for BodyFault {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Broken(_) => Self::Broken,
            BodyError::Idle(_) | BodyError::Slow(_) => Self::Idle,
            BodyError::TooLarge(_) | BodyError::Crowded => Self::Long,
        }
    }
}

/// A checksum to compute and what it must be.
pub(super) struct Sum {
    name: &'static str,
    hasher: Hasher,
    promised: Promised,
}

enum Promised {
    Value(String),
    Trailer(Algorithm),
}

impl Sum {
    /// One that came in a header.
    pub(super) fn of_header(algorithm: Algorithm, value: String) -> Self {
        let hasher = Hasher::new(algorithm);
        Self { name: algorithm.name(), hasher, promised: Promised::Value(value) }
    }

    /// `Content-MD5`.
    pub(super) fn of_md5(value: String) -> Self {
        Self { name: "Content-MD5", hasher: Hasher::md5(), promised: Promised::Value(value) }
    }

    /// One that follows the body.
    pub(super) fn of_trailer(algorithm: Algorithm) -> Self {
        let hasher = Hasher::new(algorithm);
        Self { name: algorithm.name(), hasher, promised: Promised::Trailer(algorithm) }
    }

    fn check(self, trailers: &Trailers) -> Result<(), BodyFault> {
        let promised = match self.promised {
            Promised::Value(value) => value,
            Promised::Trailer(algorithm) => trailer(algorithm, trailers)?,
        };
        if self.hasher.finish() == promised { Ok(()) } else { Err(BodyFault::Checksum(self.name)) }
    }
}

fn trailer(algorithm: Algorithm, trailers: &Trailers) -> Result<String, BodyFault> {
    let header = format!("{HEADER_PREFIX}{}", algorithm.id());
    let value = trailers.iter().find(|(name, _)| *name == header).map(|(_, value)| value);
    match value {
        Some(value) if algorithm.fits(value) => Ok(value.clone()),
        Some(_) | None => Err(BodyFault::Trailer(header)),
    }
}

/// What a body must be.
pub(super) struct Checks {
    /// Bytes, once decoded.
    pub(super) length: u64,
    /// The signed SHA-256, lower-case hexadecimal.
    pub(super) content_hash: Option<String>,
    /// Decodes `aws-chunked`.
    pub(super) framing: Option<Decoder>,
    /// Checksums that nobody but the body checks.
    pub(super) sums: Vec<Sum>,
}

/// A body under its checks.
pub(super) struct Checked {
    /// Gone once it has ended.
    source: Option<RequestBody>,
    framing: Option<Decoder>,
    decoded: VecDeque<Bytes>,
    left: u64,
    content_hash: Option<(Sha256, String)>,
    sums: Vec<Sum>,
    ask: Arc<Ask>,
}

impl Checked {
    pub(super) fn new(source: RequestBody, checks: Checks, ask: Arc<Ask>) -> Self {
        Self {
            source: Some(source),
            framing: checks.framing,
            decoded: VecDeque::new(),
            left: checks.length,
            content_hash: checks.content_hash.map(|hash| (Sha256::new(), hash)),
            sums: checks.sums,
            ask,
        }
    }

    /// Takes bytes as they came.
    fn take(&mut self, bytes: Bytes) -> Result<(), BodyFault> {
        let Some(framing) = &mut self.framing else {
            self.decoded.push_back(bytes);
            return Ok(());
        };
        let mut decoded = Vec::new();
        framing.push(bytes, &mut decoded)?;
        self.decoded.extend(decoded);
        Ok(())
    }

    /// Counts and hashes what is about to be handed on.
    fn hand_on(&mut self, bytes: &Bytes) -> Result<(), BodyFault> {
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(len).ok_or(BodyFault::Long)?;
        if let Some((hasher, _)) = &mut self.content_hash {
            hasher.update(bytes);
        }
        self.sums.iter_mut().for_each(|sum| sum.hasher.update(bytes));
        Ok(())
    }

    /// The body has ended: is it what was promised?
    fn finish(&mut self) -> Result<(), BodyFault> {
        let trailers = self.framing.take().map_or_else(|| Ok(Trailers::new()), Decoder::finish)?;
        if self.left > 0 {
            return Err(BodyFault::Short);
        }
        if let Some((hasher, promised)) = self.content_hash.take()
            && hex::encode(hasher.finalize()) != promised
        {
            return Err(BodyFault::ContentHash);
        }
        self.sums.drain(..).try_for_each(|sum| sum.check(&trailers))
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyFault>>> {
        loop {
            if let Some(bytes) = self.decoded.pop_front() {
                let handed = self.hand_on(&bytes);
                return Poll::Ready(Some(handed.map(|()| bytes)));
            }
            let Some(source) = &mut self.source else { return Poll::Ready(None) };
            match ready!(Pin::new(source).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // Trailers of the transfer coding are no contents, and nobody signed them.
                    let Ok(bytes) = frame.into_data() else { continue };
                    if let Err(fault) = self.take(bytes) {
                        return Poll::Ready(Some(Err(fault)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    self.source = None;
                    return Poll::Ready(self.finish().err().map(Err));
                }
            }
        }
    }

    /// Ends the stream, and decides the answer.
    fn fail(&mut self, fault: BodyFault) -> StdError {
        self.ask.refuse(Refused::from(&fault));
        self.release();
        self.decoded.clear();
        Box::new(io::Error::other(fault))
    }

    fn release(&mut self) {
        if let Some(source) = self.source.take().filter(|source| !source.is_end_stream()) {
            self.ask.give_back(source);
        }
    }
}

impl Stream for Checked {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let step = ready!(self.poll_step(cx));
        Poll::Ready(step.map(|bytes| bytes.map_err(|fault| self.fail(fault))))
    }
}

impl ByteStream for Checked {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.left)
            .map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        self.release();
    }
}
