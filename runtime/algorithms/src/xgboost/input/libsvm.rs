//! libsvm for training: `label[:weight] [qid:query] index:value …`, indices from 0.
//!
//! What is not named is missing, not zero. A `#` begins a comment. The container's reader guesses
//! where a line is of another form; here that is refused, whichever way numbers are read.

use memchr::memchr;
use platform::workload::ChannelFile;

use super::{
    container_number,
    lines::{self, LineFormat, Refusal, snippet},
    number::{self, Numbers},
    rows::{Features, MAX_COLUMNS, Rows},
};
use crate::xgboost::failure::Failure;

/// Reads all rows.
pub fn read(
    files: &[ChannelFile],
    numbers: Numbers,
    threads: usize,
) -> Result<Option<Rows>, Failure> {
    let libsvm = Libsvm {
        number: match numbers {
            Numbers::Exact => number::number,
            Numbers::Container => container_number::number,
        },
    };
    let read = lines::read(files, threads, |file, line| libsvm.checked(file, line))?;
    let Some((_, runs)) = read else { return Ok(None) };
    let whole = |numbers: usize, rows: usize| numbers == 0 || numbers == rows;
    let Some(rows) = Rows::joined(runs) else { return Ok(None) };
    for (what, numbers) in [("weight", rows.weights.len()), ("qid", rows.queries.len())] {
        if !whole(numbers, rows.len()) {
            return Err(failed(&format!(
                "{numbers} of {} rows have a {what}; either all have one or none",
                rows.len()
            )));
        }
    }
    Ok(Some(rows))
}

struct Libsvm {
    number: fn(&[u8]) -> Option<f32>,
}

impl Libsvm {
    /// The container looks at the first line before it reads.
    fn checked(self, file: &ChannelFile, line: &[u8]) -> Result<Self, Failure> {
        match self.take(&mut Rows::sparse(), line) {
            Ok(()) => Ok(self),
            Err(_) if !line.contains(&b':') => Err(Failure::User(format!(
                "First line '{}...' of file '{}' is not 'LIBSVM' format. Please ensure the file is \
                 in 'LIBSVM' format.",
                snippet(line),
                file.name
            ))),
            // The reader names line and column.
            Err(_) => Ok(self),
        }
    }

    fn take_token(&self, run: &mut Rows, index: usize, token: &[u8]) -> Result<(), Refusal> {
        let (name, text) = pair(token).ok_or_else(|| {
            Refusal::cell(index, format!("'{}' is not of the form index:value", snippet(token)))
        })?;
        if name == b"qid" {
            let query = whole_number(text).ok_or_else(|| no_number(index, "qid", text))?;
            run.queries.push(query);
            return Ok(());
        }
        let Features::Sparse { columns, indices, values, .. } = &mut run.features else {
            return Ok(());
        };
        let column = whole_number(name).filter(|column| (*column as usize) < MAX_COLUMNS);
        let column = column.ok_or_else(|| {
            let what = format!(
                "the index '{}' is not a number from 0 to {}",
                snippet(name),
                MAX_COLUMNS - 1
            );
            Refusal::cell(index, what)
        })?;
        values.push((self.number)(text).ok_or_else(|| no_number(index, "value", text))?);
        indices.push(column);
        *columns = (*columns).max(column as usize + 1);
        Ok(())
    }
}

impl LineFormat for Libsvm {
    type Run = Rows;

    fn begin(&self) -> Rows {
        Rows::sparse()
    }

    fn take(&self, run: &mut Rows, line: &[u8]) -> Result<(), Refusal> {
        let mut tokens =
            uncommented(line).split(u8::is_ascii_whitespace).filter(|token| !token.is_empty());
        let Some(head) = tokens.next() else { return Ok(()) };
        let (label, weight) = match pair(head) {
            Some((label, weight)) => (label, Some(weight)),
            None => (head, None),
        };
        run.labels.push((self.number)(label).ok_or_else(|| no_number(0, "label", label))?);
        if let Some(weight) = weight {
            run.weights.push((self.number)(weight).ok_or_else(|| no_number(0, "weight", weight))?);
        }
        for (index, token) in (1..).zip(tokens) {
            self.take_token(run, index, token)?;
        }
        if let Features::Sparse { ends, values, .. } = &mut run.features {
            ends.push(values.len() as u64);
        }
        Ok(())
    }

