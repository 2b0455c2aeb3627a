//! A manifest: a JSON array whose first element is a prefix, and whose others are what follows it in
//! the URI of an object.
//!
//! Without a prefix, each element is a whole URI. The manifest is the user's: its size and what it
//! may name are bounded, and what is wrong with it is told with the entry's number.

use std::{
    collections::HashSet,
    fmt,
    io::{self, Read as _},
};

use api::Fault;
use platform::{objects::Objects, parts::PartReader, workload::InputFile};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use types::Owner;

use super::{file_name, invalid, open};
use crate::record::S3Uri;

/// The largest manifest that is read, bytes: it is held in memory.
const LARGEST: u64 = 64 << 20;
/// What one manifest may name: each is opened before the job starts.
pub const MOST_ENTRIES: usize = 100_000;

/// The objects that a manifest names, in its order, each open where it lies. One that is named
/// twice is one file.
pub async fn files(
    owner: &Owner,
    objects: &dyn Objects,
    uri: &S3Uri,
) -> Result<Vec<InputFile>, Fault> {
    let entries = entries(owner, objects, uri).await?;
    let mut files = Vec::with_capacity(entries.len());
    for (number, Entry { object, name }) in (1_usize..).zip(entries) {
        let name = file_name(&name, &object.key)?;
        let parts = open(owner, objects, &object).await;
        let parts = parts.map_err(|fault| at_entry(uri, number, fault))?;
        files.push(InputFile { name, parts });
    }
    Ok(files)
}

/// The objects that a manifest names, in its order, each once.
pub async fn entries(
    owner: &Owner,
    objects: &dyn Objects,
    uri: &S3Uri,
) -> Result<Vec<Entry>, Fault> {
    read(owner, objects, uri, parse).await
}

/// What is read out of a manifest. A large one takes long, which nobody else waits for.
pub(super) async fn read<T: Send + 'static>(
    owner: &Owner,
    objects: &dyn Objects,
    uri: &S3Uri,
    parse: impl FnOnce(&[u8]) -> Result<T, String> + Send + 'static,
) -> Result<T, Fault> {
    let parts = open(owner, objects, uri).await?;
    let read = move || -> io::Result<Result<T, String>> {
        let mut text = Vec::new();
        PartReader::new(parts).take(LARGEST + 1).read_to_end(&mut text)?;
        if text.len() as u64 > LARGEST {
            return Ok(Err(format!("it is larger than {LARGEST} bytes; split it")));
        }
        Ok(parse(&text))
    };
    let read = tokio::task::spawn_blocking(read).await.map_err(Fault::internal)?;
    read.map_err(Fault::internal)?.map_err(|what| refused(uri, &what))
}

/// What is said of a manifest that cannot be used.
fn refused(uri: &S3Uri, what: &str) -> Fault {
    invalid(format_args!("The manifest {uri} cannot be used: {what}."))
}

/// A fault of ours stays one; another is told with the entry that it is about.
pub(super) fn at_entry(uri: &S3Uri, number: usize, fault: Fault) -> Fault {
    match fault.what {
        api::What::Invalid => {
            invalid(format_args!("{fault} (entry {number} of the manifest {uri})"))
        }
        _ => fault,
    }
}

/// An object, and what its file is called.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub object: S3Uri,
    /// What follows the prefix; without one, the last part of its key.
    pub name: String,
}

/// An element of the array.
enum Element {
    Prefix(String),
    Suffix(String),
    Other,
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadElement)
    }
}

/// Keeps of an element what it is taken for, however much stands in it.
struct ReadElement;

