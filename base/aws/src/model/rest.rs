//! REST-JSON: members that travel in path, query and headers. Payloads never become documents.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use types::Document;

use super::{
    Invalid, Operation, scalar,
    shape::{Location, Member},
};
use crate::wire::escape::{decode, values};

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

/// The members of a request that stand outside its body. `params` are those of
/// [`super::ServiceModel::route`].
pub fn read(
    operation: &Operation,
    params: Vec<(String, String)>,
    query: &str,
    headers: &HeaderMap,
) -> Result<Document, Invalid> {
    let mut document: Document =
        params.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    for member in operation.input_members() {
        let text = match member.location {
            Location::Header(name) => text_of(headers, name),
            Location::Query(name) => values(query, name).next(),
            Location::Path(_) | Location::Body => None,
        };
        if let Some(text) = text {
            let kind = &operation.shapes.get(member.shape).kind;
            document.insert(member.name.to_owned(), scalar::read(kind, &text, member.name)?);
        }
    }
    Ok(document)
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The headers that an answer's members travel in; what is left stays in `output` for the body. A
/// value that no header can carry is left out.
pub fn write(operation: &Operation, output: &mut Document) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for member in operation.output_members() {
        let Location::Header(name) = member.location else {
            continue;
        };
        let value = output.shift_remove(member.name);
        let kind = &operation.shapes.get(member.shape).kind;
        let text = value.and_then(|value| scalar::write(kind, &value));
        let value = text.and_then(|text| HeaderValue::try_from(text).ok());
        if let (Ok(name), Some(value)) = (HeaderName::try_from(name), value) {
            headers.insert(name, value);
        }
    }
    headers
}
