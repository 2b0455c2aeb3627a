//! Parquet for training: the first column is the label, the others are features; no weights.
//!
//! Columns are read on several threads, in place: the format is read from its end, and only pages
//! are held in memory. Many writers make one row group of a file, so its columns are what threads
//! share. Columns belong together by their names, whatever their order in each file.

mod column;
mod in_place;
mod layout;
#[cfg(test)]
mod tests;

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use parquet::{
    errors::ParquetError,
    file::reader::{FileReader as _, RowGroupReader, SerializedFileReader},
};
use platform::workload::{ChannelFile, Span};
use tempfile::NamedTempFile;

use self::{
    in_place::{InPlace, own_error},
    layout::Layout,
};
use super::{
    parallel::in_order,
    rows::{Features, INFINITE, Rows},
    source::{Content, unreadable},
};
use crate::xgboost::failure::Failure;

/// Reads all rows.
pub fn read(files: &[ChannelFile], threads: usize) -> Result<Option<Rows>, Failure> {
    let mut reading = Reading { threads, first: None, runs: Vec::new() };
    for file in files {
        if file.gzip {
            let plain = decompressed(file).map_err(|error| unreadable(file, &error))?;
            reading.take(&plain.1)?;
        } else {
            reading.take(file)?;
        }
    }
    Ok(Rows::joined(reading.runs))
}

/// The format is read from its end, and gzip only from its beginning: so the one file that is
/// being read is laid down decompressed, for as long as the first of the pair lives.
fn decompressed(file: &ChannelFile) -> io::Result<(NamedTempFile, ChannelFile)> {
    let mut plain = NamedTempFile::new()?;
    let len = io::copy(&mut Content::of(file), &mut plain)?;
    let spans = vec![Span::plain(plain.path().to_owned(), 0, len)];
    Ok((plain, ChannelFile { name: file.name.clone(), spans, gzip: false }))
}

/// Files, one after the other.
struct Reading {
    threads: usize,
    /// The columns of the first file that has rows.
    first: Option<Layout>,
    runs: Vec<Rows>,
}

impl Reading {
    fn take(&mut self, file: &ChannelFile) -> Result<(), Failure> {
        let refused = |error: Refusal| error.of(file);
        let opened = || Ok(SerializedFileReader::new(InPlace(file.clone()))?);
        let reader = unharmed(opened).map_err(refused)?;
        let groups = groups(&reader);
        if groups.is_empty() {
            return Ok(());
        }
        let layout = Layout::of(reader.metadata().file_metadata());
        let columns = self.columns(&layout).map_err(|what| refused(Refusal::Content(what)))?;
        let parts = groups.into_iter().flat_map(|group| {
            columns.iter().enumerate().map(move |(at, place)| Part { group, at, place: *place })
        });
        let work = |part: Part| {
            let values = unharmed(|| part.read(&*reader.get_row_group(part.group.number)?))?;
            Ok((part, values))
        };
        in_order(self.threads, parts, work, |read| {
            let (part, values) = read.map_err(refused)?;
            self.put(&part, values, columns.len() - 1);
            Ok(())
        })
    }

    /// A row group begins with its labels; its features follow, column by column.
    fn put(&mut self, part: &Part, values: Vec<f32>, width: usize) {
        let Some(feature) = part.at.checked_sub(1) else {
            let cells = vec![f32::NAN; values.len().saturating_mul(width)];
            let features = Features::Dense { columns: width, cells };
            self.runs.push(Rows { labels: values, features, ..Rows::dense(width) });
            return;
        };
        let Some(Rows { features: Features::Dense { cells, .. }, .. }) = self.runs.last_mut()
        else {
            return;
        };
        for (cell, value) in cells[feature..].iter_mut().step_by(width).zip(values) {
            *cell = value;
        }
    }

    /// Where the columns of the first file stand in one of this layout.
    fn columns(&mut self, layout: &Layout) -> Result<Vec<usize>, String> {
        if layout.features() == 0 {
            return Err("it has no column behind the label, which is the first".to_owned());
        }
        layout.places_of(self.first.get_or_insert_with(|| layout.clone()))
    }
}

/// A row group that has rows.
#[derive(Clone, Copy)]
struct Group {
    number: usize,
    rows: usize,
    /// Rows of the file before its own.
    before: usize,
}

fn groups(reader: &SerializedFileReader<InPlace>) -> Vec<Group> {
    let mut before = 0_usize;
    let group = |(number, rows)| {
        let group = Group { number, rows, before };
        before = before.saturating_add(rows);
        group
    };
    let rows = reader.metadata().row_groups().iter();
    let rows = rows.map(|group| usize::try_from(group.num_rows()).unwrap_or(0));
    rows.enumerate().map(group).filter(|group| group.rows > 0).collect()
}

/// A column of a row group.
struct Part {
    group: Group,
    /// Which one it is: the label, or the features behind it.
    at: usize,
    /// Which one of its file.
    place: usize,
}

impl Part {
    fn read(&self, group: &dyn RowGroupReader) -> Result<Vec<f32>, Refusal> {
        let values = column::read(group, self.place, self.group.rows)?;
        let (bad, name): (fn(&f32) -> bool, _) = if self.at == 0 {
            (|label| !label.is_finite(), None)
        } else {
            let column = group.metadata().column(self.place).column_descr();
            (|value| value.is_infinite(), Some(column.path().string()))
        };
        let Some(row) = values.iter().position(bad) else { return Ok(values) };
        let what = if values[row].is_nan() { "missing" } else { INFINITE };
        let row = self.group.before + row + 1;
        Err(Refusal::Content(match name {
            None => format!("row {row}: the label is {what}"),
            Some(name) => format!("row {row}, column '{name}': the value is {what}"),
        }))
    }
}

/// Parquet's reader panics at some damaged pages. What it had in hand is dropped with it.
fn unharmed<T>(read: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(Refusal::damaged()))
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
    fn damaged() -> Self {
        Self::Content("it is damaged: its pages contradict its footer".to_owned())
    }

    fn of(self, file: &ChannelFile) -> Failure {
        let what = match self {
            Self::Format(error) => match own_error(&error) {
                Some(error) => return unreadable(file, error),
                None => error.to_string(),
            },
            Self::Content(what) => what,
        };
        Failure::User(format!(
            "Failed to load parquet data with exception:\nfile '{}': {what}",
            file.name
        ))
    }
}
