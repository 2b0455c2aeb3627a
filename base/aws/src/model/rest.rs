//! REST-JSON: the operation that a path names. Payloads never become documents.

use std::borrow::Cow;

use super::{
    Operation,
    service::Parameters,
    shape::{Location, Member},
};
use crate::wire::escape::decode;

/// The path's decoded parameters, by member, where `path` is the operation's.
///
/// Every operation of a service is asked in turn, in no order, so that one whose path it is not
/// must cost no memory.
pub(super) fn bind<'a>(
    operation: &Operation,
    method: &str,
    path: &'a str,
) -> Option<Parameters<'a>> {
    let uri = operation.http.uri;
    let misses = uri == "/" || operation.http.method != method || !path.ends_with(tail(uri));
    if misses || !has_form(uri, path) {
        return None;
    }
    uri.split('/')
        .zip(path.split('/'))
        .filter_map(|(wanted, there)| Some((label(wanted)?, there)))
        .map(|(label, there)| Some((member_of(operation, label)?.name, text(there)?)))
        .collect()
}

/// What stands behind the last label: by it most operations are told from each other.
fn tail(uri: &str) -> &str {
    uri.rsplit('}').next().unwrap_or(uri)
}

/// Whether `path` has the segments of `uri`, and something where that has a label.
fn has_form(uri: &str, path: &str) -> bool {
    let (mut wanted, mut there) = (uri.split('/'), path.split('/'));
    loop {
        match (wanted.next(), there.next()) {
            (None, None) => return true,
            (Some(wanted), Some(there)) if label(wanted).is_some() && !there.is_empty() => {}
            (Some(wanted), Some(there)) if label(wanted).is_none() && wanted == there => {}
            _ => return false,
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
