//! Files of lines, cut into pieces of whole lines that several threads read.
//!
//! A line may span two ranges of a file; the end of a file ends a line, as does a line feed, a
//! return or both. Nothing but a few pieces is in memory. Whatever thread meets it, the first line in
//! the order of the files that is wrong is the one that is told.

#[cfg(test)]
mod tests;

use std::{io::Read, iter, mem};

use memchr::{memchr2, memchr2_iter, memrchr2};
use platform::workload::ChannelFile;

use super::{
    parallel::in_order,
    source::{Content, unreadable},
};
use crate::xgboost::failure::Failure;

/// How much is read at once, bytes: small enough that a piece and its numbers stay in a processor's
/// last cache.
const PIECE: u64 = 1 << 20;
/// No line is longer, bytes: a file without line ends must not fill the memory.
const LONGEST_LINE: usize = 64 << 20;
/// What some programs begin a text with.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// What files begin with that are no text, and what to do with them. The byte behind Parquet's own
/// four is that of a page, for a header may begin with the four.
const FOREIGN: [(&[u8], &str); 5] = [
    (
        b"\x1f\x8b",
        "is compressed by gzip: give its channel the CompressionType Gzip, or decompress it",
    ),
    (b"PAR1\x15", "is Parquet: give its channel the content type application/x-parquet"),
    (
        b"\x0a\x23\xd7\xce",
        "is RecordIO: give its channel the content type application/x-recordio-protobuf",
    ),
    (b"\xff\xfe", "is written in UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "is written in UTF-16: save it as UTF-8"),
];
/// How much of a text goes into a message, characters.
const SNIPPET: usize = 50;

/// Why a line is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Counted from 1; none where the whole line is meant.
    column: Option<usize>,
    /// What is wrong, and what to do.
    what: String,
    /// What else to do, where it is the first line of its file.
    if_first: &'static str,
}

impl Refusal {
    /// Of a whole line.
    pub fn line(what: impl Into<String>) -> Self {
        Self { column: None, what: what.into(), if_first: "" }
    }

    /// Of one cell, by its index from 0.
    pub fn cell(index: usize, what: impl Into<String>) -> Self {
        Self { column: Some(index + 1), what: what.into(), if_first: "" }
    }

    /// With what is said besides where it is the first line of its file.
    pub fn or_if_first(self, if_first: &'static str) -> Self {
        Self { if_first, ..self }
    }

    fn at(&self, file: &ChannelFile, line: usize) -> String {
        let column = self.column.map_or_else(String::new, |column| format!(", column {column}"));
        let more = if line == 1 { self.if_first } else { "" };
        format!("line {line} of file '{}'{column}: {}{more}", file.name, self.what)
    }
}

/// The beginning of a text, as messages show it.
pub fn snippet(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().take(SNIPPET).collect()
}

/// A format of lines.
pub trait LineFormat: Sync {
    /// What the lines of a piece become.
    type Run: Send;

    /// Before the first line of a piece.
    fn begin(&self) -> Self::Run;
    /// Takes a line, which is not blank and has no end.
    fn take(&self, run: &mut Self::Run, line: &[u8]) -> Result<(), Refusal>;
    /// Whether a line is none.
    fn is_blank(&self, line: &[u8]) -> bool {
        is_blank(line)
    }
    /// How the job fails, by what is wrong and where.
    fn failed(&self, what: &str) -> Failure;
}

/// A format, and what the pieces became, in order.
pub type Runs<F> = (F, Vec<<F as LineFormat>::Run>);

/// Reads all lines; `format` is told the first that is not blank. `None` where there is no line.
pub fn read<F: LineFormat>(
    files: &[ChannelFile],
    threads: usize,
    format: impl FnOnce(&ChannelFile, &[u8]) -> Result<F, Failure>,
) -> Result<Option<Runs<F>>, Failure> {
    let mut pieces = files.iter().flat_map(Pieces::new);
    let mut place = 0;
    let first = loop {
        let Some(piece) = pieces.next() else { return Ok(None) };
        let piece = piece?;
        if piece.lines().any(|line| !is_blank(line)) {
            break piece;
        }
        place = piece.last_line(place);
    };
    if first.endless {
        let line = if first.starts { 1 } else { place + 1 };
        return Err(Failure::User(too_long(&first.bytes).at(first.file, line)));
    }
    let line = first.lines().find(|line| !is_blank(line)).unwrap_or_default();
    let format = format(first.file, line)?;
    let mut runs = Vec::new();
    let pieces = iter::once(Ok(first)).chain(pieces);
    in_order(
        threads,
        pieces,
        |piece| parse(&format, piece),
        |parsed| {
            let (piece, run) = parsed?;
            match run {
                Ok(run) => runs.push(run),
                Err((line, refusal)) => {
                    let line = line + if piece.starts { 0 } else { place };
                    return Err(format.failed(&refusal.at(piece.file, line)));
                }
            }
            place = piece.last_line(place);
            Ok(())
        },
    )?;
    Ok(Some((format, runs)))
}

