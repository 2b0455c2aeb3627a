//! How a service family writes its errors and answers.
//!
//! The same fact has another code in each dialect (a wrong signature is `SignatureDoesNotMatch` to
//! the query services and `InvalidSignatureException` to the JSON ones): `aws` holds the tables.

use aws::{
    AuthError, Refusal, json,
    model::{Models, Operation, Service, query},
    wire::Protocol,
};
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use types::{Document, Id};

use crate::body::{Response, full};

/// A way to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// JSON in both directions. `query_mode`: a client of a service that once spoke query.
    Json {
        /// JSON 1.0, 1.1 or REST.
        protocol: Protocol,
        /// `x-amzn-query-mode: true` was sent.
        query_mode: bool,
    },
    /// Forms in, XML out. The service gives the XML its names.
    Query(Service),
    /// S3's XML.
    S3,
}

/// What speaks to who is no AWS client, or not yet known to be one.
pub const PLAIN: Dialect = Dialect::Json { protocol: Protocol::Json11, query_mode: false };

impl Dialect {
    /// AWS's name of a refused signature.
    pub fn name(self, error: &AuthError) -> Refusal {
        match self {
            Self::Json { .. } => error.json(),
            Self::Query(_) => error.query(),
            Self::S3 => error.s3(),
        }
    }

    /// The scope names a region that AWS does not have.
    pub fn unknown_region(self, region: &str) -> Refusal {
        let (code, status) = match self {
            Self::Json { .. } => ("InvalidSignatureException", 403),
            Self::Query(_) => ("SignatureDoesNotMatch", 403),
            Self::S3 => ("AuthorizationHeaderMalformed", 400),
        };
        let message = format!("Credential should be scoped to a valid region, not '{region}'.");
        Refusal { code, status, message }
    }

    /// An error as a response. `path` is shown by S3 only.
    pub fn error(self, refusal: &Refusal, id: Id, path: &str) -> Response {
        let Refusal { code, status, message } = refusal;
        let (headers, body) = match self {
            Self::Json { protocol, query_mode } => {
                let (mut headers, body) = json::error(code, message, *status, query_mode);
                headers.insert(CONTENT_TYPE, static_value(json::content_type(protocol)));
                (headers, body)
            }
            Self::Query(service) => {
                let service = Models::get().service(service);
                let text = query::error(service, code, message, *status, &id.hyphenated());
                (content_type(query::CONTENT_TYPE), text.into_bytes())
            }
            Self::S3 => (content_type("application/xml"), s3_error(refusal, id, path).into_bytes()),
        };
        let mut response = Response::new(full(body));
        *response.status_mut() = status_code(*status);
        *response.headers_mut() = headers;
        response
    }

    /// A document as a response.
    pub fn answer(self, operation: &Operation, output: &Document, id: Id) -> Response {
        let (kind, body) = match self {
            Self::Json { protocol, .. } => {
                (json::content_type(protocol), serde_json::to_vec(output).unwrap_or_default())
            }
            Self::Query(service) => {
                let service = Models::get().service(service);
                let text = query::encode(service, operation, output, &id.hyphenated());
                (query::CONTENT_TYPE, text.into_bytes())
            }
            Self::S3 => ("application/xml", Vec::new()),
        };
        let mut response = Response::new(full(body));
        *response.status_mut() = status_code(operation.status());
        *response.headers_mut() = content_type(kind);
        response
    }
}

fn static_value(text: &'static str) -> HeaderValue {
    HeaderValue::from_static(text)
}

fn content_type(kind: &'static str) -> http::HeaderMap {
    http::HeaderMap::from_iter([(CONTENT_TYPE, static_value(kind))])
}

/// Codes come from our tables, so they are statuses; what is none is a defect of ours.
pub fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn s3_error(refusal: &Refusal, id: Id, path: &str) -> String {
    let (message, path) = (escaped(&refusal.message), escaped(path));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{message}\
         </Message><Resource>{path}</Resource><RequestId>{}</RequestId></Error>",
        refusal.code,
        id.hyphenated(),
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' | ' '.. => out.push(letter),
            _ => out.push('\u{FFFD}'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_request_becomes_markup() {
        let refusal = Refusal { code: "AccessDenied", status: 403, message: "a<b".into() };
        let text = s3_error(&refusal, Id::from_bits(1), "/x&<y>\u{1}");
        assert!(text.contains("<Message>a&lt;b</Message>"), "{text}");
        assert!(text.contains("<Resource>/x&amp;&lt;y&gt;\u{FFFD}</Resource>"), "{text}");
    }
}
