//! Where every request is received, whichever way it came: plain, TLS, or through CONNECT.
//!
//! A future is as large as the longest way through it, and hyper moves it as a whole: every way but
//! an invocation's is boxed.

use std::{convert::Infallible, sync::Arc};

use aws::{
    AuthError, Refusal,
    sigv4::{self, Claim, Payload, Verified},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header::CONNECTION, request::Parts};
use hyper::body::Incoming;
use types::{Caller, Id};

use crate::{
    body::{BodyError, RequestBody, Response, collect, empty},
    connect, control,
    control::Call,
    destination::Destination,
    dialect::{Dialect, PLAIN},
    door::{Door, busy},
    families, guard,
    host::Host,
    invoke, ours,
    s3_request::S3Request,
    serve::Peer,
    verify::{self, Known},
    visit::{Observed, Visit},
};

/// Answers one request, as hyper wants it; its log line is written when the answer is sent.
pub async fn receive(
    door: Arc<Door>,
    peer: Arc<Peer>,
    unclear: bool,
    request: Request<Incoming>,
) -> Result<http::Response<Observed>, Infallible> {
    let mut visit = Visit::begin(&door.metrics);
    let response = admit(&door, &peer, unclear, request, &mut visit).await;
    Ok(visit.answered(response))
}

async fn admit(
    door: &Arc<Door>,
    peer: &Arc<Peer>,
    unclear: bool,
    request: Request<Incoming>,
    visit: &mut Visit,
) -> Response {
    if request.method() == Method::CONNECT {
        (visit.service, visit.operation) = ("proxy", "CONNECT");
        return Box::pin(connect::open(door, peer, request, visit)).await;
    }
    let (parts, body) = request.into_parts();
    let host = match guard::check(&parts, unclear)
        .and_then(|host| connect::plain_proxy(door, &parts, &host).map(|()| host))
    {
        Ok(host) => host,
        Err(refusal) => return not_meant(&refusal, visit.id, parts.uri.path()),
    };
    let body = RequestBody::new(body, door.config.limits.body_idle_timeout);
    direct(door, peer, parts, body, &host, visit).await
}

