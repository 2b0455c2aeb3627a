//! The objects that a transform reads: those below a prefix, or those of a manifest.

use std::collections::{BTreeMap, HashSet};

use api::{Fault, inference::TransformS3DataSource};
use platform::{
    objects::{ObjectError, ObjectName, Objects},
    workload::InputFile,
};
use types::Owner;

use super::{
    check::{invalid, refusal},
    job::TransformJob,
};
use crate::record::{
    Kind, S3Uri,
    channel::{
        self,
        manifest::{self, Entry},
    },
    unsupported,
};

/// Where a request says that its data is, read.
pub struct Data {
    uri: S3Uri,
    listed: Listed,
}

/// What the URI names.
#[derive(Clone, Copy)]
enum Listed {
    Prefix,
    Manifest,
}

/// The objects, open where they lie.
pub struct Found {
    /// In the order that they are shared out in, called as their outputs are.
    pub files: Vec<InputFile>,
    /// Those that could not be opened, by name, and why. They are empty among the files.
    pub unopened: BTreeMap<String, String>,
    /// What precedes the names of files in their buckets and keys, for messages.
    pub location: String,
}

/// What objects are called, before they are opened.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    entries: Vec<Entry>,
    location: String,
}

impl Data {
    /// Refuses what names no objects.
    pub fn of(source: &TransformS3DataSource) -> Result<Self, Fault> {
        let listed = match source.s3_data_type.as_str() {
            "S3Prefix" => Listed::Prefix,
            "ManifestFile" => Listed::Manifest,
            other => {
                let what = format!("S3DataType {other} is not supported");
                return Err(unsupported(TransformJob::KIND, &what));
            }
        };
        Ok(Self { uri: invalid(source.s3_uri.parse())?, listed })
    }

    /// Looks for the prefix or the manifest, so that a wrong name is told at once.
    pub async fn check(
        &self,
        owner: &Owner,
        objects: &dyn Objects,
        role: &str,
    ) -> Result<(), Fault> {
        channel::check(owner, objects, &self.uri, role).await
    }

    /// Opens them all. One that cannot be opened does not keep the others from their turn.
    pub async fn open(
        &self,
        owner: &Owner,
        objects: &dyn Objects,
        role: &str,
    ) -> Result<Found, Fault> {
        let Named { entries, location } = self.named(owner, objects, role).await?;
        let (mut files, mut unopened) = (Vec::with_capacity(entries.len()), BTreeMap::new());
        for Entry { object: S3Uri { bucket, key }, name } in entries {
            let parts = match objects.open_parts(owner, ObjectName::current(&bucket, &key)).await {
                Ok((_, parts)) => parts,
                Err(error @ (ObjectError::Internal(_) | ObjectError::Body(_))) => {
                    return Err(Fault::internal(error));
                }
                Err(error) => {
                    let why = error.to_string();
                    let why = format!("it cannot be read: {}", why.trim_end_matches('.'));
                    unopened.insert(name.clone(), why);
                    Vec::new()
                }
            };
            files.push(InputFile { name, parts });
        }
        Ok(Found { files, unopened, location })
    }

    async fn named(
        &self,
        owner: &Owner,
        objects: &dyn Objects,
        role: &str,
    ) -> Result<Named, Fault> {
        let uri = &self.uri;
        match self.listed {
            Listed::Prefix => {
                let mut listed = channel::list(owner, objects, uri, role).await?;
                // What consoles make to show a folder.
                listed.retain(|object| object.size > 0 || !object.key.ends_with('/'));
                if listed.is_empty() {
                    return Err(channel::nothing(owner, uri, role));
                }
                Ok(below(uri, listed.into_iter().map(|object| object.key).collect()))
            }
            Listed::Manifest => {
                let entries = manifest::entries(owner, objects, uri).await?;
                one_output_each(uri, &entries)?;
                Ok(Named { entries, location: format!("{uri}: ") })
            }
        }
    }
}

