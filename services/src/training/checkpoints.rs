//! A job's checkpoints: what lies in S3 is there when its program begins, and what the program
//! writes and removes while it runs follows to S3.
//!
//! The [`Ledger`] says which files are this job's to remove from S3: other jobs may write below the
//! same prefix. A file stands in it, durably, before it is carried for the first time; so whenever
//! this server is killed, the next one knows of it.

use std::collections::{BTreeMap, BTreeSet};

use api::{Fault, What, training::CheckpointConfig};
use platform::{
    executor::{FolderFile, MOST_FILES},
    objects::{DeleteIf, ListKeys, ObjectError, ObjectName, Objects, Protection, Put, of_file},
    store::Record,
    workload::{CHECKPOINTS, PrivateCopy},
};
use serde::{Deserialize, Serialize};
use types::Timestamp;

use super::{job::TrainingJob, launch::HOST};
use crate::{
    life::Hands,
    record::{Kind as _, S3Uri},
};

/// The program's folder where the request names none.
const DEFAULT_PATH: &str = "/opt/ml/checkpoints";
/// Folders that have another meaning.
const RESERVED: [&str; 4] = ["/opt/ml/code", "/opt/ml/input", "/opt/ml/model", "/opt/ml/output"];
/// What is being written, and the marks of SageMaker's own agent: never carried.
const IGNORED: [&str; 3] = [".sagemaker-ignore", ".sagemaker-uploading", ".sagemaker-uploaded"];
/// How many keys are listed at once.
const PAGE: usize = 1_000;
/// Of a file's name, bytes, on every file system that matters.
const LONGEST_NAME: usize = 255;

/// What is known of the files below a job's prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// By path: the version that is in S3; none where it is on its way for the first time.
    files: BTreeMap<String, Option<String>>,
    /// Nothing is carried before.
    rest_until: Timestamp,
}

impl Ledger {
    /// The same, with nothing to be carried before.
    pub fn resting_until(self, rest_until: Timestamp) -> Self {
        Self { rest_until, ..self }
    }

    /// Until when nothing is carried, if that is to come.
    pub fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        Some(self.rest_until).filter(|until| *until > now)
    }

    /// Notes the files of a program that began at `since`, before any of them is carried.
    pub fn note(&mut self, seen: &[FolderFile], since: Timestamp) {
        for file in carried(seen) {
            // It came from S3, and the program has not written it.
            let placed = || (file.modified < since).then(|| file.version.clone());
            self.files.entry(file.path.clone()).or_insert_with(placed);
        }
    }

    /// Whether S3 has all that was seen and nothing else of this job's.
    pub fn is_current(&self, seen: &[FolderFile]) -> bool {
        self.unsent(seen).next().is_none() && self.gone(seen).next().is_none()
    }

    /// The files that S3 does not have, or not as they are.
    fn unsent<'a>(&'a self, seen: &'a [FolderFile]) -> impl Iterator<Item = &'a FolderFile> {
        let is_there = |file: &FolderFile| {
            self.files.get(&file.path).is_some_and(|there| there.as_ref() == Some(&file.version))
        };
        carried(seen).filter(move |file| !is_there(file))
    }

    /// The paths of files that the program has removed.
    fn gone<'a>(&'a self, seen: &'a [FolderFile]) -> impl Iterator<Item = &'a String> {
        let seen: BTreeSet<_> = seen.iter().map(|file| &file.path).collect();
        self.files.keys().filter(move |path| !seen.contains(path))
    }
}

fn carried(seen: &[FolderFile]) -> impl Iterator<Item = &FolderFile> {
    let is_ignored = |path: &str| IGNORED.iter().any(|suffix| path.ends_with(suffix));
    seen.iter().filter(move |file| !is_ignored(&file.path))
}

/// Where a job's checkpoints go, and what their folder is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The prefix.
    uri: S3Uri,
    /// As the program is told. Whatever it is, our own programs find the folder below `/opt/ml`.
    pub local_path: String,
}

impl Place {
    /// As the request asks.
    pub fn of(config: &CheckpointConfig) -> Result<Self, Fault> {
        let uri = config.s3_uri.parse().map_err(invalid)?;
        let path = config.local_path.as_deref().filter(|path| !path.is_empty());
        let local_path = path.unwrap_or(DEFAULT_PATH);
        if !local_path.starts_with('/') || local_path.split('/').any(|component| component == "..")
        {
            return Err(invalid(format!(
                "\"LocalPath\" of \"CheckpointConfig\" must be an absolute path: {local_path}"
            )));
        }
        if RESERVED.iter().any(|reserved| local_path.starts_with(reserved)) {
            // AWS's sentence about the same member of TensorBoardOutputConfig.
            return Err(invalid(format!(
                "\"LocalPath\" of \"CheckpointConfig\" cannot start with the following reserved \
                 path: [{}]",
                RESERVED.join(", ")
            )));
        }
        Ok(Self { uri, local_path: local_path.to_owned() })
    }

