//! A job's checkpoints: what lies in S3 is there when its program begins, and what the program
//! writes and removes while it runs follows to S3.
//!
//! The [`Ledger`] says which files are this job's to remove from S3: other jobs may write below the
//! same prefix. A file stands in it, durably, before it is carried for the first time; so whenever
//! this server is killed, the next one knows of it.

use std::collections::BTreeSet;

use api::{Fault, What, training::CheckpointConfig};
use platform::{
    executor::MOST_FILES,
    objects::{DeleteIf, ListKeys, ObjectError, ObjectName, Objects, Protection, Put, of_file},
    store::Record,
    workload::{CHECKPOINTS, PrivateCopy},
};

use super::{
    job::TrainingJob,
    ledger::{Folders, Ledger, Part, Spot},
};
use crate::{
    life::Hands,
    record::{Kind as _, S3Uri},
};

/// The program's folder where the request names none.
const DEFAULT_PATH: &str = "/opt/ml/checkpoints";
/// Folders that have another meaning.
const RESERVED: [&str; 4] = ["/opt/ml/code", "/opt/ml/input", "/opt/ml/model", "/opt/ml/output"];
/// How many files a job may find in its folder: so many more may it have there before the executor
/// tells of none.
const MOST_PLACED: usize = MOST_FILES - 1_000;
/// How many keys are listed at once.
const PAGE: usize = 1_000;
/// Of a file's name, bytes, on every file system that matters.
const LONGEST_NAME: usize = 255;

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

    /// Refuses so many objects that the program could hardly add any.
    fn check_room(&self, placed: usize) -> Result<(), Fault> {
        if placed <= MOST_PLACED {
            return Ok(());
        }
        Err(invalid(format!(
            "There are more than {MOST_PLACED} objects below {}; name another prefix.",
            self.uri
        )))
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
            self.place.check_room(copies.len())?;
            if !listing.truncated {
                break;
            }
            list.after = listing.last;
        }
        check_folders(&copies)?;
        Ok(copies)
    }

    /// Makes S3 as the folders are, as far as `most` bytes go, and says whether that is all. Every
    /// file that was seen is in the ledger, which tells of what was done before an error too.
    pub async fn carry(
        &self,
        hands: &Hands,
        ledger: &mut Ledger,
        seen: &Folders,
        most: u64,
    ) -> Result<bool, ObjectError> {
        let Part { send, remove, whole } = ledger.part(seen, most);
        for (spot, version) in send {
            // One that is gone by now is removed from S3 the next time.
            if self.send(hands, &spot).await? {
                ledger.sent(spot, version);
            }
        }
        for spot in remove {
            self.remove(&spot.path).await?;
            ledger.removed(&spot);
        }
        Ok(whole)
    }

    /// Puts a file where it belongs, unless it is gone.
    async fn send(&self, hands: &Hands, Spot { host, path }: &Spot) -> Result<bool, ObjectError> {
        let file = hands.0.file(self.record.id, host, CHECKPOINTS, path).await;
        let Some(file) = file.map_err(ObjectError::internal)? else { return Ok(false) };
        let key = self.place.uri.join(path).key;
        let put = Put::new(&*self.place.uri.bucket, key, of_file(file));
        let put = Put { protection: self.protection.clone(), ..put };
        self.objects.put(&self.record.owner, put).await?;
        Ok(true)
    }

    async fn remove(&self, path: &str) -> Result<(), ObjectError> {
        let key = self.place.uri.join(path).key;
        let name = ObjectName::current(&self.place.uri.bucket, &key);
        self.objects.delete(&self.record.owner, name, &DeleteIf::default()).await?;
        Ok(())
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

    proptest! {
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
    fn a_prefix_that_leaves_no_room_for_checkpoints_of_the_jobs_own_is_refused() {
        let config = CheckpointConfig { s3_uri: "s3://b/ck".into(), local_path: None };
        let place = Place::of(&config).unwrap();
        assert!(place.check_room(9_000).is_ok());
        let refused = place.check_room(9_001).unwrap_err().message;
        assert!(refused.contains("more than 9000 objects below s3://b/ck;"), "{refused}");
    }

    #[test]
    fn a_file_that_is_a_folder_too_is_refused() {
        let copy = |path: &str| PrivateCopy {
            path: format!("{CHECKPOINTS}/{path}"),
            parts: vec![],
            modified: types::Timestamp::from_micros(0),
        };
        assert!(check_folders(&[copy("a"), copy("ab/c"), copy("ab-c")]).is_ok());
        assert!(check_folders(&[copy("a"), copy("a/b/c")]).is_err());
    }
}
