//! From botocore's model to ours: what decides bytes on the wire stays, prose goes.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{Object, select::Selection};

/// Members of `metadata` that bind requests.
const METADATA: &[&str] = &[
    "apiVersion",
    "endpointPrefix",
    "jsonVersion",
    "protocols",
    "signingName",
    "targetPrefix",
    "xmlNamespace",
];
/// Traits of shapes that stay.
const SHAPE: &[&str] = &[
    "type",
    "required",
    "members",
    "member",
    "key",
    "value",
    "payload",
    "min",
    "max",
    "pattern",
    "enum",
    "sensitive",
];
/// Traits of shapes that say nothing of the bytes we read and write. Errors and streams are written
/// by hand; a union is a structure whose sender sets one member.
const SHAPE_DROPPED: &[&str] = &[
    "documentation",
    "box",
    "union",
    "exception",
    "error",
    "fault",
    "synthetic",
    "event",
    "eventstream",
    "xmlOrder",
    "deprecated",
    "deprecatedMessage",
];
/// Traits of members that stay.
const MEMBER: &[&str] = &["shape", "location", "locationName"];
/// Traits of members that the client alone acts on.
const MEMBER_DROPPED: &[&str] = &[
    "documentation",
    "box",
    "idempotencyToken",
    "deprecated",
    "deprecatedMessage",
    "deprecatedSince",
    "jsonvalue",
    "eventpayload",
];
/// Members of a paginator that stay.
const PAGE: &[&str] = &["input_token", "output_token", "limit_key", "result_key", "more_results"];

/// The trimmed model.
pub fn service(selection: &Selection, model: &Object, pages: &Object) -> Result<Object> {
    let operations = object(model, "operations")?;
    let shapes = object(model, "shapes")?;
    let pages = pages.get("pagination").and_then(Value::as_object);
    let mut kept = Object::new();
    let mut wanted = BTreeSet::new();
    for (name, known) in sorted(operations) {
        let chosen = selection.shaped.is_none_or(|chosen| chosen.contains(&name.as_str()));
        let page = pages.and_then(|pages| pages.get(name));
        let trimmed = if chosen { operation(known, page)? } else { Object::new() };
        for root in ["input", "output"].iter().filter_map(|side| trimmed.get(*side)?.as_str()) {
            reach(root, shapes, &mut wanted)?;
        }
        kept.insert(name.clone(), Value::Object(trimmed));
    }
    for name in selection.shaped.unwrap_or_default() {
        operations.get(*name).with_context(|| format!("there is no operation {name}"))?;
    }
    let mut trimmed = Object::new();
    trimmed.insert("metadata".into(), picked(object(model, "metadata")?, METADATA));
    trimmed.insert("operations".into(), Value::Object(kept));
    let shapes = wanted.into_iter().map(|name| Ok((name.clone(), shape(&name, shapes)?)));
    trimmed.insert("shapes".into(), Value::Object(shapes.collect::<Result<_>>()?));
    Ok(trimmed)
}

fn operation(known: &Value, page: Option<&Value>) -> Result<Object> {
    let http = known.get("http").context("an operation has no http")?;
    let mut trimmed = Object::new();
    for side in ["input", "output"] {
        if let Some(shape) = known.pointer(&format!("/{side}/shape")) {
            trimmed.insert(side.into(), shape.clone());
        }
    }
    if http["requestUri"] != "/" {
        let status = http.get("responseCode").cloned().unwrap_or(json!(200));
        let bound =
            json!({ "method": http["method"], "uri": http["requestUri"], "status": status });
        trimmed.insert("http".into(), bound);
    }
    let errors: Vec<&Value> =
        known["errors"].as_array().into_iter().flatten().map(|error| &error["shape"]).collect();
    if !errors.is_empty() {
        trimmed.insert("errors".into(), json!(errors));
    }
    if let Some(page) = page.and_then(Value::as_object) {
        trimmed.insert("page".into(), picked(page, PAGE));
    }
    Ok(trimmed)
}

/// Adds `name` and all that it is made of. Payloads never become documents, so nothing of them is
/// reached.
fn reach(name: &str, shapes: &Object, wanted: &mut BTreeSet<String>) -> Result<()> {
    if !wanted.insert(name.to_owned()) {
        return Ok(());
    }
    let shape = object(shapes, name)?;
    let members = shape.get("members").and_then(Value::as_object).into_iter().flatten();
    let parts = ["member", "key", "value"].iter().filter_map(|part| shape.get(*part));
    let inside = members.filter(|(name, _)| !is_payload(shape, name)).map(|(_, member)| member);
    for part in inside.chain(parts) {
        reach(part["shape"].as_str().context("a member has no shape")?, shapes, wanted)?;
    }
    Ok(())
}

