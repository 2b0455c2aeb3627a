//! Predictions as the container's answers.

pub(crate) mod number;
mod selected;

pub(crate) use selected::Selection;

use number::{write_json, write_repr};

/// The member of JSON's objects, and the label of records, that holds a row's prediction.
const SCORE: &str = "score";

/// What was predicted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Predictions {
    /// Row after row.
    pub(crate) values: Vec<f32>,
    /// Numbers of one row, at least 1. More than one is a list on the wire.
    pub(crate) width: usize,
}

/// What a reply may be encoded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accept {
    /// `text/csv`
    Csv,
    /// `application/json`
    Json,
    /// `application/jsonlines`: unless a selection is made the container fails on it; we send one
    /// object a line.
    JsonLines,
    /// `application/x-recordio-protobuf`: the same; we send a record a row.
    RecordIo,
}

impl Accept {
    /// The media type without its parameters, in lower case; `None` where it is not ours.
    pub(crate) fn named(media_type: &str) -> Option<Self> {
        match media_type {
            "text/csv" => Some(Self::Csv),
            "application/json" => Some(Self::Json),
            "application/jsonlines" => Some(Self::JsonLines),
            "application/x-recordio-protobuf" => Some(Self::RecordIo),
            _ => None,
        }
    }

    /// As the container's web framework sends it.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::JsonLines => "application/jsonlines",
            Self::RecordIo => "application/x-recordio-protobuf",
        }
    }
}

/// Bytes that a prediction is reckoned with: 18 digits and a comma are usual.
const NUMBER: usize = 24;
/// Bytes of what stands around a row, beyond what its numbers leave of theirs: a record's frame.
const AROUND: usize = 16;

/// Bytes that a row of so many numbers is reckoned with.
pub(crate) fn row_bytes(width: usize) -> usize {
    NUMBER * width + AROUND
}

impl Predictions {
    /// Encodes them.
    pub(crate) fn encode(&self, accept: Accept) -> Vec<u8> {
        let mut body = Vec::with_capacity(NUMBER * self.values.len() + AROUND);
        match accept {
            Accept::Csv => self.lines(&mut body, |to, row| joined(to, row, b",", write_repr)),
            Accept::Json => {
                body.extend(b"{\"predictions\": [");
                for (index, row) in self.values.chunks(self.width).enumerate() {
                    if index > 0 {
                        body.extend(b", ");
                    }
                    score(&mut body, row);
                }
                body.extend(b"]}");
            }
            Accept::JsonLines => self.lines(&mut body, score),
            Accept::RecordIo => {
                for row in self.values.chunks(self.width) {
                    recordio::write_labels([(SCORE, row.to_vec())], &mut body);
                }
            }
        }
        body
    }

    /// Encodes them as batch transform has them, whatever is accepted: Python's `str` of each row.
    pub(crate) fn encode_batch(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(NUMBER * self.values.len());
        self.lines(&mut body, |to, row| match row {
            [value] => write_repr(to, *value),
            row => list(to, row, write_repr),
        });
        body
    }

    fn lines(&self, body: &mut Vec<u8>, mut line: impl FnMut(&mut Vec<u8>, &[f32])) {
        for row in self.values.chunks(self.width) {
            line(body, row);
            body.push(b'\n');
        }
    }
}

fn score(to: &mut Vec<u8>, row: &[f32]) {
    to.extend(b"{\"");
    to.extend(SCORE.bytes());
    to.extend(b"\": ");
    match row {
        [value] => write_json(to, *value),
        row => list(to, row, write_json),
    }
    to.push(b'}');
}

fn list(to: &mut Vec<u8>, row: &[f32], write: fn(&mut Vec<u8>, f32)) {
    to.push(b'[');
    joined(to, row, b", ", write);
    to.push(b']');
}

fn joined(to: &mut Vec<u8>, row: &[f32], separator: &[u8], write: fn(&mut Vec<u8>, f32)) {
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            to.extend(separator);
        }
        write(to, *value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_number_a_row_is_a_line_a_row() {
        let predictions = Predictions { values: vec![0.5, 2.0], width: 1 };
        assert_eq!(text(predictions.encode(Accept::Csv)), "0.5\n2.0\n");
        assert_eq!(
            text(predictions.encode(Accept::Json)),
            r#"{"predictions": [{"score": 0.5}, {"score": 2.0}]}"#
        );
        assert_eq!(
            text(predictions.encode(Accept::JsonLines)),
            "{\"score\": 0.5}\n{\"score\": 2.0}\n"
        );
        let mut records = Vec::new();
        recordio::write_labels([("score", vec![0.5])], &mut records);
        recordio::write_labels([("score", vec![2.0])], &mut records);
        assert_eq!(predictions.encode(Accept::RecordIo), records);
        assert_eq!(text(predictions.encode_batch()), "0.5\n2.0\n");
    }

    #[test]
    fn a_reply_is_no_longer_than_its_rows_are_reckoned_with() {
        for (width, rows) in [(1, 50), (3, 20)] {
            let values = vec![-f32::MIN_POSITIVE; width * rows];
            let predictions = Predictions { values, width };
            for accept in [Accept::Csv, Accept::Json, Accept::JsonLines, Accept::RecordIo] {
                let length = predictions.encode(accept).len();
                // And what stands around them all.
                assert!(
                    length <= rows * row_bytes(width) + 2 * AROUND,
                    "{accept:?}: {length} for {width}"
                );
            }
        }
    }

    #[test]
    fn several_numbers_a_row_are_a_list() {
        let predictions = Predictions { values: vec![0.25, 0.75, 1.0, 0.0], width: 2 };
        assert_eq!(text(predictions.encode(Accept::Csv)), "0.25,0.75\n1.0,0.0\n");
        assert_eq!(
            text(predictions.encode(Accept::Json)),
            r#"{"predictions": [{"score": [0.25, 0.75]}, {"score": [1.0, 0.0]}]}"#
        );
        assert_eq!(text(predictions.encode_batch()), "[0.25, 0.75]\n[1.0, 0.0]\n");
    }
}
