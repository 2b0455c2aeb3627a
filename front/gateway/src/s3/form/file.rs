//! The file of a form, as it comes and never gathered: each piece that is handed on is a part of
//! one that came.
//!
//! It has ended well only when the whole form has: a file whose form breaks off after it is not
//! kept. What follows the file is read away, and means nothing.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_util::Stream;
use http_body::Body;

use super::{
    boundary::{Boundary, Found},
    fault::FormFault,
    reader::FORM_LIMIT,
};
use crate::{
    body::RequestBody,
    s3::{ask::Ask, errors::Refused},
};

/// Finds the end of a file.
pub(super) struct FileReader {
    boundary: Boundary,
    buffer: Bytes,
    place: Place,
    /// Bytes that followed the file.
    after: usize,
}

#[derive(Clone, Copy)]
enum Place {
    File,
    /// In the fields after the file.
    Ignored,
    /// After the last delimiter.
    Over,
}

impl FileReader {
    /// A file that begins with `begun`, and whose end need not be there yet.
    pub(super) fn new(boundary: Boundary, begun: Bytes) -> Self {
        Self { boundary, buffer: begun, place: Place::File, after: 0 }
    }

    /// Takes bytes as they came. What is left of those before is shorter than a delimiter.
    fn push(&mut self, bytes: Bytes) {
        self.buffer = if self.buffer.is_empty() {
            bytes
        } else {
            [&self.buffer[..], &bytes[..]].concat().into()
        };
    }

    /// The next bytes of the file; nothing where more must come.
    fn contents(&mut self) -> Result<Option<Bytes>, FormFault> {
        if let Place::File = self.place {
            let found = self.boundary.find(&self.buffer, 0);
            let (Found::Delimiter { at, .. } | Found::NotBefore(at)) = found;
            let contents = self.buffer.split_to(at);
            if let Found::Delimiter { last, .. } = found {
                self.pass(last);
            }
            if !contents.is_empty() {
                return Ok(Some(contents));
            }
        }
        self.skip().map(|()| None)
    }

    /// Reads away what follows the file.
    fn skip(&mut self) -> Result<(), FormFault> {
        let before = self.buffer.len();
        while let Place::Ignored = self.place {
            match self.boundary.find(&self.buffer, 0) {
                Found::NotBefore(at) => {
                    self.buffer.advance(at);
                    break;
                }
                Found::Delimiter { at, last } => {
                    self.buffer.advance(at);
                    self.pass(last);
                }
            }
        }
        if let Place::Over = self.place {
            self.buffer.clear();
        }
        self.after += before - self.buffer.len();
        if self.after > FORM_LIMIT { Err(FormFault::Malformed) } else { Ok(()) }
    }

    /// Goes on after the delimiter that the buffer begins with.
    fn pass(&mut self, last: bool) {
        self.buffer.advance(self.boundary.len());
        self.place = if last { Place::Over } else { Place::Ignored };
    }

    /// Nothing more will come: was that all?
    fn finish(&self) -> Result<(), FormFault> {
        match self.place {
            Place::Over => Ok(()),
            Place::File | Place::Ignored => Err(FormFault::Malformed),
        }
    }
}

/// How large a file may be, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Sizes {
    /// As large as a store takes it.
    pub(super) const ANY: Self = Self { least: 0, most: u64::MAX };

    /// What both allow.
    pub(super) fn and(self, other: Self) -> Self {
        Self { least: self.least.max(other.least), most: self.most.min(other.most) }
    }
}

/// The file as a store takes it, under its limits.
pub(super) struct FileBody {
    /// Gone once it has ended.
    source: Option<RequestBody>,
    file: FileReader,
    sizes: Sizes,
    size: u64,
    ask: Arc<Ask>,
}

impl FileBody {
    pub(super) fn new(source: RequestBody, file: FileReader, sizes: Sizes, ask: Arc<Ask>) -> Self {
        Self { source: Some(source), file, sizes, size: 0, ask }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, FormFault>>> {
        loop {
            match self.file.contents() {
                Ok(None) => {}
                Ok(Some(bytes)) => return Poll::Ready(Some(self.counted(bytes))),
                Err(fault) => return Poll::Ready(Some(Err(fault))),
            }
            let Some(source) = &mut self.source else { return Poll::Ready(None) };
            match ready!(Pin::new(source).poll_frame(cx)) {
                // Trailers of the transfer coding are no contents.
                Some(Ok(frame)) => frame.into_data().into_iter().for_each(|it| self.file.push(it)),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    self.source = None;
                    return Poll::Ready(self.finish().err().map(Err));
                }
            }
        }
    }

