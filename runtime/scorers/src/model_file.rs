//! Tells what a model file is by its first bytes, and reads what can be read.

use crate::{
    booster::{self, Booster, BoosterError},
    format::{json::Json, ubjson::Ubjson},
};

/// How far into a file the old binary format names its booster: behind 136 bytes of parameters and
/// the objective's name.
const LEGACY_HEAD: usize = 512;

/// Why a file is no model that can be scored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModelFileError {
    /// Containers up to 1.2 write these.
    #[error(
        "is a Python pickle, as XGBoost containers up to 1.2 write; loading one would run code \
         from the archive. Load it in Python with the XGBoost that wrote it, and save it with \
         `booster.save_model(\"xgboost-model.json\")`"
    )]
    Pickle,
    /// Containers from 1.3 to 1.7 write these.
    #[error(
        "is in XGBoost's old binary format, as containers from 1.3 to 1.7 write. Load it in Python \
         with XGBoost 1.7, and save it with `booster.save_model(\"xgboost-model.json\")`"
    )]
    LegacyBinary,
    /// Nothing that XGBoost writes.
    #[error("is not an XGBoost model: it is neither XGBoost's JSON nor its UBJSON")]
    Unknown,
    /// A model, but not one that can be scored.
    #[error("is an XGBoost model that cannot be loaded: {0}")]
    Unusable(#[from] BoosterError),
}

/// Reads a model file.
pub(crate) fn read(bytes: &[u8]) -> Result<Booster, ModelFileError> {
    match bytes.trim_ascii_start() {
        [0x80, 2..=5, ..] => Err(ModelFileError::Pickle),
        // An object's bracket is followed by a key; only JSON quotes it.
        [b'{', rest @ ..] if matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}')) => {
            Ok(booster::read(Json::new(bytes))?)
        }
        [b'{', ..] => Ok(booster::read(Ubjson::new(bytes))?),
        _ if is_legacy(bytes) => Err(ModelFileError::LegacyBinary),
        _ => Err(ModelFileError::Unknown),
    }
}

fn is_legacy(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(LEGACY_HEAD)];
    let names = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
    head.starts_with(b"binf") || names(b"gbtree") || names(b"gblinear") || names(b"dart")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_called_by_its_name() {
        assert_eq!(read(b"\x80\x04\x95rest"), Err(ModelFileError::Pickle));
        assert_eq!(read(b"binf\0\0\0\x3f"), Err(ModelFileError::LegacyBinary));
        let mut raw = vec![0; 136];
        raw.extend(b"\x0f\0\0\0\0\0\0\0binary:logistic\x06\0\0\0\0\0\0\0gbtree");
        assert_eq!(read(&raw), Err(ModelFileError::LegacyBinary));
        assert_eq!(read(b"PK\x03\x04"), Err(ModelFileError::Unknown));
        assert_eq!(read(b""), Err(ModelFileError::Unknown));
        assert!(read(b"{}").unwrap_err().to_string().contains("`learner`"));
    }
}