fn is_payload(shape: &Object, member: &str) -> bool {
    shape.get("payload").and_then(Value::as_str) == Some(member)
}

fn shape(name: &str, shapes: &Object) -> Result<Value> {
    let known = object(shapes, name)?;
    let mut trimmed = Object::new();
    for (name_of_trait, value) in known {
        let value = match name_of_trait.as_str() {
            "payload" => continue,
            "members" => members(known, value)?,
            "required" => without_payload(known, value),
            "member" | "key" | "value" => member(value)?,
            kept if SHAPE.contains(&kept) => value.clone(),
            dropped if SHAPE_DROPPED.contains(&dropped) => continue,
            unknown => bail!("shape {name} has a trait '{unknown}' that codegen does not know"),
        };
        trimmed.insert(name_of_trait.clone(), value);
    }
    Ok(Value::Object(trimmed))
}

fn members(shape: &Object, members: &Value) -> Result<Value> {
    let members = members.as_object().into_iter().flatten();
    let kept = members.filter(|(name, _)| !is_payload(shape, name));
    let trimmed = kept.map(|(name, known)| Ok((name.clone(), member(known)?)));
    trimmed.collect::<Result<Object>>().map(Value::Object)
}

fn without_payload(shape: &Object, required: &Value) -> Value {
    let names = required.as_array().into_iter().flatten();
    names
        .filter(|name| name.as_str().is_some_and(|name| !is_payload(shape, name)))
        .cloned()
        .collect()
}

/// The name of the shape where it is all there is to say.
fn member(known: &Value) -> Result<Value> {
    let known = known.as_object().context("a member is no object")?;
    let unknown = known
        .keys()
        .find(|name| !MEMBER.contains(&name.as_str()) && !MEMBER_DROPPED.contains(&name.as_str()));
    if let Some(unknown) = unknown {
        bail!("a member has a trait '{unknown}' that codegen does not know");
    }
    match picked(known, MEMBER) {
        Value::Object(trimmed) if trimmed.len() == 1 => Ok(trimmed["shape"].clone()),
        trimmed => Ok(trimmed),
    }
}

fn picked(from: &Object, names: &[&str]) -> Value {
    let there =
        names.iter().filter_map(|name| Some(((*name).to_owned(), from.get(*name)?.clone())));
    Value::Object(there.collect())
}

fn sorted(object: &Object) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by_key(|(name, _)| name.as_str());
    entries
}

fn object<'a>(from: &'a Object, name: &str) -> Result<&'a Object> {
    from.get(name).and_then(Value::as_object).with_context(|| format!("there is no '{name}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Object {
        let model = json!({
            "metadata": { "apiVersion": "1", "uid": "x" },
            "operations": {
                "Put": {
                    "http": { "method": "POST", "requestUri": "/" },
                    "input": { "shape": "In" },
                    "documentation": "prose",
                },
                "Drop": { "http": { "method": "POST", "requestUri": "/" }, "input": { "shape": "Other" } },
            },
            "shapes": {
                "In": {
                    "type": "structure",
                    "required": ["Body", "Name"],
                    "members": { "Name": { "shape": "Text", "documentation": "x" }, "Body": { "shape": "Blob" } },
                    "payload": "Body",
                },
                "Text": { "type": "string", "max": 3 },
                "Blob": { "type": "blob" },
                "Other": { "type": "structure", "members": {} },
            },
        });
        model.as_object().unwrap().clone()
    }

    fn trimmed(model: &Object) -> Result<Object> {
        service(&Selection { name: "x", shaped: Some(&["Put"]) }, model, &Object::new())
    }

    #[test]
    fn names_of_all_operations_stay_and_shapes_of_the_chosen_ones() {
        let trimmed = trimmed(&model()).unwrap();
        assert_eq!(trimmed["operations"], json!({ "Drop": {}, "Put": { "input": "In" } }));
        assert_eq!(
            trimmed["shapes"],
            json!({
                "In": { "type": "structure", "required": ["Name"], "members": { "Name": "Text" } },
                "Text": { "type": "string", "max": 3 },
            })
        );
    }

    #[test]
    fn an_unknown_trait_is_an_error() {
        let mut model = model();
        model["shapes"]["Text"]["flattened"] = json!(true);
        assert!(trimmed(&model).unwrap_err().to_string().contains("flattened"));
    }
}
