//! JSON 1.0, 1.1 and the documents of REST-JSON.

use http::{HeaderMap, HeaderValue};
use serde_json::json;
use thiserror::Error;
use types::Document;

use super::Protocol;

/// How deep a document may nest.
pub const DEPTH: usize = 64;

/// The body is no document. AWS calls it `SerializationException`, HTTP 400.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    /// Not JSON, or not an object.
    #[error("the body is no JSON object: {0}")]
    Malformed(String),
    /// Nested beyond [`DEPTH`].
    #[error("the body is nested deeper than {DEPTH} levels")]
    TooDeep,
}

/// Reads a body; an empty one is an empty document. Of a name that stands twice the last counts.
pub fn parse(body: &[u8]) -> Result<Document, JsonError> {
    if body.trim_ascii().is_empty() {
        return Ok(Document::new());
    }
    if depth(body) > DEPTH {
        return Err(JsonError::TooDeep);
    }
    serde_json::from_slice(body).map_err(|error| JsonError::Malformed(error.to_string()))
}

/// The deepest nesting, counted without recursion before anything is built.
fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// `application/x-amz-json-1.1` and so on.
#[must_use]
pub fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        Protocol::RestJson => "application/json",
        Protocol::Query => "text/xml",
    }
}

/// An error's headers and body. `query_mode`: the request had `x-amzn-query-mode: true`, so its
/// client wants to know the code and the culprit of the query protocol, too.
#[must_use]
pub fn error(code: &str, message: &str, status: u16, query_mode: bool) -> (HeaderMap, Vec<u8>) {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(code) {
        headers.insert("x-amzn-errortype", value);
    }
    if query_mode {
        let culprit = if status < 500 { "Sender" } else { "Receiver" };
        if let Ok(value) = HeaderValue::try_from(format!("{code};{culprit}")) {
            headers.insert("x-amzn-query-error", value);
        }
    }
    let body = json!({ "__type": code, "message": message });
    (headers, body.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_body_is_an_empty_document_and_the_last_of_two_names_counts() {
        assert_eq!(parse(b" \n").unwrap(), Document::new());
        assert_eq!(parse(br#"{"a":1,"a":2}"#).unwrap()["a"], 2);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["[1]", "1", "{", "{\"a\":1}x", "null", "\"\\ud800\""] {
            assert!(matches!(parse(body.as_bytes()), Err(JsonError::Malformed(_))), "{body}");
        }
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        let body = format!(r#"{{"a\"":"{}"}}"#, "[{".repeat(500));
        assert!(parse(body.as_bytes()).is_ok());
    }

    #[test]
    fn an_error_names_itself_in_header_and_body() {
        let (headers, body) = error("ResourceNotFound", "none \"here\"", 400, true);
        assert_eq!(headers["x-amzn-errortype"], "ResourceNotFound");
        assert_eq!(headers["x-amzn-query-error"], "ResourceNotFound;Sender");
        assert_eq!(body, br#"{"__type":"ResourceNotFound","message":"none \"here\""}"#);
    }

    proptest! {
        #[test]
        fn depth_is_bounded_exactly(depth in 1..200usize) {
            let body = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
            prop_assert_eq!(parse(body.as_bytes()).is_ok(), depth <= DEPTH);
            let body = format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
            prop_assert_eq!(parse(body.as_bytes()).is_ok(), depth < DEPTH);
        }

        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body);
        }
    }
}
