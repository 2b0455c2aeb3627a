//! An augmented manifest: lines of JSON objects, of which chosen attributes become what the
//! algorithm reads.
//!
//! An attribute whose name ends in `-ref` names an object, and that object's bytes are read; of any
//! other the value itself is. Each line is a file of its own, so that lines can be shared among
//! hosts and a message can tell the line.

use api::Fault;
use bytes::Bytes;
use platform::{
    objects::Objects,
    workload::{InputFile, Part},
};
use serde_json::{Map, Value};
use types::Owner;

use super::{
    manifest::{self, MOST_ENTRIES, at_entry},
    open,
    stream::record,
};
use crate::record::S3Uri;

/// The ending of the names of attributes that name objects.
const REFERENCE: &str = "-ref";

/// What of a manifest is read, and how.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// In the order in which their values are read.
    pub names: &'a [String],
    /// Whether each value becomes a record of RecordIO.
    pub wrapped: bool,
}

/// What the lines of a manifest stand for, in its order.
pub async fn files(
    owner: &Owner,
    objects: &dyn Objects,
    uri: &S3Uri,
    attributes: Attributes<'_>,
) -> Result<Vec<InputFile>, Fault> {
    let names = attributes.names.to_vec();
    let lines = manifest::read(owner, objects, uri, move |text| parse(text, &names)).await?;
    let mut files = Vec::with_capacity(lines.len());
    for (number, values) in lines {
        let mut parts = Vec::new();
        for value in values {
            let opened = match value {
                Chosen::Text(text) => vec![Part::Inline(text)],
                Chosen::Object(object) => open(owner, objects, &object)
                    .await
                    .map_err(|fault| at_entry(uri, number, fault))?,
            };
            parts.extend(if attributes.wrapped {
                record(opened).map_err(|fault| at_entry(uri, number, fault))?
            } else {
                opened
            });
        }
        files.push(InputFile { name: format!("line-{number}"), parts });
    }
    Ok(files)
}

/// The value of an attribute.
#[derive(Debug, PartialEq, Eq)]
enum Chosen {
    /// To be read as it is.
    Text(Bytes),
    /// To be read out of this object.
    Object(S3Uri),
}

/// What is chosen of each line that is not blank, by its number.
fn parse(text: &[u8], names: &[String]) -> Result<Vec<(usize, Vec<Chosen>)>, String> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if lines.len() == MOST_ENTRIES {
            return Err(format!("it has more than {MOST_ENTRIES} lines"));
        }
        let values = choose(line, names).map_err(|what| format!("line {number}: {what}"))?;
        lines.push((number, values));
    }
    if lines.is_empty() { Err("it has no line".to_owned()) } else { Ok(lines) }
}

fn choose(line: &[u8], names: &[String]) -> Result<Vec<Chosen>, String> {
    let object: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| format!("it is no JSON object: {error}"))?;
    let value = |name: &String| {
        let value = object.get(name).ok_or_else(|| format!("it has no attribute '{name}'"))?;
        match value {
            Value::String(uri) if name.ends_with(REFERENCE) => {
                let uri = uri.parse().map_err(|error| format!("'{name}': {error}"))?;
                Ok(Chosen::Object(uri))
            }
            _ if name.ends_with(REFERENCE) => Err(format!("'{name}' is no S3 URI")),
            Value::String(text) => Ok(Chosen::Text(Bytes::copy_from_slice(text.as_bytes()))),
            other => Ok(Chosen::Text(Bytes::from(other.to_string()))),
        }
    };
    names.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn attributes_are_chosen_in_the_order_that_was_asked_for() {
        let text = "{\"label\": 1, \"source-ref\": \"s3://b/k\", \"row\": \"2,3\"}\n\n{\"row\": \
                    \"4\", \"label\": [0], \"source-ref\": \"s3://b/l\"}\n";
        let lines = parse(text.as_bytes(), &names(&["row", "label", "source-ref"])).unwrap();
        let text = |text: &'static str| Chosen::Text(Bytes::from(text));
        let object = |uri: &str| Chosen::Object(uri.parse().unwrap());
        assert_eq!(
            lines,
            [
                (1, vec![text("2,3"), text("1"), object("s3://b/k")]),
                (3, vec![text("4"), text("[0]"), object("s3://b/l")]),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, what) in [
            ("", "it has no line"),
            ("{\"a\": 1}\n[1]", "line 2: it is no JSON object"),
            ("{\"b\": 1}", "line 1: it has no attribute 'a'"),
        ] {
            let told = parse(text.as_bytes(), &names(&["a"])).unwrap_err();
            assert!(told.contains(what), "{text}: {told}");
        }
        let told = |text: &str| parse(text.as_bytes(), &names(&["a-ref"])).unwrap_err();
        assert!(told("{\"a-ref\": 1}").contains("line 1: 'a-ref' is no S3 URI"));
        assert!(told("{\"a-ref\": \"x\"}").contains("line 1: 'a-ref': Invalid S3 URI `x`"));
    }

    proptest! {
        #[test]
        fn no_manifest_makes_the_reader_fail_loudly(text in "[{}\\[\\]\", :a1\\n]{0,40}") {
            let _ = parse(text.as_bytes(), &names(&["a"]));
        }
    }
}
