//! The model's file: written durably, in the format that the version's container wrote.
//!
//! Today's library saves its JSON, of which the old formats are made here: every number is carried
//! over as it is, but for the base score, by which old versions meant something else.

mod binary;
mod document;
mod objective;
mod pickle;
mod serialized;
mod ubj;

use std::{
    fmt::Display,
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use xgboost_sys::{Booster, ModelFormat};

use super::{
    era::{Artifact, Era},
    failure::Failure,
};
use document::Document;

/// The file's name in the model's folder; of several models, each has a number behind it.
pub const FILE: &str = "xgboost-model";
/// Where it is written first: not in the folder that becomes the archive.
const PARTIAL: &str = "output/xgboost-model.partial";

/// The model as the artefact's bytes.
pub fn encode(booster: &Booster, era: Era) -> Result<Vec<u8>, Failure> {
    match era.artifact() {
        Artifact::Pickle { protocol } => Ok(pickle::encode(&document(booster)?, era, protocol)),
        Artifact::Binary => Ok(binary::encode(&document(booster)?, era)),
        Artifact::Ubj => ubj::of_era(saved(booster, ModelFormat::Ubj)?, era)
            .ok_or_else(|| unexpected("it has no base scores")),
    }
}

fn saved(booster: &Booster, format: ModelFormat) -> Result<Vec<u8>, Failure> {
    booster.save(format).map_err(|error| Failure::from_training(&error))
}

fn document(booster: &Booster) -> Result<Document, Failure> {
    let json = saved(booster, ModelFormat::Json)?;
    let text = str::from_utf8(&json).map_err(unexpected)?;
    Document::read(text).map_err(unexpected)
}

fn unexpected(error: impl Display) -> Failure {
    Failure::Algorithm(format!("the model is not in the form that was expected: {error}"))
}

/// Puts a model into the job's model folder; a kill leaves the one before or this one.
pub fn write(opt_ml: &Path, file: &str, model: &[u8]) -> Result<(), Failure> {
    let path = opt_ml.join("model").join(file);
    replace(&opt_ml.join(PARTIAL), &path, model).map_err(|error| {
        Failure::Platform(format!("cannot write the model to {}: {error}", path.display()))
    })
}

fn replace(partial: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    for folder in [partial, path].into_iter().filter_map(Path::parent) {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create(partial)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(partial, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_replaces_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), FILE, b"one").unwrap();
        write(folder.path(), FILE, b"two").unwrap();
        assert_eq!(fs::read(folder.path().join("model").join(FILE)).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path().join("model")).unwrap().count(), 1);
    }
}
