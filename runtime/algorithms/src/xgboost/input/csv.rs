//! CSV for training: no header, the label in the first column, a weight in the second if asked.
//!
//! As in the container, an empty cell is a missing value. A label is never missing: a line without
//! one is a header more often than not, and fails the job, as does a cell of text.

use memchr::memchr_iter;
use platform::workload::ChannelFile;

use super::{
    Read,
    lines::{self, LineFormat, Refusal, snippet},
    number::{Cell, cell, number},
    rows::{Features, INFINITE, Rows, is_weight},
};
use crate::xgboost::failure::Failure;

/// What may stand between cells, the likelier first.
const DELIMITERS: [u8; 6] = [b',', b'\t', b';', b'|', b' ', b':'];

/// What a line of text may be, where it is the first.
const HEADER: &str = ": please remove the header if this is one";

/// Reads all rows.
pub fn read(
    files: &[ChannelFile],
    weighted: bool,
    threads: usize,
) -> Result<Option<Read>, Failure> {
    let read = lines::read(files, threads, |file, line| Csv::of(file, line, weighted))?;
    Ok(read.and_then(|(csv, runs)| {
        let delimiter = Some(char::from(csv.delimiter));
        Rows::joined(runs).map(|rows| Read { rows, delimiter, texts: 0 })
    }))
}

/// How the rows look, by the first of them.
struct Csv {
    delimiter: u8,
    weighted: bool,
    /// Features of each row.
    columns: usize,
}

impl Csv {
    fn of(file: &ChannelFile, line: &[u8], weighted: bool) -> Result<Self, Failure> {
        let delimiter = delimiter(file, line)?;
        let cells = memchr_iter(delimiter, line).count() + 1;
        let columns = cells.saturating_sub(if weighted { 2 } else { 1 });
        if columns == 0 {
            return Err(failed("csv_weights=1 needs a column after the label and the weight"));
        }
        Ok(Self { delimiter, weighted, columns })
    }
}

impl LineFormat for Csv {
    type Run = Rows;

    fn begin(&self) -> Rows {
        Rows::dense(self.columns)
    }

    fn take(&self, run: &mut Rows, line: &[u8]) -> Result<(), Refusal> {
        let Features::Dense { cells: features, .. } = &mut run.features else { return Ok(()) };
        let mut cells = line.split(|byte| *byte == self.delimiter).enumerate();
        let mut needed = |what: &str| {
            let (index, text) = cells.next().unwrap_or_default();
            let value = number(text).ok_or_else(|| not_a_number(index, what, text))?;
            if value.is_finite() { Ok((value, index, text)) } else { Err(infinite(index, text)) }
        };
        run.labels.push(needed("label")?.0);
        if self.weighted {
            let (weight, index, text) = needed("weight")?;
            if !is_weight(weight) {
                return Err(negative_weight(index, text));
            }
            run.weights.push(weight);
        }
        let begin = features.len();
        for (index, text) in cells {
            features.push(match cell(text) {
                Cell::Number(value) if value.is_finite() => value,
                Cell::Number(_) => return Err(infinite(index, text)),
                Cell::Missing => f32::NAN,
                Cell::Text => return Err(not_a_number(index, "value", text)),
            });
        }
        let found = features.len() - begin;
        if found == self.columns {
            return Ok(());
        }
        let columns = self.columns;
        Err(Refusal::line(format!("{found} feature columns where the first row has {columns}")))
    }

    /// A delimiter stands between cells, white space though it may be.
    fn is_blank(&self, line: &[u8]) -> bool {
        line.iter().all(|byte| byte.is_ascii_whitespace() && *byte != self.delimiter)
    }

    fn failed(&self, what: &str) -> Failure {
        failed(what)
    }
}

fn not_a_number(index: usize, what: &str, text: &[u8]) -> Refusal {
    let quoted = text.trim_ascii().starts_with(b"\"");
    let hint = match what {
        _ if quoted => "numbers stand without quotes",
        "value" => {
            "an empty cell is a missing value, and words must become numbers before training"
        }
        _ => "CSV for training has its label in the first column, and no header",
    };
    let refusal =
        Refusal::cell(index, format!("the {what} '{}' is not a number; {hint}", snippet(text)));
    if quoted { refusal } else { refusal.or_if_first(HEADER) }
}

