//! Lines, however they are cut and ended.

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
    let read = read(&[file], threads, |_, _| Ok(Verbatim)).map_err(|error| error.to_string())?;
    Ok(read.map_or_else(Vec::new, |(_, runs)| runs.concat()))
}

#[test]
fn a_line_may_span_two_ranges_and_the_last_needs_no_end() {
    assert_eq!(lines_of(b"1,2\r\n3,4", &[5, 6], 1).unwrap(), [b"1,2".to_vec(), b"3,4".to_vec()]);
    assert_eq!(lines_of(b"\xef\xbb\xbfa\n", &[1], 2).unwrap(), [b"a".to_vec()]);
    assert!(lines_of(b"", &[], 2).unwrap().is_empty());
    assert!(lines_of(b"\n \n", &[], 2).unwrap().is_empty());
}

#[test]
fn a_line_ends_with_a_feed_a_return_or_both() {
    let lines = [b"1".to_vec(), b"2".to_vec(), b"3".to_vec()];
    for content in ["1\n2\n3\n", "1\r2\r3\r", "1\r\n2\r\n3\r\n", "1\r\n2\r3", "1\r\r2\n\n3"] {
        assert_eq!(lines_of(content.as_bytes(), &[2], 1).unwrap(), lines, "{content:?}");
    }
    for end in ["\n", "\r", "\r\n"] {
        let told = lines_of(format!("1{end}2{end}bad{end}").as_bytes(), &[], 2).unwrap_err();
        assert!(told.contains("line 3 of"), "{told}");
    }
}

#[test]
fn a_piece_that_ends_within_a_line_end_counts_no_line_twice() {
    let half = usize::try_from(PIECE).unwrap() / 2;
    let first = "0".repeat(half - 1) + "\r\n";
    let second = "0".repeat(half - 2) + "\r\n";
    let content = format!("{first}{second}\r\nbad\r\n");
    assert_eq!(content.as_bytes()[2 * half - 1], b'\r');
    let told = lines_of(content.as_bytes(), &[], 2).unwrap_err();
    assert!(told.contains("line 4 of"), "{told}");
}

#[test]
fn what_is_no_text_is_told_by_what_it_begins_with() {
    for (content, what) in [
        (&b"\x1f\x8b\x08\0"[..], "is compressed by gzip"),
        (b"PAR1\x15\x04", "is Parquet"),
        (b"\x0a\x23\xd7\xce\x2c\0", "is RecordIO"),
        (b"\xff\xfe1\0", "is written in UTF-16"),
    ] {
        let told = lines_of(content, &[], 2).unwrap_err();
        assert!(told.starts_with(&format!("ClientError: file 'x.csv' {what}")), "{told}");
    }
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
            .split(['\n', '\r'])
            .map(|line| line.as_bytes().to_vec())
            .filter(|line| !is_blank(line))
            .collect();
        prop_assert_eq!(lines_of(content.as_bytes(), &cuts, threads), Ok(expected));
    }
}
