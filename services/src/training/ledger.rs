//! What is known of a job's checkpoints on their way to S3, as plain data.
//!
//! Each host has a folder of its own, and all of them go to one prefix. What was placed there at the
//! start lies in every host's folder and is nobody's until it is written; what a host had and has no
//! more is removed, whoever else still has a copy of it. Where two hosts write one path, the one
//! that is carried last wins.

use std::collections::{BTreeMap, BTreeSet};

use platform::executor::FolderFile;
use serde::{Deserialize, Serialize};
use types::Timestamp;

/// What is being written, and the marks of SageMaker's own agent: never carried.
const IGNORED: [&str; 3] = [".sagemaker-ignore", ".sagemaker-uploading", ".sagemaker-uploaded"];

/// What lies in the checkpoints' folder of each host.
pub type Folders = BTreeMap<String, Vec<FolderFile>>;

/// Where a file lies: its host, and its path below that one's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// `algo-1`.
    pub host: String,
    /// `/` between components.
    pub path: String,
}

/// What is to be done in one go. Something new is in S3 before what is old is removed.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// Files that go to S3, each with its version.
    pub send: Vec<(Spot, String)>,
    /// Files that go from S3.
    pub remove: Vec<Spot>,
    /// Whether nothing is left to do then.
    pub whole: bool,
}

/// What is known of the files below a job's prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// By host and path: the version that is in S3; none where it is on its way for the first time.
    hosts: BTreeMap<String, BTreeMap<String, Option<String>>>,
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

    /// Notes the files of programs that began at `since`, before any of them is carried.
    pub fn note(&mut self, seen: &Folders, since: Timestamp) {
        for (host, file) in carried(seen) {
            // It came from S3, and the program has not written it.
            let placed = || (file.modified < since).then(|| file.version.clone());
            let known = self.hosts.entry(host.clone()).or_default();
            known.entry(file.path.clone()).or_insert_with(placed);
        }
    }

    /// Whether S3 has all that was seen and nothing else of this job's.
    pub fn is_current(&self, seen: &Folders) -> bool {
        self.unsent(seen).next().is_none() && self.gone(seen).next().is_none()
    }

    /// The files that S3 does not have, or not as they are.
    fn unsent<'a>(
        &'a self,
        seen: &'a Folders,
    ) -> impl Iterator<Item = (&'a String, &'a FolderFile)> {
        let is_there = |host, file: &FolderFile| {
            let there = self.hosts.get(host).and_then(|known| known.get(&file.path));
            there.is_some_and(|there| there.as_ref() == Some(&file.version))
        };
        carried(seen).filter(move |(host, file)| !is_there(*host, file))
    }

    /// Where files were that a program has removed. Of a host that was not looked at nothing is.
    fn gone(&self, seen: &Folders) -> impl Iterator<Item = Spot> {
        self.hosts.iter().flat_map(|(host, known)| {
            let files = seen
                .get(host)
                .map(|files| files.iter().map(|file| &file.path).collect::<BTreeSet<_>>());
            let is_gone =
                move |path: &&String| files.as_ref().is_some_and(|seen| !seen.contains(path));
            let spot = |path: &String| Spot { host: host.clone(), path: path.clone() };
            known.keys().filter(is_gone).map(spot)
        })
    }

    /// What makes S3 as the folders are, or a part of it: no file follows `most` bytes.
    pub fn part(&self, seen: &Folders, most: u64) -> Part {
        let (mut send, mut bytes, mut whole) = (Vec::new(), 0, true);
        for (host, file) in self.unsent(seen) {
            if bytes >= most {
                whole = false;
                break;
            }
            let spot = Spot { host: host.clone(), path: file.path.clone() };
            send.push((spot, file.version.clone()));
            bytes += file.size;
        }
        Part { send, remove: self.gone(seen).collect(), whole }
    }

    /// Notes that S3 has this version of a file.
    pub fn sent(&mut self, Spot { host, path }: Spot, version: String) {
        self.hosts.entry(host).or_default().insert(path, Some(version));
    }

    /// Notes that S3 has a file no more.
    pub fn removed(&mut self, Spot { host, path }: &Spot) {
        if let Some(known) = self.hosts.get_mut(host) {
            known.remove(path);
        }
    }
}

