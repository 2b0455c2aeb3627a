//! `DataProcessing`: what of a record is sent to the model, and what of its answer is kept.
//!
//! A record that is CSV is an array of its cells, whose text is kept as it stands; one that is JSON
//! keeps the text of what is selected, numbers included.

mod csv;
mod json;

use platform::transform::{Format, JsonPath, OutOfRange, Processing};

/// Why records could not be filtered or joined. Records are counted from 0.
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
            lines(answer, |line| csv::filter(path, line, Of::Output, &mut kept))?;
        }
        (Format::Csv, true) => {
            pairs(request, answer, |record, answer| csv::join(path, record, answer, &mut kept))?;
        }
        (Format::JsonLines, false) => lines(answer, |line| {
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
    (0..)
        .zip(filled(text))
        .try_for_each(|(record, line)| each(line).map_err(|why| Unprocessed { record, why }))
}

/// The same with each record's line and its answer's, of which there must be as many.
fn pairs(
    records: &[u8],
    answers: &[u8],
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Trouble>,
) -> Result<(), Unprocessed> {
    let (mut answered, mut number) = (filled(answers), 0);
    for line in filled(records) {
        let wrong = |why| Unprocessed { record: number, why };
        let Some(answer) = answered.next() else { return Err(wrong(uneven(records, answers))) };
        each(line, answer).map_err(wrong)?;
        number += 1;
    }
    match answered.next() {
        None => Ok(()),
        Some(_) => Err(Unprocessed { record: number, why: uneven(records, answers) }),
    }
}

fn uneven(records: &[u8], answers: &[u8]) -> Trouble {
    let count = |text| filled(text).count() as u64;
    Trouble::Count { records: count(records), answers: count(answers) }
}

/// The lines that are not blank, without their ends.
fn filled(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.trim_ascii().is_empty() {
                return Some(line);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests;
