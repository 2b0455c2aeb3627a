//! What a record is: a line, a frame of RecordIO, or one of TensorFlow's.
//!
//! Frames are hostile: a length is believed only as far as bytes follow, and checked against the
//! longest request before anything is kept for it. MXNet writes a record that holds its magic number
//! in several frames, told by the three upper bits of their lengths; together they are one record.

use std::{borrow::Cow, ops::Range};

use crc_fast::CrcAlgorithm::Crc32Iscsi;
use memchr::{memchr, memrchr};

/// What every frame of RecordIO begins with.
const MAGIC: u32 = 0xCED7_230A;
/// Magic number and length of a frame of RecordIO, bytes.
const HEADER: usize = 8;
/// What a frame of RecordIO is filled up to, bytes.
const ALIGNMENT: usize = 4;
/// No frame of RecordIO holds more, bytes: the bits above tell of parts.
const LONGEST: u32 = (1 << PART_BITS) - 1;
/// Length and its checksum before a record of TensorFlow, bytes.
const TF_HEADER: usize = 12;
/// The checksum after it, bytes.
const TF_FOOTER: usize = 4;
/// What TensorFlow adds to a rotated checksum, so that checksums of checksums differ.
const TF_MASK: u32 = 0xa282_ead8;
/// Which part of a record a frame of RecordIO holds stands in the bits from this one on.
const PART_BITS: u32 = 29;

/// What records are framed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Line ends.
    Line,
    /// RecordIO.
    RecordIo,
    /// TensorFlow's records.
    TfRecord,
}

/// Why bytes do not begin with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("does not begin with the magic number of RecordIO")]
    Magic,
    #[error("is a part of a record whose first part is missing")]
    Part,
    #[error("has a checksum that is not that of its bytes")]
    Checksum,
    #[error("is cut off")]
    CutOff,
}

/// What is seen of the record that bytes begin with.
enum Seen {
    /// It ends here, and holds this range.
    Whole { end: usize, content: Range<usize> },
    /// So many bytes at least.
    Longer(usize),
}

impl Framing {
    /// How many bytes of whole records `bytes` begins with. None of a record that is longer than
    /// `bytes` are counted.
    pub fn fitting(self, bytes: &[u8]) -> Result<usize, FrameError> {
        if self == Self::Line {
            return Ok(memrchr(b'\n', bytes).map_or(0, |at| at + 1));
        }
        let mut end = 0;
        while let Seen::Whole { end: next, .. } = self.look(&bytes[end..])? {
            end += next;
        }
        Ok(end)
    }

    /// How many bytes the first record has at least; to be read before it can be told.
    pub fn needed(self, bytes: &[u8]) -> Result<usize, FrameError> {
        match self.look(bytes)? {
            Seen::Whole { end, .. } => Ok(end),
            Seen::Longer(least) => Ok(least),
        }
    }

    /// How long the first record of whole ones is, with its frame.
    pub fn first_len(self, records: &[u8]) -> Result<Option<usize>, FrameError> {
        Ok(self.first(records)?.map(|(end, _)| end))
    }

    /// The first record of whole ones, what it holds, and the others.
    pub fn split_first(self, records: &[u8]) -> Result<Option<First<'_>>, FrameError> {
        let Some((end, content)) = self.first(records)? else { return Ok(None) };
        let (whole, rest) = records.split_at(end);
        let content = match self {
            Self::RecordIo if is_in_parts(whole) => Cow::Owned(joined(whole)),
            Self::Line | Self::RecordIo | Self::TfRecord => Cow::Borrowed(&whole[content]),
        };
        Ok(Some(First { whole, content, rest }))
    }

    /// Where the first record of whole ones ends, and what its frame is around.
    fn first(self, records: &[u8]) -> Result<Option<(usize, Range<usize>)>, FrameError> {
        if records.is_empty() {
            return Ok(None);
        }
        match self.look(records)? {
            Seen::Whole { end, content } => Ok(Some((end, content))),
            // The last line needs no end.
            Seen::Longer(_) if self == Self::Line => Ok(Some((records.len(), 0..records.len()))),
            Seen::Longer(_) => Err(FrameError::CutOff),
        }
    }

    fn look(self, bytes: &[u8]) -> Result<Seen, FrameError> {
        match self {
            Self::Line => Ok(match memchr(b'\n', bytes) {
                Some(at) => Seen::Whole { end: at + 1, content: 0..at },
                None => Seen::Longer(bytes.len() + 1),
            }),
            Self::RecordIo => recordio_record(bytes),
            Self::TfRecord => tf_record(bytes),
        }
    }
}