/// Objects are called by what follows the prefix. Where two would be called alike, as `p/q/1` and
/// `p/1` below `p/q`, all are called by what follows its last slash, which differs as their keys do.
fn below(uri: &S3Uri, keys: Vec<String>) -> Named {
    let S3Uri { bucket, key: prefix } = uri;
    let folder = prefix.rfind('/').map_or(0, |slash| slash + 1);
    let mut names = HashSet::new();
    let differ = keys.iter().all(|key| names.insert(channel::below(prefix, key)));
    let name = |key: &str| {
        let name = if differ { channel::below(prefix, key) } else { &key[folder..] };
        name.to_owned()
    };
    let begin = [prefix[..folder].to_owned(), format!("{prefix}/")].into_iter().find(|begin| {
        keys.iter().all(|key| key.strip_prefix(&**begin).is_some_and(|rest| rest == name(key)))
    });
    let location = begin.map_or(format!("{uri}: "), |begin| format!("{bucket}/{begin}"));
    let entry = |key: String| {
        let name = name(&key);
        Entry { object: S3Uri { bucket: bucket.clone(), key }, name }
    };
    Named { entries: keys.into_iter().map(entry).collect(), location }
}

/// An output is called as its input. Objects of several folders may share a name in a manifest
/// without a prefix, and one's predictions would take the place of another's.
fn one_output_each(uri: &S3Uri, entries: &[Entry]) -> Result<(), Fault> {
    let mut names = HashSet::new();
    match entries.iter().find(|entry| !names.insert(&entry.name)) {
        None => Ok(()),
        Some(Entry { name, .. }) => Err(refusal(format_args!(
            "The manifest {uri} cannot be used: the outputs of two of its objects would be called \
             \"{name}.out\". Begin it with the prefix that the objects share."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the objects of a prefix are called, and what precedes that in messages.
    fn named(uri: &str, keys: &[&str]) -> (Vec<String>, String) {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        let Named { entries, location } = below(&uri.parse().unwrap(), keys);
        (entries.into_iter().map(|entry| entry.name).collect(), location)
    }

    #[test]
    fn messages_name_an_object_by_bucket_and_key() {
        for (uri, key, name) in [
            ("s3://b/p/train.csv", "p/train.csv", "train.csv"),
            ("s3://b/p/", "p/a/b.csv", "a/b.csv"),
            ("s3://b/p", "p/a.csv", "a.csv"),
            ("s3://b/p/tr", "p/train.csv", "train.csv"),
            ("s3://b", "a/b", "a/b"),
            ("s3://b/k", "k//x.csv", "/x.csv"),
        ] {
            let (names, location) = named(uri, &[key]);
            assert_eq!((names[0].as_str(), location + name), (name, format!("b/{key}")), "{uri}");
        }
        let (names, location) = named("s3://b/l/in", &["l/in/a.csv", "l/inx.csv"]);
        assert_eq!((&*names.concat(), &*location), ("a.csvinx.csv", "s3://b/l/in: "));
    }

    #[test]
    fn no_two_objects_of_a_prefix_are_called_alike() {
        let (names, location) = named("s3://b/l/in", &["l/in/inx.csv", "l/in/y", "l/inx.csv"]);
        assert_eq!(names, ["in/inx.csv", "in/y", "inx.csv"]);
        assert_eq!(location, "b/l/");
    }

    #[test]
    fn two_objects_of_one_name_would_have_one_output() {
        let uri = "s3://b/list.json".parse().unwrap();
        let entry = |name: &str| Entry { object: "s3://b/k".parse().unwrap(), name: name.into() };
        assert!(one_output_each(&uri, &[entry("a/1.csv"), entry("b/1.csv")]).is_ok());
        let told = one_output_each(&uri, &[entry("1.csv"), entry("2.csv"), entry("1.csv")]);
        assert!(told.unwrap_err().to_string().contains("would be called \"1.csv.out\""));
    }
}
