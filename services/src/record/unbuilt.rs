//! Members of requests that ask for what is not built: refused by name, for a request that is
//! accepted is a promise.

use api::{Document, Fault};
use serde_json::Value;

use super::unsupported;

/// Refuses a request that asks for one of these members, each named by its path. One that asks for
/// nothing (false, empty) does no harm.
pub fn refuse(kind: &'static str, request: &Document, unbuilt: &[&str]) -> Result<(), Fault> {
    match unbuilt.iter().find(|path| member(request, path).is_some_and(asks)) {
        Some(path) => Err(unsupported(kind, &format!("{path} is not supported"))),
        None => Ok(()),
    }
}

fn member<'a>(request: &'a Document, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((first, rest)) => member(request.get(first)?.as_object()?, rest),
        None => request.get(path),
    }
}

fn asks(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_asked_for_and_not_built_is_refused_by_its_path() {
        let refused = |request: Value| {
            let unbuilt = &["DataCaptureConfig.EnableCapture", "KmsKeyId"];
            refuse("endpoint-config", request.as_object().unwrap(), unbuilt).err()
        };
        let fault = refused(json!({ "DataCaptureConfig": { "EnableCapture": true } })).unwrap();
        assert!(fault.message.starts_with("DataCaptureConfig.EnableCapture is not supported"));
        assert!(refused(json!({ "KmsKeyId": "alias/mine" })).is_some());
        assert!(refused(json!({ "DataCaptureConfig": { "EnableCapture": false } })).is_none());
        assert!(refused(json!({ "KmsKeyId": "", "Other": 1 })).is_none());
    }
}
