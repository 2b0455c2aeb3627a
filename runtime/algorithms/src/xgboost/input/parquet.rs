//! Parquet for training: the first column is the label, the others are features; no weights.
//!
//! Row groups are read on several threads, in place: the format is read from its end, and only
//! pages are held in memory.

use std::io::{self, Read as _};

use bytes::Bytes;
use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::DataType,
    errors::{ParquetError, Result as ParquetResult},
    file::reader::{ChunkReader, FileReader as _, Length, RowGroupReader, SerializedFileReader},
    schema::types::ColumnDescriptor,
};
use platform::workload::{ChannelFile, Span};
use tempfile::NamedTempFile;

use super::{
    parallel::in_order,
    rows::{Features, Rows},
    source::{Content, Source, length, unreadable},
};
use crate::xgboost::failure::Failure;

/// Reads all rows.
pub fn read(files: &[ChannelFile], threads: usize) -> Result<Option<Rows>, Failure> {
    let mut runs: Vec<Rows> = Vec::new();
    for file in files {
        if file.gzip {
            let plain = decompressed(file).map_err(|error| unreadable(file, &error))?;
            read_file(&plain.1, threads, &mut runs)?;
        } else {
            read_file(file, threads, &mut runs)?;
        }
    }
    Ok(Rows::joined(runs))
}

/// The format is read from its end, and gzip only from its beginning: so the one file that is
/// being read is laid down decompressed, for as long as the first of the pair lives.
fn decompressed(file: &ChannelFile) -> io::Result<(NamedTempFile, ChannelFile)> {
    let mut plain = NamedTempFile::new()?;
    let len = io::copy(&mut Content::of(file), &mut plain)?;
    let spans = vec![Span::plain(plain.path().to_owned(), 0, len)];
    Ok((plain, ChannelFile { name: file.name.clone(), spans, gzip: false }))
}

fn read_file(file: &ChannelFile, threads: usize, runs: &mut Vec<Rows>) -> Result<(), Failure> {
    let refused = |error: Refusal| error.of(file);
    let reader = SerializedFileReader::new(InPlace(file.clone()))
        .map_err(|error| refused(Refusal::from(error)))?;
    let columns = reader.metadata().file_metadata().schema_descr().num_columns().saturating_sub(1);
    let first = runs.first().map_or(columns, Rows::columns);
    if columns == 0 || columns != first {
        return Err(refused(Refusal::Content(format!(
            "{columns} columns behind the label where there should be {}",
            first.max(1)
        ))));
    }
    let work = |group: usize| {
        let group = reader.get_row_group(group).map_err(Refusal::from)?;
        read_group(&*group, columns)
    };
    in_order(threads, 0..reader.num_row_groups(), work, |run| {
        runs.push(run.map_err(refused)?);
        Ok(())
    })
}

fn read_group(group: &dyn RowGroupReader, columns: usize) -> Result<Rows, Refusal> {
    let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
    let labels = column(group, 0, rows)?;
    if let Some(row) = labels.iter().position(|label| label.is_nan()) {
        return Err(Refusal::Content(format!("row {} of a row group has no label", row + 1)));
    }
    let mut cells = vec![f32::NAN; rows.saturating_mul(columns)];
    for at in 0..columns {
        let values = column(group, at + 1, rows)?;
        for (cell, value) in cells[at..].iter_mut().step_by(columns).zip(values) {
            *cell = value;
        }
    }
    let mut run = Rows::dense(columns);
    run.labels = labels;
    run.features = Features::Dense { columns, cells };
    Ok(run)
}

