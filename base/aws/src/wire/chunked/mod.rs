//! Bodies framed as `aws-chunked`, decoded and checked as they stream.
//!
//! What a signed chunk holds is handed on before its signature can be checked: nothing that came
//! out of a [`Decoder`] may be kept before [`Decoder::finish`] has agreed.

mod decoder;
mod signatures;

use thiserror::Error;

pub use decoder::Decoder;

/// Which of the three framings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Chunks without signatures, then trailers.
    UnsignedTrailer,
    /// Each chunk signed, no trailers.
    Signed,
    /// Each chunk signed, then trailers with their own signature.
    SignedTrailer,
}

impl Mode {
    /// The framing of a body that is signed so; nothing where it is not framed.
    #[must_use]
    pub fn of(payload: &super::sigv4::Payload) -> Option<Self> {
        use super::sigv4::Payload;
        match payload {
            Payload::SignedChunks => Some(Self::Signed),
            Payload::SignedChunksTrailer => Some(Self::SignedTrailer),
            Payload::UnsignedChunksTrailer => Some(Self::UnsignedTrailer),
            Payload::Hex(_) | Payload::Unsigned | Payload::OfBody => None,
        }
    }
}

/// What is wrong with a framed body.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChunkError {
    /// The framing cannot be read.
    #[error("the aws-chunked body is malformed: {0}")]
    Malformed(&'static str),
    /// A chunk or the trailers were not signed by the request's key, in this order.
    #[error("The chunk signature we calculated does not match the signature you provided.")]
    Signature,
    /// More or fewer bytes than `x-amz-decoded-content-length` said.
    #[error("the body holds {got} bytes where x-amz-decoded-content-length says {said}")]
    Length {
        /// What the header said.
        said: u64,
        /// What was there, when it was clear.
        got: u64,
    },
    /// The body ended before its last chunk.
    #[error("the body ended before its last chunk")]
    Incomplete,
    /// A trailer that `x-amz-trailer` did not announce, or an announced one that did not come.
    #[error("the trailers are not those that x-amz-trailer announces: '{0}'")]
    Trailer(String),
}

/// Names (lower case) and values, in their order.
pub type Trailers = Vec<(String, String)>;

#[cfg(test)]
mod tests;
