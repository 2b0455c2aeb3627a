//! From the request that was verified to the request that `s3s` may see.
//!
//! The raw path and query are what was signed, so this comes after the verifier and never before.

use std::sync::Arc;

use aws::{
    chunked::{Decoder, Mode},
    sigv4::Payload,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use platform::objects::Checksums;
use s3s::{HttpRequest, stream::DynByteStream};

use super::{
    ask::Ask,
    body::{Checked, Checks, Sum},
    conditions::{self, OF_SOURCE},
    digest::{self, Algorithm, HEADER_PREFIX},
    encryption,
    errors::Refused,
    facts::Facts,
    served,
    sub_resources::{self, Level},
};
use crate::{S3Request, body::RequestBody};

/// The longest body of one PUT, bytes (AWS: 5 GiB).
const PUT_LIMIT: u64 = 5 * 1024 * 1024 * 1024;

/// What `s3s` may not see: signatures, the framing that is decoded here, the host (its bucket
/// stands in the path by now), and `Expect`, which the connection has dealt with.
const HIDDEN: [&str; 12] = [
    "authorization",
    "host",
    "expect",
    "transfer-encoding",
    "content-length",
    "range",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-security-token",
    "x-amz-trailer",
    "if-range",
];

/// A request for `s3s`, and what it has in its extensions.
pub(super) struct Adapted {
    pub(super) request: HttpRequest,
    pub(super) ask: Arc<Ask>,
}

/// Adapts a request, or refuses it and gives its body back.
pub(super) fn adapt(request: S3Request) -> Result<Adapted, Box<(Refused, RequestBody)>> {
    let S3Request {
        mut parts,
        caller,
        bucket,
        payload,
        verified,
        decoded_length,
        trailers,
        body,
        peer,
        secure,
        ..
    } = request;
    let framed = Framed { payload, verified, decoded_length, trailers };
    let query = parts.uri.query().unwrap_or_default();
    let facts = Facts::of(&parts.headers, query, peer, secure);
    let encryption = encryption(&mut parts, secure || peer.ip().is_loopback());
    let ask = Ask::of(caller, facts, encryption);
    match read(&mut parts, ask, bucket.as_deref(), framed) {
        Ok((ask, checks)) => Ok(assemble(parts, ask, checks, body)),
        Err(refused) => Err(Box::new((refused, body))),
    }
}

/// What is said of encryption. Nobody else sees it, for it holds keys.
fn encryption(parts: &mut Parts, private: bool) -> Result<encryption::Asked, Refused> {
    encryption::from_query(parts.uri.query().unwrap_or_default(), &mut parts.headers)?;
    encryption::Asked::take(&mut parts.headers, private)
}

fn assemble(mut parts: Parts, ask: Ask, checks: Checks, body: RequestBody) -> Adapted {
    let ask = Arc::new(ask);
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(checks.length));
    parts.extensions.insert(Arc::clone(&ask));
    let checked: DynByteStream = Box::pin(Checked::new(body, checks, Arc::clone(&ask)));
    Adapted { request: HttpRequest::from_parts(parts, checked.into()), ask }
}

/// How the body is covered and framed.
struct Framed {
    payload: Payload,
    verified: Option<aws::sigv4::Verified>,
    decoded_length: Option<u64>,
    trailers: Vec<String>,
}

fn read(
    parts: &mut Parts,
    mut ask: Ask,
    bucket: Option<&str>,
    framed: Framed,
) -> Result<(Ask, Checks), Refused> {
    served::check_form(parts)?;
    for (name, value) in &parts.headers {
        let checked = served::check_header(name.as_str(), value.to_str().unwrap_or("?"));
        ask.undone = ask.undone.or(checked.err());
    }
    parts.uri = address(&parts.uri, bucket, &mut ask.undone)?;
    sub_resources::check(&parts.method, &parts.uri)?;
    let checks = read_body(parts, &mut ask, framed)?;
    hide(&mut parts.headers)?;
    Ok((ask, checks))
}

