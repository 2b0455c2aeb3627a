//! RecordIO-protobuf, the format of SageMaker's algorithms: frames of RecordIO, each a `Record` of
//! `aialgs.data`.
//!
//! A frame is the number `0xCED7230A`, the length of the record, both as 32 bits little-endian, the
//! record, and zeros up to the next multiple of four. MXNet's records in several parts, whose
//! length has a flag in its three upper bits, are not part of SageMaker's format.
//!
//! What is read is hostile: a length is believed only as far as bytes follow.

mod blocks;
mod record;

use std::io::{self, Read};

pub use blocks::{Block, Blocks};
pub use record::{Numbers, Record, Tensor};

/// What every frame begins with.
const MAGIC: u32 = 0xCED7_230A;
/// Magic and length, bytes.
const HEADER: usize = 8;
/// What a frame is filled up to, bytes.
const ALIGNMENT: usize = 4;
/// No record is longer, bytes: the bits above tell of MXNet's parts.
const LONGEST: u32 = (1 << 29) - 1;

/// Why bytes are no records.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The bytes could not be read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// A frame does not begin as frames do.
    #[error("record {number} does not begin with the magic number of RecordIO")]
    NoFrame {
        /// Counted from 1.
        number: u64,
    },
    /// The bytes end within a frame.
    #[error("record {number} is cut off")]
    CutOff {
        /// Counted from 1.
        number: u64,
    },
    /// A length that no record has.
    #[error(
        "record {number} is one part of a record in several parts, or longer than {LONGEST} bytes"
    )]
    TooLong {
        /// Counted from 1.
        number: u64,
    },
    /// The frame holds something else.
    #[error("record {number} is no protobuf message of aialgs.data.Record: {source}")]
    NoRecord {
        /// Counted from 1.
        number: u64,
        /// The decoder's word.
        source: prost::DecodeError,
    },
    /// The record's tensors contradict themselves.
    #[error("record {number}: {what}")]
    Contradiction {
        /// Counted from 1.
        number: u64,
        /// What does not fit.
        what: &'static str,
    },
}

/// Records, one after the other. After an error there are no more.
#[derive(Debug)]
pub struct Records<R> {
    source: R,
    number: u64,
    frame: Vec<u8>,
    ended: bool,
}

impl<R: Read> Records<R> {
    /// Reads from the beginning of a frame. `source` is asked for small pieces.
    pub fn new(source: R) -> Self {
        Self::behind(0, source)
    }

    /// The same, where so many records stand before.
    fn behind(number: u64, source: R) -> Self {
        Self { source, number, frame: Vec::new(), ended: false }
    }

