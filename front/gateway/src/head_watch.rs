//! Watches the raw bytes of a connection's requests for what frames their bodies in two ways, and for
//! heads that do not come to an end.
//!
//! hyper obeys `Transfer-Encoding` and hides a `Content-Length` beside it (RFC 9112, 6.3). We refuse
//! such a request, for a proxy in front may have obeyed the other. To find the next head the bodies
//! in between are skipped. Wherever we might read their framing otherwise than hyper does, what comes
//! next is refused too: a line that is cut short here, a chunk that is written in no plain way.

mod scan;

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use scan::Scan;

/// A stream whose request heads are watched.
pub struct HeadWatch<S> {
    stream: S,
    scan: Scan,
    unclear: Unclear,
    /// How long a head may take from its first byte on.
    patience: Duration,
    /// Of the head that has begun.
    deadline: Option<Pin<Box<Sleep>>>,
}

/// Whether a body came whose end is not clear. It stays so: pipelined requests of such a client are
/// not worth telling apart.
#[derive(Clone, Default)]
pub struct Unclear(Arc<AtomicBool>);

impl Unclear {
    /// The answer.
    pub fn seen(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S> HeadWatch<S> {
    /// Watches from a connection's first byte.
    pub fn new(stream: S, patience: Duration) -> (Self, Unclear) {
        let unclear = Unclear::default();
        let scan = Scan::default();
        (Self { stream, scan, unclear: unclear.clone(), patience, deadline: None }, unclear)
    }

    fn read(&mut self, bytes: &[u8]) {
        self.scan.feed(bytes);
        if self.scan.is_unclear() {
            self.unclear.0.store(true, Ordering::Relaxed);
        }
        if !self.scan.is_inside_head() {
            self.deadline = None;
        }
    }

    /// An error once a head that has begun took too long; a connection between two may rest.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.scan.is_inside_head() {
            return Poll::Pending;
        }
        let patience = self.patience;
        ready!(self.deadline.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadWatch<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Pending => this.wait(cx),
            Poll::Ready(outcome) => {
                this.read(buffer.filled().get(before..).unwrap_or(&[]));
                Poll::Ready(outcome)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadWatch<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
