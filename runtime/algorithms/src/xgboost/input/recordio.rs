//! RecordIO-protobuf for training: dense records, or sparse ones whose absent values are missing.

use std::{io::BufReader, iter};

use platform::workload::ChannelFile;
use recordio::{Block, Blocks, Record, RecordError, Tensor};

use super::{
    parallel::in_order,
    rows::{Features, INFINITE, MAX_COLUMNS, Rows},
    source::{Content, unreadable},
};
use crate::xgboost::failure::Failure;

/// How much is read at once, bytes.
const BUFFER: usize = 1 << 18;

/// Reads all rows.
pub fn read(files: &[ChannelFile], threads: usize) -> Result<Option<Rows>, Failure> {
    let mut pieces = files.iter().flat_map(pieces);
    let Some(first) = pieces.next().transpose()? else { return Ok(None) };
    let Some(kind) = first.kind()? else { return Ok(None) };
    let mut runs = Vec::new();
    let pieces = iter::once(Ok(first)).chain(pieces);
    in_order(
        threads,
        pieces,
        |piece| piece?.rows(kind),
        |run| {
            runs.push(run?);
            Ok(())
        },
    )?;
    Ok(Rows::joined(runs))
}

/// Records of one file.
struct Piece<'a> {
    file: &'a ChannelFile,
    block: Block,
}

fn pieces(file: &ChannelFile) -> impl Iterator<Item = Result<Piece<'_>, Failure>> {
    let blocks = Blocks::new(BufReader::with_capacity(BUFFER, Content::of(file)));
    blocks.map(move |block| {
        let block = block.map_err(|error| unreadable(file, &error))?;
        Ok(Piece { file, block })
    })
}

/// What all records are that the first one is.
#[derive(Clone, Copy)]
enum Kind {
    Dense { columns: usize },
    Sparse,
}

impl Kind {
    fn of(record: &Record) -> Result<Self, String> {
        let features = features(record)?;
        if features.is_sparse() {
            return Ok(Self::Sparse);
        }
        Ok(Self::Dense { columns: features.numbers.len() })
    }

    fn no_rows(self) -> Rows {
        match self {
            Self::Dense { columns } => Rows::dense(columns),
            Self::Sparse => Rows::sparse(),
        }
    }
}

impl Piece<'_> {
    /// What its first record is.
    fn kind(&self) -> Result<Option<Kind>, Failure> {
        let Some(record) = self.block.records().next() else { return Ok(None) };
        let record = record.map_err(|error| refused(self.file, error))?;
        let kind = Kind::of(&record);
        kind.map(Some).map_err(|what| self.refused(self.block.before + 1, &what))
    }

    fn rows(&self, kind: Kind) -> Result<Rows, Failure> {
        let mut rows = kind.no_rows();
        for (number, record) in (self.block.before + 1..).zip(self.block.records()) {
            let record = record.map_err(|error| refused(self.file, error))?;
            take(&mut rows, &record).map_err(|what| self.refused(number, &what))?;
        }
        Ok(rows)
    }

    fn refused(&self, number: u64, what: &str) -> Failure {
        failed(&format!("record {number} of file '{}': {what}", self.file.name))
    }
}

fn features(record: &Record) -> Result<&Tensor, String> {
    record.features.as_ref().ok_or_else(|| "it has no features named 'values'".to_owned())
}

fn take(rows: &mut Rows, record: &Record) -> Result<(), String> {
    let features = features(record)?;
    let label = record
        .label
        .as_ref()
        .ok_or("it has no label. Training needs records with a label named 'values'")?;
    let before = rows.labels.len();
    label.numbers.push_to(&mut rows.labels);
    if rows.labels.len() != before + 1 {
        return Err(format!("it has {} labels where a row has one", label.numbers.len()));
    }
    if rows.labels.last().is_some_and(|label| !label.is_finite()) {
        return Err(format!("its label is no number, or {INFINITE}"));
    }
    match &mut rows.features {
        Features::Dense { columns, cells } => take_dense(*columns, cells, features),
        Features::Sparse { columns, ends, indices, values } => {
            take_indices(columns, indices, features)?;
            push_finite(features, values)?;
            ends.push(values.len() as u64);
            Ok(())
        }
    }
}

fn take_dense(columns: usize, cells: &mut Vec<f32>, features: &Tensor) -> Result<(), String> {
    if features.is_sparse() {
        return Err("it is sparse where the first record is dense".into());
    }
    let found = features.numbers.len();
    if found == 0 || found != columns {
        return Err(format!("it has {found} features where the first record has {columns}"));
    }
    push_finite(features, cells)
}

/// NaN is a missing value.
fn push_finite(features: &Tensor, to: &mut Vec<f32>) -> Result<(), String> {
    let before = to.len();
    features.numbers.push_to(to);
    match to[before..].iter().position(|value| value.is_infinite()) {
        Some(at) => Err(format!("number {} of its features is {INFINITE}", at + 1)),
        None => Ok(()),
    }
}

