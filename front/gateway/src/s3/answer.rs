//! Answers as they leave: errors in XML with all that S3 puts there, request ids, and an end to
//! the body that nobody read.

use std::{fmt::Write, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use s3s::{Body, HttpError, HttpResponse};
use types::Id;

use super::{XML_LIMIT, ask::Ask, errors::Refused};
use crate::{
    S3Request,
    body::{RequestBody, Response, ResponseBody},
    s3_request::OperationName,
};

/// How much of an unread body is read away so that the connection can be used again, bytes. More
/// than that costs less as a new connection.
const DRAIN_LIMIT: u64 = 256 * 1024;

/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_millis(500);

/// What every answer needs of its request.
pub(super) struct About {
    method: Method,
    resource: String,
    request_id: Id,
    /// The client waits for a word before it sends the body.
    expects: bool,
    /// The body is longer than any document that is read.
    oversized: bool,
}

impl About {
    pub(super) fn of(request: &S3Request) -> Self {
        Self {
            method: request.parts.method.clone(),
            resource: request.parts.uri.path().to_owned(),
            request_id: request.request_id,
            expects: request.parts.headers.contains_key(header::EXPECT),
            oversized: body_length(request).is_some_and(|length| length > XML_LIMIT as u64),
        }
    }
}

/// An answer, and what was not read of the request.
pub(super) struct Answered {
    response: HttpResponse,
    unread: Option<RequestBody>,
}

/// A refusal as an answer.
pub(super) fn refused(refused: &Refused, unread: Option<RequestBody>, about: &About) -> Answered {
    let mut response = HttpResponse::default();
    *response.status_mut() = refused.status;
    for (name, value) in &refused.headers {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    if !refused.code.is_empty() && about.method != Method::HEAD {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
        element(&mut xml, "Code", refused.code);
        element(&mut xml, "Message", &refused.message);
        for (name, value) in &refused.fields {
            element(&mut xml, name, value);
        }
        set_xml(&mut response, xml, about);
    }
    let unread = unread.filter(|body| !body.is_end_stream());
    Answered { response, unread }
}

/// An answer that is nothing but headers.
pub(super) fn of_headers(headers: HeaderMap, unread: Option<RequestBody>) -> Answered {
    let mut response = HttpResponse::default();
    *response.headers_mut() = headers;
    Answered { response, unread: unread.filter(|body| !body.is_end_stream()) }
}

/// What `s3s` answered, unless the operation or the body refused.
pub(super) fn answered(
    answered: Result<HttpResponse, HttpError>,
    ask: &Ask,
    about: &About,
) -> Answered {
    let unread = ask.take_unread();
    let mut result = match (ask.take_refused(), answered) {
        (Some(reason), _) => refused(&reason, unread, about),
        // `s3s` takes it for an error of its own, and no operation has begun.
        (None, Ok(response))
            if about.oversized
                && ask.operation().is_none()
                && response.status() == StatusCode::INTERNAL_SERVER_ERROR =>
        {
            refused(&too_long(), unread, about)
        }
        (None, Ok(response)) => {
            Answered { response: completed(response, ask.operation(), about), unread }
        }
        (None, Err(_)) => refused(&unsayable(), unread, about),
    };
    result.response.headers_mut().extend(ask.take_headers());
    if let Some(operation) = ask.operation() {
        result.response.extensions_mut().insert(OperationName(operation));
    }
    result
}

/// What an operation answered that `s3s` does not know.
pub(super) fn of_operation(
    operation: &'static str,
    result: Result<HttpResponse, Refused>,
    unread: Option<RequestBody>,
    about: &About,
) -> Answered {
    let answered = match result {
        Ok(response) => Answered { response, unread: unread.filter(|body| !body.is_end_stream()) },
        Err(reason) => refused(&reason, unread, about),
    };
    answered.with(OperationName(operation))
}

/// What the head says of the body's length, bytes.
fn body_length(request: &S3Request) -> Option<u64> {
    request.parts.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_long() -> Refused {
    let message = "Your request was too big.";
    Refused::new(StatusCode::BAD_REQUEST, "MaxMessageLengthExceeded", message)
}

fn unsayable() -> Refused {
    Refused::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalError",
        "We encountered an internal error. Please try again.",
    )
}

/// S3 quotes ETags in every document but this one; `s3s` does in all.
fn unquote_etag(response: &mut HttpResponse) {
    let Some(xml) = response.body().bytes() else { return };
    let xml = String::from_utf8_lossy(&xml);
    let bare = xml.replacen("<ETag>\"", "<ETag>", 1).replacen("\"</ETag>", "</ETag>", 1);
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(bare);
}

/// Adds to an answer of `s3s` what it does not know: that a range is partial content, and the
/// last elements of its own errors.
fn completed(mut response: HttpResponse, operation: Option<&str>, about: &About) -> HttpResponse {
    if response.headers().contains_key(header::CONTENT_RANGE) {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    if operation == Some("GetObjectAttributes") {
        unquote_etag(&mut response);
    }
    if response.status().is_client_error() || response.status().is_server_error() {
        let xml = response.body().bytes().unwrap_or_default();
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        if about.method != Method::HEAD {
            let xml = String::from_utf8_lossy(&xml);
            let open = xml.strip_suffix("</Error>").unwrap_or(&xml).to_owned();
            set_xml(&mut response, open, about);
        }
    }
    response
}

/// Closes an error's document and makes it the body.
fn set_xml(response: &mut HttpResponse, mut xml: String, about: &About) {
    element(&mut xml, "Resource", &about.resource);
    element(&mut xml, "RequestId", &about.request_id.hyphenated());
    element(&mut xml, "HostId", &about.request_id.to_string());
    xml.push_str("</Error>");
    let xml_type = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml_type);
    *response.body_mut() = Body::from(xml);
}

/// Writes an element with text.
pub(super) fn element(xml: &mut String, name: &str, text: &str) {
    let _ = write!(xml, "<{name}>");
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            // XML 1.0 has no way to write them.
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                xml.push('\u{fffd}');
            }
            other => xml.push(other),
        }
    }
    let _ = write!(xml, "</{name}>");
}