/// A record among others.
#[derive(Debug, PartialEq, Eq)]
pub struct First<'a> {
    /// With its frame.
    pub whole: &'a [u8],
    /// What its frame is around; of a record in several parts, what was cut into them.
    pub content: Cow<'a, [u8]>,
    /// What follows.
    pub rest: &'a [u8],
}

/// The parts of one record: a whole one alone, or a beginning, middles and an end.
fn recordio_record(bytes: &[u8]) -> Result<Seen, FrameError> {
    let mut end = 0;
    loop {
        let begin = end;
        let Some((magic, word)) = words(&bytes[begin..]) else {
            return Ok(Seen::Longer(begin + HEADER));
        };
        if magic != MAGIC {
            return Err(FrameError::Magic);
        }
        let length = (word & LONGEST) as usize;
        end = begin + HEADER + length.next_multiple_of(ALIGNMENT);
        if end > bytes.len() {
            return Ok(Seen::Longer(end));
        }
        // 0: a whole record; 1, 2, 3: the beginning, the middle, the end of one.
        match (word >> PART_BITS, begin == 0) {
            (0, true) | (3, false) => {
                return Ok(Seen::Whole { end, content: HEADER..begin + HEADER + length });
            }
            (1, true) | (2, false) => {}
            _ => return Err(FrameError::Part),
        }
    }
}

/// Whether a whole record has several parts.
fn is_in_parts(record: &[u8]) -> bool {
    words(record).is_some_and(|(_, word)| word >> PART_BITS != 0)
}

/// What was cut into the parts of a whole record: wherever it held the magic number, which no part
/// holds.
fn joined(mut parts: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(parts.len());
    while let Some((magic, word)) = words(parts) {
        // All but the first begin where it stood.
        if word >> PART_BITS != 1 {
            record.extend_from_slice(&magic.to_le_bytes());
        }
        let length = (word & LONGEST) as usize;
        record.extend_from_slice(&parts[HEADER..HEADER + length]);
        parts = &parts[HEADER + length.next_multiple_of(ALIGNMENT)..];
    }
    record
}

fn words(bytes: &[u8]) -> Option<(u32, u32)> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*first), u32::from_le_bytes(*rest.first_chunk()?)))
}

fn tf_record(bytes: &[u8]) -> Result<Seen, FrameError> {
    let Some(header) = bytes.first_chunk::<TF_HEADER>() else {
        return Ok(Seen::Longer(TF_HEADER));
    };
    let (length, sum) = header.split_at(TF_HEADER - TF_FOOTER);
    verify(length, sum)?;
    let length = length.try_into().map_or(u64::MAX, u64::from_le_bytes);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let content = TF_HEADER..TF_HEADER.saturating_add(length);
    let end = content.end.saturating_add(TF_FOOTER);
    match bytes.get(content.end..end) {
        None => Ok(Seen::Longer(end)),
        Some(sum) => {
            verify(&bytes[content.clone()], sum)?;
            Ok(Seen::Whole { end, content })
        }
    }
}

/// Compares bytes with their masked CRC-32C.
fn verify(bytes: &[u8], sum: &[u8]) -> Result<(), FrameError> {
    if sum == masked(bytes).to_le_bytes() { Ok(()) } else { Err(FrameError::Checksum) }
}

