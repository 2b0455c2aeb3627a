//! The lines of a channel's file, read in place from the ranges that hold it.
//!
//! A line may span two ranges, or many blocks; the end of the file ends a line. Nothing but one
//! block and the line at its end is in memory.

use std::io::{self, Read};

use platform::{parts::PartReader, workload::ChannelFile};

/// How much is read at once, bytes.
const BLOCK: usize = 1 << 20;
/// No line is longer, bytes: a file without line ends must not fill the memory.
const LONGEST_LINE: usize = 64 << 20;

/// Why a file's lines cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LinesError<E> {
    /// The disk, or a range that does not exist.
    #[error("cannot read {file}")]
    Disk {
        /// The object's name in its channel.
        file: String,
        /// The system's word.
        source: io::Error,
    },
    /// More than [`LONGEST_LINE`] without a line end.
    #[error("line {line} of {file} is longer than {LONGEST_LINE} bytes")]
    TooLong {
        /// The object's name in its channel.
        file: String,
        /// Counted from 1.
        line: u64,
    },
    /// What the reader of the lines said.
    #[error("{0}")]
    Row(E),
}

/// Hands every line, without its end, to `row` with its number from 1.
pub fn for_each_line<E>(
    file: &ChannelFile,
    mut row: impl FnMut(u64, &[u8]) -> Result<(), E>,
) -> Result<(), LinesError<E>> {
    let disk = |source| LinesError::Disk { file: file.name.clone(), source };
    let mut held = Vec::with_capacity(2 * BLOCK);
    let mut line = 0;
    for span in &file.spans {
        let mut source = PartReader::new(vec![span.open().map_err(disk)?]);
        let mut done = 0;
        while done < span.len {
            done += fill(&mut held, &mut source, span.len - done).map_err(disk)?;
            let used = take_lines(&held, &mut line, &mut row).map_err(LinesError::Row)?;
            held.drain(..used);
            if held.len() > LONGEST_LINE {
                return Err(LinesError::TooLong { file: file.name.clone(), line: line + 1 });
            }
        }
    }
    if held.is_empty() {
        return Ok(());
    }
    row(line + 1, without_return(&held)).map_err(LinesError::Row)
}

/// Appends the next block of a range; answers how long it is.
fn fill(held: &mut Vec<u8>, source: &mut PartReader, left: u64) -> io::Result<u64> {
    let length = left.min(BLOCK as u64);
    let begin = held.len();
    held.resize(begin + usize::try_from(length).unwrap_or(BLOCK), 0);
    source.read_exact(&mut held[begin..])?;
    Ok(length)
}

/// Hands out the complete lines; answers how many bytes they were.
fn take_lines<E>(
    held: &[u8],
    line: &mut u64,
    row: &mut impl FnMut(u64, &[u8]) -> Result<(), E>,
) -> Result<usize, E> {
    let mut used = 0;
    while let Some(length) = held[used..].iter().position(|byte| *byte == b'\n') {
        *line += 1;
        row(*line, without_return(&held[used..used + length]))?;
        used += length + 1;
    }
    Ok(used)
}

/// Lines written on Windows end in two characters.
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io::Write, path::Path};

    use platform::workload::Span;
    use proptest::prelude::*;

    use super::*;

    /// The file's bytes, as ranges that end at the given places.
    fn spans(path: &Path, length: usize, cuts: &[usize]) -> Vec<Span> {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (length + 1)).collect();
        ends.extend([0, length]);
        ends.sort_unstable();
        ends.windows(2)
            .map(|pair| Span::plain(path.to_owned(), pair[0] as u64, (pair[1] - pair[0]) as u64))
            .collect()
    }

    fn lines(content: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let file =
            ChannelFile { name: "x.csv".into(), spans: spans(file.path(), content.len(), cuts) };
        let mut lines = Vec::new();
        for_each_line(&file, |number, line| {
            assert_eq!(number, lines.len() as u64 + 1);
            lines.push(line.to_owned());
            Ok::<(), Infallible>(())
        })
        .unwrap();
        lines
    }

    #[test]
    fn a_line_may_span_two_ranges_and_the_last_needs_no_end() {
        assert_eq!(lines(b"1,2\r\n3,4", &[5, 6]), [b"1,2".to_vec(), b"3,4".to_vec()]);
        assert_eq!(lines(b"a\n", &[1]), [b"a".to_vec()]);
        assert!(lines(b"", &[]).is_empty());
    }

    #[test]
    fn a_file_larger_than_a_block_is_read_whole() {
        let content: Vec<u8> = (0..400_000).flat_map(|n| format!("{n},1\n").into_bytes()).collect();
        assert!(content.len() > 2 * BLOCK);
        let lines = lines(&content, &[BLOCK - 1, BLOCK + 3]);
        assert_eq!(lines.len(), 400_000);
        assert_eq!(lines[399_999], b"399999,1");
    }

    #[test]
    fn a_range_beyond_the_files_end_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let span = Span::plain(file.path().to_owned(), 0, 5);
        let file = ChannelFile { name: "x".into(), spans: vec![span] };
        let error = for_each_line(&file, |_, _| Ok::<(), Infallible>(())).unwrap_err();
        assert!(matches!(error, LinesError::Disk { .. }));
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_file_is_cut(
            content in "[a-c\\r\\n]{0,40}", cuts: Vec<usize>
        ) {
            let mut expected: Vec<Vec<u8>> = content
                .split('\n')
                .map(|line| line.strip_suffix('\r').unwrap_or(line).as_bytes().to_vec())
                .collect();
            if content.is_empty() || content.ends_with('\n') {
                expected.pop();
            }
            prop_assert_eq!(lines(content.as_bytes(), &cuts), expected);
        }
    }
}
