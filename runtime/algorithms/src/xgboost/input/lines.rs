//! Files of lines, cut into pieces of whole lines that several threads read.
//!
//! A line may span two ranges of a file; the end of a file ends a line. Nothing but a few pieces is
//! in memory. Whatever thread meets it, the first line in the order of the files that is wrong is
//! the one that is told.

use std::{io::Read, iter, mem};

use memchr::{memchr, memchr_iter, memrchr};
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
/// How much of a text goes into a message, characters.
const SNIPPET: usize = 50;

/// Why a line is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Counted from 1; none where the whole line is meant.
    column: Option<usize>,
    /// What is wrong, and what to do.
    what: String,
}

impl Refusal {
    /// Of a whole line.
    pub fn line(what: impl Into<String>) -> Self {
        Self { column: None, what: what.into() }
    }

    /// Of one cell, by its index from 0.
    pub fn cell(index: usize, what: impl Into<String>) -> Self {
        Self { column: Some(index + 1), what: what.into() }
    }

    fn at(&self, file: &ChannelFile, line: usize) -> String {
        let column = self.column.map_or_else(String::new, |column| format!(", column {column}"));
        format!("line {line} of file '{}'{column}: {}", file.name, self.what)
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
    /// Without their ends, which are of two characters where they were written on Windows.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        let unmarked = if self.starts { bytes.strip_prefix(BYTE_ORDER_MARK) } else { None };
        Lines(Some(unmarked.unwrap_or(bytes)))
    }

    /// The number of its last line, where `before` is that of the last one of the piece before.
    fn last_line(&self, before: usize) -> usize {
        let own = memchr_iter(b'\n', &self.bytes).count();
        own + if self.starts { 0 } else { before }
    }
}

/// Splits at line ends.
struct Lines<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let line = match memchr(b'\n', rest) {
            Some(end) => {
                self.0 = Some(&rest[end + 1..]);
                &rest[..end]
            }
            None => self.0.take()?,
        };
        Some(line.strip_suffix(b"\r").unwrap_or(line))
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
        if !is_blank(line) {
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
            if let Some(end) = memrchr(b'\n', &held[begin..]) {
                self.state = State::Within(held.split_off(begin + end + 1));
                return Ok(());
            }
            if held.len() > LONGEST_LINE {
                piece.endless = true;
                return Ok(());
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use platform::workload::Span;
    use proptest::prelude::*;

    use super::*;

    /// Takes lines as they are, and refuses one.
    struct Verbatim;

    impl LineFormat for Verbatim {
        type Run = Vec<Vec<u8>>;

        fn begin(&self) -> Self::Run {
            Vec::new()
        }

        fn take(&self, run: &mut Self::Run, line: &[u8]) -> Result<(), Refusal> {
            if line == b"bad" {
                return Err(Refusal::cell(2, "it is bad"));
            }
            run.push(line.to_vec());
            Ok(())
        }

        fn failed(&self, what: &str) -> Failure {
            Failure::User(what.to_owned())
        }
    }

    /// A file's bytes, as ranges that end at the given places.
    fn cut(content: &[u8], cuts: &[usize]) -> (tempfile::NamedTempFile, ChannelFile) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (content.len() + 1)).collect();
        ends.extend([0, content.len()]);
        ends.sort_unstable();
        let span = |pair: &[usize]| {
            Span::plain(file.path().to_owned(), pair[0] as u64, (pair[1] - pair[0]) as u64)
        };
        let spans = ends.windows(2).map(span).collect();
        (file, ChannelFile { name: "x.csv".into(), spans, gzip: false })
    }

    fn lines_of(content: &[u8], cuts: &[usize], threads: usize) -> Result<Vec<Vec<u8>>, String> {
        let (_kept, file) = cut(content, cuts);
        let read =
            read(&[file], threads, |_, _| Ok(Verbatim)).map_err(|error| error.to_string())?;
        Ok(read.map_or_else(Vec::new, |(_, runs)| runs.concat()))
    }

    #[test]
    fn a_line_may_span_two_ranges_and_the_last_needs_no_end() {
        assert_eq!(
            lines_of(b"1,2\r\n3,4", &[5, 6], 1).unwrap(),
            [b"1,2".to_vec(), b"3,4".to_vec()]
        );
        assert_eq!(lines_of(b"\xef\xbb\xbfa\n", &[1], 2).unwrap(), [b"a".to_vec()]);
        assert!(lines_of(b"", &[], 2).unwrap().is_empty());
        assert!(lines_of(b"\n \n", &[], 2).unwrap().is_empty());
    }

    #[test]
    fn a_file_of_many_pieces_is_read_whole_and_in_order() {
        let content: Vec<u8> = (0..400_000).flat_map(|n| format!("{n},1\n").into_bytes()).collect();
        assert!(content.len() > 2 * usize::try_from(PIECE).unwrap());
        for threads in [1, 2, 5] {
            let lines = lines_of(&content, &[1_000_003, 1_048_575], threads).unwrap();
            let expected = |n: usize| format!("{n},1").into_bytes();
            assert!(lines.iter().enumerate().all(|(n, line)| *line == expected(n)));
            assert_eq!(lines.len(), 400_000);
        }
    }

    #[test]
    fn the_first_wrong_line_is_told_whatever_thread_meets_it() {
        let filler = "0123456789\n".repeat(150_000);
        for threads in [1, 3] {
            let content = format!("\n{filler}\nbad\n{filler}bad\n");
            let told = lines_of(content.as_bytes(), &[], threads).unwrap_err();
            assert_eq!(told, "ClientError: line 150003 of file 'x.csv', column 3: it is bad");
        }
        let blank = "\n".repeat(2_500_000);
        let told = lines_of(format!("{blank}bad").as_bytes(), &[], 2).unwrap_err();
        assert!(told.contains("line 2500001 of"), "{told}");
    }

    #[test]
    fn a_line_without_an_end_is_told_with_its_number() {
        let endless = "0".repeat(LONGEST_LINE + 2 * usize::try_from(PIECE).unwrap());
        let told = |content: String| lines_of(content.as_bytes(), &[], 2).unwrap_err();
        let expected = |line: usize| {
            format!(
                "ClientError: line {line} of file 'x.csv': it is longer than 67108864 bytes, and \
                 begins with '{}'. Each row is a line of its own, which ends in a line feed",
                "0".repeat(SNIPPET)
            )
        };
        assert_eq!(told(endless.clone()), expected(1));
        assert_eq!(told(format!("1\n2\n{endless}")), expected(3));
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_file_is_cut(
            content in "[a-c\\r\\n]{0,40}", cuts: Vec<usize>, threads in 1_usize..4
        ) {
            let expected: Vec<Vec<u8>> = content
                .split('\n')
                .map(|line| line.strip_suffix('\r').unwrap_or(line).as_bytes().to_vec())
                .filter(|line| !is_blank(line))
                .collect();
            prop_assert_eq!(lines_of(content.as_bytes(), &cuts, threads), Ok(expected));
        }
    }
}
