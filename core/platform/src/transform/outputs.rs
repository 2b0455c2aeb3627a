//! What a batch transform's program says of the objects that it was given.
//!
//! It is a list of lines, each added when an object is done: a program that is killed leaves it as
//! far as it came, perhaps with half a line at its end.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Where the list lies below `/opt/ml/output`.
pub const OUTPUTS: &str = "outputs.jsonl";
/// A name in a message is told up to so many characters, for a reason has 1,024 and must hold the
/// cause too.
const LONGEST_NAME: usize = 300;

/// A line of the list, JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// An object was scored to its end.
    Made(Output),
    /// An object could not be.
    Failed(FailedObject),
    /// Those were all objects, and what was made of them is durable.
    End,
}

impl Line {
    /// With its line end.
    #[must_use]
    pub fn text(&self) -> String {
        // Names and texts alone have no form that JSON does not.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// The lines of a list, as far as they can be read.
    pub fn read(list: &[u8]) -> impl Iterator<Item = Self> {
        let whole =
            list.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        whole.map_while(|line| serde_json::from_slice(line).ok())
    }
}

/// The predictions for one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The input's name below its prefix.
    pub input: String,
    /// Below `/opt/ml/output`.
    pub file: String,
    /// Of the predictions.
    pub content_type: String,
}

/// Why an object has no predictions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedObject {
    /// Which of its host's objects it is, from 0.
    pub number: usize,
    /// Its bucket and key.
    pub object: String,
    /// A sentence or more.
    pub reason: String,
}

/// The list of versions that wrote it once, at the end; it lay at [`Outputs::PATH`], and why objects
/// failed in a file of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Outputs {
    /// One for each object that was scored to its end, in order.
    pub outputs: Vec<Output>,
}

impl Outputs {
    /// Where it lay below `/opt/ml/output`.
    pub const PATH: &'static str = "outputs.json";
}

/// A name as messages tell it: a long one without its middle.
#[must_use]
pub fn shortened(name: &str) -> Cow<'_, str> {
    let count = name.chars().count();
    if count <= LONGEST_NAME {
        return Cow::Borrowed(name);
    }
    let half = LONGEST_NAME / 2;
    let begin = name.chars().take(half);
    let end = name.chars().skip(count - half);
    Cow::Owned(begin.chain(['…']).chain(end).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_far_as_it_was_written() {
        let made = |input: &str| {
            let (file, content_type) = ("data/0".to_owned(), "text/csv".to_owned());
            Line::Made(Output { input: input.to_owned(), file, content_type })
        };
        let failed = Line::Failed(FailedObject {
            number: 1,
            object: "b/k\n".to_owned(),
            reason: "no.".to_owned(),
        });
        let lines = [made("a"), failed, made("c"), Line::End];
        let text: String = lines.iter().map(Line::text).collect();
        assert_eq!(Line::read(text.as_bytes()).collect::<Vec<_>>(), lines);
        for cut in 1..lines[3].text().len() + lines[2].text().len() {
            let read: Vec<_> = Line::read(&text.as_bytes()[..text.len() - cut]).collect();
            assert_eq!(read, lines[..read.len()]);
            assert!((2..4).contains(&read.len()), "{cut}");
        }
    }

    #[test]
    fn a_long_name_is_told_by_both_its_ends() {
        assert_eq!(shortened("a/b.csv"), "a/b.csv");
        let name = format!("bucket/{}/ö.csv", "é".repeat(1000));
        let short = shortened(&name);
        assert_eq!(short.chars().count(), LONGEST_NAME + 1);
        assert!(short.starts_with("bucket/é") && short.ends_with("é/ö.csv"), "{short}");
        assert!(short.contains("é…é"));
    }
}