impl<'de> Visitor<'de> for ReadElement {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a prefix")
    }

    fn visit_str<E>(self, text: &str) -> Result<Element, E> {
        Ok(Element::Suffix(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Element, A::Error> {
        let mut element = Element::Other;
        while let Some(key) = map.next_key::<String>()? {
            if key != "prefix" {
                map.next_value::<IgnoredAny>()?;
            } else if let Element::Suffix(prefix) = map.next_value()? {
                element = Element::Prefix(prefix);
            }
        }
        Ok(element)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Element, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Element::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Element, E> {
        Ok(Element::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Element, E> {
        Ok(Element::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Element, E> {
        Ok(Element::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Element, E> {
        Ok(Element::Other)
    }

    fn visit_unit<E>(self) -> Result<Element, E> {
        Ok(Element::Other)
    }
}

/// What was read of the array so far.
#[derive(Default)]
struct Entries {
    /// Of elements.
    count: usize,
    prefix: Option<String>,
    seen: HashSet<String>,
    found: Vec<Entry>,
    /// Why no more is read.
    refused: Option<String>,
}

impl Entries {
    fn take(&mut self, element: Element) -> Result<(), String> {
        self.count += 1;
        let number = self.count;
        match element {
            _ if number > MOST_ENTRIES => Err(format!("it has more than {MOST_ENTRIES} entries")),
            Element::Prefix(given) if number == 1 => {
                given.parse::<S3Uri>().map_err(|error| format!("entry 1: {error}"))?;
                self.prefix = Some(given);
                Ok(())
            }
            Element::Suffix(suffix) => {
                let entry = entry(self.prefix.as_deref(), &suffix)
                    .map_err(|what| format!("entry {number}: {what}"))?;
                if self.seen.insert(entry.object.to_string()) {
                    self.found.push(entry);
                }
                Ok(())
            }
            Element::Prefix(_) => {
                Err(format!("entry {number}: a prefix may only be the first entry"))
            }
            Element::Other => Err(format!("entry {number} is neither a text nor a prefix")),
        }
    }
}

impl<'de> Visitor<'de> for &mut Entries {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            if let Err(what) = self.take(element) {
                let error = A::Error::custom(&what);
                self.refused = Some(what);
                return Err(error);
            }
        }
        Ok(())
    }
}

fn parse(text: &[u8]) -> Result<Vec<Entry>, String> {
    let mut read = Entries::default();
    let mut json = serde_json::Deserializer::from_slice(text);
    let whole = json.deserialize_seq(&mut read).and_then(|()| json.end());
    match (read.refused, whole) {
        (Some(what), _) => Err(what),
        (None, Err(error)) => Err(format!(
            "it is no JSON array of a prefix and what follows it, as in [{{\"prefix\": \
             \"s3://bucket/folder/\"}}, \"a.csv\"]: {error}"
        )),
        (None, Ok(())) if read.found.is_empty() => Err("it names no object".to_owned()),
        (None, Ok(())) => Ok(read.found),
    }
}

/// Called by what follows the prefix; without one, by the last part of the key.
fn entry(prefix: Option<&str>, text: &str) -> Result<Entry, String> {
    let (whole, name) = match prefix {
        Some(prefix) => (format!("{prefix}{text}"), text.trim_start_matches('/')),
        None => (text.to_owned(), text.rsplit('/').next().unwrap_or(text)),
    };
    let object = whole.parse::<S3Uri>().map_err(|error| error.to_string())?;
    Ok(Entry { object, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(text: &str) -> Result<Vec<(String, String)>, String> {
        let entries = parse(text.as_bytes())?.into_iter();
        Ok(entries.map(|entry| (entry.object.to_string(), entry.name)).collect())
    }

    fn pair(object: &str, name: &str) -> (String, String) {
        (object.to_owned(), name.to_owned())
    }

    #[test]
    fn a_prefix_stands_before_all_that_follow_it() {
        let manifest = r#"[{"prefix": "s3://b/p/"}, "x/1.csv", "2.csv", "x/1.csv"]"#;
        assert_eq!(
            named(manifest).unwrap(),
            [pair("s3://b/p/x/1.csv", "x/1.csv"), pair("s3://b/p/2.csv", "2.csv")]
        );
    }

    #[test]
    fn without_a_prefix_each_entry_is_a_whole_uri() {
        let manifest = r#"["s3://b/p/x/1.csv", "s3://c/2.csv"]"#;
        let expected = [pair("s3://b/p/x/1.csv", "1.csv"), pair("s3://c/2.csv", "2.csv")];
        assert_eq!(named(manifest).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_entry() {
        for (manifest, what) in [
            (r#"{"prefix": "s3://b/p/"}"#, "it is no JSON array"),
            ("[", "line 1 column 1"),
            ("[]", "it names no object"),
            (r#"[{"prefix": "s3://b/"}]"#, "it names no object"),
            (r#"[{"prefix": "p/"}, "a"]"#, "entry 1: Invalid S3 URI `p/`"),
            (r#"["a.csv"]"#, "entry 1: Invalid S3 URI `a.csv`"),
            (r#"["s3://b/a", {"prefix": "s3://b/"}]"#, "entry 2: a prefix may only be the first"),
            (r#"[{"prefix": "s3://b/"}, 7]"#, "entry 2 is neither a text nor a prefix"),
        ] {
            let told = named(manifest).unwrap_err();
            assert!(told.contains(what), "{manifest}: {told}");
        }
        let many = format!("[{}\"s3://b/a\"]", "\"s3://b/a\",".repeat(MOST_ENTRIES));
        assert!(named(&many).unwrap_err().contains("more than 100000 entries"));
    }

    #[test]
    fn nothing_is_read_behind_what_refuses_a_manifest() {
        let many = format!("[{}what follows", "\"s3://b/a\",".repeat(MOST_ENTRIES + 1));
        assert!(named(&many).unwrap_err().contains("more than 100000 entries"));
        assert!(named("[1, what follows").unwrap_err().contains("entry 1 is neither"));
        let nested = r#"[{"more": [1, {}], "prefix": "s3://b/p/"}, "a", {"prefix": [null, 1.5]}]"#;
        assert!(named(nested).unwrap_err().contains("entry 3 is neither a text nor a prefix"));
    }

    proptest! {
        #[test]
        fn no_manifest_makes_the_reader_fail_loudly(text in r#"[\[\]{}", :a-z/3\\]{0,40}"#) {
            let _ = parse(text.as_bytes());
        }
    }
}
