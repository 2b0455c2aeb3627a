//! The proxy: CONNECT to AWS's names is answered by us, to others tunnelled for who may.
//!
//! CONNECT to an AWS name needs no token: what comes through is verified by its signature like
//! everything else, and nothing of it ever leaves for AWS.

use std::sync::Arc;

use aws::Refusal;
use http::{HeaderValue, Request, header::CONNECTION, request::Parts};
use hyper::{body::Incoming, upgrade};
use hyper_util::rt::TokioIo;

use crate::{
    body::{Response, empty},
    dialect::PLAIN,
    door::Door,
    host::Host,
    serve::{Peer, secure},
    tunnel,
    visit::Visit,
};

/// The one port of AWS's services.
const HTTPS: u16 = 443;

/// Answers a CONNECT.
pub async fn open(
    door: &Arc<Door>,
    peer: &Arc<Peer>,
    request: Request<Incoming>,
    visit: &Visit,
) -> Response {
    let outcome = match target(&request, peer) {
        Ok((host, HTTPS)) if host.is_aws() => {
            stand_in(door.clone(), peer.inside(), request);
            Ok(Response::new(empty()))
        }
        Ok((host, _)) if host.is_aws() => {
            Err(forbidden("only port 443 of AWS's hosts is served here"))
        }
        Ok((host, port)) => tunnel::open(door, &host, port, request).await,
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| {
        let mut response = PLAIN.error(&refusal, visit.id, "");
        // Behind a CONNECT no more heads are looked for.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        if refusal.status == tunnel::UNAUTHORISED {
            tunnel::challenge(response.headers_mut());
        }
        response
    })
}

fn target(request: &Request<Incoming>, peer: &Peer) -> Result<(Host, u16), Refusal> {
    if peer.proxied {
        return Err(forbidden("there is no tunnel inside a tunnel"));
    }
    let host = request.uri().authority().and_then(|name| Host::parse(name.as_str()));
    let target = host.and_then(|host| host.port().map(|port| (host, port)));
    target.ok_or_else(|| Refusal {
        code: "InvalidRequest",
        status: 400,
        message: "CONNECT wants host:port".to_owned(),
    })
}

/// Serves the client as AWS would, behind a certificate of our authority.
fn stand_in(door: Arc<Door>, peer: Peer, request: Request<Incoming>) {
    tokio::spawn(async move {
        match upgrade::on(request).await {
            Ok(upgraded) => secure(door, TokioIo::new(upgraded), peer).await,
            Err(error) => tracing::debug!(%error, "a CONNECT was given up"),
        }
    });
}

/// A request with a whole address in its first line is one to a proxy: AWS's hosts and our own are
/// served as if asked directly, others are not fetched.
pub fn plain_proxy(door: &Door, parts: &Parts, host: &Host) -> Result<(), Refusal> {
    if parts.uri.authority().is_none() || host.is_aws() || is_ours(door, host) {
        return Ok(());
    }
    let name = host.name();
    Err(forbidden(&format!(
        "this proxy serves AWS's hosts; plain HTTP to '{name}' is not fetched. Set NO_PROXY for it"
    )))
}

fn is_ours(door: &Door, host: &Host) -> bool {
    let config = &door.config;
    let name = host.name().trim_matches(['[', ']']);
    let known = name == "localhost"
        || config.names.iter().any(|ours| ours == name)
        || name.parse().is_ok_and(|ip: std::net::IpAddr| {
            ip == config.address.ip() || ip.to_canonical().is_loopback()
        });
    known && host.port().unwrap_or(80) == config.address.port()
}

fn forbidden(message: &str) -> Refusal {
    Refusal { code: "Forbidden", status: 403, message: message.to_owned() }
}
