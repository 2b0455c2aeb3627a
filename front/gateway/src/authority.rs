//! Our own certificate authority: so that clients that insist on `https://sts.….amazonaws.com` can
//! be served here.
//!
//! Key and certificate stand in `<data>/ca/`, made when first needed. The key is what counts: name
//! and key identifier of the authority follow from it, so a certificate that was lost is made again
//! and clients that trusted the old one trust the new one.

mod files;
mod mint;
mod trust;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{ServerConfig, crypto::ring};
use tokio::sync::OnceCell;
use tokio_rustls::TlsAcceptor;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The folder cannot be read or written.
    #[error("the certificate authority's file '{}' cannot be used", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A key or certificate is damaged, or could not be made.
    #[error("a certificate could not be made; is ca.key damaged?")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused our settings.
    #[error("TLS could not be set up")]
    Tls(#[from] rustls::Error),
}

impl AuthorityError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), source }
    }
}

/// The roots that this system trusts, in PEM; empty where it has none.
#[must_use]
pub fn system_roots() -> String {
    trust::system_roots(Path::new(""))
}

/// The authority of one server, made or read when first asked for.
pub struct Authority {
    folder: PathBuf,
    names: Vec<String>,
    loaded: OnceCell<Loaded>,
}

struct Loaded {
    certificate: String,
    acceptor: TlsAcceptor,
}

impl Authority {
    /// The authority whose files are in `folder` (`<data>/ca`). `names` are those that clients
    /// reach this server by, beside `localhost`, `127.0.0.1` and `::1`. Does nothing yet.
    #[must_use]
    pub fn new(folder: PathBuf, names: Vec<String>) -> Self {
        let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut all: Vec<String> = own.into_iter().chain(names).collect();
        all.dedup();
        Self { folder, names: all, loaded: OnceCell::new() }
    }

    /// Makes or reads the authority now; `bin` does so in the background at start.
    pub async fn prepare(&self) -> Result<(), AuthorityError> {
        self.loaded().await.map(|_| ())
    }

    /// The authority's certificate in PEM.
    pub async fn certificate(&self) -> Result<String, AuthorityError> {
        self.loaded().await.map(|loaded| loaded.certificate.clone())
    }

    /// Writes `bundle.pem` beside the certificate: the system's roots and ours, for
    /// `AWS_CA_BUNDLE`. Gives its path.
    pub async fn bundle(&self) -> Result<PathBuf, AuthorityError> {
        let (folder, ours) = (self.folder.clone(), self.certificate().await?);
        off_the_reactor(move || trust::write_bundle(&folder, &ours)).await
    }

    pub(crate) async fn acceptor(&self) -> Result<TlsAcceptor, AuthorityError> {
        self.loaded().await.map(|loaded| loaded.acceptor.clone())
    }

    async fn loaded(&self) -> Result<&Loaded, AuthorityError> {
        let (folder, names) = (self.folder.clone(), self.names.clone());
        self.loaded.get_or_try_init(|| off_the_reactor(move || load(&folder, names))).await
    }
}

async fn off_the_reactor<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AuthorityError> + Send + 'static,
) -> Result<T, AuthorityError> {
    let failed =
        |error| AuthorityError::File { path: PathBuf::from("ca"), source: io::Error::other(error) };
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

fn load(folder: &Path, names: Vec<String>) -> Result<Loaded, AuthorityError> {
    let (key, certificate) = files::open_or_make(folder)?;
    let mint = mint::Mint::new(key, names)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(mint));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded { certificate, acceptor: TlsAcceptor::from(Arc::new(config)) })
}
