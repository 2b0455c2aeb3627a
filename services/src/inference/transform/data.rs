//! The objects that a transform reads: those below a prefix, or those of a manifest.

use std::collections::HashSet;

use api::{Fault, inference::TransformS3DataSource};
use platform::{objects::Objects, workload::InputFile};
use types::Owner;

use super::{
    check::{invalid, refusal},
    job::TransformJob,
};
use crate::record::{
    Kind, S3Uri,
    channel::{self, manifest},
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
    /// In the order that they are shared out in.
    pub files: Vec<InputFile>,
    /// What precedes the names of files in their buckets and keys, for messages.
    pub location: String,
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

    /// Opens them all.
    pub async fn open(&self, owner: &Owner, objects: &dyn Objects) -> Result<Found, Fault> {
        let uri = &self.uri;
        match self.listed {
            Listed::Prefix => {
                let files = channel::files(owner, objects, uri, &owner.principal).await?;
                Ok(Found { location: below(uri, &files), files })
            }
            Listed::Manifest => {
                let files = manifest::files(owner, objects, uri).await?;
                one_output_each(uri, &files)?;
                Ok(Found { location: format!("{uri}: "), files })
            }
        }
    }
}

/// The URI up to its last slash, or all of it where it names a folder without one.
fn below(uri: &S3Uri, files: &[InputFile]) -> String {
    let S3Uri { bucket, key } = uri;
    let (folder, last) =
        key.rsplit_once('/').map_or(("", &**key), |(_, last)| key.split_at(key.len() - last.len()));
    let begins = files.iter().all(|file| file.name.starts_with(last));
    if begins { format!("{bucket}/{folder}") } else { format!("{bucket}/{key}/") }
}

/// An output is called as its input. Objects of several folders may share a name in a manifest
/// without a prefix, and one's predictions would take the place of another's.
fn one_output_each(uri: &S3Uri, files: &[InputFile]) -> Result<(), Fault> {
    let mut names = HashSet::new();
    match files.iter().find(|file| !names.insert(&file.name)) {
        None => Ok(()),
        Some(InputFile { name, .. }) => Err(refusal(format_args!(
            "The manifest {uri} cannot be used: the outputs of two of its objects would be called \
             \"{name}.out\". Begin it with the prefix that the objects share."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> InputFile {
        InputFile { name: name.into(), parts: Vec::new() }
    }

    #[test]
    fn messages_name_an_object_by_bucket_and_key() {
        for (uri, name, expected) in [
            ("s3://b/p/train.csv", "train.csv", "b/p/train.csv"),
            ("s3://b/p/", "a/b.csv", "b/p/a/b.csv"),
            ("s3://b/p", "a.csv", "b/p/a.csv"),
            ("s3://b/p/tr", "train.csv", "b/p/train.csv"),
            ("s3://b", "a/b", "b/a/b"),
        ] {
            assert_eq!(below(&uri.parse().unwrap(), &[file(name)]) + name, expected, "{uri}");
        }
    }

    #[test]
    fn two_objects_of_one_name_would_have_one_output() {
        let uri = "s3://b/list.json".parse().unwrap();
        assert!(one_output_each(&uri, &[file("a/1.csv"), file("b/1.csv")]).is_ok());
        let told = one_output_each(&uri, &[file("1.csv"), file("2.csv"), file("1.csv")]);
        assert!(told.unwrap_err().to_string().contains("would be called \"1.csv.out\""));
    }
}