fn carried(seen: &Folders) -> impl Iterator<Item = (&String, &FolderFile)> {
    let is_ignored = |path: &str| IGNORED.iter().any(|suffix| path.ends_with(suffix));
    let all = seen.iter().flat_map(|(host, files)| files.iter().map(move |file| (host, file)));
    all.filter(move |(_, file)| !is_ignored(&file.path))
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

    fn alone(files: &[FolderFile]) -> Folders {
        Folders::from([("algo-1".into(), files.to_vec())])
    }

    fn two(first: &[FolderFile], second: &[FolderFile]) -> Folders {
        Folders::from([("algo-1".into(), first.to_vec()), ("algo-2".into(), second.to_vec())])
    }

    fn unsent(ledger: &Ledger, seen: &Folders) -> Vec<(String, String)> {
        ledger.unsent(seen).map(|(host, file)| (host.clone(), file.path.clone())).collect()
    }

    fn gone(ledger: &Ledger, seen: &Folders) -> Vec<(String, String)> {
        ledger.gone(seen).map(|Spot { host, path }| (host, path)).collect()
    }

    fn on(host: &str, path: &str) -> (String, String) {
        (host.to_owned(), path.to_owned())
    }

    #[test]
    fn what_came_from_s3_is_not_carried_back_until_it_is_written() {
        let mut ledger = Ledger::default();
        let (old, new) = (file("old", "1", 5), file("new", "2", 10));
        let seen = alone(&[old, new.clone(), file("x.sagemaker-ignore", "3", 10)]);
        ledger.note(&seen, at(10));
        assert_eq!(unsent(&ledger, &seen), [on("algo-1", "new")]);
        let seen = alone(&[file("old", "4", 11), new]);
        assert_eq!(unsent(&ledger, &seen), [on("algo-1", "old"), on("algo-1", "new")]);
        assert!(!ledger.is_current(&seen));
    }

    #[test]
    fn only_what_is_in_the_ledger_is_removed() {
        let mut ledger = Ledger::default();
        ledger.note(&alone(&[file("a", "1", 5), file("b", "2", 20)]), at(10));
        let both = [on("algo-1", "a"), on("algo-1", "b")];
        assert_eq!(gone(&ledger, &alone(&[file("c", "3", 20)])), both);
        assert_eq!(gone(&ledger, &alone(&[file("b", "9", 20)])), both[..1]);
        assert!(Ledger::default().is_current(&Folders::new()));
    }

    #[test]
    fn a_file_is_gone_for_the_host_that_had_it_and_no_other() {
        let mut ledger = Ledger::default();
        let old = file("old", "1", 5);
        let seen = two(std::slice::from_ref(&old), &[old.clone(), file("new", "2", 10)]);
        ledger.note(&seen, at(10));
        assert_eq!(unsent(&ledger, &seen), [on("algo-2", "new")]);
        assert_eq!(gone(&ledger, &seen), []);
        ledger.sent(Spot { host: "algo-2".into(), path: "new".into() }, "2".into());
        assert!(ledger.is_current(&seen));

        let seen = two(&[old], &[file("new", "2", 10)]);
        assert_eq!(gone(&ledger, &seen), [on("algo-2", "old")]);
        ledger.removed(&Spot { host: "algo-2".into(), path: "old".into() });
        assert!(ledger.is_current(&seen), "the copy that nobody wrote is not carried back");
        assert!(ledger.is_current(&Folders::new()), "nobody looked");
    }

    #[test]
    fn what_is_carried_in_one_go_is_bounded_and_no_file_is_left_out() {
        let mut ledger = Ledger::default();
        ledger.note(&alone(&[file("old", "1", 20)]), at(10));
        let seen = alone(&[file("a", "1", 20), file("b", "1", 20), file("c", "1", 20)]);
        ledger.note(&seen, at(10));
        let mut goes = Vec::new();
        loop {
            let Part { send, remove, whole } = ledger.part(&seen, 2);
            goes.push((send.len(), remove.len()));
            for (spot, version) in send {
                ledger.sent(spot, version);
            }
            for spot in remove {
                ledger.removed(&spot);
            }
            if whole {
                break;
            }
        }
        assert_eq!(goes, [(2, 1), (1, 0)]);
        assert!(ledger.is_current(&seen));
        assert_eq!(ledger.part(&seen, 0).send, [], "nothing is left");
    }

    proptest! {
        #[test]
        fn what_was_noted_is_all_that_may_be_carried(
            first in proptest::collection::vec(("[12]", "[abc]", "[12]", 0..20i64), 0..5),
            then in proptest::collection::vec(("[12]", "[abc]", "[12]", 0..20i64), 0..5),
        ) {
            let folders = |of: &[(String, String, String, i64)]| {
                let mut folders = two(&[], &[]);
                for (host, path, version, time) in of {
                    let files = folders.get_mut(&format!("algo-{host}")).unwrap();
                    files.push(file(path, version, *time));
                }
                folders
            };
            let (first, then) = (folders(&first), folders(&then));
            let mut ledger = Ledger::default();
            ledger.note(&first, at(10));
            ledger.note(&then, at(10));
            for (host, file) in ledger.unsent(&then) {
                prop_assert!(ledger.hosts[host].contains_key(&file.path));
            }
            for Spot { host, path } in ledger.gone(&then) {
                prop_assert!(first[&host].iter().any(|file| file.path == path));
            }
        }
    }
}
