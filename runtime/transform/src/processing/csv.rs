//! Rows of CSV: a row is an array of cells. No cell becomes a value; what is kept is copied as it
//! stands, quotes and all, and neighbours in one piece.

use memchr::memchr;
use platform::transform::{JsonPath, Span, Step};

use super::{Of, Trouble};

/// A cell's place in its row, bytes.
type Cell = (usize, usize);

/// Appends what a path keeps of a row, with a line end.
pub fn filter(path: &JsonPath, row: &[u8], of: Of, kept: &mut Vec<u8>) -> Result<(), Trouble> {
    // What most filters are: all but the first cells.
    if let [Step::Elements(spans)] = path.steps()
        && let [Span { first: Some(first @ 0..), last: None }] = spans[..]
        && let Some(rest) = after(row, first, of)?
    {
        closed(rest, of)?;
        kept.extend_from_slice(rest);
        kept.push(b'\n');
        return Ok(());
    }
    keep(path, row, &cells(row, of)?, kept)
}

/// The same of a row with its answer's cells after its own.
pub fn join(path: &JsonPath, row: &[u8], answer: &[u8], kept: &mut Vec<u8>) -> Result<(), Trouble> {
    if path.is_root() {
        closed(row, Of::Input)?;
        closed(answer, Of::Output)?;
        kept.extend_from_slice(row);
        kept.push(b',');
        kept.extend_from_slice(answer);
        kept.push(b'\n');
        return Ok(());
    }
    let joined = [row, b",", answer].concat();
    let mut all = cells(row, Of::Input)?;
    let behind = row.len() + 1;
    let answered = cells(answer, Of::Output)?;
    all.extend(answered.iter().map(|(start, end)| (start + behind, end + behind)));
    keep(path, &joined, &all, kept)
}

fn keep(path: &JsonPath, row: &[u8], cells: &[Cell], kept: &mut Vec<u8>) -> Result<(), Trouble> {
    let outside = |error| Trouble::Outside { path: path.text().to_owned(), error };
    let mut add = |span: Span| {
        let (first, last) = span.within(cells.len()).map_err(outside)?;
        kept.extend_from_slice(&row[cells[first].0..cells[last].1]);
        kept.push(b',');
        Ok(())
    };
    match path.steps() {
        [Step::Element(index)] => add(Span::one(*index))?,
        [Step::Elements(spans)] => spans.iter().try_for_each(|span| add(*span))?,
        // `$` and `$[*]`; names are no paths of rows.
        _ => add(Span { first: None, last: None })?,
    }
    if let Some(end) = kept.last_mut() {
        *end = b'\n';
    }
    Ok(())
}

/// What follows the first `count` cells; `None` where there are no more.
fn after(row: &[u8], count: i64, of: Of) -> Result<Option<&[u8]>, Trouble> {
    let mut at = 0;
    for _ in 0..count {
        at = end(row, at, of)? + 1;
        if at > row.len() {
            return Ok(None);
        }
    }
    Ok(Some(&row[at..]))
}

/// Refuses cells that are copied unseen, if one is not closed.
fn closed(row: &[u8], of: Of) -> Result<(), Trouble> {
    if memchr(b'"', row).is_some() { cells(row, of).map(|_| ()) } else { Ok(()) }
}

/// The cells of a row; an empty one has one, which is empty.
fn cells(row: &[u8], of: Of) -> Result<Vec<Cell>, Trouble> {
    let (mut cells, mut at) = (Vec::new(), 0);
    while at <= row.len() {
        let end = end(row, at, of)?;
        cells.push((at, end));
        at = end + 1;
    }
    Ok(cells)
}

/// Where the cell ends that begins at `at`. Commas between quotes are its own where a quote is its
/// first byte; a quote within any other cell is a character like others.
fn end(row: &[u8], at: usize, of: Of) -> Result<usize, Trouble> {
    let behind = if row.get(at) == Some(&b'"') { close(row, at + 1, of)? } else { at };
    Ok(memchr(b',', &row[behind..]).map_or(row.len(), |comma| behind + comma))
}

/// What follows the quote that closes a cell; doubled ones are its own.
fn close(row: &[u8], inside: usize, of: Of) -> Result<usize, Trouble> {
    let mut at = inside;
    loop {
        at += memchr(b'"', &row[at..]).ok_or(Trouble::Quote { of })? + 1;
        if row.get(at) != Some(&b'"') {
            return Ok(at);
        }
        at += 1;
    }
}