#[expect(clippy::cast_possible_truncation, reason = "a CRC of 32 bits")]
fn masked(bytes: &[u8]) -> u32 {
    let sum = crc_fast::checksum(Crc32Iscsi, bytes) as u32;
    sum.rotate_right(15).wrapping_add(TF_MASK)
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record in TensorFlow's frame.
    pub fn tf(content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u64).to_le_bytes();
        let sum = |bytes: &[u8]| masked(bytes).to_le_bytes();
        [&length[..], &sum(&length), content, &sum(content)].concat()
    }

    /// A record in a frame of RecordIO; `part` as MXNet counts.
    pub fn recordio(part: u32, content: &[u8]) -> Vec<u8> {
        let word = part << PART_BITS | u32::try_from(content.len()).unwrap();
        let mut frame = [&MAGIC.to_le_bytes()[..], &word.to_le_bytes(), content].concat();
        frame.resize(frame.len().next_multiple_of(ALIGNMENT), 0);
        frame
    }

    fn split(framing: Framing, mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut contents = Vec::new();
        while let Some(first) = framing.split_first(bytes)? {
            contents.push(first.content.to_vec());
            bytes = first.rest;
        }
        Ok(contents)
    }

    #[test]
    fn tensorflows_own_checksum_is_ours() {
        // What every file of TensorBoard's events begins with: a record of 24 bytes.
        let length = 24_u64.to_le_bytes();
        assert_eq!(masked(&length).to_le_bytes(), *b"\xa3\x7f\x4b\x22");
    }

    #[test]
    fn the_last_line_needs_no_end() {
        assert_eq!(split(Framing::Line, b"a\n\nb").unwrap(), [&b"a"[..], b"", b"b"]);
        assert_eq!(Framing::Line.fitting(b"a\nb"), Ok(2));
        assert_eq!(Framing::Line.fitting(b"ab"), Ok(0));
    }

    #[test]
    fn a_record_in_several_parts_is_one() {
        let parts = [recordio(1, b"ab"), recordio(2, b"c"), recordio(3, b"de")].concat();
        let bytes = [&parts[..], &recordio(0, b"x")].concat();
        assert_eq!(Framing::RecordIo.fitting(&bytes), Ok(bytes.len()));
        assert_eq!(Framing::RecordIo.fitting(&parts[..parts.len() - 1]), Ok(0));
        let first = Framing::RecordIo.split_first(&bytes).unwrap().unwrap();
        assert_eq!(first.whole, parts);
        let magic = &MAGIC.to_le_bytes()[..];
        assert_eq!(*first.content, [b"ab", magic, b"c", magic, b"de"].concat());
        let empty = [recordio(1, b""), recordio(3, b"")].concat();
        let first = Framing::RecordIo.split_first(&empty).unwrap().unwrap();
        assert_eq!(*first.content, *magic);
        let error = |bytes: &[u8]| Framing::RecordIo.fitting(bytes).unwrap_err();
        assert_eq!(error(&recordio(3, b"x")), FrameError::Part);
        assert_eq!(error(&[recordio(1, b"x"), recordio(0, b"y")].concat()), FrameError::Part);
        assert_eq!(error(b"1,2,3,4,5"), FrameError::Magic);
    }

    #[test]
    fn a_flipped_bit_is_seen_by_tensorflows_checksums() {
        let bytes = tf(b"hello");
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 4;
            assert_eq!(Framing::TfRecord.fitting(&bytes), Err(FrameError::Checksum), "{at}");
        }
    }

    #[test]
    fn a_length_beyond_all_bytes_is_told_and_not_believed() {
        let length = u64::MAX.to_le_bytes();
        let bytes = [&length[..], &masked(&length).to_le_bytes()].concat();
        assert_eq!(Framing::TfRecord.needed(&bytes), Ok(usize::MAX));
        let bytes = [MAGIC.to_le_bytes(), LONGEST.to_le_bytes()].concat();
        assert_eq!(Framing::RecordIo.needed(&bytes), Ok((1 << 29) + HEADER));
    }

    proptest! {
        #[test]
        fn what_is_framed_is_found_and_counted(
            contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6),
            cut in 0_usize..30,
        ) {
            for (framing, frame) in
                [(Framing::RecordIo, (|content| recordio(0, content)) as fn(&[u8]) -> Vec<u8>),
                 (Framing::TfRecord, tf)]
            {
                let frames: Vec<_> = contents.iter().map(|content| frame(content)).collect();
                let bytes = frames.concat();
                prop_assert_eq!(split(framing, &bytes).unwrap(), &contents[..]);
                let cut = cut.min(bytes.len());
                let kept = framing.fitting(&bytes[..bytes.len() - cut]).unwrap();
                let mut ends = frames.iter().scan(0, |end, frame| { *end += frame.len(); Some(*end) });
                prop_assert!(kept == 0 || ends.any(|end| end == kept));
                prop_assert!(cut > 0 || kept == bytes.len());
            }
        }

        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>, magic: bool) {
            let prefix = if magic { &MAGIC.to_le_bytes()[..] } else { b"" };
            let bytes = [prefix, &bytes].concat();
            for framing in [Framing::Line, Framing::RecordIo, Framing::TfRecord] {
                let _ = framing.needed(&bytes);
                let _ = framing.fitting(&bytes);
                let _ = split(framing, &bytes);
            }
        }
    }
}