/// Path style, and a query without signature. The path stays encoded as it came.
fn address(uri: &Uri, bucket: Option<&str>, undone: &mut Option<Refused>) -> Result<Uri, Refused> {
    let path = uri.path();
    let mut address = bucket.map_or_else(|| path.to_owned(), |bucket| format!("/{bucket}{path}"));
    let query = served::check_query(uri.query().unwrap_or_default(), undone)?;
    if !query.is_empty() {
        address.push('?');
        address.push_str(&query);
    }
    address.parse().map_err(|_| Refused::bad("InvalidURI", "Couldn't parse the specified URI."))
}

fn read_body(parts: &Parts, ask: &mut Ask, framed: Framed) -> Result<Checks, Refused> {
    let headers = &parts.headers;
    let of_object = Level::of(parts.uri.path()) == Level::Object;
    let document = !of_object || sub_resources::names_one(&parts.uri);
    let upload = parts.method == Method::PUT && !document;
    let length = length(headers, &framed)?;
    if upload && length > PUT_LIMIT {
        return Err(Refused::bad(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
        ));
    }
    let mut checks = Checks { length, content_hash: None, framing: None, sums: Vec::new() };
    let in_trailer = framed.trailers.first().map(|name| trailer(name)).transpose()?;
    checks.sums.extend(in_trailer.map(Sum::of_trailer));
    cover(&mut checks, framed)?;

    ask.conditions = conditions::conditions(headers, "");
    ask.source_conditions = conditions::conditions(headers, OF_SOURCE);
    ask.range = conditions::range(headers);
    if upload {
        ask.checksums = upload_checksum(headers, in_trailer)?;
        ask.content_md5 = content_md5(headers)?;
        ask.content_sha256 = checks.content_hash.take();
    } else if document {
        checks.sums.extend(document_sums(headers)?);
        if checks.sums.is_empty() && sub_resources::wants_sum(&parts.method, &parts.uri) {
            return Err(no_sum());
        }
    }
    Ok(checks)
}

