//! Keeps the door: accepts connections, tells TLS from plain by the first byte, and lets what it
//! accepted finish when it is told to stop.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

use crate::{door::Door, head_watch::HeadWatch, lanes::Lanes, reception};

/// The first byte of a TLS record that begins a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// How many refused connections are told so at a time; beyond it they are just closed.
const REFUSALS: usize = 64;

/// How long a refused client may take to hear it.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// Bytes that hyper reads ahead on one connection.
const READ_BUFFER: usize = 64 << 10;

/// Between two attempts to accept where the system has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    retry-after: 1\r\nconnection: close\r\ncontent-length: 86\r\n\r\n\
    {\"__type\":\"ServiceUnavailable\",\"message\":\"The server has as many clients as it may.\"}\n";

/// The other end of a connection. Holds its place among the connections.
pub struct Peer {
    /// Where it calls from.
    pub address: SocketAddr,
    /// It speaks TLS to us.
    pub secure: bool,
    /// It came through CONNECT to a name of AWS's.
    pub proxied: bool,
    slot: Arc<OwnedSemaphorePermit>,
}

impl Peer {
    /// The same client inside the TLS of its CONNECT.
    pub fn inside(&self) -> Self {
        Self { address: self.address, secure: true, proxied: true, slot: self.slot.clone() }
    }
}

/// Serves on `lanes` until `shutdown` ends, then finishes what was accepted, at most for the grace time.
pub async fn serve(
    listener: TcpListener,
    door: Arc<Door>,
    lanes: Lanes,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(door.config.limits.connections));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => admit(&door, &lanes, stream, address, &slots, &refusals),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if !door.close(door.config.limits.grace).await {
        tracing::warn!("requests were still under way when the grace time ended");
    }
    if !lanes.end(door.config.limits.grace).await {
        tracing::warn!("writes were still under way when the grace time ended");
    }
}

fn admit(
    door: &Arc<Door>,
    lanes: &Lanes,
    stream: TcpStream,
    address: SocketAddr,
    slots: &Arc<Semaphore>,
    refusals: &Arc<Semaphore>,
) {
    if let Ok(slot) = slots.clone().try_acquire_owned() {
        let peer = Peer { address, secure: false, proxied: false, slot: Arc::new(slot) };
        let door = door.clone();
        lanes.serve(stream, |stream| connection(door, stream, peer));
        return;
    }
    door.metrics.refused_connections.fetch_add(1, Ordering::Relaxed);
    if let Ok(permit) = refusals.clone().try_acquire_owned() {
        tokio::spawn(async move {
            let _permit = permit;
            let _ = timeout(REFUSAL_TIME, refuse(stream)).await;
        });
    }
}

/// Says no, and reads what the client had to say: closing with unread bytes would take the answer
/// back.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(REFUSAL).await?;
    stream.shutdown().await?;
    let mut unread = [0; 4096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

async fn connection(door: Arc<Door>, stream: TcpStream, peer: Peer) {
    door.metrics.connections.fetch_add(1, Ordering::Relaxed);
    let _ = stream.set_nodelay(true);
    let mut occupant = door.occupant();
    let first = tokio::select! {
        () = occupant.closing() => None,
        first = first_byte(&stream, door.config.limits.header_timeout) => first,
    };
    drop(occupant);
    match first {
        Some(TLS_HANDSHAKE) => secure(door.clone(), stream, Peer { secure: true, ..peer }).await,
        Some(_) => converse(door.clone(), stream, peer).await,
        None => {}
    }
    door.metrics.connections.fetch_sub(1, Ordering::Relaxed);
}

/// Left in the stream; nothing where none comes in time.
async fn first_byte(stream: &TcpStream, patience: Duration) -> Option<u8> {
    let mut first = [0];
    match timeout(patience, stream.peek(&mut first)).await {
        Ok(Ok(1)) => Some(first[0]),
        Ok(Ok(_) | Err(_)) | Err(_) => None,
    }
}

/// Shakes hands, then serves what is inside.
pub async fn secure<S>(door: Arc<Door>, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let acceptor = match door.authority.acceptor().await {
        Ok(acceptor) => acceptor,
        Err(error) => {
            tracing::error!(%error, "the certificate authority is not to be had");
            return;
        }
    };
    match timeout(door.config.limits.header_timeout, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => converse(door, stream, peer).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// Serves the requests of one stream. Boxed: a CONNECT inside leads here again.
fn converse<S>(door: Arc<Door>, stream: S, peer: Peer) -> Pin<Box<dyn Future<Output = ()> + Send>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Box::pin(async move {
        let mut occupant = door.occupant();
        let (stream, unclear) = HeadWatch::new(stream, door.config.limits.header_timeout);
        let builder = http(&door);
        let peer = Arc::new(peer);
        let service = service_fn(move |request| {
            reception::receive(door.clone(), peer.clone(), unclear.seen(), request)
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection.with_upgrades());
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = occupant.closing() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "a connection ended early");
        }
    })
}

fn http(door: &Door) -> http1::Builder {
    let limits = &door.config.limits;
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_timeout)
        .max_buf_size(READ_BUFFER)
        .max_header_size(limits.header_bytes);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_says_its_own_length() {
        let text = std::str::from_utf8(REFUSAL).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(text.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
