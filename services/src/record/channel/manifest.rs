//! A manifest: a JSON array whose first element is a prefix, and whose others are what follows it in
//! the URI of an object.
//!
//! Without a prefix, each element is a whole URI. The manifest is the user's: its size and what it
//! may name are bounded, and what is wrong with it is told with the entry's number.

use std::{collections::HashSet, io::Read as _};

use api::Fault;
use platform::{objects::Objects, parts::PartReader, workload::InputFile};
use serde::Deserialize;
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
    let text = read(owner, objects, uri).await?;
    let entries = parse(&text).map_err(|what| refused(uri, &what))?;
    let mut files = Vec::with_capacity(entries.len());
    for (number, Entry { object, name }) in (1_usize..).zip(entries) {
        let name = file_name(&name, &object.key)?;
        let parts = open(owner, objects, &object).await;
        let parts = parts.map_err(|fault| at_entry(uri, number, fault))?;
        files.push(InputFile { name, parts });
    }
    Ok(files)
}

/// The bytes of a manifest.
pub(super) async fn read(
    owner: &Owner,
    objects: &dyn Objects,
    uri: &S3Uri,
) -> Result<Vec<u8>, Fault> {
    let parts = open(owner, objects, uri).await?;
    let whole = tokio::task::spawn_blocking(move || {
        let mut text = Vec::new();
        PartReader::new(parts).take(LARGEST + 1).read_to_end(&mut text).map(|_| text)
    });
    let text = whole.await.map_err(Fault::internal)?.map_err(Fault::internal)?;
    if text.len() as u64 > LARGEST {
        return Err(refused(uri, &format!("it is larger than {LARGEST} bytes; split it")));
    }
    Ok(text)
}

/// What is said of a manifest that cannot be used.
pub(super) fn refused(uri: &S3Uri, what: &str) -> Fault {
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
struct Entry {
    object: S3Uri,
    name: String,
}

/// An element of the array.
#[derive(Deserialize)]
#[serde(untagged)]
enum Element {
    Prefix { prefix: String },
    Suffix(String),
    Other(serde::de::IgnoredAny),
}

fn parse(text: &[u8]) -> Result<Vec<Entry>, String> {
    let elements: Vec<Element> = serde_json::from_slice(text).map_err(|error| {
        format!(
            "it is no JSON array of a prefix and what follows it, as in [{{\"prefix\": \
             \"s3://bucket/folder/\"}}, \"a.csv\"]: {error}"
        )
    })?;
    if elements.len() > MOST_ENTRIES {
        return Err(format!("it has more than {MOST_ENTRIES} entries"));
    }
    let (mut prefix, mut seen, mut entries) = (None, HashSet::new(), Vec::new());
    for (number, element) in (1_usize..).zip(elements) {
        match element {
            Element::Prefix { prefix: given } if number == 1 => {
                given.parse::<S3Uri>().map_err(|error| format!("entry 1: {error}"))?;
                prefix = Some(given);
            }
            Element::Suffix(suffix) => {
                let entry = entry(prefix.as_deref(), &suffix)
                    .map_err(|what| format!("entry {number}: {what}"))?;
                if seen.insert(entry.object.to_string()) {
                    entries.push(entry);
                }
            }
            Element::Prefix { .. } => {
                return Err(format!("entry {number}: a prefix may only be the first entry"));
            }
            Element::Other(_) => {
                return Err(format!("entry {number} is neither a text nor a prefix"));
            }
        }
    }
    if entries.is_empty() { Err("it names no object".to_owned()) } else { Ok(entries) }
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

    proptest! {
        #[test]
        fn no_manifest_makes_the_reader_fail_loudly(text in r#"[\[\]{}", :a-z/3\\]{0,40}"#) {
            let _ = parse(text.as_bytes());
        }
    }
}
