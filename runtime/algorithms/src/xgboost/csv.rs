//! CSV for training: no header, the label in the first column, a weight in the second if asked.
//!
//! A number is read exactly and then rounded to 32 bits, as Python's readers do (the container's
//! own reader is off by one unit in the last place in 2 % of cells). As in the container, an empty
//! cell is a missing value, and so is one that is no number, which is counted for the log. A label
//! is never missing: a line without one is a header more often than not, and fails the job.

use platform::workload::ChannelFile;

use super::{
    failure::Failure,
    lines::{LinesError, for_each_line},
    python,
};

/// What may stand between cells, the likelier first.
const DELIMITERS: [u8; 6] = [b',', b'\t', b';', b'|', b' ', b':'];
/// How much of a line goes into a message, characters.
const SNIPPET: usize = 50;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A channel's rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What was found between cells.
    pub delimiter: char,
    /// One per row.
    pub labels: Vec<f32>,
    /// One per row, if there are any.
    pub weights: Option<Vec<f32>>,
    /// Row by row, `columns` each; NaN is missing.
    pub features: Vec<f32>,
    /// Features of each row.
    pub columns: usize,
    /// Cells that were neither empty nor a number.
    pub not_numbers: u64,
}

/// Reads all rows of a channel. A file's end ends a row. `None` where there is no row.
pub fn read(files: &[ChannelFile], weighted: bool) -> Result<Option<Table>, Failure> {
    let mut table = None;
    for file in files {
        for_each_line(file, |number, line| {
            let line = if number == 1 { without_mark(line) } else { line };
            if line.trim_ascii().is_empty() {
                return Ok(());
            }
            let place = Place { file: &file.name, line: number };
            let table = match &mut table {
                Some(table) => table,
                None => table.insert(Table::begin(line, weighted)?),
            };
            table.push(line, place)
        })
        .map_err(|error| match error {
            LinesError::Disk { .. } => Failure::platform(&error),
            LinesError::TooLong { .. } => failed(&error.to_string()),
            LinesError::Row(failure) => failure,
        })?;
    }
    Ok(table)
}

/// Where a line stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    line: u64,
}

impl Place<'_> {
    fn refuse(self, what: &str) -> Failure {
        failed(&format!("line {} of file '{}': {what}", self.line, self.file))
    }
}

impl Table {
    /// An empty table for rows like this one.
    fn begin(line: &[u8], weighted: bool) -> Result<Self, Failure> {
        let delimiter = delimiter(line).ok_or_else(|| {
            Failure::User(format!(
                "Could not determine delimiter on line {}:\nCould not determine delimiter",
                snippet(line)
            ))
        })?;
        let cells = line.split(|byte| *byte == delimiter).count();
        let columns = cells.saturating_sub(if weighted { 2 } else { 1 });
        if columns == 0 {
            return Err(failed("csv_weights=1 needs a column after the label and the weight"));
        }
        Ok(Self {
            delimiter: char::from(delimiter),
            labels: Vec::new(),
            weights: weighted.then(Vec::new),
            features: Vec::new(),
            columns,
            not_numbers: 0,
        })
    }

    fn push(&mut self, line: &[u8], place: Place<'_>) -> Result<(), Failure> {
        let delimiter = self.delimiter as u8;
        let mut cells = line.split(|byte| *byte == delimiter);
        let label = cells.next().unwrap_or_default();
        self.labels.push(number(label).ok_or_else(|| no_label(label, place))?);
        if let Some(weights) = &mut self.weights {
            let weight = cells.next().unwrap_or_default();
            let refused =
                || place.refuse(&format!("the weight '{}' is not a number", snippet(weight)));
            weights.push(number(weight).ok_or_else(refused)?);
        }
        let begin = self.features.len();
        for cell in cells {
            let value = number(cell);
            self.not_numbers += u64::from(value.is_none() && is_text(cell));
            self.features.push(value.unwrap_or(f32::NAN));
        }
        let found = self.features.len() - begin;
        if found != self.columns {
            return Err(place.refuse(&format!(
                "{found} feature columns where the first row has {}",
                self.columns
            )));
        }
        Ok(())
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.labels.len()
    }
}

fn no_label(label: &[u8], place: Place<'_>) -> Failure {
    let hint = if place.line == 1 {
        ". CSV for training has its label in the first column and no header: please remove the \
         header"
    } else {
        ""
    };
    place.refuse(&format!("the label '{}' is not a number{hint}", snippet(label)))
}

fn failed(what: &str) -> Failure {
    Failure::User(format!("Failed to load csv data with exception:\n{what}"))
}

fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)
}

