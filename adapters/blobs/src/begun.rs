//! `objects/BLOBS`: the place that a data folder was begun with, and the name by which an outside
//! store knows it. Two lines: the setting's text, and an id.
//!
//! The choice is fixed once there is an index (`index.db`): until then nothing is stored, and a
//! wrong line can be mended. A data folder that is older than this file keeps its blobs in itself.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use types::Id;

use crate::{disk::sync_folder, error::OpenError, place::Place};

/// The file below `objects`.
const FILE: &str = "BLOBS";
/// What shows that objects may be stored.
const INDEX: &str = "index.db";

/// What a data folder was begun with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    /// The setting, as it was.
    pub(crate) place: String,
    /// What this data folder is called in an outside store.
    pub(crate) owner: Id,
    /// Whether nothing can be stored yet.
    pub(crate) fresh: bool,
}

impl Begun {
    /// Remembers the place, or compares it with the one remembered.
    pub(crate) fn settle(folder: &Path, place: &Place) -> Result<Self, OpenError> {
        let fresh = !folder.join(INDEX).try_exists()?;
        let before = read(&folder.join(FILE))?;
        if fresh {
            let owner = before.map_or_else(Id::random, |(_, owner)| owner);
            let begun = Self { place: place.to_string(), owner, fresh };
            write(folder, &begun)?;
            return Ok(begun);
        }
        let (begun, owner) = before.unwrap_or_else(|| (Place::Folder.to_string(), Id::random()));
        if is_folder(&begun) != matches!(place, Place::Folder) {
            return Err(OpenError::Changed { begun, asked: place.to_string() });
        }
        Ok(Self { place: begun, owner, fresh })
    }
}

fn is_folder(place: &str) -> bool {
    place == Place::Folder.to_string()
}

/// The place and the owner.
fn read(path: &Path) -> io::Result<Option<(String, Id)>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut lines = text.lines();
    let (place, owner) = (lines.next(), lines.next().and_then(|owner| owner.parse().ok()));
    match (place, owner) {
        (Some(place), Some(owner)) => Ok(Some((place.to_owned(), owner))),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is damaged: it should hold a place and an id, a line each", path.display()),
        )),
    }
}

/// Durable when it returns: the outside store will know us by that id.
fn write(folder: &Path, begun: &Begun) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let written = folder.join(FILE).with_extension("new");
    let mut file = File::create(&written)?;
    write!(file, "{}\n{}\n", begun.place, begun.owner)?;
    file.sync_all()?;
    fs::rename(written, folder.join(FILE))?;
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(text: &str) -> Place {
        text.parse().unwrap()
    }

    #[test]
    fn a_folder_is_remembered_and_refuses_to_become_an_outside_store() {
        let data = tempfile::tempdir().unwrap();
        let begun = Begun::settle(data.path(), &Place::Folder).unwrap();
        fs::write(data.path().join(INDEX), "").unwrap();
        let again = Begun::settle(data.path(), &Place::Folder).unwrap();
        assert_eq!(again, Begun { fresh: false, ..begun });
        let refused = Begun::settle(data.path(), &outside("s3://b/p")).unwrap_err().to_string();
        assert!(refused.contains("\"folder\"") && refused.contains("\"s3://b/p\""), "{refused}");
    }

    #[test]
    fn an_outside_store_refuses_to_become_a_folder() {
        let data = tempfile::tempdir().unwrap();
        Begun::settle(data.path(), &outside("s3://b/p")).unwrap();
        fs::write(data.path().join(INDEX), "").unwrap();
        let refused = Begun::settle(data.path(), &Place::Folder).unwrap_err();
        assert!(matches!(refused, OpenError::Changed { .. }));
    }

    #[test]
    fn a_data_folder_older_than_the_file_keeps_its_blobs_in_itself() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(INDEX), "").unwrap();
        let refused = Begun::settle(data.path(), &outside("gs://b")).unwrap_err();
        assert!(matches!(refused, OpenError::Changed { .. }));
        assert!(!Begun::settle(data.path(), &Place::Folder).unwrap().fresh);
    }

    #[test]
    fn a_wrong_line_can_be_mended_while_nothing_is_stored() {
        let data = tempfile::tempdir().unwrap();
        let first = Begun::settle(data.path(), &outside("s3://typo/p")).unwrap();
        let begun = Begun::settle(data.path(), &outside("s3://b/p")).unwrap();
        assert_eq!(begun, Begun { place: "s3://b/p".to_owned(), ..first });
        fs::write(data.path().join(INDEX), "").unwrap();
        let again = Begun::settle(data.path(), &outside("s3://b/p")).unwrap();
        assert_eq!(again, Begun { fresh: false, ..begun });
    }

    #[test]
    fn another_bucket_is_the_outside_stores_word() {
        let data = tempfile::tempdir().unwrap();
        let begun = Begun::settle(data.path(), &outside("s3://b/p")).unwrap();
        fs::write(data.path().join(INDEX), "").unwrap();
        let moved = Begun::settle(data.path(), &outside("gs://c/q")).unwrap();
        assert_eq!((moved.owner, &*moved.place), (begun.owner, "s3://b/p"));
    }

    #[test]
    fn a_damaged_file_is_not_written_over() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(FILE), "s3://b/p\nnot an id\n").unwrap();
        let refused = Begun::settle(data.path(), &Place::Folder).unwrap_err();
        assert!(matches!(refused, OpenError::Io(_)));
    }
}
