//! XML out, by the operation's output shape.

use quick_xml::escape::escape;
use serde_json::Value;
use types::Document;

use crate::model::{
    Operation, ServiceModel, scalar,
    shape::{Kind, Member, ShapeId, Shapes},
};

/// An answer.
#[must_use]
pub fn encode(
    service: &ServiceModel,
    operation: &Operation,
    output: &Document,
    request_id: &str,
) -> String {
    let (name, namespace) = (operation.name(), service.xml_namespace());
    let mut xml = Xml(String::with_capacity(1_024));
    xml.open(&format!("{name}Response xmlns=\"{namespace}\""));
    if operation.output.is_some() {
        xml.element(&format!("{name}Result"), |xml| {
            xml.structure(&operation.shapes, operation.output_members(), output);
        });
    }
    xml.element("ResponseMetadata", |xml| xml.leaf("RequestId", request_id));
    xml.close(&format!("{name}Response"));
    xml.0
}

/// An error. A `status` below 500 is the sender's fault.
#[must_use]
pub fn error(
    service: &ServiceModel,
    code: &str,
    message: &str,
    status: u16,
    request_id: &str,
) -> String {
    let mut xml = Xml(String::with_capacity(512));
    xml.open(&format!("ErrorResponse xmlns=\"{}\"", service.xml_namespace()));
    xml.element("Error", |xml| {
        xml.leaf("Type", if status < 500 { "Sender" } else { "Receiver" });
        xml.leaf("Code", code);
        xml.leaf("Message", message);
    });
    xml.leaf("RequestId", request_id);
    xml.close("ErrorResponse");
    xml.0
}

struct Xml(String);

impl Xml {
    fn open(&mut self, tag: &str) {
        self.0.push('<');
        self.0.push_str(tag);
        self.0.push('>');
    }

    fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    fn element(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.open(name);
        inside(self);
        self.close(name);
    }

    fn leaf(&mut self, name: &str, text: &str) {
        self.element(name, |xml| xml.text(text));
    }

    /// XML 1.0 has no way to write most control characters, so they become U+FFFD. A bare carriage
    /// return would be read as a line feed.
    fn text(&mut self, text: &str) {
        for letter in escape(text).chars() {
            match letter {
                '\t' | '\n' => self.0.push(letter),
                '\r' => self.0.push_str("&#13;"),
                '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                _ => self.0.push(letter),
            }
        }
    }

    fn structure(&mut self, shapes: &Shapes, members: &[Member], document: &Document) {
        for member in members {
            if let Some(value) = document.get(member.name).filter(|value| !value.is_null()) {
                self.element(member.name, |xml| xml.value(shapes, member.shape, value));
            }
        }
    }

    /// What does not fit its shape is left out: nothing of ours sends it.
    fn value(&mut self, shapes: &Shapes, shape: ShapeId, value: &Value) {
        match (&shapes.get(shape).kind, value) {
            (Kind::Structure(members), Value::Object(value)) => {
                self.structure(shapes, members, value);
            }
            (Kind::List { element, .. }, Value::Array(values)) => {
                for value in values {
                    self.element("member", |xml| xml.value(shapes, *element, value));
                }
            }
            (Kind::Map { value: of, .. }, Value::Object(entries)) => {
                for (key, value) in entries {
                    self.element("entry", |xml| {
                        xml.leaf("key", key);
                        xml.element("value", |xml| xml.value(shapes, *of, value));
                    });
                }
            }
            (scalar, value) => {
                let text = scalar::write(scalar, value).unwrap_or_default();
                self.text(&text);
            }
        }
    }
}
