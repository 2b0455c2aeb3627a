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
/// Every operation of a service is asked in turn, in no order: what ends otherwise is none's, and
/// costs no memory.
pub(super) fn bind<'a>(
    operation: &Operation,
    method: &str,
    path: &'a str,
) -> Option<Parameters<'a>> {
    let uri = operation.http.uri;
    if uri == "/" || operation.http.method != method || !path.ends_with(tail(uri)) {
        return None;
    }
    let mut parameters = Parameters::new();
    let (mut wanted, mut there) = (uri, path);
    while let Some((before, label, behind)) = first_label(wanted) {
        let value = there.strip_prefix(before)?;
        let (value, rest) = value.split_at(find(value, b'/').unwrap_or(value.len()));
        if value.is_empty() {
            return None;
        }
        parameters.push((member_of(operation, label)?.name, text(value)?));
        (wanted, there) = (behind, rest);
    }
    (wanted == there).then_some(parameters)
}

/// What stands behind the last label: by it most operations are told from each other.
fn tail(uri: &str) -> &str {
    let last = uri.bytes().rposition(|byte| byte == b'}');
    last.and_then(|end| uri.get(end + 1..)).unwrap_or(uri)
}

/// What stands before the first label, its name, and what stands behind it.
fn first_label(uri: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = uri.split_at_checked(find(uri, b'{')?)?;
    let (label, behind) = rest.split_at_checked(find(rest, b'}')?)?;
    Some((before, label.strip_prefix('{')?, behind.strip_prefix('}')?))
}

/// Paths are short: a search that prepares itself for long texts takes longer than this.
fn find(text: &str, byte: u8) -> Option<usize> {
    text.bytes().position(|there| there == byte)
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
