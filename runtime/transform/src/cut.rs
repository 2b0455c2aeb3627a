//! Cuts an object into pieces of whole records that fit a request.
//!
//! A piece is what is read, handed from thread to thread and scored at once; under `SingleRecord` it
//! is many requests all the same. At most a piece and a part of the next are held.

use std::io::{self, Read};

use crate::frame::{FrameError, Framing};

/// Why there is no next piece.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// A record is longer than a request may be.
    #[error("too much data for max payload size")]
    TooLong,
    /// The bytes are not framed as they should be.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The object could not be opened when the job began.
    #[error("{0}")]
    Unopened(String),
    /// The object could not be read.
    #[error(transparent)]
    Read(#[from] io::Error),
}

/// Cuts one object.
pub struct Cutter<R> {
    source: R,
    /// `None`: the object is one record.
    framing: Option<Framing>,
    /// Of a piece, bytes.
    limit: usize,
    /// What was read beyond the last piece.
    rest: Vec<u8>,
    ended: bool,
}

impl<R: Read> Cutter<R> {
    /// From the object's first byte.
    pub fn new(source: R, framing: Option<Framing>, limit: usize) -> Self {
        Self { source, framing, limit, rest: Vec::new(), ended: false }
    }

    /// Replaces `piece` by the next one; `false` where there is none. An object without a byte has
    /// no piece.
    pub fn next_piece(&mut self, piece: &mut Vec<u8>) -> Result<bool, CutError> {
        piece.clear();
        piece.append(&mut self.rest);
        self.fill(piece)?;
        if piece.is_empty() {
            return Ok(false);
        }
        let end = self.end(piece)?;
        self.rest.extend_from_slice(&piece[end..]);
        piece.truncate(end);
        Ok(true)
    }

    /// Reads one byte more than fits, which tells whether the object goes on.
    fn fill(&mut self, piece: &mut Vec<u8>) -> io::Result<()> {
        let wanted = self.limit.saturating_add(1) - piece.len();
        if !self.ended {
            let read = (&mut self.source).take(wanted as u64).read_to_end(piece)?;
            self.ended = read < wanted;
        }
        Ok(())
    }

    /// Where the last record ends that fits.
    fn end(&self, piece: &[u8]) -> Result<usize, CutError> {
        let all = self.ended && piece.len() <= self.limit;
        let fits = &piece[..piece.len().min(self.limit)];
        let end = match self.framing {
            None | Some(Framing::Line) if all => return Ok(piece.len()),
            None => 0,
            Some(framing) => framing.fitting(fits)?,
        };
        match end {
            0 if all && !self.announces_too_much(piece)? => Err(FrameError::CutOff.into()),
            0 => Err(CutError::TooLong),
            end => Ok(end),
        }
    }

    /// Whether the record that is not all there says that it is longer than a request may be.
    fn announces_too_much(&self, piece: &[u8]) -> Result<bool, FrameError> {
        let needed = self.framing.map(|framing| framing.needed(piece)).transpose()?;
        Ok(needed.is_some_and(|needed| needed > self.limit))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::tests::{recordio, tf};

    fn pieces(
        bytes: &[u8],
        framing: Option<Framing>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, String> {
        let mut cutter = Cutter::new(bytes, framing, limit);
        let (mut piece, mut pieces) = (Vec::new(), Vec::new());
        while cutter.next_piece(&mut piece).map_err(|error| error.to_string())? {
            pieces.push(piece.clone());
        }
        Ok(pieces)
    }

    #[test]
    fn a_piece_holds_as_many_lines_as_fit() {
        let cut = |limit| pieces(b"aa\nbb\ncc\ndd", Some(Framing::Line), limit).unwrap();
        assert_eq!(cut(100), [&b"aa\nbb\ncc\ndd"[..]]);
        assert_eq!(cut(11), [&b"aa\nbb\ncc\ndd"[..]]);
        assert_eq!(cut(10), [&b"aa\nbb\ncc\n"[..], b"dd"]);
        assert_eq!(cut(7), [&b"aa\nbb\n"[..], b"cc\ndd"]);
        assert_eq!(cut(3), [&b"aa\n"[..], b"bb\n", b"cc\n", b"dd"]);
        assert!(pieces(b"", Some(Framing::Line), 9).unwrap().is_empty());
    }

    #[test]
    fn what_does_not_fit_is_told_apart_from_what_is_cut_off() {
        let too_long = "too much data for max payload size";
        let error = |bytes: &[u8], framing, limit| pieces(bytes, framing, limit).unwrap_err();
        assert_eq!(error(b"aaa\n", Some(Framing::Line), 3), too_long);
        assert_eq!(error(b"aaaa", None, 3), too_long);
        assert_eq!(pieces(b"aaa", None, 3).unwrap(), [b"aaa"]);
        let frame = recordio(0, b"1234");
        assert_eq!(error(&frame, Some(Framing::RecordIo), 11), too_long);
        assert_eq!(error(&frame[..10], Some(Framing::RecordIo), 11), too_long);
        assert_eq!(error(&frame[..11], Some(Framing::RecordIo), 99), "is cut off");
        assert_eq!(error(&tf(b"12")[..13], Some(Framing::TfRecord), 99), "is cut off");
    }

    proptest! {
        #[test]
        fn pieces_are_the_object_again(
            lines in prop::collection::vec("[a-z]{0,9}", 0..40), limit in 10_usize..60, ended: bool,
        ) {
            let text = lines.join("\n") + if ended { "\n" } else { "" };
            let pieces = pieces(text.as_bytes(), Some(Framing::Line), limit).unwrap();
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty() && piece.len() <= limit));
            prop_assert!(pieces.iter().rev().skip(1).all(|piece| piece.ends_with(b"\n")));
            prop_assert_eq!(pieces.concat(), text.as_bytes());
        }

        #[test]
        fn so_are_frames(
            contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20),
            limit in 40_usize..90,
        ) {
            let frames: Vec<_> = contents.iter().map(|content| tf(content)).collect();
            let pieces = pieces(&frames.concat(), Some(Framing::TfRecord), limit).unwrap();
            prop_assert!(pieces.iter().all(|piece| piece.len() <= limit));
            prop_assert_eq!(pieces.concat(), frames.concat());
        }
    }
}
