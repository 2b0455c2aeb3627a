//! libsvm for training: `label[:weight] [qid:query] index:value …`, indices from 0.
//!
//! What is not named is missing, not zero. A `#` begins a comment. The container's reader guesses
//! where a line is of another form; here that is refused, whichever way numbers are read. So is what
//! the library would refuse later, when nobody knows the line any more.

use memchr::memchr;
use platform::workload::ChannelFile;

use super::{
    container_number,
    csv::negative_weight,
    lines::{self, LineFormat, Refusal, snippet},
    number::{self, Numbers},
    rows::{Features, INFINITE, MAX_COLUMNS, Rows, is_weight},
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
    let (runs, queries): (Vec<_>, Vec<_>) =
        runs.into_iter().map(|run| (run.rows, run.queries)).unzip();
    let refused = |(row, what): (usize, String)| match lines::place(files, row, uncommented) {
        Some((file, line)) => failed(&format!("line {line} of file '{}': {what}", file.name)),
        None => failed(&what),
    };
    alike(&runs, &queries).map_err(refused)?;
    let Some(mut rows) = Rows::joined(runs) else { return Ok(None) };
    let queries = queries.concat();
    rising(&queries).map_err(refused)?;
    rows.queries = numbered(&queries);
    if rows.weights.is_empty() || rows.queries.is_empty() {
        return Ok(Some(rows));
    }
    Err(failed(
        "the rows have weights and a qid. XGBoost weighs whole queries, not the rows of one: leave \
         the weights out",
    ))
}

/// Whether all runs have weights and queries, or none; else the first row that differs.
fn alike(runs: &[Rows], queries: &[Vec<u64>]) -> Result<(), (usize, String)> {
    let mut row = 0;
    let mut first = None;
    for (run, queries) in runs.iter().zip(queries).filter(|(run, _)| run.len() > 0) {
        let has = (!run.weights.is_empty(), !queries.is_empty());
        let first = *first.get_or_insert(has);
        for (what, has, first) in [("weight", has.0, first.0), ("qid", has.1, first.1)] {
            if has != first {
                return Err((row, partly(what, has)));
            }
        }
        row += run.len();
    }
    Ok(())
}

/// What is said of a row that `has` something, or not, against those before it.
fn partly(what: &str, has: bool) -> String {
    let (has, before) = if has { ("a", "none") } else { ("no", "one") };
    format!("it has {has} {what} where the rows before have {before}; either all have one or none")
}

fn rising(queries: &[u64]) -> Result<(), (usize, String)> {
    match queries.windows(2).position(|pair| pair[1] < pair[0]) {
        None => Ok(()),
        Some(at) => Err((
            at + 1,
            format!(
                "qid {} stands behind qid {}: the rows must be sorted by their qid",
                queries[at + 1],
                queries[at]
            ),
        )),
    }
}

/// The same queries in the library's 32 bits: by their own numbers, or counted where those are
/// larger.
fn numbered(queries: &[u64]) -> Vec<u32> {
    let own: Result<_, _> = queries.iter().map(|query| u32::try_from(*query)).collect();
    own.unwrap_or_else(|_| {
        let mut before = queries.first().copied();
        let mut count = 0;
        let number = |query: &u64| {
            count += u32::from(before.replace(*query) != Some(*query));
            count
        };
        queries.iter().map(number).collect()
    })
}

/// What a piece becomes.
#[derive(Debug, PartialEq)]
struct Run {
    /// Without their queries.
    rows: Rows,
    /// The query of each row, or none at all.
    queries: Vec<u64>,
}

impl Run {
    fn new() -> Self {
        Self { rows: Rows::sparse(), queries: Vec::new() }
    }

    /// How many weights and queries there are.
    fn held(&self) -> [usize; 2] {
        [self.rows.weights.len(), self.queries.len()]
    }

    /// Whether the last row has a weight and a qid as those before it, which held so many.
    fn check_last(&self, before: [usize; 2]) -> Result<(), Refusal> {
        if self.rows.len() == 1 {
            return Ok(());
        }
        let held = before.into_iter().zip(self.held());
        for (what, (before, now)) in ["weight", "qid"].into_iter().zip(held) {
            let has = now > before;
            if has != (before > 0) {
                return Err(Refusal::line(partly(what, has)));
            }
        }
        Ok(())
    }
}

struct Libsvm {
    number: fn(&[u8]) -> Option<f32>,
}

