//! REST-JSON: the operation that a path names. Payloads never become documents.

use std::borrow::Cow;

use super::{
    Operation,
    service::Parameters,
    shape::{Location, Member},
};
use crate::wire::escape::decode;

/// The path's decoded parameters, by member, where `path` is the operation's.
pub(super) fn bind<'a>(
    operation: &Operation,
    method: &str,
    path: &'a str,
) -> Option<Parameters<'a>> {
    if operation.http.uri == "/" || operation.http.method != method {
        return None;
    }
    let (mut wanted, mut there) = (operation.http.uri.split('/'), path.split('/'));
    let mut params = Vec::new();
    loop {
        match (wanted.next(), there.next()) {
            (None, None) => return Some(params),
            (Some(wanted), Some(there)) => match label(wanted) {
                Some(_) if there.is_empty() => return None,
                Some(label) => params.push((member_of(operation, label)?.name, text(there)?)),
                None if wanted == there => {}
                None => return None,
            },
            (Some(_), None) | (None, Some(_)) => return None,
        }
    }
}

fn label(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn text(segment: &str) -> Option<Cow<'_, str>> {
    match decode(segment) {
        Cow::Borrowed(_) => Some(Cow::Borrowed(segment)),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

fn member_of<'a>(operation: &'a Operation, label: &str) -> Option<&'a Member> {
    operation
        .input_members()
        .iter()
        .find(|member| matches!(member.location, Location::Path(under) if under == label))
}