/// What could be understood in two ways is the last that a connection says.
fn not_meant(refusal: &Refusal, id: Id, path: &str) -> Response {
    let mut response = PLAIN.error(refusal, id, path);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn direct(
    door: &Arc<Door>,
    peer: &Peer,
    parts: Parts,
    body: RequestBody,
    host: &Host,
    visit: &mut Visit,
) -> Response {
    // Browsers ask without signing, even where the address that they will call is signed.
    let asks = parts.method == Method::OPTIONS;
    let claim = if asks { Ok(None) } else { sigv4::read(&verify::head(&parts)) };
    let scope = claim.as_ref().ok().and_then(Option::as_ref).map(Claim::service);
    let destination = Destination::of(&parts, host, scope);
    let dialect = destination.dialect(&parts);
    visit.service = destination.label();
    let known = claim.map_err(|error| dialect.name(&error)).and_then(|claim| {
        let known = |claim| verify::know(door, &parts, claim, destination.signing_name(), dialect);
        claim.map(known).transpose()
    });
    if let Destination::S3(bucket) = destination {
        let signer =
            known.and_then(|known| signer(door, &parts, known, bucket.as_deref(), visit.id));
        return Box::pin(s3(door, peer, parts, body, signer, bucket, visit)).await;
    }
    let answer = match (destination, known) {
        (Destination::Ours, _) => Ok(Box::pin(ours::answer(door, peer, &parts, visit)).await),
        (Destination::Telemetry, _) => Ok(Response::new(empty())),
        (_, Err(refusal)) => Err(refusal),
        (_, Ok(None)) => Err(dialect.name(&AuthError::Missing)),
        (destination, Ok(Some(known))) => {
            document(door, &parts, body, known, (destination, dialect), visit).await
        }
    };
    answer.unwrap_or_else(|refusal| dialect.error(&refusal, visit.id, parts.uri.path()))
}

/// Reads the body, makes the caller, and goes on to the service.
async fn document(
    door: &Arc<Door>,
    parts: &Parts,
    body: RequestBody,
    known: Known<'_>,
    (destination, dialect): (Destination, Dialect),
    visit: &mut Visit,
) -> Result<Response, Refusal> {
    let limits = &door.config.limits;
    let limit = match destination {
        Destination::Runtime => limits.invoke_bytes,
        _ => limits.document_bytes,
    };
    let mut room = door.room();
    let body = collect(body, limit, |bytes| room.hold(bytes)).await;
    let body = body.map_err(|error| unread(&error, &destination, visit.id))?;
    let caller = known.with_body(door, parts, &body, visit.id).await;
    let caller = caller.map_err(|error| dialect.name(&error))?;
    visit.account = Some(caller.owner().account.clone());
    match destination {
        Destination::Runtime => runtime(door, &caller, parts, body, visit).await,
        Destination::Json(service, operation) => {
            let call = Call { caller, parts, body, dialect };
            Box::pin(control::json(door, call, service, &operation, visit)).await
        }
        Destination::Query(service) => {
            let call = Call { caller, parts, body, dialect };
            Box::pin(control::query(door, call, service, visit)).await
        }
        Destination::Foreign(service) => {
            Err(families::unsupported(&format!("The AWS service '{service}'")))
        }
        Destination::Ours | Destination::Telemetry | Destination::S3(_) => {
            Err(families::unsupported("A document sent here"))
        }
    }
}

async fn runtime(
    door: &Door,
    caller: &Caller,
    parts: &Parts,
    body: Bytes,
    visit: &mut Visit,
) -> Result<Response, Refusal> {
    let Some((operation, endpoint)) = control::runtime_operation(parts) else {
        let wanted = format!("{} {}", parts.method, parts.uri.path());
        return Err(families::unknown(aws::model::Service::SageMakerRuntime, &wanted));
    };
    visit.operation = operation.name();
    match operation.name() {
        "InvokeEndpoint" => {
            let (endpoint, headers, begun) = (&*endpoint, &parts.headers, visit.started);
            let call = invoke::Call { caller, endpoint, headers, begun };
            invoke::invoke(door, call, body).await
        }
        other => Err(families::unsupported(other)),
    }
}

/// Who signed a request for S3, and how its body is covered.
struct Signer {
    caller: Option<Caller>,
    payload: Payload,
    verified: Option<Verified>,
}

fn signer(
    door: &Door,
    parts: &Parts,
    known: Option<Known<'_>>,
    bucket: Option<&str>,
    id: Id,
) -> Result<Signer, Refusal> {
    let named = |error: AuthError| error.s3();
    if let Some(known) = known {
        let (caller, payload, verified) = known.before_body(parts, id).map_err(named)?;
        return Ok(Signer { caller: Some(caller), payload, verified: Some(verified) });
    }
    if parts.method == Method::OPTIONS {
        return Ok(Signer { caller: None, payload: Payload::Unsigned, verified: None });
    }
    let path = bucket_first(parts.uri.path(), bucket);
    let caller = verify::version_2(door, parts, &path, id).map_err(named)?;
    Ok(Signer { caller, payload: unsigned(&parts.headers), verified: None })
}

async fn s3(
    door: &Door,
    peer: &Peer,
    parts: Parts,
    body: RequestBody,
    signer: Result<Signer, Refusal>,
    bucket: Option<String>,
    visit: &mut Visit,
) -> Response {
    if let Ok(Signer { caller: Some(caller), .. }) = &signer {
        visit.account = Some(caller.owner().account.clone());
    }
    let checked = signer.and_then(|signer| Ok((signer, decoded_length(&parts.headers)?)));
    let (Signer { caller, payload, verified }, decoded_length) = match checked {
        Ok(checked) => checked,
        Err(refusal) => return Dialect::S3.error(&refusal, visit.id, parts.uri.path()),
    };
    let owner = caller.as_ref().map(Caller::owner);
    let region = owner.map_or_else(|| door.config.region.clone(), |owner| owner.region.clone());
    let request = S3Request {
        decoded_length,
        trailers: trailers(&parts.headers),
        parts,
        caller,
        request_id: visit.id,
        region,
        bucket,
        payload,
        verified,
        policies: door.policies.clone(),
        body,
        peer: peer.address,
        secure: peer.secure,
    };
    door.s3.call(request).await
}

/// The body of who does not sign it, which may be framed all the same.
fn unsigned(headers: &HeaderMap) -> Payload {
    let framed = headers.contains_key("x-amz-trailer");
    if framed { Payload::UnsignedChunksTrailer } else { Payload::Unsigned }
}

fn bucket_first(path: &str, bucket: Option<&str>) -> String {
    bucket.map_or_else(|| path.to_owned(), |bucket| format!("/{bucket}{path}"))
}

fn decoded_length(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get("x-amz-decoded-content-length") else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| Refusal {
        code: "InvalidArgument",
        status: 400,
        message: "x-amz-decoded-content-length is no number of bytes".to_owned(),
    })
}

fn trailers(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("x-amz-trailer").iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect()
}

fn unread(error: &BodyError, destination: &Destination, id: Id) -> Refusal {
    let (code, status) = match error {
        BodyError::TooLarge(_) => return oversize(error, destination, id),
        BodyError::Crowded => return busy(),
        BodyError::Idle(_) | BodyError::Slow(_) => ("RequestTimeoutException", 408),
        BodyError::Broken(_) => ("IncompleteBody", 400),
    };
    Refusal { code, status, message: error.to_string() }
}

/// The runtime has a word of its own for it, which its clients know.
fn oversize(error: &BodyError, destination: &Destination, id: Id) -> Refusal {
    match destination {
        Destination::Runtime => {
            let message = format!("Request {} has oversize body.", id.hyphenated());
            Refusal { code: "ValidationError", status: 400, message }
        }
        _ => Refusal {
            code: "RequestEntityTooLargeException",
            status: 413,
            message: error.to_string(),
        },
    }
}