/// What is said of a number that XGBoost takes from no one.
pub fn infinite(index: usize, text: &[u8]) -> Refusal {
    Refusal::cell(index, format!("'{}' is {INFINITE}", snippet(text)))
}

/// What is said of a weight that is less than nothing.
pub fn negative_weight(index: usize, text: &[u8]) -> Refusal {
    let text = snippet(text);
    Refusal::cell(index, format!("the weight '{text}' is not a finite number from 0 on"))
}

/// How a job fails on its CSV.
pub fn failed(what: &str) -> Failure {
    Failure::User(format!("Failed to load csv data with exception:\n{what}"))
}

/// What stands between the cells of a line: the first candidate that leaves only numbers and
/// empty cells, else the first that occurs.
pub fn delimiter(file: &ChannelFile, line: &[u8]) -> Result<u8, Failure> {
    let occurring = || DELIMITERS.into_iter().filter(|candidate| line.contains(candidate));
    let numbers =
        |candidate: &u8| line.split(|byte| byte == candidate).all(|text| cell(text) != Cell::Text);
    occurring().find(numbers).or_else(|| occurring().next()).ok_or_else(|| {
        Failure::User(format!(
            "Could not determine delimiter on line {}:\nCould not determine delimiter: the first \
             line of file '{}' is one cell, where a row has its label and at least one feature, \
             with one of , ; | a tab, a space or a colon between them",
            snippet(line),
            file.name
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use platform::workload::Span;
    use proptest::prelude::*;

    fn read_files(contents: &[&str], weighted: bool) -> Result<Option<Rows>, String> {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = contents
            .iter()
            .enumerate()
            .map(|(at, content)| {
                let path = folder.path().join(at.to_string());
                std::fs::File::create(&path).unwrap().write_all(content.as_bytes()).unwrap();
                let span = Span::plain(path, 0, content.len() as u64);
                ChannelFile { name: format!("part-{at}.csv"), spans: vec![span], gzip: false }
            })
            .collect();
        let read = read(&files, weighted, 2).map_err(|failure| failure.to_string())?;
        Ok(read.map(|read| read.rows))
    }

    fn table(content: &str) -> Rows {
        read_files(&[content], false).unwrap().unwrap()
    }

    fn refusal(content: &str) -> String {
        read_files(&[content], false).unwrap_err()
    }

    fn features(rows: &Rows) -> (usize, &[f32]) {
        match &rows.features {
            Features::Dense { columns, cells } => (*columns, cells),
            Features::Sparse { .. } => panic!("CSV is dense"),
        }
    }

    #[test]
    fn the_label_is_first_and_empty_cells_are_missing() {
        let table = table("1,0.5,\n0,,2\n1,NaN,na\n");
        assert_eq!(table.labels, [1.0, 0.0, 1.0]);
        let (columns, cells) = features(&table);
        assert_eq!((columns, format!("{cells:?}")), (2, "[0.5, NaN, NaN, 2.0, NaN, NaN]".into()));
    }

    #[test]
    fn a_cell_of_text_fails_the_job_and_is_named() {
        assert_eq!(
            refusal("1,2,3\n1,high,3\n"),
            "ClientError: Failed to load csv data with exception:\nline 2 of file 'part-0.csv', \
             column 2: the value 'high' is not a number; an empty cell is a missing value, and words \
             must become numbers before training"
        );
    }

    #[test]
    fn weights_stand_in_the_second_column() {
        let table = read_files(&["1,0.25,7\n0,4,8\n"], true).unwrap().unwrap();
        assert_eq!(table.weights, [0.25, 4.0]);
        assert_eq!(features(&table), (1, &[7.0, 8.0][..]));
        let refused = read_files(&["1,x,7\n"], true).unwrap_err();
        assert!(refused.contains(", column 2: the weight 'x' is not a number"), "{refused}");
        assert!(read_files(&["1,2\n"], true).is_err());
    }

    #[test]
    fn a_header_fails_the_job_and_is_named() {
        assert_eq!(
            refusal("label,a,b\n1,2,3\n"),
            "ClientError: Failed to load csv data with exception:\nline 1 of file 'part-0.csv', \
             column 1: the label 'label' is not a number; CSV for training has its label in the \
             first column, and no header: please remove the header if this is one"
        );
        assert!(read_files(&["1,2\n", "y,x\n"], false).unwrap_err().contains("'part-1.csv'"));
    }

    #[test]
    fn a_row_of_another_length_is_named() {
        assert_eq!(
            refusal("1,2,3\n1,2\n"),
            "ClientError: Failed to load csv data with exception:\nline 2 of file 'part-0.csv': \
             1 feature columns where the first row has 2"
        );
    }

    #[test]
    fn a_number_that_cannot_be_learned_is_named() {
        let infinite = "is infinite, or too large for 32 bits, which XGBoost refuses";
        for (content, weighted, what) in [
            ("1,2\n1,inf\n", false, format!("line 2 of file 'part-0.csv', column 2: 'inf' {infinite}")),
            ("1,2\n-1e39,2\n", false, format!("line 2 of file 'part-0.csv', column 1: '-1e39' {infinite}")),
            (
                "1,-1,2\n",
                true,
                "line 1 of file 'part-0.csv', column 2: the weight '-1' is not a finite number from 0 on".into(),
            ),
        ] {
            let told = read_files(&[content], weighted).unwrap_err();
            assert!(told.ends_with(&what), "{told}");
        }
    }

    #[test]
    fn a_header_is_spoken_of_on_a_first_line_alone() {
        assert!(!refusal("1,2\nx,2\n").contains("please remove"));
        assert!(read_files(&["1,2\n", "1,x\n"], false).unwrap_err().contains("please remove"));
        let quoted = refusal("\"1\",\"2\"\n");
        assert!(quoted.ends_with("is not a number; numbers stand without quotes"), "{quoted}");
    }

    #[test]
    fn a_row_of_tabs_is_as_little_a_blank_line_as_one_of_commas() {
        assert!(refusal("1\t2\t3\n\t\t\n").contains("line 2 of file 'part-0.csv', column 1"));
        assert!(refusal("1,2,3\n,,\n").contains("line 2 of file 'part-0.csv', column 1"));
        assert_eq!(table("1,2\n \t\n3,4\n"), table("1,2\n3,4\n"));
    }

    #[test]
    fn a_missing_label_is_named() {
        let refused = refusal("1,2\n,3\n");
        assert!(refused.contains("line 2 of file 'part-0.csv', column 1: the label '' is not"));
    }

    #[test]
    fn any_usual_delimiter_is_found() {
        for (line, expected) in [
            ("1,2,3", ','),
            ("1\t2\t3", '\t'),
            ("1;2;3", ';'),
            ("1|2|3", '|'),
            ("1 2 3", ' '),
            ("1, 2, 3", ','),
            ("1;;3", ';'),
            ("label,a b", ','),
        ] {
            let file = ChannelFile { name: "a".into(), spans: Vec::new(), gzip: false };
            assert_eq!(delimiter(&file, line.as_bytes()), Ok(expected as u8), "{line}");
        }
        let told = refusal("12\n");
        assert!(told.starts_with("ClientError: Could not determine delimiter on line 12:\n"));
        assert!(told.contains("file 'part-0.csv' is one cell, where a row has its label and"));
    }

    #[test]
    fn marks_returns_blank_lines_and_a_missing_last_line_end_do_no_harm() {
        let plain = table("1,2\n3,4\n");
        assert_eq!(table("\u{feff}1,2\r\n\r\n3,4"), plain);
        assert_eq!(read_files(&["1,2", "3,4"], false).unwrap().unwrap(), plain);
    }

    #[test]
    fn nothing_is_no_table() {
        assert_eq!(read_files(&["", "\n\n"], false), Ok(None));
    }

    proptest! {
        #[test]
        fn every_row_is_read_as_it_was_written(
            values in proptest::collection::vec((-1e30_f32..1e30, any::<f32>()), 1..20)
        ) {
            let lines: Vec<_> = values.iter().map(|(y, x)| format!("{y:?},{x:e}\n")).collect();
            let table = table(&lines.concat());
            let (_, cells) = features(&table);
            let bits = |value: f32| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() };
            let read = table.labels.iter().zip(cells).map(|(y, x)| (*y, bits(*x)));
            prop_assert!(read.eq(values.iter().map(|(y, x)| (*y, bits(*x)))));
        }

        #[test]
        fn no_content_makes_the_reader_fail_loudly(content in "[-0-9.,;eE\\n\"x ]{0,60}") {
            let _ = read_files(&[&content], false);
        }
    }
}