/// The number in a cell; `None` if it is empty, NaN, or no number.
#[expect(clippy::cast_possible_truncation, reason = "XGBoost's numbers have 32 bits")]
fn number(cell: &[u8]) -> Option<f32> {
    let text = std::str::from_utf8(cell.trim_ascii()).ok()?;
    let value: f64 = text.parse().ok()?;
    (!value.is_nan()).then_some(value as f32)
}

/// Whether a cell that holds no number holds something else than nothing.
fn is_text(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    !cell.is_empty() && std::str::from_utf8(cell).ok().and_then(python::float).is_none()
}

/// What stands between the cells of a line: the first candidate that leaves only numbers and
/// empty cells, else the first that occurs.
fn delimiter(line: &[u8]) -> Option<u8> {
    let occurring = || DELIMITERS.into_iter().filter(|candidate| line.contains(candidate));
    occurring()
        .find(|candidate| line.split(|byte| byte == candidate).all(|cell| !is_text(cell)))
        .or_else(|| occurring().next())
}

fn snippet(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().take(SNIPPET).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use platform::workload::Span;
    use proptest::prelude::*;

    fn read_files(contents: &[&str], weighted: bool) -> Result<Option<Table>, String> {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = contents
            .iter()
            .enumerate()
            .map(|(at, content)| {
                let path = folder.path().join(at.to_string());
                std::fs::File::create(&path).unwrap().write_all(content.as_bytes()).unwrap();
                let span = Span::plain(path, 0, content.len() as u64);
                ChannelFile { name: format!("part-{at}.csv"), spans: vec![span] }
            })
            .collect();
        read(&files, weighted).map_err(|failure| failure.to_string())
    }

    fn table(content: &str) -> Table {
        read_files(&[content], false).unwrap().unwrap()
    }

    fn refusal(content: &str) -> String {
        read_files(&[content], false).unwrap_err()
    }

    #[test]
    fn the_label_is_first_and_empty_cells_are_missing() {
        let table = table("1,0.5,\n0,,2\n");
        assert_eq!(table.labels, [1.0, 0.0]);
        assert_eq!((table.columns, table.not_numbers), (2, 0));
        assert_eq!(format!("{:?}", table.features), "[0.5, NaN, NaN, 2.0]");
    }

    #[test]
    fn a_cell_that_is_no_number_is_missing_and_counted() {
        let table = table("1,2,x\n1,NaN,3\n");
        assert_eq!(table.not_numbers, 1);
        assert!(table.features[1].is_nan() && table.features[2].is_nan());
    }

    #[test]
    fn weights_stand_in_the_second_column() {
        let table = read_files(&["1,0.25,7\n0,4,8\n"], true).unwrap().unwrap();
        assert_eq!(table.weights, Some(vec![0.25, 4.0]));
        assert_eq!((table.columns, table.features), (1, vec![7.0, 8.0]));
        assert!(
            read_files(&["1,x,7\n"], true).unwrap_err().ends_with("the weight 'x' is not a number")
        );
        assert!(read_files(&["1,2\n"], true).is_err());
    }

    #[test]
    fn a_header_fails_the_job_and_is_named() {
        assert_eq!(
            refusal("label,a,b\n1,2,3\n"),
            "ClientError: Failed to load csv data with exception:\nline 1 of file 'part-0.csv': \
             the label 'label' is not a number. CSV for training has its label in the first \
             column and no header: please remove the header"
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
    fn a_missing_label_is_named() {
        assert!(
            refusal("1,2\n,3\n")
                .ends_with("line 2 of file 'part-0.csv': the label '' is not a number")
        );
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
            assert_eq!(delimiter(line.as_bytes()), Some(expected as u8), "{line}");
        }
        assert!(
            refusal("12\n").starts_with("ClientError: Could not determine delimiter on line 12:\n")
        );
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
        fn numbers_are_rounded_as_python_rounds_them(values: Vec<(f64, f64)>) {
            let values: Vec<_> = values.into_iter().filter(|(y, x)| !y.is_nan() && !x.is_nan()).collect();
            prop_assume!(!values.is_empty());
            let lines: Vec<_> = values.iter().map(|(y, x)| format!("{y:?},{x:e}\n")).collect();
            let content = lines.concat();
            let table = table(&content);
            #[expect(clippy::cast_possible_truncation, reason = "the expectation itself")]
            let expected: Vec<_> = values.iter().map(|(y, x)| (*y as f32, *x as f32)).collect();
            let read: Vec<_> = table.labels.into_iter().zip(table.features).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn no_content_makes_the_reader_fail_loudly(content in "[-0-9.,;eE\\n\"x ]{0,60}") {
            let _ = read_files(&[&content], false);
        }
    }
}
