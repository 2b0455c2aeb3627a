//! Tells what a model file is by its first bytes, and reads it.
//!
//! The container tries a pickle first and XGBoost's own formats then. Here each is known by its
//! shape, which comes to the same: no file has two of them. A pickle is read as data; see
//! [`pickle`](crate::pickle).

use crate::{
    booster::{self, Booster, BoosterError, legacy},
    format::{json::Json, ubjson::Ubjson},
    pickle::{self, PickleError},
};

/// What XGBoost 1.0 to 1.2 put before a model that is serialized with its configuration. The
/// model's length follows, 8 bytes.
const SERIALIZED: &[u8] = b"CONFIG-offset:";

/// Why a file is no model that can be scored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModelFileError {
    /// A pickle, but not one that containers up to 1.2 write.
    #[error(
        "is a Python pickle that cannot be loaded: {0}. Load it in Python with the XGBoost that \
         wrote it, and save it with `booster.save_model(\"xgboost-model.json\")`"
    )]
    Pickle(#[from] PickleError),
    /// Nothing that XGBoost writes.
    #[error(
        "is not an XGBoost model: it is neither XGBoost's JSON or UBJSON, nor its old binary, nor \
         a pickle"
    )]
    Unknown,
    /// A model, but not one that can be scored.
    #[error("is an XGBoost model that cannot be loaded: {0}")]
    Unusable(#[from] BoosterError),
}

/// Whether a file that begins so may be a model: nothing else is worth reading to its end.
pub(crate) fn may_be(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let is_document = text.starts_with(b"{") || (text.is_empty() && !head.is_empty());
    is_document || legacy::is_one(head) || pickle::is_one(head)
}

/// Reads a model file. A pickle says itself how many of its trees predict; another file may note
/// how many are the best, which is heeded where `noted` says so.
pub(crate) fn read(bytes: &[u8], noted: bool) -> Result<Booster, ModelFileError> {
    // First, for a number that it begins with may look like a pickle or a bracket.
    if !legacy::is_one(bytes) && pickle::is_one(bytes) {
        let pickled = pickle::read(bytes)?;
        let mut booster = serialized(&pickled.handle)?;
        booster.keep(pickled.limit);
        return Ok(booster);
    }
    let mut booster = plain(bytes)?;
    if noted {
        booster.keep(booster.best_ntree_limit);
    }
    Ok(booster)
}

/// Reads what a pickle holds: a model, alone or before its configuration.
fn serialized(bytes: &[u8]) -> Result<Booster, ModelFileError> {
    let model = match bytes.strip_prefix(SERIALIZED) {
        Some(rest) => behind_length(rest).ok_or_else(|| {
            BoosterError::Damaged("its model is shorter than its pickle says".into())
        })?,
        None => bytes,
    };
    plain(model)
}

/// Reads a model in one of XGBoost's own formats.
fn plain(bytes: &[u8]) -> Result<Booster, ModelFileError> {
    if legacy::is_one(bytes) { Ok(legacy::read(bytes)?) } else { document(bytes) }
}

fn behind_length(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

fn document(bytes: &[u8]) -> Result<Booster, ModelFileError> {
    match bytes.trim_ascii_start() {
        // An object's bracket is followed by a key; only JSON quotes it.
        [b'{', rest @ ..] if matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}')) => {
            Ok(booster::read(Json::new(bytes))?)
        }
        [b'{', ..] => Ok(booster::read(Ubjson::new(bytes))?),
        _ => Err(ModelFileError::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_called_by_its_name() {
        let told = |bytes: &[u8]| read(bytes, false).unwrap_err().to_string();
        assert!(told(b"\x80\x04\x95rest").contains("a Python pickle that cannot be loaded: byte"));
        assert!(told(b"binf\0\0\0\x3f").contains("byte 4: the file ends too early"));
        assert_eq!(read(b"PK\x03\x04", false), Err(ModelFileError::Unknown));
        assert_eq!(read(b"", true), Err(ModelFileError::Unknown));
        assert!(told(b"{}").contains("`learner`"));
    }

    #[test]
    fn a_serialized_model_ends_where_it_says() {
        let model = legacy::tests::stump();
        let length = (model.len() as u64).to_le_bytes();
        let handle = [SERIALIZED, &length, &model, b"{\"learner\":{}}"].concat();
        assert_eq!(serialized(&handle), legacy::read(&model).map_err(ModelFileError::from));
        let short = &handle[..handle.len() - 20];
        assert!(serialized(short).unwrap_err().to_string().contains("shorter"));
    }
}
