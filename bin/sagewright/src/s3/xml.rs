//! S3's answers as trees of elements: small, and without attributes, which none of them needs.

use anyhow::{Context, Result, bail};
use quick_xml::{
    Reader,
    events::{BytesRef, Event},
};

/// No answer of S3 is deeper than four.
const DEEPEST: usize = 16;

/// An element.
#[derive(Debug, Default)]
pub struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// Reads a document.
    pub fn read(document: &[u8]) -> Result<Self> {
        let mut reader = Reader::from_reader(document);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event()? {
                Event::Start(start) if open.len() < DEEPEST => {
                    open.push(Self::named(start.name().as_ref()));
                }
                Event::Start(_) => bail!("the answer is nested too deeply"),
                Event::Empty(empty) => {
                    last(&mut open)?.children.push(Self::named(empty.name().as_ref()));
                }
                Event::End(_) => {
                    let closed = open.pop().context("the answer is no XML")?;
                    last(&mut open)?.children.push(closed);
                }
                Event::Text(text) => last(&mut open)?.text.push_str(&text.decode()?),
                Event::CData(text) => last(&mut open)?.text.push_str(&text.decode()?),
                Event::GeneralRef(reference) => last(&mut open)?.text.push(character(&reference)?),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
                Event::Eof => break,
            }
        }
        let root = open.pop().and_then(|mut document| document.children.pop());
        root.filter(|_| open.is_empty()).context("the answer is no whole XML document")
    }

    fn named(name: &[u8]) -> Self {
        Self { name: String::from_utf8_lossy(name).into_owned(), ..Self::default() }
    }

    /// What the element is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of the child of this name; empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        self.children.iter().find(|child| child.name == name).map_or("", |child| &child.text)
    }

    /// The children of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

fn last(open: &mut [Element]) -> Result<&mut Element> {
    open.last_mut().context("the answer is no XML")
}

fn character(reference: &BytesRef<'_>) -> Result<char> {
    if let Some(character) = reference.resolve_char_ref()? {
        return Ok(character);
    }
    Ok(match reference.decode()?.as_ref() {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        other => bail!("the answer names an unknown entity, {other}"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_is_read_by_the_names_of_its_elements() {
        let text = "<?xml version='1.0'?>\n<List xmlns='x'><Key>a&amp;b&#10;&lt;</Key><Empty/>\
                    <Key><![CDATA[<&]]></Key></List>";
        let list = Element::read(text.as_bytes()).unwrap();
        assert_eq!((list.name(), list.text("Key"), list.text("None")), ("List", "a&b\n<", ""));
        let keys: Vec<_> = list.all("Key").map(|key| &*key.text).collect();
        assert_eq!(keys, ["a&b\n<", "<&"]);
    }

    #[test]
    fn what_is_no_whole_document_is_refused() {
        let deep = "<a>".repeat(1_000);
        for text in ["", "text", "<a>", "</a>", "<a></b>", "<a>&unknown;</a>", &deep] {
            assert!(Element::read(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(text in "[<>/a&;#! \\-\\[\\]?x0-9]{0,60}") {
            let _ = Element::read(text.as_bytes());
        }
    }
}
