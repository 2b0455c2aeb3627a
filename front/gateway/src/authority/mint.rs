//! Certificates of servers, made for the name that a client asks for and kept in memory.
//!
//! They are made for AWS's names and our own and for no others: to any other name the client gets
//! our own certificate, and refuses it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::{
    crypto::ring::sign::any_ecdsa_type,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use time::OffsetDateTime;

use super::{AuthorityError, files};
use crate::host::Host;

/// How many names are remembered; names of buckets are many.
const CAPACITY: usize = 1024;

/// How long a certificate holds.
const LIFETIME: time::Duration = time::Duration::days(30);

/// After this a new one is made, long before the old one is over.
const RENEWAL: Duration = Duration::from_hours(7 * 24);

/// Under this our own certificate is remembered; no host is called so.
const OWN: &str = "";

/// Makes certificates.
pub struct Mint {
    issuer: Issuer<'static, KeyPair>,
    names: Vec<String>,
    minted: Mutex<HashMap<String, (Instant, Arc<CertifiedKey>)>>,
}

impl std::fmt::Debug for Mint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mint").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Mint {
    /// A mint with the authority's key. `names` are our own.
    pub fn new(key: KeyPair, names: Vec<String>) -> Result<Self, AuthorityError> {
        let issuer = Issuer::new(files::parameters(&key), key);
        let mint = Self { issuer, names, minted: Mutex::default() };
        // So that a name that cannot stand in a certificate is found at the start.
        mint.make(&mint.names)?;
        Ok(mint)
    }

    fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, certificate)) = minted.get(name)
            && made.elapsed() < RENEWAL
        {
            return Some(certificate.clone());
        }
        if minted.len() >= CAPACITY {
            minted.clear();
        }
        let made = match name {
            OWN => self.make(&self.names),
            name => self.make(&[name.to_owned()]),
        };
        match made {
            Ok(certificate) => {
                let certificate = Arc::new(certificate);
                minted.insert(name.to_owned(), (Instant::now(), certificate.clone()));
                Some(certificate)
            }
            Err(error) => {
                tracing::warn!(name, %error, "no certificate could be made for this name");
                None
            }
        }
    }

    fn make(&self, names: &[String]) -> Result<CertifiedKey, AuthorityError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let now = OffsetDateTime::now_utc();
        let mut parameters = CertificateParams::new(names)?;
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::OrganizationName, "Sagewright");
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        parameters.not_before = now - files::CLOCK_SKEW;
        parameters.not_after = now + LIFETIME;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        let signer = any_ecdsa_type(&PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
        Ok(CertifiedKey::new(vec![certificate.der().clone()], signer))
    }
}

impl ResolvesServerCert for Mint {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name().and_then(Host::parse);
        let name = host.as_ref().filter(|host| host.is_aws()).map_or(OWN, Host::name);
        self.certificate(name)
    }
}