impl Libsvm {
    /// The container looks at the first line before it reads.
    fn checked(self, file: &ChannelFile, line: &[u8]) -> Result<Self, Failure> {
        match self.take(&mut Run::new(), line) {
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

    fn take_token(&self, run: &mut Run, index: usize, token: &[u8]) -> Result<(), Refusal> {
        let (name, text) = pair(token).ok_or_else(|| {
            Refusal::cell(index, format!("'{}' is not of the form index:value", snippet(token)))
        })?;
        if name == b"qid" {
            let query = whole_number(text).ok_or_else(|| no_number(index, "qid", text))?;
            if run.queries.len() >= run.rows.len() {
                return Err(Refusal::cell(index, "the row has a second qid"));
            }
            run.queries.push(query);
            return Ok(());
        }
        let Features::Sparse { columns, indices, values, .. } = &mut run.rows.features else {
            return Ok(());
        };
        let column = whole_number(name).and_then(|column| u32::try_from(column).ok());
        let column = column.filter(|column| (*column as usize) < MAX_COLUMNS);
        let column = column.ok_or_else(|| {
            let what = format!(
                "the index '{}' is not a number from 0 to {}",
                snippet(name),
                MAX_COLUMNS - 1
            );
            Refusal::cell(index, what)
        })?;
        values.push(self.finite(index, "value", text)?);
        indices.push(column);
        *columns = (*columns).max(column as usize + 1);
        Ok(())
    }
}

impl Libsvm {
    fn finite(&self, index: usize, what: &str, text: &[u8]) -> Result<f32, Refusal> {
        let value = (self.number)(text).ok_or_else(|| no_number(index, what, text))?;
        if value.is_finite() {
            return Ok(value);
        }
        Err(Refusal::cell(index, format!("the {what} '{}' is {INFINITE}", snippet(text))))
    }
}

impl LineFormat for Libsvm {
    type Run = Run;

    fn begin(&self) -> Run {
        Run::new()
    }

    fn take(&self, run: &mut Run, line: &[u8]) -> Result<(), Refusal> {
        let mut tokens =
            uncommented(line).split(u8::is_ascii_whitespace).filter(|token| !token.is_empty());
        let Some(head) = tokens.next() else { return Ok(()) };
        let before = run.held();
        let (label, weight) = match pair(head) {
            Some((label, weight)) => (label, Some(weight)),
            None => (head, None),
        };
        run.rows.labels.push(self.finite(0, "label", label)?);
        if let Some(text) = weight {
            let weight = self.finite(0, "weight", text)?;
            if !is_weight(weight) {
                return Err(negative_weight(0, text));
            }
            run.rows.weights.push(weight);
        }
        for (index, token) in (1..).zip(tokens) {
            self.take_token(run, index, token)?;
        }
        if let Features::Sparse { ends, values, .. } = &mut run.rows.features {
            ends.push(values.len() as u64);
        }
        run.check_last(before)
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

fn whole_number(text: &[u8]) -> Option<u64> {
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
        let weighted = rows("1:0.5 0:1\n0:2 1:1\n").unwrap().unwrap();
        assert_eq!(weighted.weights, [0.5, 2.0]);
        assert_eq!(weighted.features, sparse(2, &[1, 2], &[0, 1], &[1.0, 1.0]));
        let queries = |content| rows(content).unwrap().unwrap().queries;
        assert_eq!(queries("1 qid:3 0:1\n0 qid:4 1:1\n"), [3, 4]);
        let large = "1 qid:5000000000\n1 qid:5000000000\n0 qid:18446744073709551615 0:1\n";
        assert_eq!(queries(large), [0, 0, 1]);
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
            (
                "1 qid:1 0:1\n1 0:1\n",
                "line 2 of file 'a.libsvm': it has no qid where the rows before have one; either all have one or none",
            ),
            (
                "1 0:1\n1:2 0:1\n",
                "line 2 of file 'a.libsvm': it has a weight where the rows before have none; either all have one or none",
            ),
            (
                "1 qid:1 qid:1 0:1\n1 0:1\n",
                "line 1 of file 'a.libsvm', column 3: the row has a second qid",
            ),
            (
                "1 qid:2\n\n# 1 qid:9\n1 qid:1\n",
                "line 4 of file 'a.libsvm': qid 1 stands behind qid 2: the rows must be sorted by their qid",
            ),
            (
                "1:2 qid:2 0:1\n",
                "the rows have weights and a qid. XGBoost weighs whole queries, not the rows of one: leave the weights out",
            ),
            (
                "1:-1 0:1\n",
                "line 1 of file 'a.libsvm', column 1: the weight '-1' is not a finite number from 0 on",
            ),
            (
                "1 0:1\n1 0:1e39\n",
                "line 2 of file 'a.libsvm', column 2: the value '1e39' is infinite, or too large for 32 bits, which XGBoost refuses",
            ),
            (
                "inf 0:1\n",
                "line 1 of file 'a.libsvm', column 1: the label 'inf' is infinite, or too large for 32 bits, which XGBoost refuses",
            ),
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

    #[test]
    fn a_later_piece_that_differs_is_told_with_its_line() {
        let line = "1 qid:7 0:1\n";
        let rows_of = (2 << 20) / line.len();
        let told = rows(&(line.repeat(rows_of) + &"1 0:1\n".repeat(rows_of))).unwrap_err();
        let line = rows_of + 1;
        assert!(told.contains(&format!("line {line} of file 'a.libsvm': it has no qid")), "{told}");
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
