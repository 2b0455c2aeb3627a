//! What clients are told to trust: the system's roots and ours, in one file, for a client that is
//! given a file asks nobody else.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use types::Id;

use super::{AuthorityError, files};

/// Where systems keep their roots: Debian, Fedora, SUSE, Alpine, macOS, BSD.
const PLACES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// Writes `bundle.pem`. A system without roots gets ours alone.
pub fn write_bundle(folder: &Path, ours: &str) -> Result<PathBuf, AuthorityError> {
    let bundle = folder.join("bundle.pem");
    let staged = folder.join(format!("bundle.{}.new", Id::random()));
    let text = bundled(&system_roots(&bundle), ours);
    files::write_private(&staged, &text).map_err(AuthorityError::file(&staged))?;
    fs::rename(&staged, &bundle).map_err(AuthorityError::file(&bundle))?;
    files::sync_folder(&bundle).map_err(AuthorityError::file(&bundle))?;
    Ok(bundle)
}

fn bundled(roots: &str, ours: &str) -> String {
    let gap = if roots.is_empty() || roots.ends_with('\n') { "" } else { "\n" };
    format!("{roots}{gap}{ours}")
}

/// `SSL_CERT_FILE` comes first, unless it is our own bundle of an earlier time.
pub fn system_roots(bundle: &Path) -> String {
    let told = env::var_os("SSL_CERT_FILE").map(PathBuf::from).filter(|told| told != bundle);
    let places = told.into_iter().chain(PLACES.iter().map(PathBuf::from));
    let mut found = places.filter_map(|place| fs::read_to_string(place).ok());
    found.find(|text| text.contains("-----BEGIN CERTIFICATE-----")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_certificate_begins_on_a_line_of_its_own() {
        assert_eq!(bundled("roots", "ours"), "roots\nours");
        assert_eq!(bundled("roots\n", "ours"), "roots\nours");
        assert_eq!(bundled("", "ours"), "ours");
    }
}