impl Answered {
    /// With something for the log.
    pub(super) fn with<T: Clone + Send + Sync + 'static>(mut self, said: T) -> Self {
        self.response.extensions_mut().insert(said);
        self
    }

    /// Ends the request's body and sends the answer on its way.
    ///
    /// A client that still sends may never see an answer that closes the connection under it, so
    /// a short rest is read away. One that waits for `100 Continue` would be told to send by
    /// that, and a long rest costs more than a new connection: there the connection ends.
    pub(super) async fn settle(mut self, about: &About) -> Response {
        if let Some(unread) = self.unread.take()
            && (about.expects || !drained(unread).await)
        {
            let close = HeaderValue::from_static("close");
            self.response.headers_mut().insert(header::CONNECTION, close);
        }
        sealed(self.response, about)
    }
}

async fn drained(body: RequestBody) -> bool {
    if body.size_hint().lower() > DRAIN_LIMIT {
        return false;
    }
    tokio::time::timeout(DRAIN_TIME, read_away(body)).await.unwrap_or(false)
}

async fn read_away(mut body: RequestBody) -> bool {
    let mut left = DRAIN_LIMIT;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        let len = frame.data_ref().map_or(0, bytes::Bytes::len);
        match left.checked_sub(u64::try_from(len).unwrap_or(u64::MAX)) {
            Some(rest) => left = rest,
            None => return false,
        }
    }
    true
}

fn sealed(mut response: HttpResponse, about: &About) -> Response {
    let ids = [
        ("x-amz-request-id", about.request_id.hyphenated()),
        ("x-amz-id-2", about.request_id.to_string()),
    ];
    for (name, id) in ids {
        if let Ok(value) = HeaderValue::try_from(id) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response.map(ResponseBody::stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_xml_cannot_carry_does_not_break_the_document() {
        let mut xml = String::new();
        element(&mut xml, "Key", "a<b>&\"\u{1}\nü");
        assert_eq!(xml, "<Key>a&lt;b&gt;&amp;&quot;\u{fffd}\nü</Key>");
    }
}
