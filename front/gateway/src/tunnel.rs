//! Tunnels to hosts that are not ours, for who holds the token.
//!
//! The address that is judged is the address that is connected to: a name is resolved once, so that
//! it cannot mean this machine the second time. Nothing local is reachable through a tunnel.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use aws::Refusal;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderValue, Request,
    header::{PROXY_AUTHENTICATE, PROXY_AUTHORIZATION},
};
use hyper::{body::Incoming, upgrade};
use hyper_util::rt::TokioIo;
use subtle::ConstantTimeEq;
use tokio::{
    io::copy_bidirectional,
    net::{TcpStream, lookup_host},
    time::timeout,
};

use crate::{
    body::{Response, empty},
    door::Door,
    host::Host,
};

/// Proxy Authentication Required.
pub const UNAUTHORISED: u16 = 407;

/// How long resolving and connecting may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens a tunnel, or says why there is none.
pub async fn open(
    door: &Arc<Door>,
    host: &Host,
    port: u16,
    request: Request<Incoming>,
) -> Result<Response, Refusal> {
    let outcome = match permitted(door, request.headers()) {
        Ok(()) => reach(host, port).await,
        Err(refusal) => Err(refusal),
    };
    let far = outcome.inspect_err(|refusal| {
        door.metrics.refused_tunnels.fetch_add(1, Ordering::Relaxed);
        let (host, why) = (host.name(), &refusal.message);
        tracing::warn!(host, port, why, "a tunnel was refused");
    })?;
    let mut occupant = door.occupant();
    tokio::spawn(async move {
        tokio::select! {
            () = occupant.closing() => {}
            () = join(request, far) => {}
        }
    });
    Ok(Response::new(empty()))
}

async fn join(request: Request<Incoming>, mut far: TcpStream) {
    match upgrade::on(request).await {
        Ok(near) => {
            // How a tunnel ends is between its two ends.
            let _ = copy_bidirectional(&mut TokioIo::new(near), &mut far).await;
        }
        Err(error) => tracing::debug!(%error, "a tunnel was given up"),
    }
}

fn permitted(door: &Door, headers: &HeaderMap) -> Result<(), Refusal> {
    if door.config.air_gapped {
        return Err(refusal(403, "the server is air-gapped: it opens no tunnels"));
    }
    let Some(token) = &door.config.tunnel_token else {
        return Err(refusal(403, "this server opens no tunnels: none were configured"));
    };
    match password(headers) {
        Some(sent) if bool::from(sent.as_bytes().ct_eq(token.as_bytes())) => Ok(()),
        Some(_) | None => Err(refusal(
            UNAUTHORISED,
            "a tunnel wants the token that `sagewright env` puts into the proxy's address",
        )),
    }
}

fn password(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(PROXY_AUTHORIZATION)?.to_str().ok()?;
    let (scheme, sent) = value.split_once(' ')?;
    let sent = BASE64_STANDARD.decode(sent.trim()).ok()?;
    let (_user, password) = std::str::from_utf8(&sent).ok()?.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| password.to_owned())
}

/// Tells a client how to ask again.
pub fn challenge(headers: &mut HeaderMap) {
    headers.insert(PROXY_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"sagewright\""));
}

async fn reach(host: &Host, port: u16) -> Result<TcpStream, Refusal> {
    let name = host.name().trim_matches(['[', ']']);
    let attempt = async {
        let found = lookup_host((name, port)).await.map_err(|error| unreachable(name, &error))?;
        let allowed: Vec<SocketAddr> = found.filter(|found| !is_forbidden(found.ip())).collect();
        if allowed.is_empty() {
            return Err(refusal(403, "a tunnel never leads to this machine or its links"));
        }
        TcpStream::connect(&*allowed).await.map_err(|error| unreachable(name, &error))
    };
    let patience = timeout(PATIENCE, attempt).await;
    patience.unwrap_or_else(|_| Err(refusal(504, "the host did not answer in time")))
}

fn unreachable(name: &str, error: &std::io::Error) -> Refusal {
    refusal(502, &format!("'{name}' cannot be reached: {error}"))
}

/// Loopback, link-local (where clouds keep credentials), and every address of this machine.
fn is_forbidden(address: IpAddr) -> bool {
    let address = match address.to_canonical() {
        IpAddr::V6(six) => translated(six).map_or(IpAddr::V6(six), IpAddr::V4),
        four @ IpAddr::V4(_) => four,
    };
    let by_kind = match address {
        IpAddr::V4(four) => {
            four.is_loopback()
                || four.is_link_local()
                || four.is_broadcast()
                || four.octets()[0] == 0
        }
        IpAddr::V6(six) => {
            six.is_loopback() || six.is_unicast_link_local() || is_metadata_service(six)
        }
    };
    by_kind || address.is_unspecified() || address.is_multicast() || is_this_machine(address)
}

/// The IPv4 address inside one of NAT64's (64:ff9b::/96, RFC 6052) or 6to4's (2002::/16).
fn translated(six: Ipv6Addr) -> Option<Ipv4Addr> {
    let words = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match six.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(words(high, low)),
        _ => None,
    }
}

/// fd00:ec2::/32, where AWS puts its metadata service on IPv6.
fn is_metadata_service(six: Ipv6Addr) -> bool {
    matches!(six.segments(), [0xfd00, 0x0ec2, ..])
}

/// Only an address of this machine can be bound.
fn is_this_machine(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

fn refusal(status: u16, message: &str) -> Refusal {
    let code = if status == UNAUTHORISED { "ProxyAuthenticationRequired" } else { "Forbidden" };
    Refusal { code, status, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_of_a_local_address_is_allowed() {
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:a9fe:a9fe::1",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
        ] {
            assert!(is_forbidden(address.parse().unwrap()), "{address}");
        }
        for address in ["192.0.2.1", "198.51.100.7", "2001:db8::1"] {
            assert!(!is_forbidden(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn the_password_is_what_stands_behind_the_first_colon() {
        let headers = |value: &str| {
            let name = PROXY_AUTHORIZATION;
            HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
        };
        let sent = BASE64_STANDARD.encode("user:to:ken");
        assert_eq!(password(&headers(&format!("Basic {sent}"))).as_deref(), Some("to:ken"));
        assert_eq!(password(&headers(&format!("Bearer {sent}"))), None);
        assert_eq!(password(&headers("Basic ???")), None);
        assert_eq!(password(&HeaderMap::new()), None);
    }
}
