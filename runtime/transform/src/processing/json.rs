//! JSON documents, read only as deep as a path goes; what is kept is copied as it stands.

use std::{borrow::Cow, fmt};

use platform::transform::{JsonPath, Span, Step};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Of, Trouble};

/// Where an object's answer stands.
const OUTPUT: &str = "SageMakerOutput";
/// Where a record stands that is no object.
const INPUT: &str = "SageMakerInput";

/// The text of a document, checked to be one.
pub fn read(text: &[u8], of: Of) -> Result<&str, Trouble> {
    match serde_json::from_slice::<&RawValue>(text) {
        Ok(document) => Ok(document.get()),
        Err(error) => Err(Trouble::Json { of, message: error.to_string() }),
    }
}

/// A record with its answer: a member more, in place of one that has its name.
pub fn join(record: &str, answer: &str) -> String {
    let Ok(members) = serde_json::from_str::<Members<'_>>(record) else {
        return format!("{{\"{INPUT}\":{record},\"{OUTPUT}\":{answer}}}");
    };
    let mut joined = String::with_capacity(record.len() + answer.len() + OUTPUT.len() + 4);
    joined.push('{');
    for (name, value) in members.0.iter().filter(|(name, _)| name != OUTPUT) {
        joined.push_str(&quoted(name));
        joined.push(':');
        joined.push_str(value.get());
        joined.push(',');
    }
    joined.push_str(&quoted(OUTPUT));
    joined.push(':');
    joined.push_str(answer);
    joined.push('}');
    joined
}

/// Appends what a path leads to in a document.
pub fn select(path: &JsonPath, document: &str, kept: &mut Vec<u8>) -> Result<(), Trouble> {
    Selecting { path }.down(path.steps(), document, kept)
}

/// A path on its way down.
struct Selecting<'a> {
    path: &'a JsonPath,
}

impl Selecting<'_> {
    fn down(&self, steps: &[Step], value: &str, kept: &mut Vec<u8>) -> Result<(), Trouble> {
        let Some((step, rest)) = steps.split_first() else {
            kept.extend_from_slice(value.as_bytes());
            return Ok(());
        };
        match step {
            Step::Name(name) => self.down(rest, self.member(&self.members(value)?, name)?, kept),
            Step::Names(names) => {
                let members = self.members(value)?;
                kept.push(b'{');
                for (number, name) in names.iter().enumerate() {
                    separate(number, kept);
                    kept.extend_from_slice(quoted(name).as_bytes());
                    kept.push(b':');
                    self.down(rest, self.member(&members, name)?, kept)?;
                }
                kept.push(b'}');
                Ok(())
            }
            Step::All => {
                let values = match serde_json::from_str::<Members<'_>>(value) {
                    Ok(members) => members.0.into_iter().map(|(_, value)| value).collect(),
                    Err(_) => self.elements(value)?,
                };
                self.array(rest, &values, kept)
            }
            Step::Element(index) => {
                let elements = self.elements(value)?;
                let (place, _) = self.within(Span::one(*index), elements.len())?;
                self.down(rest, elements[place].get(), kept)
            }
            Step::Elements(spans) => {
                let elements = self.elements(value)?;
                let mut chosen = Vec::new();
                for span in spans {
                    let (first, last) = self.within(*span, elements.len())?;
                    chosen.extend_from_slice(&elements[first..=last]);
                }
                self.array(rest, &chosen, kept)
            }
        }
    }

    fn array(
        &self,
        rest: &[Step],
        values: &[&RawValue],
        kept: &mut Vec<u8>,
    ) -> Result<(), Trouble> {
        kept.push(b'[');
        for (number, value) in values.iter().enumerate() {
            separate(number, kept);
            self.down(rest, value.get(), kept)?;
        }
        kept.push(b']');
        Ok(())
    }

    fn member<'a>(&self, members: &Members<'a>, wanted: &str) -> Result<&'a str, Trouble> {
        // As parsers do, the last of several that have a name counts.
        let found = members.0.iter().rev().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.get()).ok_or_else(|| Trouble::NoMember {
            path: self.path.text().to_owned(),
            name: wanted.to_owned(),
        })
    }

    fn members<'a>(&self, value: &'a str) -> Result<Members<'a>, Trouble> {
        serde_json::from_str(value).map_err(|_| self.no("object"))
    }

    fn elements<'a>(&self, value: &'a str) -> Result<Vec<&'a RawValue>, Trouble> {
        serde_json::from_str(value).map_err(|_| self.no("array"))
    }

    fn within(&self, span: Span, len: usize) -> Result<(usize, usize), Trouble> {
        let path = || self.path.text().to_owned();
        span.within(len).map_err(|error| Trouble::Outside { path: path(), error })
    }

    fn no(&self, wanted: &'static str) -> Trouble {
        Trouble::Kind { path: self.path.text().to_owned(), wanted }
    }
}

fn separate(number: usize, kept: &mut Vec<u8>) {
    if number > 0 {
        kept.push(b',');
    }
}

fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

/// The members of an object in their order, with the text of their values.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<Name<'de>, _>()? {
                    members.push((name.0, value));
                }
                Ok(Members(members))
            }
        }

        source.deserialize_map(Collect)
    }
}

/// A name, borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