fn no_sum() -> Refused {
    Refused::bad(
        "InvalidRequest",
        "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    )
}

/// The number of bytes that the body holds once it is decoded.
fn length(headers: &HeaderMap, framed: &Framed) -> Result<u64, Refused> {
    let content_length = headers.get(header::CONTENT_LENGTH).map(|value| {
        let digits = value.to_str().ok().and_then(|digits| digits.parse().ok());
        digits.ok_or_else(|| Refused::argument("Content-Length is not a number of bytes."))
    });
    let length = if mode(&framed.payload).is_some() {
        framed.decoded_length
    } else {
        content_length.transpose()?.or(framed.decoded_length)
    };
    match length {
        Some(length) => Ok(length),
        None if headers.contains_key(header::TRANSFER_ENCODING)
            || mode(&framed.payload).is_some() =>
        {
            Err(Refused::new(
                StatusCode::LENGTH_REQUIRED,
                "MissingContentLength",
                "You must provide the Content-Length HTTP header.",
            ))
        }
        None => Ok(0),
    }
}

fn mode(payload: &Payload) -> Option<Mode> {
    match payload {
        Payload::SignedChunks => Some(Mode::Signed),
        Payload::SignedChunksTrailer => Some(Mode::SignedTrailer),
        Payload::UnsignedChunksTrailer => Some(Mode::UnsignedTrailer),
        Payload::Hex(_) | Payload::Unsigned | Payload::OfBody => None,
    }
}

/// How the signature covers the body.
fn cover(checks: &mut Checks, framed: Framed) -> Result<(), Refused> {
    if let Some(mode) = mode(&framed.payload) {
        let Framed { verified, trailers, .. } = framed;
        let decoder = Decoder::new(mode, verified, checks.length, &trailers);
        checks.framing = Some(decoder.map_err(|error| Refused::from(&error))?);
        return Ok(());
    }
    match framed.payload {
        Payload::Hex(hash) => checks.content_hash = Some(hash),
        Payload::OfBody => {
            return Err(Refused::bad(
                "InvalidRequest",
                "Missing required header for this request: x-amz-content-sha256",
            ));
        }
        Payload::Unsigned
        | Payload::SignedChunks
        | Payload::SignedChunksTrailer
        | Payload::UnsignedChunksTrailer => {}
    }
    Ok(())
}

fn trailer(name: &str) -> Result<Algorithm, Refused> {
    Algorithm::of_header(name).ok_or_else(|| {
        Refused::bad(
            "InvalidRequest",
            "The value specified in the x-amz-trailer header is not supported",
        )
    })
}

/// The checksum that an upload is kept with: sent before the body, after it, or only asked for.
pub(super) fn upload_checksum(
    headers: &HeaderMap,
    in_trailer: Option<Algorithm>,
) -> Result<Checksums, Refused> {
    let sent = sent_checksum(headers)?;
    if sent.is_some() && in_trailer.is_some() {
        return Err(one_checksum());
    }
    let (algorithm, value) = match sent {
        Some((algorithm, value)) => (Some(algorithm), Some(value)),
        None => (in_trailer.map_or_else(|| asked_algorithm(headers), |it| Ok(Some(it)))?, None),
    };
    let algorithm = algorithm.map(|algorithm| algorithm.id().to_owned());
    Ok(Checksums { algorithm, value, full_object: true })
}

fn one_checksum() -> Refused {
    Refused::bad(
        "InvalidRequest",
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )
}

fn asked_algorithm(headers: &HeaderMap) -> Result<Option<Algorithm>, Refused> {
    let names = ["x-amz-sdk-checksum-algorithm", "x-amz-checksum-algorithm"];
    let Some(name) = names.iter().find_map(|name| headers.get(*name)) else { return Ok(None) };
    let algorithm = name.to_str().ok().and_then(Algorithm::of);
    algorithm.map(Some).ok_or_else(|| {
        Refused::bad(
            "InvalidRequest",
            "Checksum algorithm provided is unsupported. Please try again with any of the valid \
             types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
        )
    })
}

/// The one checksum header of a request.
fn sent_checksum(headers: &HeaderMap) -> Result<Option<(Algorithm, String)>, Refused> {
    let mut sent = None;
    for (name, value) in headers {
        let Some(kind) = name.as_str().strip_prefix(HEADER_PREFIX) else { continue };
        if matches!(kind, "mode" | "type" | "algorithm") {
            continue;
        }
        let algorithm =
            Algorithm::of(kind).ok_or_else(|| Refused::not_implemented(name.as_str()))?;
        let value = value.to_str().ok().filter(|value| algorithm.fits(value)).ok_or_else(|| {
            Refused::bad("InvalidRequest", format!("Value for {name} header is invalid."))
        })?;
        if sent.replace((algorithm, value.to_owned())).is_some() {
            return Err(one_checksum());
        }
    }
    Ok(sent)
}

/// `Content-MD5`, if it can be one.
pub(super) fn content_md5(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let Some(value) = headers.get("content-md5") else { return Ok(None) };
    let value = value.to_str().ok().filter(|value| digest::is_md5(value));
    value
        .map(|value| Some(value.to_owned()))
        .ok_or_else(|| Refused::bad("InvalidDigest", "The Content-MD5 you specified was invalid."))
}

/// The checksums of a document for a bucket: no store sees it, so the body checks them.
fn document_sums(headers: &HeaderMap) -> Result<Vec<Sum>, Refused> {
    let sent = sent_checksum(headers)?.map(|(algorithm, value)| Sum::of_header(algorithm, value));
    let md5 = content_md5(headers)?.map(Sum::of_md5);
    Ok(sent.into_iter().chain(md5).collect())
}

/// Takes away what was read, and `aws-chunked` from the encodings.
fn hide(headers: &mut HeaderMap) -> Result<(), Refused> {
    for name in HIDDEN {
        headers.remove(name);
    }
    for name in conditions::NAMES {
        headers.remove(name);
        headers.remove(format!("{OF_SOURCE}{name}"));
    }
    let encodings: Vec<String> = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(|encoding| encoding.trim().to_owned())
        .filter(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    set(headers, header::CONTENT_ENCODING, &encodings.join(", "))
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), Refused> {
    headers.remove(&name);
    if value.is_empty() {
        return Ok(());
    }
    let value = HeaderValue::try_from(value)
        .map_err(|_| Refused::argument(format!("The header {name} is invalid.")))?;
    headers.insert(name, value);
    Ok(())
}