    /// The prefix.
    pub fn uri(&self) -> &S3Uri {
        &self.uri
    }

    /// The prefix with the slash that keeps its neighbours out.
    fn prefix(&self) -> String {
        self.uri.join("").key
    }
}

/// Whose checkpoints they are, and what moves them.
pub struct Carrier<'a> {
    /// The job.
    pub record: &'a Record,
    /// Where they go.
    pub place: &'a Place,
    /// How they are encrypted there.
    pub protection: Protection,
    /// Where they lie.
    pub objects: &'a dyn Objects,
}

impl Carrier<'_> {
    /// What the program is to find in its folder.
    pub async fn fetch(&self) -> Result<Vec<PrivateCopy>, Fault> {
        let (bucket, prefix) = (&self.place.uri.bucket, self.place.prefix());
        let mut list = ListKeys {
            bucket: bucket.clone(),
            prefix: prefix.clone(),
            limit: PAGE,
            ..ListKeys::default()
        };
        let mut copies = Vec::new();
        loop {
            let owner = &self.record.owner;
            let listing = self.objects.list(owner, &list).await.map_err(cannot_read)?;
            for object in listing.objects.iter().filter(|object| !object.key.ends_with('/')) {
                let name = ObjectName::current(bucket, &object.key);
                match self.objects.open_parts(owner, name).await {
                    Ok((info, parts)) => copies.push(PrivateCopy {
                        path: path(&object.key[prefix.len()..])?,
                        parts,
                        modified: info.modified,
                    }),
                    // Removed since it was listed.
                    Err(ObjectError::NoSuchKey(_) | ObjectError::Removed { .. }) => {}
                    Err(error) => return Err(cannot_read(error)),
                }
            }
            if copies.len() > MOST_FILES {
                return Err(invalid(format!(
                    "There are more than {MOST_FILES} objects below {}; name another prefix.",
                    self.place.uri
                )));
            }
            if !listing.truncated {
                break;
            }
            list.after = listing.last;
        }
        check_folders(&copies)?;
        Ok(copies)
    }

    /// Makes S3 as the folder is. Every file that was seen is in the ledger.
    pub async fn carry(
        &self,
        hands: &Hands,
        mut ledger: Ledger,
        seen: &[FolderFile],
    ) -> Result<Ledger, ObjectError> {
        let new: Vec<_> = ledger.unsent(seen).cloned().collect();
        let gone: Vec<_> = ledger.gone(seen).cloned().collect();
        for FolderFile { path, version, .. } in new {
            let file = hands.0.file(self.record.id, HOST, CHECKPOINTS, &path).await;
            // One that is gone by now is removed from S3 the next time.
            let Some(file) = file.map_err(ObjectError::internal)? else { continue };
            let key = self.place.uri.join(&path).key;
            let put = Put::new(&*self.place.uri.bucket, key, of_file(file));
            let put = Put { protection: self.protection.clone(), ..put };
            self.objects.put(&self.record.owner, put).await?;
            ledger.files.insert(path, Some(version));
        }
        for path in gone {
            let key = self.place.uri.join(&path).key;
            let name = ObjectName::current(&self.place.uri.bucket, &key);
            self.objects.delete(&self.record.owner, name, &DeleteIf::default()).await?;
            ledger.files.remove(&path);
        }
        Ok(ledger)
    }
}

/// Where an object goes, by its key below the prefix.
fn path(below: &str) -> Result<String, Fault> {
    let plain =
        |component: &str| !matches!(component, "" | "." | "..") && component.len() <= LONGEST_NAME;
    if below.split('/').all(plain) && !below.contains('\0') {
        return Ok(format!("{CHECKPOINTS}/{below}"));
    }
    Err(invalid(format!(
        "The object key {below:?} cannot be a file's path below the checkpoints' folder; rename or \
         remove the object."
    )))
}

