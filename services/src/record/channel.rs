//! Data in S3 that a job reads: which objects a prefix means, and how they are called below it.
//!
//! Objects may also be listed one by one ([`manifest`]), or stand for parts of records
//! ([`augmented`]).

pub mod augmented;
pub mod manifest;
pub mod stream;

use api::{Fault, What};
use platform::{
    objects::{ListKeys, ObjectError, ObjectName, Objects},
    workload::{InputFile, Part},
};
use types::Owner;

use super::S3Uri;

/// How many keys are listed at once.
const PAGE: usize = 1_000;

/// Looks whether there is anything under a prefix.
pub async fn check(
    owner: &Owner,
    objects: &dyn Objects,
    uri: &S3Uri,
    role: &str,
) -> Result<(), Fault> {
    let list = ListKeys {
        bucket: uri.bucket.clone(),
        prefix: uri.key.clone(),
        limit: 1,
        ..ListKeys::default()
    };
    match objects.list(owner, &list).await {
        Ok(listing) if listing.objects.is_empty() => Err(nothing(owner, uri, role)),
        Ok(_) => Ok(()),
        Err(ObjectError::NoSuchBucket(_)) => Err(nothing(owner, uri, role)),
        Err(error) => Err(cannot_read(uri, error)),
    }
}

/// An object of a prefix.
#[derive(Debug)]
pub struct Listed {
    pub key: String,
    /// Bytes.
    pub size: u64,
}

/// The objects of a prefix in the order of their keys; with nothing in them, those too that consoles
/// make to show a folder.
pub async fn list(
    owner: &Owner,
    objects: &dyn Objects,
    uri: &S3Uri,
    role: &str,
) -> Result<Vec<Listed>, Fault> {
    let mut list = ListKeys {
        bucket: uri.bucket.clone(),
        prefix: uri.key.clone(),
        limit: PAGE,
        ..ListKeys::default()
    };
    let mut found = Vec::new();
    loop {
        let listing = match objects.list(owner, &list).await {
            Ok(listing) => listing,
            Err(ObjectError::NoSuchBucket(_)) => return Err(nothing(owner, uri, role)),
            Err(error) => return Err(cannot_read(uri, error)),
        };
        let objects = listing.objects.into_iter();
        found.extend(objects.map(|object| Listed { key: object.key, size: object.size }));
        if !listing.truncated {
            return Ok(found);
        }
        list.after = listing.last;
    }
}

/// The objects of a prefix in the order of their keys, each open where it lies.
pub async fn files(
    owner: &Owner,
    objects: &dyn Objects,
    uri: &S3Uri,
    role: &str,
) -> Result<Vec<InputFile>, Fault> {
    let mut files = Vec::new();
    for Listed { key, .. } in list(owner, objects, uri, role).await? {
        // What consoles make to show a folder.
        if key.ends_with('/') {
            continue;
        }
        let name = file_name(below(&uri.key, &key), &key)?;
        let object = S3Uri { bucket: uri.bucket.clone(), key };
        files.push(InputFile { name, parts: open(owner, objects, &object).await? });
    }
    if files.is_empty() { Err(nothing(owner, uri, role)) } else { Ok(files) }
}

/// An object, open where it lies.
async fn open(owner: &Owner, objects: &dyn Objects, uri: &S3Uri) -> Result<Vec<Part>, Fault> {
    let opened = objects.open_parts(owner, ObjectName::current(&uri.bucket, &uri.key)).await;
    opened.map(|(_, parts)| parts).map_err(|error| cannot_read(uri, error))
}

/// What an object is called below its prefix: `train.csv` for itself, `a/b.csv` for `dir/a/b.csv`
/// below `dir` or `dir/`.
pub fn below<'a>(prefix: &str, key: &'a str) -> &'a str {
    let folder = prefix.rfind('/').map_or(0, |slash| slash + 1);
    let whole = !prefix.is_empty() && !prefix.ends_with('/');
    let below = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')).filter(|_| whole);
    below.unwrap_or(&key[folder..])
}

/// `name` as a path below the channel, for the object with this key.
fn file_name(name: &str, key: &str) -> Result<String, Fault> {
    let plain = |component: &str| !matches!(component, "" | "." | "..");
    if name.split('/').all(plain) && !name.contains('\0') {
        return Ok(name.to_owned());
    }
    Err(invalid(format_args!(
        "The object key {key:?} cannot be a file's path below its channel; rename the object."
    )))
}

fn invalid(message: impl std::fmt::Display) -> Fault {
    Fault::new(What::Invalid, "channel", message)
}

/// Refuses, in AWS's words, a prefix under which there is nothing.
pub fn nothing(owner: &Owner, uri: &S3Uri, role: &str) -> Fault {
    let S3Uri { bucket, .. } = uri;
    let region = &owner.region;
    let message = format!(
        "No S3 objects found under S3 URL \"{uri}\" given in input data source. Please ensure that \
         the bucket exists in the selected region ({region}), that objects exist under that S3 \
         prefix, and that the role \"{role}\" has \"s3:ListBucket\" permissions on bucket \"{bucket}\"."
    );
    invalid(message)
}

fn cannot_read(uri: &S3Uri, error: ObjectError) -> Fault {
    match error {
        ObjectError::Internal(_) | ObjectError::Body(_) => Fault::internal(error),
        other => invalid(format_args!("{uri} cannot be read: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_as_it_is_below_its_prefix() {
        let cases = [
            ("p/train.csv", "p/train.csv", "train.csv"),
            ("p/", "p/a/b.csv", "a/b.csv"),
            ("p", "p/a.csv", "a.csv"),
            ("p/tr", "p/train.csv", "train.csv"),
            ("", "a/b", "a/b"),
        ];
        for (prefix, key, expected) in cases {
            assert_eq!(below(prefix, key), expected, "{prefix} {key}");
        }
        for name in ["../x", "/x", "./x", ""] {
            assert!(file_name(name, "k").is_err(), "{name}");
        }
    }
}