    /// Counts what is about to be handed on.
    fn counted(&mut self, bytes: Bytes) -> Result<Bytes, FormFault> {
        let Sizes { most, .. } = self.sizes;
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.size > most { Err(FormFault::TooLarge { most }) } else { Ok(bytes) }
    }

    fn finish(&self) -> Result<(), FormFault> {
        self.file.finish()?;
        let Self { size, sizes: Sizes { least, .. }, .. } = *self;
        if size < least { Err(FormFault::TooSmall { least, size }) } else { Ok(()) }
    }

    /// Ends the stream, and decides the answer.
    fn fail(&mut self, fault: FormFault) -> io::Error {
        self.ask.refuse(Refused::from(fault.clone()));
        self.release();
        io::Error::other(fault)
    }

    fn release(&mut self) {
        if let Some(source) = self.source.take().filter(|source| !source.is_end_stream()) {
            self.ask.give_back(source);
        }
    }
}

impl Stream for FileBody {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let step = ready!(self.poll_step(cx));
        Poll::Ready(step.map(|bytes| bytes.map_err(|fault| self.fail(fault))))
    }
}

impl Drop for FileBody {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::s3::form::reader::tests::{contents, cut, part};

    /// The file's bytes, once the form has ended well.
    fn read(begun: &[u8], pieces: &[&[u8]]) -> Result<Vec<u8>, FormFault> {
        let mut reader =
            FileReader::new(Boundary::new("x").unwrap(), Bytes::copy_from_slice(begun));
        let mut file = Vec::new();
        let mut pieces = pieces.iter();
        loop {
            if let Some(bytes) = reader.contents()? {
                file.extend_from_slice(&bytes);
                continue;
            }
            assert!(reader.buffer.len() < reader.boundary.len() + 2, "bytes are gathered");
            match pieces.next() {
                Some(piece) => reader.push(Bytes::copy_from_slice(piece)),
                None => return reader.finish().map(|()| file),
            }
        }
    }

    #[test]
    fn a_file_ends_with_its_form_and_never_before() {
        assert_eq!(read(b"data\r\n--x--\r\n", &[]).unwrap(), b"data");
        assert_eq!(read(b"", &[b"\r\n--x-", b"-"]).unwrap(), b"");
        for broken in ["data", "data\r\n--x", "data\r\n--x\r\n", "data\r\n--x\r\nmore\r\n--xy--"] {
            assert_eq!(read(broken.as_bytes(), &[]), Err(FormFault::Malformed), "{broken:?}");
        }
    }

    #[test]
    fn fields_after_the_file_mean_nothing_and_are_bounded() {
        let after = |len| {
            let form = [&b"data\r\n"[..], &part("file", &vec![b'f'; len]), b"--x--\r\n"].concat();
            read(&form, &[])
        };
        assert_eq!(after(10).unwrap(), b"data");
        assert_eq!(after(FORM_LIMIT), Err(FormFault::Malformed));
        let epilogue = [&b"data\r\n--x--"[..], &vec![b'e'; FORM_LIMIT + 1]].concat();
        assert_eq!(read(&epilogue, &[]), Err(FormFault::Malformed));
    }

    #[test]
    fn a_piece_of_the_file_is_handed_on_as_it_came() {
        let piece = Bytes::from_static(b"0123456789\r");
        let mut reader = FileReader::new(Boundary::new("x").unwrap(), piece.clone());
        let handed = reader.contents().unwrap().unwrap();
        assert_eq!(&handed[..], b"0123456789");
        assert_eq!(handed.as_ptr(), piece.as_ptr());
    }

    proptest! {
        #[test]
        fn however_a_file_is_cut_it_is_the_same(
            file in contents(),
            after in prop::collection::vec(contents(), 0..3),
            places: Vec<usize>,
        ) {
            let after: Vec<u8> = after.iter().flat_map(|value| part("a", value)).collect();
            let form = [&file[..], b"\r\n", &after, b"--x--\r\n"].concat();
            let pieces = cut(&form, &places);
            prop_assert_eq!(read(pieces[0], &pieces[1..]), Ok(file));
        }

        #[test]
        fn no_bytes_break_the_reader(pieces: Vec<Vec<u8>>) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let _ = read(b"\r\n--x\r\n", &pieces);
            let _ = read(b"", &pieces);
        }
    }
}
