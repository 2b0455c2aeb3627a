//! The master key of all that is encrypted: a file in `keys/`, made at the first start, or one of
//! the administrator's.
//!
//! It is made only for a store that has no encrypted object yet. Where one has, a missing file is an
//! error: a new key would open nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use platform::sealed::{KEY_BYTES, Secret};

use crate::{
    config::Settings,
    data::{Data, write_private},
};

/// The master key of these settings. `new` says whether the store was never used.
pub fn open(data: &Data, settings: &Settings, new: bool) -> Result<Secret> {
    let given = &settings.master_key_file;
    if !given.as_os_str().is_empty() {
        return read(given);
    }
    let path = path(data);
    match read(&path) {
        Err(error) if is_missing(&error) => make(&path, new),
        read => read,
    }
}

/// Where it lies if nothing else is said.
fn path(data: &Data) -> PathBuf {
    data.join("keys").join("master.key")
}

fn make(path: &Path, new: bool) -> Result<Secret> {
    if !new {
        bail!(
            "{} is missing, and the object store holds keys that only it opens: put it back, or \
             name its file as master_key_file",
            path.display()
        );
    }
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).context("the operating system gives no random bytes")?;
    write_private(path, format!("{}\n", hex::encode(bytes)).as_bytes())
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(Secret::from_bytes(bytes))
}

fn read(path: &Path) -> Result<Secret> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let key = parse(&bytes).with_context(|| {
        format!(
            "{} is no master key: it must hold {KEY_BYTES} bytes, raw, in hexadecimal or in base64",
            path.display()
        )
    })?;
    Ok(Secret::from_bytes(key))
}

fn is_missing(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// A key of 32 bytes is 64 digits in hexadecimal and 44 characters in base64, so no form is taken
/// for another.
fn parse(bytes: &[u8]) -> Option<[u8; KEY_BYTES]> {
    if let Ok(raw) = bytes.try_into() {
        return Some(raw);
    }
    let text = bytes.trim_ascii();
    let decoded = hex::decode(text).ok().or_else(|| STANDARD.decode(text).ok())?;
    decoded.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn settings(file: &Path) -> Settings {
        Settings { master_key_file: file.to_owned(), ..Settings::default() }
    }

    fn data() -> (tempfile::TempDir, Data) {
        let place = tempfile::tempdir().unwrap();
        let data = Data::at(Some(place.path().to_owned())).unwrap();
        data.prepare().unwrap();
        (place, data)
    }

    /// What a key derives, to tell two apart.
    fn mark(key: &Secret) -> platform::sealed::BlobKey {
        key.of_inline()
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let (_place, data) = data();
        let made = open(&data, &Settings::default(), true).unwrap();
        let permissions = fs::metadata(path(&data)).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
        assert_eq!(mark(&open(&data, &Settings::default(), false).unwrap()), mark(&made));
    }

    #[test]
    fn a_key_that_is_needed_and_missing_is_not_made_anew() {
        let (_place, data) = data();
        let error = open(&data, &Settings::default(), false).unwrap_err().to_string();
        assert!(error.contains("master.key is missing"), "{error}");
        let elsewhere = settings(&data.join("mine.key"));
        assert!(open(&data, &elsewhere, true).is_err(), "a file that was named is never made");
    }

    #[test]
    fn a_key_is_read_raw_in_hexadecimal_and_in_base64() {
        let (_place, data) = data();
        let (raw, file) = ([0xa5; KEY_BYTES], data.join("mine.key"));
        let forms = [
            raw.to_vec(),
            format!("{}\n", hex::encode(raw)).into_bytes(),
            format!("{}\n", STANDARD.encode(raw)).into_bytes(),
        ];
        for form in forms {
            fs::write(&file, form).unwrap();
            let key = open(&data, &settings(&file), false).unwrap();
            assert_eq!(mark(&key), mark(&Secret::from_bytes(raw)));
        }
        for wrong in ["", "secret", &hex::encode([1; 31]), &STANDARD.encode([1; 33])] {
            fs::write(&file, wrong).unwrap();
            let error = open(&data, &settings(&file), false).unwrap_err().to_string();
            assert!(error.contains("is no master key"), "{error}");
        }
    }
}
