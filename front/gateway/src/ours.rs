//! What lives under `/_/`: health, metrics and the certificate. Open to everybody but the metrics,
//! and nothing here tells of anybody's resources.

use std::{net::IpAddr, sync::atomic::Ordering};

use aws::Refusal;
use http::{HeaderValue, Method, header::CONTENT_TYPE, request::Parts};
use serde_json::json;

use crate::{
    body::{Response, full},
    dialect::{PLAIN, status_code},
    door::Door,
    metrics,
    serve::Peer,
    visit::Visit,
};

/// `Content-Type` of a certificate in PEM.
const PEM: &str = "application/x-pem-file";

/// Answers a request under `/_/`.
pub async fn answer(door: &Door, peer: &Peer, parts: &Parts, visit: &mut Visit) -> Response {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return refuse(visit, "MethodNotAllowed", 405, "only GET and HEAD are served here");
    }
    match parts.uri.path() {
        "/_/health/live" => health(200, "live"),
        "/_/health/ready" if door.ready.load(Ordering::Acquire) => health(200, "ready"),
        "/_/health/ready" => health(503, "not ready"),
        "/_/metrics" if local(peer.address.ip()) => {
            text(200, metrics::CONTENT_TYPE, door.metrics.render())
        }
        "/_/metrics" => refuse(visit, "AccessDenied", 403, "metrics are for this machine only"),
        "/_/ca.pem" => certificate(door, visit).await,
        _ => refuse(visit, "NotFound", 404, "there is no such page"),
    }
}

async fn certificate(door: &Door, visit: &Visit) -> Response {
    match door.authority.certificate().await {
        Ok(pem) => text(200, PEM, pem),
        Err(error) => {
            tracing::error!(%error, "the certificate authority is not to be had");
            refuse(visit, "InternalFailure", 500, "the certificate authority is not to be had")
        }
    }
}

fn local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn health(status: u16, word: &str) -> Response {
    text(status, "application/json", json!({ "status": word }).to_string())
}

fn text(status: u16, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(full(body));
    *response.status_mut() = status_code(status);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn refuse(visit: &Visit, code: &'static str, status: u16, message: &str) -> Response {
    let refusal = Refusal { code, status, message: message.to_owned() };
    PLAIN.error(&refusal, visit.id, "")
}
