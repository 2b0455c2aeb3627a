//! What a request's head must be before anybody looks at what it wants.
//!
//! hyper has refused what cannot be parsed (400, 431). Here goes what parses and is still refused:
//! it could be understood one way by us and another way by a proxy in front.

use aws::Refusal;
use http::{HeaderMap, Method, header::HOST, request::Parts};

use crate::host::Host;

/// The host that a request is for, if the head can be meant. `mixed` says that both framings stood
/// in the raw head, of which hyper shows only one.
pub fn check(parts: &Parts, mixed: bool) -> Result<Host, Refusal> {
    if mixed {
        return Err(bad("a request has Content-Length or Transfer-Encoding, not both"));
    }
    known_method(&parts.method)?;
    let host = one_host(&parts.headers)?;
    match parts.uri.authority() {
        _ if parts.method == Method::CONNECT => {}
        Some(authority) if Host::parse(authority.as_str()).as_ref() != Some(&host) => {
            return Err(bad("the request line and the Host header name different hosts"));
        }
        Some(_) => {}
        None if parts.uri.path().starts_with('/') => {}
        None => return Err(bad("the request line has no path")),
    }
    Ok(host)
}

fn known_method(method: &Method) -> Result<(), Refusal> {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::PUT
        | Method::POST
        | Method::DELETE
        | Method::OPTIONS
        | Method::PATCH
        | Method::CONNECT => Ok(()),
        _ => {
            let message = format!("the method {method} is not allowed");
            Err(Refusal { code: "MethodNotAllowed", status: 405, message })
        }
    }
}

fn one_host(headers: &HeaderMap) -> Result<Host, Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(bad("a request has exactly one Host header"));
    };
    let host = host.to_str().ok().and_then(Host::parse);
    host.ok_or_else(|| bad("the Host header is no host name with an optional port"))
}

fn bad(message: &str) -> Refusal {
    Refusal { code: "InvalidRequest", status: 400, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(method: &str, uri: &str, hosts: &[&str]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn exactly_one_host_is_wanted() {
        assert!(check(&head("GET", "/", &["a"]), false).is_ok());
        for hosts in [&[][..], &["a", "a"], &["a", "b"], &["a@b"]] {
            assert_eq!(check(&head("GET", "/", hosts), false).unwrap_err().status, 400);
        }
    }

    #[test]
    fn both_framings_in_one_head_are_refused() {
        assert_eq!(check(&head("POST", "/", &["a"]), true).unwrap_err().status, 400);
    }

    #[test]
    fn the_request_line_may_not_name_another_host() {
        assert!(check(&head("GET", "http://a:1/x", &["a:1"]), false).is_ok());
        assert!(check(&head("GET", "http://b/x", &["a"]), false).is_err());
        assert!(check(&head("OPTIONS", "*", &["a"]), false).is_err());
    }

    #[test]
    fn methods_that_nobody_serves_are_refused() {
        assert_eq!(check(&head("TRACE", "/", &["a"]), false).unwrap_err().status, 405);
        assert_eq!(check(&head("BREW", "/", &["a"]), false).unwrap_err().status, 405);
    }
}
