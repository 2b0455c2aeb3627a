//! Reading a range of an outside object as it comes in.
//!
//! Long ranges are asked for in windows, each a request of its own, so that one that breaks off is
//! taken up again by the client from where it was, however long the whole takes.

use std::{
    io,
    ops::Range,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{
    Stream, TryStreamExt as _,
    stream::{self, BoxStream},
};
use object_store::{GetOptions, GetRange, ObjectStore, path::Path};
use platform::objects::ByteStream;

/// Bytes that one request asks for.
const WINDOW: u64 = 64 * 1024 * 1024;

/// `len` bytes from `offset`; the first request is sent when the stream is first polled.
pub(super) fn read(objects: Arc<dyn ObjectStore>, path: Path, offset: u64, len: u64) -> ByteStream {
    let windows = stream::iter(windows(offset, len).map(Ok));
    let bodies = windows.and_then(move |range| fetch(objects.clone(), path.clone(), range));
    Box::pin(Exclusive(Mutex::new(Box::pin(bodies.try_flatten()))))
}

/// The range, cut.
fn windows(offset: u64, len: u64) -> impl Iterator<Item = Range<u64>> {
    let end = offset.saturating_add(len);
    let starts = (0..len.div_ceil(WINDOW)).map(move |number| offset + number * WINDOW);
    starts.map(move |start| start..end.min(start + WINDOW))
}

/// A body of exactly that range.
async fn fetch(
    objects: Arc<dyn ObjectStore>,
    path: Path,
    range: Range<u64>,
) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
    let asked =
        GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
    let got = objects.get_opts(&path, asked).await?;
    if got.range != range {
        return Err(wrong(&path, &format!("has bytes {:?} of {range:?}", got.range)));
    }
    let body = got.into_stream().map_err(io::Error::from);
    let whole = stream::try_unfold((body, range.end - range.start), move |(mut body, left)| {
        let path = path.clone();
        async move {
            let chunk = body.try_next().await?;
            match chunk.map(|chunk| (left.checked_sub(chunk.len() as u64), chunk)) {
                Some((Some(left), chunk)) => Ok(Some((chunk, (body, left)))),
                Some((None, _)) => Err(wrong(&path, "sends more than was asked for")),
                None if left > 0 => Err(wrong(&path, &format!("ends {left} bytes too early"))),
                None => Ok(None),
            }
        }
    });
    Ok(Box::pin(whole))
}

fn wrong(path: &Path, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the outside blob {path} {what}"))
}

/// A stream that is polled by one at a time, which may be any: the lock is never taken but by who
/// has the stream to itself.
struct Exclusive<S>(Mutex<Pin<Box<S>>>);

impl<S: Stream> Stream for Exclusive<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let stream = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        stream.as_mut().poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_the_range_once() {
        let all = |offset, len| windows(offset, len).collect::<Vec<_>>();
        assert_eq!(all(7, 0), []);
        assert_eq!(all(7, 3), vec![7..10]);
        assert_eq!(all(7, WINDOW), vec![7..WINDOW + 7]);
        assert_eq!(all(7, WINDOW + 1), [7..WINDOW + 7, WINDOW + 7..WINDOW + 8]);
    }
}
