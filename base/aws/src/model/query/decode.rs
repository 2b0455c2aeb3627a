//! Forms in: dotted names become a tree, the tree becomes a document by the operation's shape.

use std::collections::BTreeMap;

use serde_json::Value;
use types::Document;

use crate::{
    model::{
        Invalid, Operation, scalar,
        shape::{Kind, Member, ShapeId, Shapes},
    },
    wire::{form::Form, json::DEPTH},
};

/// The document that a form holds, by the operation's input shape. Fields that the shape does not
/// know are left out.
pub fn decode(operation: &Operation, form: &Form) -> Result<Document, Invalid> {
    let mut tree = Node::default();
    for (name, value) in form.iter() {
        tree.insert(name, value)?;
    }
    Reader { shapes: &operation.shapes }.structure(operation.input_members(), &tree, "")
}

/// All fields that begin with the same names.
#[derive(Default)]
struct Node<'a> {
    value: Option<&'a str>,
    below: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Node<'a> {
    /// Of a name that stands twice the last counts.
    fn insert(&mut self, name: &'a str, value: &'a str) -> Result<(), Invalid> {
        if name.split('.').nth(DEPTH).is_some() {
            return Err(Invalid::TooDeep);
        }
        let mut node = self;
        for step in name.split('.') {
            node = node.below.entry(step).or_default();
        }
        node.value = Some(value);
        Ok(())
    }

    /// What stands under `name.1`, `name.2`, …, in the order of the numbers; gaps are closed.
    fn numbered(&self, name: &str) -> Vec<(u32, &Node<'a>)> {
        let below = self.below.get(name).into_iter().flat_map(|node| &node.below);
        let mut found: Vec<_> =
            below.filter_map(|(number, node)| Some((number.parse().ok()?, node))).collect();
        found.sort_by_key(|(number, _)| *number);
        found
    }
}

struct Reader<'a> {
    shapes: &'a Shapes,
}

impl Reader<'_> {
    fn structure(
        &self,
        members: &[Member],
        node: &Node<'_>,
        path: &str,
    ) -> Result<Document, Invalid> {
        let mut document = Document::new();
        for member in members {
            let Some(node) = node.below.get(member.name) else {
                continue;
            };
            let path = join(path, member.name);
            if let Some(value) = self.value(member.shape, node, &path)? {
                document.insert(member.name.to_owned(), value);
            }
        }
        Ok(document)
    }

    /// Nothing where the field has another form than the shape's and so says nothing of it.
    fn value(&self, shape: ShapeId, node: &Node<'_>, path: &str) -> Result<Option<Value>, Invalid> {
        match &self.shapes.get(shape).kind {
            Kind::Structure(members) => {
                self.structure(members, node, path).map(|value| Some(value.into()))
            }
            Kind::List { element, .. } => self.list(*element, node, path).map(Some),
            Kind::Map { key, value, .. } => self.map(*key, *value, node, path).map(Some),
            scalar => node.value.map(|text| scalar::read(scalar, text, path)).transpose(),
        }
    }

    fn list(&self, element: ShapeId, node: &Node<'_>, path: &str) -> Result<Value, Invalid> {
        let elements = node.numbered("member").into_iter().filter_map(|(number, node)| {
            self.value(element, node, &format!("{path}.{number}.member")).transpose()
        });
        elements.collect()
    }

    fn map(
        &self,
        key: ShapeId,
        value: ShapeId,
        node: &Node<'_>,
        path: &str,
    ) -> Result<Value, Invalid> {
        let mut document = Document::new();
        for (_, entry) in node.numbered("entry") {
            let part = |name, shape| {
                entry.below.get(name).map_or(Ok(None), |node| self.value(shape, node, path))
            };
            if let (Some(Value::String(key)), Some(value)) =
                (part("key", key)?, part("value", value)?)
            {
                document.insert(key, value);
            }
        }
        Ok(Value::Object(document))
    }
}

fn join(path: &str, name: &str) -> String {
    let name = crate::model::validate::camel(name);
    if path.is_empty() { name } else { format!("{path}.{name}") }
}
