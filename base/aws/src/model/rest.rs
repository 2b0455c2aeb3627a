//! REST-JSON: the operation that a path names. Payloads never become documents.

use super::{
    Operation,
    shape::{Location, Member},
};
use crate::wire::escape::decode;

/// The path's decoded parameters, by member, where `path` is the operation's.
pub(super) fn bind(
    operation: &Operation,
    method: &str,
    path: &str,
) -> Option<Vec<(String, String)>> {
    let (wanted, there) = (operation.http.uri.split('/'), path.split('/'));
    let as_many = wanted.clone().count() == there.clone().count();
    if operation.http.uri == "/" || operation.http.method != method || !as_many {
        return None;
    }
    let mut params = Vec::new();
    for (wanted, there) in wanted.zip(there) {
        match wanted.strip_prefix('{').and_then(|wanted| wanted.strip_suffix('}')) {
            Some(_) if there.is_empty() => return None,
            Some(label) => {
                let value = String::from_utf8(decode(there).into_owned()).ok()?;
                params.push((member_of(operation, label)?.name.to_owned(), value));
            }
            None if wanted == there => {}
            None => return None,
        }
    }
    Some(params)
}

fn member_of<'a>(operation: &'a Operation, label: &str) -> Option<&'a Member> {
    operation
        .input_members()
        .iter()
        .find(|member| matches!(member.location, Location::Path(under) if under == label))
}
