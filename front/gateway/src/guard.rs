//! What a request's head must be before anybody looks at what it wants.
//!
//! hyper has refused what cannot be parsed (400, 431). Here goes what parses and is still refused:
//! it could be understood one way by us and another way by a proxy in front.

use aws::Refusal;
use http::{
    HeaderMap, Method,
    header::{HOST, TRANSFER_ENCODING},
    request::Parts,
};

use crate::host::Host;

/// The host that a request is for, if the head can be meant. `unclear` says that the raw bytes did
/// not tell where a body ends, of which hyper shows nothing.
pub fn check(parts: &Parts, unclear: bool) -> Result<Host, Refusal> {
    if unclear {
        return Err(bad(
            "a request has Content-Length or Transfer-Encoding, not both, in the plain \
                        form of RFC 9112",
        ));
    }
    known_coding(&parts.headers)?;
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

/// RFC 9112, 6.1: a coding that a server does not understand is answered 501.
fn known_coding(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let chunked = codings.next().is_none_or(|it| it.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if chunked && codings.next().is_none() {
        return Ok(());
    }
    let message = "the only Transfer-Encoding that is understood is chunked".to_owned();
    Err(Refusal { code: "NotImplemented", status: 501, message })
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
    fn no_coding_but_chunked_is_understood() {
        let mut request = head("POST", "/", &["a"]);
        let mut status = |codings: &[&'static str]| {
            request.headers.remove(TRANSFER_ENCODING);
            for coding in codings {
                request.headers.append(TRANSFER_ENCODING, coding.parse().unwrap());
            }
            check(&request, false).map_or_else(|refusal| refusal.status, |_| 200)
        };
        assert_eq!((status(&[]), status(&["chunked"]), status(&["Chunked"])), (200, 200, 200));
        for codings in [&["gzip, chunked"][..], &["chunked;x=1"], &["chunked", "chunked"], &["x"]] {
            assert_eq!(status(codings), 501, "{codings:?}");
        }
    }

    #[test]
    fn methods_that_nobody_serves_are_refused() {
        assert_eq!(check(&head("TRACE", "/", &["a"]), false).unwrap_err().status, 405);
        assert_eq!(check(&head("BREW", "/", &["a"]), false).unwrap_err().status, 405);
    }
}
