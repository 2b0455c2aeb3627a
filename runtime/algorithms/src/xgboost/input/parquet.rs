//! Parquet for training: the first column is the label, the others are features; no weights.
//!
//! Row groups are read on several threads, in place: the format is read from its end, and only
//! pages are held in memory. Columns belong together by their names, whatever their order in each
//! file.

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
        let work = |group: Group| {
            unharmed(|| read_group(&*reader.get_row_group(group.number)?, &columns, group))
        };
        in_order(self.threads, groups.into_iter(), work, |run| {
            self.runs.push(run.map_err(refused)?);
            Ok(())
        })
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

/// `columns`: where the label stands, and each feature.
fn read_group(
    group: &dyn RowGroupReader,
    columns: &[usize],
    Group { rows, before, .. }: Group,
) -> Result<Rows, Refusal> {
    let (label, features) = columns.split_first().ok_or_else(Refusal::damaged)?;
    let labels = column::read(group, *label, rows)?;
    if let Some(row) = labels.iter().position(|label| !label.is_finite()) {
        let what = if labels[row].is_nan() { "missing" } else { INFINITE };
        return Err(Refusal::Content(format!("row {}: the label is {what}", before + row + 1)));
    }
    let width = features.len();
    let mut cells = vec![f32::NAN; rows.saturating_mul(width)];
    for (at, place) in features.iter().enumerate() {
        let values = column::read(group, *place, rows)?;
        if let Some(row) = values.iter().position(|value| value.is_infinite()) {
            let name = group.metadata().column(*place).column_descr().path().string();
            return Err(Refusal::Content(format!(
                "row {}, column '{name}': the value is {INFINITE}",
                before + row + 1
            )));
        }
        for (cell, value) in cells[at..].iter_mut().step_by(width).zip(values) {
            *cell = value;
        }
    }
    let mut run = Rows::dense(width);
    run.labels = labels;
    run.features = Features::Dense { columns: width, cells };
    Ok(run)
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
