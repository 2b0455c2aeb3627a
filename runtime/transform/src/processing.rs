//! `DataProcessing`: what of a record is sent to the model, and what of its answer is kept.
//!
//! A record that is CSV is an array of its cells, whose text is kept as it stands; one that is JSON
//! keeps the text of what is selected, numbers included.

mod csv;
mod json;

use platform::transform::{Format, JsonPath, OutOfRange, Processing};

use crate::lines::filled;

/// Why records could not be filtered or joined. Records are counted from 0, blank lines among them.
#[derive(Debug, PartialEq, Eq)]
pub struct Unprocessed {
    pub record: u64,
    pub why: Trouble,
}

/// What was wrong with a record or its answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("Invalid JsonPath: {path}: {error}")]
    Outside { path: String, error: OutOfRange },
    #[error("Invalid JsonPath: {path}: there is no \"{name}\"")]
    NoMember { path: String, name: String },
    #[error("Invalid JsonPath: {path}: what it is applied to is no {wanted}")]
    Kind { path: String, wanted: &'static str },
    #[error("Failed to parse {of} as CSV: a quote is not closed in its line")]
    Quote { of: Of },
    #[error("Failed to parse {of} as JSON: {message}")]
    Json { of: Of, message: String },
    #[error("the algorithm answered {answers} records for {records}, so they cannot be joined")]
    Count { records: u64, answers: u64 },
}

/// Whose text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Input,
    Output,
}

impl std::fmt::Display for Of {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(match self {
            Self::Input => "input",
            Self::Output => "output from the algorithm",
        })
    }
}

/// What is sent to the model of a request.
pub fn request(processing: &Processing, request: &[u8]) -> Result<Vec<u8>, Unprocessed> {
    let mut kept = Vec::with_capacity(request.len());
    let path = &processing.input;
    match processing.format {
        Format::Csv => lines(request, |line| csv::filter(path, line, Of::Input, &mut kept))?,
        Format::JsonLines => lines(request, |line| {
            json::select(path, json::read(line, Of::Input)?, &mut kept)?;
            kept.push(b'\n');
            Ok(())
        })?,
        Format::Json => json::read(request, Of::Input)
            .and_then(|record| json::select(path, record, &mut kept))
            .map_err(|why| Unprocessed { record: 0, why })?,
    }
    Ok(kept)
}

/// What is kept of a request and its answer.
pub fn answer(
    processing: &Processing,
    request: &[u8],
    answer: &[u8],
) -> Result<Vec<u8>, Unprocessed> {
    let Processing { format, output: path, join, .. } = processing;
    let mut kept = Vec::with_capacity(answer.len() + if *join { request.len() } else { 0 });
    match (format, join) {
        (Format::Csv, false) => {
            answers(request, answer, |line| csv::filter(path, line, Of::Output, &mut kept))?;
        }
        (Format::Csv, true) => {
            pairs(request, answer, |record, answer| csv::join(path, record, answer, &mut kept))?;
        }
        (Format::JsonLines, false) => answers(request, answer, |line| {
            json::select(path, json::read(line, Of::Output)?, &mut kept)?;
            kept.push(b'\n');
            Ok(())
        })?,
        (Format::JsonLines, true) => pairs(request, answer, |record, answer| {
            joined(path, record, answer, &mut kept)?;
            kept.push(b'\n');
            Ok(())
        })?,
        (Format::Json, false) => json::read(answer, Of::Output)
            .and_then(|answer| json::select(path, answer, &mut kept))
            .map_err(|why| Unprocessed { record: 0, why })?,
        (Format::Json, true) => joined(path, request, answer, &mut kept)
            .map_err(|why| Unprocessed { record: 0, why })?,
    }
    Ok(kept)
}

fn joined(
    path: &JsonPath,
    record: &[u8],
    answer: &[u8],
    kept: &mut Vec<u8>,
) -> Result<(), Trouble> {
    let joined = json::join(json::read(record, Of::Input)?, json::read(answer, Of::Output)?);
    json::select(path, &joined, kept)
}

/// Hands `each` the lines that are not blank, without their ends.
fn lines(
    text: &[u8],
    mut each: impl FnMut(&[u8]) -> Result<(), Trouble>,
) -> Result<(), Unprocessed> {
    filled(text)
        .try_for_each(|(record, line)| each(line).map_err(|why| Unprocessed { record, why }))
}

/// The same with the lines of answers, which are told by the numbers of their records.
fn answers(
    records: &[u8],
    answers: &[u8],
    mut each: impl FnMut(&[u8]) -> Result<(), Trouble>,
) -> Result<(), Unprocessed> {
    let mut numbers = filled(records).map(|(number, _)| number);
    let mut record = 0;
    for (_, line) in filled(answers) {
        // Those that are too many are the last one's.
        record = numbers.next().unwrap_or(record);
        each(line).map_err(|why| Unprocessed { record, why })?;
    }
    Ok(())
}

/// The same with each record's line and its answer's, of which there must be as many.
fn pairs(
    records: &[u8],
    answers: &[u8],
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Trouble>,
) -> Result<(), Unprocessed> {
    let (mut answered, mut behind) = (filled(answers), 0);
    for (record, line) in filled(records) {
        let wrong = |why| Unprocessed { record, why };
        let Some((_, answer)) = answered.next() else {
            return Err(wrong(uneven(records, answers)));
        };
        each(line, answer).map_err(wrong)?;
        behind = record + 1;
    }
    match answered.next() {
        None => Ok(()),
        Some(_) => Err(Unprocessed { record: behind, why: uneven(records, answers) }),
    }
}

fn uneven(records: &[u8], answers: &[u8]) -> Trouble {
    let count = |text| filled(text).count() as u64;
    Trouble::Count { records: count(records), answers: count(answers) }
}

#[cfg(test)]
mod tests;
