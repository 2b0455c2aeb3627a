//! Watches the raw bytes of request heads for `Content-Length` beside `Transfer-Encoding`.
//!
//! hyper obeys the second and hides the first (RFC 9112, 6.3), and closes the connection after it.
//! We refuse such a request, for a proxy in front may have obeyed the first. What frames a body we
//! need only to find the next head; behind a chunked body we stop looking, for there hyper's rule
//! alone is safe, and a second parser of chunks would be one more thing to be fooled.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much of a line is kept: names and lengths are shorter.
const LINE: usize = 64;

/// A stream whose request heads are watched.
pub struct HeadWatch<S> {
    stream: S,
    scan: Scan,
    mixed: Mixed,
}

/// Whether a head with both framings came. It stays so: pipelined requests of such a client are
/// not worth telling apart.
#[derive(Clone, Default)]
pub struct Mixed(Arc<AtomicBool>);

impl Mixed {
    /// The answer.
    pub fn seen(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S> HeadWatch<S> {
    /// Watches from a connection's first byte.
    pub fn new(stream: S) -> (Self, Mixed) {
        let mixed = Mixed::default();
        (Self { stream, scan: Scan::default(), mixed: mixed.clone() }, mixed)
    }
}

#[derive(Default)]
struct Scan {
    stage: Stage,
    line: Vec<u8>,
    head: Head,
    mixed: bool,
}

#[derive(Clone, Copy, Default)]
enum Stage {
    #[default]
    Head,
    Body(u64),
    Blind,
}

#[derive(Clone, Copy, Default)]
struct Head {
    begun: bool,
    length: Option<u64>,
    chunked: bool,
}

impl Scan {
    fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.stage {
                Stage::Blind => return,
                Stage::Body(left) => {
                    let here = u64::try_from(bytes.len()).unwrap_or(u64::MAX).min(left);
                    bytes = usize::try_from(here)
                        .ok()
                        .and_then(|here| bytes.get(here..))
                        .unwrap_or(&[]);
                    self.stage = if here == left { Stage::Head } else { Stage::Body(left - here) };
                }
                Stage::Head => bytes = self.feed_head(bytes),
            }
        }
    }

    /// Takes at most one line; what is left comes back.
    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = memchr::memchr(b'\n', bytes);
        let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        if end.is_some() && self.line.is_empty() {
            self.line_ended(line.get(..LINE).unwrap_or(line).trim_ascii());
            return rest;
        }
        let room = LINE.saturating_sub(self.line.len()).min(line.len());
        self.line.extend_from_slice(line.get(..room).unwrap_or(&[]));
        if end.is_some() {
            let mut line = std::mem::take(&mut self.line);
            self.line_ended(line.trim_ascii());
            line.clear();
            self.line = line;
        }
        rest
    }

    fn line_ended(&mut self, line: &[u8]) {
        if !line.is_empty() {
            self.head.read(line);
        } else if self.head.begun {
            let head = std::mem::take(&mut self.head);
            self.mixed |= head.chunked && head.length.is_some();
            self.stage = match head.length {
                _ if head.chunked => Stage::Blind,
                Some(length) if length > 0 => Stage::Body(length),
                _ => Stage::Head,
            };
        }
    }
}

impl Head {
    fn read(&mut self, line: &[u8]) {
        self.begun = true;
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.chunked = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let value = value.trim_ascii_start().get(1..).unwrap_or(&[]).trim_ascii();
            let length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            // What is no number hyper refuses, and there is no next head.
            self.length = Some(length.unwrap_or(u64::MAX));
        }
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
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        this.scan.feed(buffer.filled().get(before..).unwrap_or(&[]));
        if this.scan.mixed {
            this.mixed.0.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mixed(bytes: &[u8], step: usize) -> bool {
        let mut scan = Scan::default();
        bytes.chunks(step.max(1)).for_each(|piece| scan.feed(piece));
        scan.mixed
    }

    #[test]
    fn both_framings_are_seen_in_either_order_and_any_case() {
        for head in [
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-LENGTH:3\r\n\r\n",
            "\r\nPOST / HTTP/1.1\nTransfer-Encoding: x\nContent-Length: no\n\n",
        ] {
            assert!(mixed(head.as_bytes(), 1) && mixed(head.as_bytes(), 1000), "{head}");
        }
    }

    #[test]
    fn a_body_that_looks_like_a_head_is_no_head() {
        let body = "a: b\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
        let text = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert!(!mixed(text.as_bytes(), 1));
        let next =
            format!("{text}GET / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: x\r\n\r\n");
        assert!(mixed(next.as_bytes(), 7));
    }

    proptest! {
        #[test]
        fn what_is_seen_does_not_depend_on_how_the_bytes_arrive(
            text in "((Content-Length: [0-9]{1,2}|Transfer-Encoding: chunked|GET / HTTP|[a-z: ]{0,70})?\r?\n){0,12}",
            step in 1_usize..40,
        ) {
            prop_assert_eq!(mixed(text.as_bytes(), step), mixed(text.as_bytes(), usize::MAX));
        }
    }
}
