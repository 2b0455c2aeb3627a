//! The authority on disk: `ca.key` and `ca.pem`, for the owner's eyes only.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use super::AuthorityError;

/// How long the authority's certificate holds.
const LIFETIME: Duration = Duration::days(3650);

/// Clocks of clients may be behind ours.
pub const CLOCK_SKEW: Duration = Duration::days(1);

/// The key and the certificate's PEM, made where there were none.
pub fn open_or_make(folder: &Path) -> Result<(KeyPair, String), AuthorityError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(AuthorityError::file(folder))?;
    let key = kept(&folder.join("ca.key"), || {
        Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?.serialize_pem())
    })?;
    let key = KeyPair::from_pem(&key)?;
    let certificate =
        kept(&folder.join("ca.pem"), || Ok(parameters(&key).self_signed(&key)?.pem()))?;
    Ok((key, certificate))
}

/// What the authority says of itself; the same for the same key, but for the dates.
pub fn parameters(key: &KeyPair) -> CertificateParams {
    let mark = hex::encode(Sha256::digest(key.public_key_raw()));
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Sagewright");
    let mark = mark.get(..8).unwrap_or_default();
    name.push(DnType::CommonName, format!("Sagewright local authority {mark}"));
    let now = OffsetDateTime::now_utc();
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = name;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.not_before = now - CLOCK_SKEW;
    parameters.not_after = now + LIFETIME;
    parameters
}

/// A file's text; where there is no file, what `make` gives, written first. Of two that make it at
/// the same time one wins, and both read what the winner wrote.
fn kept(
    path: &Path,
    make: impl FnOnce() -> Result<String, AuthorityError>,
) -> Result<String, AuthorityError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        outcome => return outcome.map_err(AuthorityError::file(path)),
    }
    let text = make()?;
    write_new(path, &text).map_err(AuthorityError::file(path))?;
    fs::read_to_string(path).map_err(AuthorityError::file(path))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let staged = path.with_extension(format!("{}.new", types::Id::random()));
    write_private(&staged, text)?;
    let linked = match fs::hard_link(&staged, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    };
    fs::remove_file(&staged)?;
    linked?;
    sync_folder(path)
}

/// Writes a file that only its owner can read, and waits until it is on the disk.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Waits until the names in a file's folder are on the disk.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}