/// In S3 there may be an object `a` beside one `a/b`; on a disk there cannot.
fn check_folders(copies: &[PrivateCopy]) -> Result<(), Fault> {
    let files: BTreeSet<_> = copies.iter().map(|copy| copy.path.as_str()).collect();
    let parents = |path: &&str| {
        let path = *path;
        path.match_indices('/').map(move |(at, _)| path[..at].to_owned()).collect::<Vec<_>>()
    };
    match files.iter().flat_map(parents).find(|parent| files.contains(parent.as_str())) {
        None => Ok(()),
        Some(both) => Err(invalid(format!(
            "{both} is a file and a folder among the checkpoints; rename or remove one of the objects."
        ))),
    }
}

fn cannot_read(error: ObjectError) -> Fault {
    match error {
        ObjectError::Internal(_) | ObjectError::Body(_) => Fault::internal(error),
        other => invalid(format_args!("The checkpoints cannot be read: {other}")),
    }
}

fn invalid(message: impl std::fmt::Display) -> Fault {
    Fault::new(What::Invalid, TrainingJob::KIND, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn file(path: &str, version: &str, modified: i64) -> FolderFile {
        FolderFile { path: path.into(), size: 1, modified: at(modified), version: version.into() }
    }

    fn paths<'a>(files: impl Iterator<Item = &'a FolderFile>) -> Vec<&'a str> {
        files.map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn what_came_from_s3_is_not_carried_back_until_it_is_written() {
        let mut ledger = Ledger::default();
        let mut seen =
            [file("old", "1", 5), file("new", "2", 10), file("x.sagemaker-ignore", "3", 10)];
        ledger.note(&seen, at(10));
        assert_eq!(paths(ledger.unsent(&seen)), ["new"]);
        seen[0] = file("old", "4", 11);
        assert_eq!(paths(ledger.unsent(&seen)), ["old", "new"]);
        assert!(!ledger.is_current(&seen));
    }

    #[test]
    fn only_what_is_in_the_ledger_is_removed() {
        let mut ledger = Ledger::default();
        ledger.note(&[file("a", "1", 5), file("b", "2", 20)], at(10));
        assert_eq!(ledger.gone(&[file("c", "3", 20)]).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(ledger.gone(&[file("b", "9", 20)]).collect::<Vec<_>>(), ["a"]);
        assert!(Ledger::default().is_current(&[]));
    }

    proptest! {
        #[test]
        fn what_was_noted_is_all_that_may_be_carried(
            first in proptest::collection::vec(("[abc]", "[12]", 0..20i64), 0..5),
            then in proptest::collection::vec(("[abc]", "[12]", 0..20i64), 0..5),
        ) {
            let files = |of: &[(String, String, i64)]| -> Vec<_> {
                of.iter().map(|(path, version, time)| file(path, version, *time)).collect()
            };
            let (first, then) = (files(&first), files(&then));
            let mut ledger = Ledger::default();
            ledger.note(&first, at(10));
            ledger.note(&then, at(10));
            for carried in ledger.unsent(&then) {
                prop_assert!(ledger.files.contains_key(&carried.path));
            }
            for gone in ledger.gone(&then) {
                prop_assert!(first.iter().any(|file| file.path == *gone));
            }
        }

        #[test]
        fn an_accepted_key_stays_below_the_folder(below in "[a./\\x00]{0,9}") {
            if let Ok(path) = path(&below) {
                let (folder, rest) = path.split_once('/').unwrap();
                prop_assert_eq!(folder, CHECKPOINTS);
                prop_assert!(rest.split('/').all(|part| !matches!(part, "" | "." | "..")));
            }
        }
    }

    #[test]
    fn a_folder_with_another_meaning_is_refused_in_awss_words() {
        let place = |path: &str| {
            let local_path = (!path.is_empty()).then(|| path.to_owned());
            Place::of(&CheckpointConfig { s3_uri: "s3://b/ck".into(), local_path })
        };
        assert_eq!(place("").unwrap().local_path, "/opt/ml/checkpoints");
        assert_eq!(place("/root/mine").unwrap().local_path, "/root/mine");
        assert_eq!(place("").unwrap().prefix(), "ck/");
        let refused = place("/opt/ml/model/x").unwrap_err().message;
        assert!(refused.contains("cannot start with the following reserved path: [/opt/ml/code, "));
        for path in ["checkpoints", "/opt/ml/../x"] {
            assert!(place(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_file_that_is_a_folder_too_is_refused() {
        let copy = |path: &str| PrivateCopy {
            path: format!("{CHECKPOINTS}/{path}"),
            parts: vec![],
            modified: at(0),
        };
        assert!(check_folders(&[copy("a"), copy("ab/c"), copy("ab-c")]).is_ok());
        assert!(check_folders(&[copy("a"), copy("a/b/c")]).is_err());
    }
}