/// A column's numbers; NaN where there is none.
#[expect(clippy::cast_possible_truncation, reason = "XGBoost's numbers have 32 bits")]
#[expect(clippy::cast_precision_loss, reason = "XGBoost's numbers have 32 bits")]
fn column(group: &dyn RowGroupReader, index: usize, rows: usize) -> Result<Vec<f32>, Refusal> {
    let chunk = group.metadata().column(index);
    let described = chunk.column_descr();
    let name = described.path().string();
    if described.max_rep_level() > 0 || described.max_def_level() > 1 {
        return Err(Refusal::Content(format!("the column '{name}' holds lists or structures")));
    }
    let unit = unit(described);
    let scaled = |value: f64| (value / unit) as f32;
    let column = match group.get_column_reader(index)? {
        ColumnReader::BoolColumnReader(from) => {
            numbers(from, described, rows, |it| f32::from(u8::from(it)))
        }
        ColumnReader::Int32ColumnReader(from) => {
            numbers(from, described, rows, |it| scaled(it.into()))
        }
        ColumnReader::Int64ColumnReader(from) => {
            numbers(from, described, rows, |it| scaled(it as f64))
        }
        ColumnReader::FloatColumnReader(from) => numbers(from, described, rows, |it| it),
        ColumnReader::DoubleColumnReader(from) => numbers(from, described, rows, |it| it as f32),
        ColumnReader::Int96ColumnReader(_)
        | ColumnReader::ByteArrayColumnReader(_)
        | ColumnReader::FixedLenByteArrayColumnReader(_) => {
            return Err(Refusal::Content(format!(
                "the column '{name}' is of type {}, which is no number",
                described.physical_type()
            )));
        }
    }?;
    if column.len() == rows {
        return Ok(column);
    }
    Err(Refusal::Content(format!("the column '{name}' has {} rows of {rows}", column.len())))
}

/// What a whole number of a decimal column counts in parts of.
fn unit(column: &ColumnDescriptor) -> f64 {
    let scale = column.type_scale();
    if scale > 0 { 10_f64.powi(scale) } else { 1.0 }
}

fn numbers<T: DataType>(
    mut from: ColumnReaderImpl<T>,
    column: &ColumnDescriptor,
    rows: usize,
    number: impl Fn(T::T) -> f32,
) -> Result<Vec<f32>, Refusal> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    let optional = column.max_def_level() > 0;
    loop {
        let levels = optional.then_some(&mut levels);
        let (records, _, _) = from.read_records(rows, levels, None, &mut values)?;
        if records == 0 {
            break;
        }
    }
    let mut values = values.into_iter().map(number);
    if !optional {
        return Ok(values.collect());
    }
    let present = |level: i16| if level > 0 { values.next() } else { None };
    Ok(levels.into_iter().map(present).map(|value| value.unwrap_or(f32::NAN)).collect())
}

/// Why a file is refused.
enum Refusal {
    /// Parquet's reader said so.
    Format(ParquetError),
    /// It holds what cannot be learned from.
    Content(String),
}

impl From<ParquetError> for Refusal {
    fn from(error: ParquetError) -> Self {
        Self::Format(error)
    }
}

impl Refusal {
    fn of(self, file: &ChannelFile) -> Failure {
        let what = match self {
            Self::Format(ParquetError::External(error)) => match error.downcast_ref() {
                Some(error) => return unreadable(file, error),
                None => error.to_string(),
            },
            Self::Format(error) => error.to_string(),
            Self::Content(what) => what,
        };
        Failure::User(format!(
            "Failed to load parquet data with exception:\nfile '{}': {what}",
            file.name
        ))
    }
}

/// A file as Parquet's reader wants it.
struct InPlace(ChannelFile);

impl Length for InPlace {
    fn len(&self) -> u64 {
        length(&self.0)
    }
}

impl ChunkReader for InPlace {
    type T = Source;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(Source::from(&self.0, start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let mut bytes = Vec::new();
        let mut source = Source::from(&self.0, start).take(length as u64);
        source.read_to_end(&mut bytes).map_err(|error| ParquetError::External(error.into()))?;
        if bytes.len() < length {
            return Err(ParquetError::EOF("the file ends within a page".into()));
        }
        Ok(bytes.into())
    }
}