    /// The next frame's record into `frame`; `false` at the end.
    fn read_frame(&mut self) -> Result<bool, RecordError> {
        let number = self.number;
        let header = self.take(HEADER)?;
        if header == 0 {
            return Ok(false);
        }
        let word = |at: usize| {
            let bytes = self.frame.get(at..at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        let magic = word(0).ok_or(RecordError::CutOff { number })?;
        if magic != MAGIC {
            return Err(RecordError::NoFrame { number });
        }
        let length = word(4).ok_or(RecordError::CutOff { number })?;
        if length > LONGEST {
            return Err(RecordError::TooLong { number });
        }
        let length = length as usize;
        let padded = length.next_multiple_of(ALIGNMENT);
        if self.take(padded)? < padded {
            return Err(RecordError::CutOff { number });
        }
        self.frame.truncate(length);
        Ok(true)
    }

    /// So many bytes, or as many as there are; memory is taken only for what comes.
    fn take(&mut self, length: usize) -> io::Result<usize> {
        self.frame.clear();
        (&mut self.source).take(length as u64).read_to_end(&mut self.frame)
    }

    fn next_record(&mut self) -> Result<Option<Record>, RecordError> {
        self.number += 1;
        let number = self.number;
        if !self.read_frame()? {
            return Ok(None);
        }
        Record::decode(&self.frame, number).map(Some)
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_record().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Appends a record in its frame.
pub fn write(record: &Record, to: &mut Vec<u8>) {
    write_frame(to, |to| record.encode(to));
}

/// Appends a record of named labels alone, as algorithms answer. A name that comes twice has the
/// last numbers.
pub fn write_labels<'a>(labels: impl IntoIterator<Item = (&'a str, Vec<f32>)>, to: &mut Vec<u8>) {
    write_frame(to, |to| record::encode_labels(labels, to));
}

fn write_frame(to: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let begin = to.len();
    to.extend_from_slice(&MAGIC.to_le_bytes());
    to.extend_from_slice(&[0; HEADER - 4]);
    write(to);
    let length = u32::try_from(to.len() - begin - HEADER).unwrap_or(u32::MAX);
    to[begin + 4..begin + HEADER].copy_from_slice(&length.to_le_bytes());
    to.resize(begin + (to.len() - begin).next_multiple_of(ALIGNMENT), 0);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Record>, RecordError> {
        Records::new(bytes).collect()
    }

    fn dense(values: &[f32], label: f32) -> Record {
        Record {
            features: Some(Tensor::dense(Numbers::Float32(values.to_vec()))),
            label: Some(Tensor::dense(Numbers::Float32(vec![label]))),
        }
    }

    fn written(records: &[Record]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for record in records {
            write(record, &mut bytes);
        }
        bytes
    }

    /// What `sagemaker.amazon.common.write_numpy_to_dense_tensor` makes of the row `[1, 2.5]` with
    /// the label 7.
    const BY_SAGEMAKER: &[u8] = b"\x0a\x23\xd7\xce\x2c\0\0\0\
        \x0a\x16\x0a\x06values\x12\x0c\x12\x0a\x0a\x08\0\0\x80\x3f\0\0\x20\x40\
        \x12\x12\x0a\x06values\x12\x08\x12\x06\x0a\x04\0\0\xe0\x40";

    #[test]
    fn a_record_of_sagemakers_own_library_is_read() {
        assert_eq!(read(BY_SAGEMAKER).unwrap(), [dense(&[1.0, 2.5], 7.0)]);
    }

    #[test]
    fn an_answer_is_a_record_of_named_labels() {
        let mut bytes = Vec::new();
        write_labels([("score", vec![0.5]), ("label", vec![1.0, 2.0])], &mut bytes);
        let frame = b"\x0a\x23\xd7\xce\x2a\0\0\0\
            \x12\x15\x0a\x05label\x12\x0c\x12\x0a\x0a\x08\0\0\x80\x3f\0\0\0\x40\
            \x12\x11\x0a\x05score\x12\x08\x12\x06\x0a\x04\0\0\0\x3f\0\0";
        assert_eq!(bytes, frame);
        assert_eq!(read(&bytes).unwrap(), [Record { features: None, label: None }]);
    }

    #[test]
    fn what_is_cut_off_or_no_frame_is_an_error_and_the_last() {
        let bytes = written(&[dense(&[1.0], 2.0), dense(&[3.0], 4.0)]);
        for end in 1..bytes.len() {
            let read: Vec<_> = Records::new(&bytes[..end]).collect();
            let whole = end == bytes.len() / 2;
            assert_eq!(read.iter().filter(|record| record.is_err()).count(), usize::from(!whole));
            assert!(read.len() <= 2);
        }
        assert!(matches!(read(b"1,2,3,4,5"), Err(RecordError::NoFrame { number: 1 })));
        let mut parts = bytes.clone();
        parts[7] = 0x20;
        assert!(matches!(read(&parts), Err(RecordError::TooLong { number: 1 })));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            rows in proptest::collection::vec((proptest::collection::vec(-1e9_f32..1e9, 0..5), -9_f32..9.0), 0..5)
        ) {
            let records: Vec<_> = rows.iter().map(|(row, label)| dense(row, *label)).collect();
            prop_assert_eq!(read(&written(&records)).unwrap(), records);
        }

        #[test]
        fn sparse_tensors_too(
            entries in proptest::collection::btree_map(0_u64..1000, -1e9_f32..1e9, 1..6)
        ) {
            let (keys, values): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
            let features = Tensor { numbers: Numbers::Float32(values), keys, shape: vec![1000] };
            let record = Record { features: Some(features), label: None };
            prop_assert_eq!(read(&written(std::slice::from_ref(&record))).unwrap(), [record]);
        }

        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
            let mut framed = MAGIC.to_le_bytes().to_vec();
            framed.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
            framed.extend(&bytes);
            framed.resize(framed.len().next_multiple_of(ALIGNMENT), 0);
            let _ = read(&framed);
        }
    }
}
