//! One line for each operation and shape, so that a difference between two versions can be read.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::Object;

/// The file's text.
pub fn service(model: &Object) -> Result<String> {
    let mut text = format!("{{\n\"metadata\": {},\n", model["metadata"]);
    text.push_str(&section("operations", &model["operations"])?);
    text.push_str(",\n");
    text.push_str(&section("shapes", &model["shapes"])?);
    text.push_str("\n}\n");
    Ok(text)
}

fn section(name: &str, entries: &Value) -> Result<String> {
    let entries = entries.as_object().with_context(|| format!("'{name}' is no object"))?;
    let lines: Vec<String> =
        entries.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    Ok(format!("\"{name}\": {{\n{}\n}}", lines.join(",\n")))
}