    fn failed(&self, what: &str) -> Failure {
        failed(what)
    }
}

/// A line without what a `#` begins.
pub fn uncommented(line: &[u8]) -> &[u8] {
    memchr(b'#', line).map_or(line, |end| &line[..end])
}

/// What stands before and behind the first colon.
fn pair(token: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', token)?;
    Some((&token[..colon], &token[colon + 1..]))
}

fn whole_number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn no_number(index: usize, what: &str, text: &[u8]) -> Refusal {
    Refusal::cell(index, format!("the {what} '{}' is not a number", snippet(text)))
}

fn failed(what: &str) -> Failure {
    Failure::User(format!("Failed to load libsvm data with exception:\n{what}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use platform::workload::Span;
    use proptest::prelude::*;

    use super::*;

    fn rows(content: &str) -> Result<Option<Rows>, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let spans = vec![Span::plain(file.path().to_owned(), 0, content.len() as u64)];
        let file = ChannelFile { name: "a.libsvm".into(), spans, gzip: false };
        read(&[file], Numbers::Exact, 2).map_err(|failure| failure.to_string())
    }

    fn sparse(columns: usize, ends: &[u64], indices: &[u32], values: &[f32]) -> Features {
        let (ends, indices, values) = (ends.to_vec(), indices.to_vec(), values.to_vec());
        Features::Sparse { columns, ends, indices, values }
    }

    #[test]
    fn indices_count_from_zero_and_what_is_absent_stays_absent() {
        let rows = rows("1 0:5 3:7.5\n0\n-1 1:2 # a comment 9:9\n").unwrap().unwrap();
        assert_eq!(rows.labels, [1.0, 0.0, -1.0]);
        assert_eq!(rows.features, sparse(4, &[2, 2, 3], &[0, 3, 1], &[5.0, 7.5, 2.0]));
        assert!(rows.weights.is_empty() && rows.queries.is_empty());
    }

    #[test]
    fn weights_and_queries() {
        let rows = rows("1:0.5 qid:3 0:1\n0:2 qid:4 1:1\n").unwrap().unwrap();
        assert_eq!((rows.weights, rows.queries), (vec![0.5, 2.0], vec![3, 4]));
        assert_eq!(rows.features, sparse(2, &[1, 2], &[0, 1], &[1.0, 1.0]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let begin = "ClientError: Failed to load libsvm data with exception:\n";
        for (content, what) in [
            (
                "1 0:1\nx 0:1\n",
                "line 2 of file 'a.libsvm', column 1: the label 'x' is not a number",
            ),
            ("1 0:1 2:y\n", "line 1 of file 'a.libsvm', column 3: the value 'y' is not a number"),
            (
                "1 0:1 7\n",
                "line 1 of file 'a.libsvm', column 3: '7' is not of the form index:value",
            ),
            (
                "1 -1:1\n",
                "line 1 of file 'a.libsvm', column 2: the index '-1' is not a number from 0 to 16777215",
            ),
            ("1 qid:1 0:1\n1 0:1\n", "1 of 2 rows have a qid; either all have one or none"),
        ] {
            assert_eq!(rows(content).unwrap_err(), format!("{begin}{what}"));
        }
        assert_eq!(
            rows("1,2,3\n").unwrap_err(),
            "ClientError: First line '1,2,3...' of file 'a.libsvm' is not 'LIBSVM' format. Please \
             ensure the file is in 'LIBSVM' format."
        );
        assert_eq!(rows("\n"), Ok(None));
    }

    proptest! {
        #[test]
        fn any_text_is_rows_or_an_error(content in "[-0-9.:eqid #\\n]{0,60}") {
            if let Ok(Some(rows)) = rows(&content) {
                let Features::Sparse { columns, ends, indices, values } = rows.features else { panic!() };
                prop_assert_eq!(ends.len(), rows.labels.len());
                prop_assert_eq!(ends.last().copied().unwrap_or(0), values.len() as u64);
                prop_assert!(indices.iter().all(|index| (*index as usize) < columns));
            }
        }
    }
}
