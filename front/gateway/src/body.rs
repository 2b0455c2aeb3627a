//! Bodies: what comes in is read only while it moves, what goes out is any stream of bytes.
//!
//! A [`RequestBody`] that stands still longer than the idle limit ends in an error, so whoever
//! reads one needs no timer of its own. Nothing here bounds its length or its whole time but
//! [`collect`], for what it reads stays in memory.

use std::{
    error::Error as StdError,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Either, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep, timeout};

/// Bytes a second that a body must bring on the whole if it is kept in memory: half of what a poor
/// mobile connection does. Who sends a byte now and then would hold the others' memory.
const SLOWEST: u64 = 64 << 10;

/// Why an answer's body broke off.
type Broken = Box<dyn StdError + Send + Sync>;

/// The body of an answer.
pub enum ResponseBody {
    /// It is there.
    Full(Full<Bytes>),
    /// It comes.
    Stream(UnsyncBoxBody<Bytes, Broken>),
}

impl ResponseBody {
    /// A body that comes.
    pub fn stream(body: impl Body<Data = Bytes, Error = Broken> + Send + 'static) -> Self {
        Self::Stream(body.boxed_unsync())
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Full(full) => Pin::new(full).poll_frame(cx).map_err(|never| match never {}),
            Self::Stream(stream) => Pin::new(stream).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(full) => full.is_end_stream(),
            Self::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(full) => full.size_hint(),
            Self::Stream(stream) => stream.size_hint(),
        }
    }
}

/// An answer.
pub type Response = http::Response<ResponseBody>;

/// An answer's body that is there already.
#[must_use]
pub fn full(bytes: impl Into<Bytes>) -> ResponseBody {
    ResponseBody::Full(Full::new(bytes.into()))
}

/// An answer without a body.
#[must_use]
pub fn empty() -> ResponseBody {
    ResponseBody::Full(Full::default())
}

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection failed or its framing is wrong.
    #[error("the request's body broke off")]
    Broken(#[source] hyper::Error),
    /// Nothing came for the idle limit.
    #[error("the request's body stood still for {} s", .0.as_secs())]
    Idle(Duration),
    /// It came too slowly.
    #[error("the request's body was not there within {} s", .0.as_secs())]
    Slow(Duration),
    /// There is no memory left for it.
    #[error("there is no memory left for the request's body")]
    Crowded,
    /// It is longer than the call may be.
    #[error("HTTP content length exceeded {0} bytes.")]
    TooLarge(usize),
}

/// The body of a request as it comes, under an idle limit.
pub struct RequestBody {
    inner: Either<Incoming, Full<Bytes>>,
    idle: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    /// A body from the wire that may stand still for `idle`.
    #[must_use]
    pub fn new(incoming: Incoming, idle: Duration) -> Self {
        Self { inner: Either::Left(incoming), idle, deadline: None }
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        Self { inner: Either::Right(Full::new(bytes)), idle: Duration::MAX, deadline: None }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = match &mut this.inner {
            Either::Left(incoming) => Pin::new(incoming).poll_frame(cx).map_err(BodyError::Broken),
            Either::Right(full) => Pin::new(full).poll_frame(cx).map_err(|never| match never {}),
        };
        if frame.is_ready() {
            this.deadline = None;
            return frame;
        }
        let idle = this.idle;
        ready!(this.deadline.get_or_insert_with(|| Box::pin(sleep(idle))).as_mut().poll(cx));
        Poll::Ready(Some(Err(BodyError::Idle(idle))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The whole body, at most `limit` bytes. A body that came in one piece is not copied. `room` is
/// asked before so many bytes in all are kept.
pub async fn collect(
    mut body: RequestBody,
    limit: usize,
    room: impl FnMut(usize) -> bool,
) -> Result<Bytes, BodyError> {
    let told = body.size_hint().lower();
    if usize::try_from(told).map_or(true, |told| told > limit) {
        return Err(BodyError::TooLarge(limit));
    }
    let Some(first) = next(&mut body).await? else { return Ok(Bytes::new()) };
    let first = within(first, limit)?;
    if body.is_end_stream() {
        return Ok(first);
    }
    let most = body.size_hint().upper().or_else(|| u64::try_from(limit).ok());
    let patience = body.idle.saturating_add(Duration::from_secs(most.unwrap_or(0) / SLOWEST));
    let whole = timeout(patience, rest(&mut body, first, limit, room));
    whole.await.unwrap_or(Err(BodyError::Slow(patience)))
}

async fn rest(
    body: &mut RequestBody,
    first: Bytes,
    limit: usize,
    mut room: impl FnMut(usize) -> bool,
) -> Result<Bytes, BodyError> {
    let Some(second) = next(body).await? else { return Ok(first) };
    let mut whole = BytesMut::from(first);
    let mut piece = Some(second);
    while let Some(bytes) = piece {
        let length = whole.len() + bytes.len();
        if length > limit {
            return Err(BodyError::TooLarge(limit));
        }
        if !room(length) {
            return Err(BodyError::Crowded);
        }
        whole.extend_from_slice(&bytes);
        piece = next(body).await?;
    }
    Ok(whole.freeze())
}

fn within(bytes: Bytes, limit: usize) -> Result<Bytes, BodyError> {
    if bytes.len() > limit { Err(BodyError::TooLarge(limit)) } else { Ok(bytes) }
}

/// The next piece of contents; trailers of the transfer coding are no contents.
pub(crate) async fn next(body: &mut RequestBody) -> Result<Option<Bytes>, BodyError> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_within_its_limit_comes_whole_and_one_byte_more_is_refused() {
        let whole = collect(Bytes::from_static(b"12345").into(), 5, |_| true).await.unwrap();
        assert_eq!(&whole[..], b"12345");
        let refused = collect(Bytes::from_static(b"123456").into(), 5, |_| true).await;
        assert!(matches!(refused, Err(BodyError::TooLarge(5))));
    }

    #[tokio::test]
    async fn an_empty_body_is_empty() {
        assert!(collect(Bytes::new().into(), 0, |_| true).await.unwrap().is_empty());
    }
}