/// Where the line of a row stands, counted from 0, that is not blank once `uncommented`.
pub fn place(
    files: &[ChannelFile],
    row: usize,
    uncommented: fn(&[u8]) -> &[u8],
) -> Option<(&ChannelFile, usize)> {
    let (mut rows, mut place) = (0, 0);
    for piece in files.iter().flat_map(Pieces::new) {
        let piece = piece.ok()?;
        let before = if piece.starts { 0 } else { place };
        for (line, text) in (before + 1..).zip(piece.lines()) {
            if is_blank(uncommented(text)) {
                continue;
            }
            if rows == row {
                return Some((piece.file, line));
            }
            rows += 1;
        }
        place = piece.last_line(place);
    }
    None
}

/// Whole lines of one file.
struct Piece<'a> {
    file: &'a ChannelFile,
    /// Whether the file begins with it.
    starts: bool,
    /// Whether it is the beginning of one line that is too long, and the last piece.
    endless: bool,
    bytes: Vec<u8>,
}

impl Piece<'_> {
    /// Without their ends.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let unmarked = if self.starts { bytes.strip_prefix(BYTE_ORDER_MARK) } else { None };
        Lines(Some(unmarked.unwrap_or(bytes)))
    }

    /// The number of its last line, where `before` is that of the last one of the piece before.
    fn last_line(&self, before: usize) -> usize {
        let ends = memchr2_iter(b'\n', b'\r', &self.bytes);
        let own = ends.filter(|end| !self.bytes[*end..].starts_with(b"\r\n")).count();
        own + if self.starts { 0 } else { before }
    }
}

/// Splits at line ends.
struct Lines<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let Some(end) = memchr2(b'\n', b'\r', rest) else { return self.0.take() };
        let width = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        self.0 = Some(&rest[end + width..]);
        Some(&rest[..end])
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

/// What became of a piece's lines: their run, or the one that was refused, counted from 1.
type Parsed<'a, F> = (Piece<'a>, Result<<F as LineFormat>::Run, (usize, Refusal)>);

fn parse<'a, F: LineFormat>(
    format: &F,
    piece: Result<Piece<'a>, Failure>,
) -> Result<Parsed<'a, F>, Failure> {
    let piece = piece?;
    let run = take_all(format, &piece);
    Ok((piece, run))
}

fn take_all<F: LineFormat>(format: &F, piece: &Piece<'_>) -> Result<F::Run, (usize, Refusal)> {
    if piece.endless {
        return Err((1, too_long(&piece.bytes)));
    }
    let mut run = format.begin();
    for (number, line) in (1..).zip(piece.lines()) {
        if !format.is_blank(line) {
            format.take(&mut run, line).map_err(|refusal| (number, refusal))?;
        }
    }
    Ok(run)
}

fn too_long(line: &[u8]) -> Refusal {
    Refusal::line(format!(
        "it is longer than {LONGEST_LINE} bytes, and begins with '{}'. Each row is a line of its \
         own, which ends in a line feed",
        snippet(line)
    ))
}

/// A file's pieces. After an error there are no more.
struct Pieces<'a> {
    file: &'a ChannelFile,
    source: Content,
    state: State,
}

enum State {
    Start,
    /// With the beginning of the next line.
    Within(Vec<u8>),
    End,
}

impl<'a> Pieces<'a> {
    fn new(file: &'a ChannelFile) -> Self {
        Self { file, source: Content::of(file), state: State::Start }
    }

    /// Reads on to a line's end, or to that of the file; what follows is kept.
    fn read(&mut self, piece: &mut Piece<'_>) -> Result<(), Failure> {
        let held = &mut piece.bytes;
        loop {
            let begin = held.len();
            let mut block = (&mut self.source).take(PIECE);
            block.read_to_end(held).map_err(|error| unreadable(self.file, &error))?;
            if held.len() == begin {
                return Ok(());
            }
            if piece.starts && begin == 0 {
                refuse_foreign(self.file, held)?;
            }
            // What was read before may have ended within a line's end.
            if let Some(end) = last_end(held, begin.saturating_sub(1)) {
                self.state = State::Within(held.split_off(end));
                return Ok(());
            }
            if held.len() > LONGEST_LINE {
                piece.endless = true;
                return Ok(());
            }
        }
    }
}

/// Refuses a file that is no text, by what it begins with.
fn refuse_foreign(file: &ChannelFile, begin: &[u8]) -> Result<(), Failure> {
    match FOREIGN.iter().find(|(with, _)| begin.starts_with(with)) {
        Some((_, what)) => Err(Failure::User(format!("file '{}' {what}", file.name))),
        None => Ok(()),
    }
}

/// Where the last line that is whole ends. A return as the very last byte may be half of an end.
fn last_end(bytes: &[u8], from: usize) -> Option<usize> {
    let whole = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let end = memrchr2(b'\n', b'\r', whole.get(from..)?)?;
    Some(from + end + 1)
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<Piece<'a>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let (starts, bytes) = match mem::replace(&mut self.state, State::End) {
            State::Start => (true, Vec::new()),
            State::Within(held) => (false, held),
            State::End => return None,
        };
        let mut piece = Piece { file: self.file, starts, endless: false, bytes };
        match self.read(&mut piece) {
            Ok(()) => (!piece.bytes.is_empty()).then_some(Ok(piece)),
            Err(failure) => Some(Err(failure)),
        }
    }
}