fn take_indices(
    columns: &mut usize,
    indices: &mut Vec<u32>,
    features: &Tensor,
) -> Result<(), String> {
    if !features.is_sparse() {
        return Err("it is dense where the first record is sparse".into());
    }
    if features.keys.len() != features.numbers.len() {
        return Err("a sparse tensor has as many keys as values".into());
    }
    let too_wide = || format!("it has more than {MAX_COLUMNS} columns");
    let width = features.shape.first().copied().unwrap_or(0);
    let width = usize::try_from(width).ok().filter(|width| *width <= MAX_COLUMNS);
    *columns = (*columns).max(width.ok_or_else(too_wide)?);
    for key in &features.keys {
        let key = u32::try_from(*key).ok().filter(|key| (*key as usize) < MAX_COLUMNS);
        let key = key.ok_or_else(too_wide)?;
        *columns = (*columns).max(key as usize + 1);
        indices.push(key);
    }
    Ok(())
}

fn refused(file: &ChannelFile, error: RecordError) -> Failure {
    match error {
        RecordError::Read(error) => unreadable(file, &error),
        other => failed(&format!("file '{}': {other}", file.name)),
    }
}

fn failed(what: &str) -> Failure {
    Failure::User(format!("Failed to load recordio-protobuf data with exception:\n{what}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use platform::workload::Span;
    use recordio::Numbers;

    use super::*;

    fn rows(records: &[Record]) -> Result<Option<Rows>, String> {
        let mut bytes = Vec::new();
        for record in records {
            recordio::write(record, &mut bytes);
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let spans = vec![Span::plain(file.path().to_owned(), 0, bytes.len() as u64)];
        read(&[ChannelFile { name: "a.rec".into(), spans, gzip: false }], 2)
            .map_err(|failure| failure.to_string())
    }

    fn record(features: Tensor, label: Option<f64>) -> Record {
        let label = label.map(|label| Tensor::dense(Numbers::Float64(vec![label])));
        Record { features: Some(features), label }
    }

    fn dense(numbers: Numbers) -> Tensor {
        Tensor::dense(numbers)
    }

    fn sparse(keys: &[u64], values: &[f32], width: u64) -> Tensor {
        let numbers = Numbers::Float32(values.to_vec());
        Tensor { numbers, keys: keys.to_vec(), shape: vec![width] }
    }

    #[test]
    fn the_three_types_of_tensors_become_rows() {
        let all = rows(&[
            record(dense(Numbers::Float32(vec![1.0, f32::NAN])), Some(1.0)),
            record(dense(Numbers::Float64(vec![0.1, 2.0])), Some(0.0)),
            record(dense(Numbers::Int32(vec![-3, 4])), Some(2.0)),
        ]);
        let all = all.unwrap().unwrap();
        assert_eq!(all.labels, [1.0, 0.0, 2.0]);
        let Features::Dense { columns: 2, cells } = all.features else { panic!("two columns") };
        assert_eq!(format!("{cells:?}"), "[1.0, NaN, 0.1, 2.0, -3.0, 4.0]");
    }

    #[test]
    fn a_dense_record_may_state_its_shape() {
        let numbers = Numbers::Float32(vec![1.0, 2.0]);
        let stated = Tensor { numbers, keys: Vec::new(), shape: vec![2] };
        let all = rows(&[record(stated, Some(1.0))]).unwrap().unwrap();
        assert_eq!(all.features, Features::Dense { columns: 2, cells: vec![1.0, 2.0] });
    }

    #[test]
    fn sparse_records_keep_their_width() {
        let all = rows(&[
            record(sparse(&[0, 4], &[1.0, 2.0], 6), Some(1.0)),
            record(sparse(&[], &[], 6), Some(0.0)),
        ]);
        let all = all.unwrap().unwrap();
        let (ends, indices) = (vec![2, 2], vec![0, 4]);
        assert_eq!(
            all.features,
            Features::Sparse { columns: 6, ends, indices, values: vec![1.0, 2.0] }
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let one = |width| record(dense(Numbers::Float32(vec![1.0; width])), Some(1.0));
        for (records, what) in [
            (
                vec![one(2), one(3)],
                "record 2 of file 'a.rec': it has 3 features where the first record has 2",
            ),
            (
                vec![one(1), record(sparse(&[0], &[1.0], 1), Some(1.0))],
                "record 2 of file 'a.rec': it is sparse where the first record is dense",
            ),
            (
                vec![record(dense(Numbers::Int32(vec![1])), None)],
                "record 1 of file 'a.rec': it has no label. Training needs records with a label named 'values'",
            ),
            (
                vec![one(1), record(dense(Numbers::Float32(vec![1.0])), Some(f64::NAN))],
                "record 2 of file 'a.rec': its label is no number, or infinite, or too large for 32 bits, which XGBoost refuses",
            ),
            (
                vec![record(dense(Numbers::Float64(vec![1.0, 1e39])), Some(1.0))],
                "record 1 of file 'a.rec': number 2 of its features is infinite, or too large for 32 bits, which XGBoost refuses",
            ),
            (
                vec![record(sparse(&[1 << 40], &[1.0], 1 << 41), Some(1.0))],
                "record 1 of file 'a.rec': it has more than 16777216 columns",
            ),
        ] {
            let told = rows(&records).unwrap_err();
            assert_eq!(
                told,
                format!(
                    "ClientError: Failed to load recordio-protobuf data with exception:\n{what}"
                )
            );
        }
    }
}
