//! Connections to one server, kept open between requests.
//!
//! A connection goes back among the idle ones once its answer was read to the end; one whose answer
//! was dropped before is closed.

use std::{
    env, fs, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may be silent: as long as botocore waits.
const SILENCE: Duration = Duration::from_mins(1);

/// The longest body of an answer that says nothing, bytes.
const BODY: usize = 64 << 10;

type Sender = SendRequest<Full<Bytes>>;

/// A server and the connections to it.
pub struct Server {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    idle: Mutex<Vec<Sender>>,
}

/// An answer on its way.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Incoming,
    back: Option<(Arc<Server>, Sender)>,
}

impl Server {
    /// The server of `http://host:port` or `https://host`. Connects to nobody yet.
    pub fn at(url: &Uri) -> Result<Self> {
        let host = url.host().context("the endpoint's URL names no host")?.to_owned();
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (tls, port) = match url.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => (Some((trusting()?, ServerName::try_from(bare.clone())?)), 443),
            _ => bail!("the endpoint's URL begins neither with http:// nor with https://"),
        };
        let port = url.port_u16().unwrap_or(port);
        Ok(Self { host: bare, port, tls, idle: Mutex::default() })
    }

    /// Sends a request, whose URI is path and query alone.
    pub async fn send(self: &Arc<Self>, request: Request<Full<Bytes>>) -> io::Result<Answer> {
        let mut sender = match self.idle() {
            Some(sender) => sender,
            None => within(CONNECT, self.connect()).await?,
        };
        let answer =
            within(SILENCE, async { sender.send_request(request).await.map_err(io::Error::other) });
        let (head, body) = answer.await?.into_parts();
        let back = Some((Arc::clone(self), sender));
        Ok(Answer { status: head.status, headers: head.headers, body, back })
    }

    fn idle(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(Sender::is_ready);
        idle.pop()
    }

    async fn connect(&self) -> io::Result<Sender> {
        let stream = TcpStream::connect((&*self.host, self.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => shake_hands(stream).await,
            Some((tls, name)) => shake_hands(tls.connect(name.clone(), stream).await?).await,
        }
    }
}

async fn shake_hands(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> io::Result<Sender> {
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // What goes wrong with the connection is told to who sends on it.
    tokio::spawn(connection);
    Ok(sender)
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Trusts what `AWS_CA_BUNDLE` says, or what the system does.
fn trusting() -> Result<TlsConnector> {
    let roots = match env::var_os("AWS_CA_BUNDLE") {
        Some(file) => fs::read_to_string(&file)
            .with_context(|| format!("{} cannot be read", Path::new(&file).display()))?,
        None => gateway::authority::system_roots(),
    };
    let mut store = RootCertStore::empty();
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(roots.as_bytes()).collect();
    store.add_parsable_certificates(certificates?);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Answer {
    /// The next bytes of the body.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let frame = within(SILENCE, async { Ok(self.body.frame().await) }).await?;
            let Some(frame) = frame.transpose().map_err(io::Error::other)? else {
                self.give_back();
                return Ok(None);
            };
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
    }

    /// Reads what there is of the body, so that the connection can be used again.
    pub async fn done(self) -> io::Result<()> {
        self.whole(BODY).await.map(drop)
    }

    /// The whole body, which must not be longer than `limit` bytes.
    pub async fn whole(mut self, limit: usize) -> io::Result<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            if whole.len() + bytes.len() > limit {
                return Err(io::Error::other("the answer is longer than it may be"));
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    }

    fn give_back(&mut self) {
        if let Some((server, sender)) = self.back.take() {
            server.idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        }
    }
}
