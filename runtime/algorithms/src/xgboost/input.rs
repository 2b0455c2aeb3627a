//! What a channel holds, read into the numbers that the library learns from, on all cores.
//!
//! Whatever the format, the outcome is [`Rows`]. Files are read in the order of their keys, so the
//! rows stand in that order too, however many threads read them.

mod container_csv;
mod container_number;
mod csv;
mod libsvm;
mod lines;
mod number;
mod parallel;
mod parquet;
mod recordio;
mod rows;
mod source;

use platform::workload::Channel;

use super::failure::Failure;

pub use number::Numbers;
pub use rows::{Features, Rows};

/// How a channel's files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The label first, no header.
    Csv,
    /// `label index:value …`, indices from 0.
    Libsvm,
    /// The label in the first column.
    Parquet,
    /// Records of `aialgs.data`, framed as RecordIO.
    RecordIo,
}

impl Format {
    /// Whether its numbers are text.
    pub fn is_text(self) -> bool {
        match self {
            Self::Csv | Self::Libsvm => true,
            Self::Parquet | Self::RecordIo => false,
        }
    }
}

/// What was read, and what a log should say about it.
#[derive(Debug)]
pub struct Read {
    /// At least one.
    pub rows: Rows,
    /// What was found between the cells of CSV.
    pub delimiter: Option<char>,
    /// How many cells are no numbers and were read all the same.
    pub texts: usize,
}

/// Reads all rows of a channel on so many threads. `weighted`: the second column of CSV is a
/// weight. `None` where there is no row.
pub fn read(
    channel: &Channel,
    format: Format,
    weighted: bool,
    numbers: Numbers,
    threads: usize,
) -> Result<Option<Read>, Failure> {
    let files = &channel.files;
    let unlabelled = |rows| Read { rows, delimiter: None, texts: 0 };
    let read = match format {
        Format::Csv => match numbers {
            Numbers::Exact => csv::read(files, weighted, threads)?,
            Numbers::Container => container_csv::read(files, weighted, threads)?,
        },
        Format::Libsvm => libsvm::read(files, numbers, threads)?.map(unlabelled),
        Format::Parquet => parquet::read(files, threads)?.map(unlabelled),
        Format::RecordIo => recordio::read(files, threads)?.map(unlabelled),
    };
    Ok(read.filter(|read| read.rows.len() > 0))
}

/// How many bytes a channel has.
pub fn size(channel: &Channel) -> u64 {
    channel.files.iter().map(source::length).sum()
}

/// Where the label of a row stands, counted from 0. The channel is read once more.
pub fn place(channel: &Channel, format: Format, row: usize) -> String {
    let found = match format {
        Format::Csv => lines::place(&channel.files, row, |line| line),
        Format::Libsvm => lines::place(&channel.files, row, libsvm::uncommented),
        Format::Parquet | Format::RecordIo => None,
    };
    found.map_or_else(
        || format!("row {} of the channel '{}'", row + 1, channel.name),
        |(file, line)| format!("line {line} of file '{}', column 1", file.name),
    )
}
