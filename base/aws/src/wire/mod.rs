//! Bytes on the wire: who signed them ([`sigv4`], [`sigv2`]), how bodies are framed ([`chunked`]),
//! and the codecs that need no model ([`json`], [`form`]). Those that do stand in
//! [`crate::model`].

pub mod chunked;
mod error;
pub mod escape;
pub mod form;
pub mod json;
pub mod sigv2;
pub mod sigv4;

pub use error::{AuthError, Refusal};

/// How a service writes its requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `application/x-amz-json-1.0`, operation in `X-Amz-Target`.
    Json10,
    /// `application/x-amz-json-1.1`, operation in `X-Amz-Target`.
    Json11,
    /// A form with `Action=…`, answered in XML.
    Query,
    /// The operation is the method and path; members travel in path, headers and body.
    RestJson,
}
