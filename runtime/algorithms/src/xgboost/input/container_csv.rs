//! CSV as the container reads it, by dmlc-core's parser: nothing is refused that has a delimiter.
//!
//! A text is missing where it does not begin with a number, and that number where it does; a label
//! that is none is 0, so a header is a row. Rows may differ in length. Two things differ: white
//! space alone at the end of a line is a missing value (dmlc goes on to the next line for it), and
//! what the library would refuse later, a weight that is missing or a feature that is infinite, is
//! told with its place.

use memchr::memchr;
use platform::workload::ChannelFile;

use super::{
    Read,
    container_number::parse,
    csv::{delimiter, failed, infinite, negative_weight},
    lines::{self, BYTE_ORDER_MARK, LineFormat, Refusal},
    number::{Cell, cell, number},
    rows::{Features, Rows, is_weight},
};
use crate::xgboost::failure::Failure;

/// Reads all rows.
pub fn read(
    files: &[ChannelFile],
    weighted: bool,
    threads: usize,
) -> Result<Option<Read>, Failure> {
    let format = |file: &ChannelFile, line: &[u8]| {
        Ok(ContainerCsv { delimiter: delimiter(file, line)?, weighted })
    };
    let Some((csv, runs)) = lines::read(files, threads, format)? else { return Ok(None) };
    let texts = runs.iter().map(|run| run.texts).sum();
    let delimiter = Some(char::from(csv.delimiter));
    let rows = Rows::joined(runs.into_iter().map(|run| run.rows).collect());
    Ok(rows.map(|rows| Read { rows, delimiter, texts }))
}

struct ContainerCsv {
    delimiter: u8,
    weighted: bool,
}

struct Run {
    rows: Rows,
    /// Cells that the exact reader would refuse.
    texts: usize,
}

/// A cell of a line.
struct Found<'a> {
    text: &'a [u8],
    /// Nothing where there is no number.
    value: Option<f32>,
}

impl ContainerCsv {
    /// The cells of a line. One may take in a delimiter, where that is white space.
    fn cells<'a>(&self, line: &'a [u8]) -> impl Iterator<Item = Result<Found<'a>, Refusal>> {
        let mut rest = Some(line).filter(|line| !line.is_empty());
        let delimiter = self.delimiter;
        let mut index = 0;
        std::iter::from_fn(move || {
            let line = rest?;
            let Ok(parsed) = parse(line) else {
                rest = None;
                return Some(Err(Refusal::cell(index, "Invalid NAN literal")));
            };
            let end = memchr(delimiter, &line[parsed.read..]).map(|end| end + parsed.read);
            let text = &line[..end.unwrap_or(line.len())];
            let blank = end.is_none() && text.trim_ascii().is_empty();
            rest = end.map(|end| &line[end + 1..]).filter(|rest| !rest.is_empty());
            index += 1;
            let value = (parsed.read > 0 && !blank).then_some(parsed.value);
            Some(Ok(Found { text, value }))
        })
    }
}

impl LineFormat for ContainerCsv {
    type Run = Run;

    fn begin(&self) -> Run {
        Run { rows: Rows::sparse(), texts: 0 }
    }

    fn take(&self, run: &mut Run, line: &[u8]) -> Result<(), Refusal> {
        let Features::Sparse { columns, ends, indices, values } = &mut run.rows.features else {
            return Ok(());
        };
        let mut cells = self.cells(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line));
        let mut needed = |texts: &mut usize| {
            let Some(found) = cells.next().transpose()? else { return Ok(None) };
            *texts += usize::from(number(found.text).is_none());
            Ok(Some(found.value.unwrap_or(0.0)))
        };
        let Some(label) = needed(&mut run.texts)? else { return Ok(()) };
        run.rows.labels.push(label);
        if self.weighted {
            let weight = needed(&mut run.texts)?.filter(|weight| !weight.is_nan());
            let weight = weight.ok_or_else(|| Refusal::cell(1, "the weight is missing"))?;
            if !is_weight(weight) {
                return Err(negative_weight(1, weight.to_string().as_bytes()));
            }
            run.rows.weights.push(weight);
        }
        let before = 1 + usize::from(self.weighted);
        let mut next = 0_u32;
        for found in cells {
            let Found { text, value } = found?;
            run.texts += usize::from(is_text(text));
            if let Some(value) = value {
                if value.is_infinite() {
                    return Err(infinite(before + next as usize, text));
                }
                indices.push(next);
                values.push(value);
                *columns = (*columns).max(next as usize + 1);
            }
            next += 1;
        }
        if next == 0 && line.last() != Some(&self.delimiter) {
            let delimiter = char::from(self.delimiter);
            return Err(Refusal::line(format!(
                "Delimiter '{delimiter}' is not found in the line. Expected '{delimiter}' as the \
                 delimiter to separate fields."
            )));
        }
        ends.push(values.len() as u64);
        Ok(())
    }

    fn failed(&self, what: &str) -> Failure {
        failed(what)
    }
}

/// Whether a cell is no number. Those that begin and end with a digit are not looked at twice.
fn is_text(text: &[u8]) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    !(digit(text.first()) && digit(text.last())) && cell(text) == Cell::Text
}

#[cfg(test)]
mod tests {
    use std::{env, fmt::Write as _, fs};

    use platform::workload::Span;
    use proptest::prelude::*;
    use xgboost_sys::{DMatrix, Library};

    use super::*;
    use crate::fetch;

    fn read_text(content: &str, weighted: bool) -> Result<Read, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        let spans = vec![Span::plain(file.path().to_owned(), 0, content.len() as u64)];
        let files = [ChannelFile { name: "a.csv".into(), spans, gzip: false }];
        let read = read(&files, weighted, 2).map_err(|failure| failure.to_string())?;
        Ok(read.expect("there are rows"))
    }

    /// Labels and, row by row, the columns and bits of what is there.
    type Cells = (Vec<u32>, Vec<u64>, Vec<(u32, u32)>);

    fn ours(content: &str) -> Cells {
        let rows = read_text(content, false).unwrap().rows;
        let Features::Sparse { mut ends, indices, values, .. } = rows.features else { panic!() };
        let kept = |range: &[f32]| range.iter().filter(|value| !value.is_nan()).count() as u64;
        for end in &mut ends {
            *end = kept(&values[..usize::try_from(*end).unwrap()]);
        }
        let cells = indices.into_iter().zip(values).filter(|(_, value)| !value.is_nan());
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
        (bits(rows.labels), ends, cells.map(|(column, value)| (column, value.to_bits())).collect())
    }

    fn library() -> Option<Library> {
        let Some(folder) = env::var_os("SAGEWRIGHT_LIB") else {
            eprintln!("skipped: SAGEWRIGHT_LIB is not set");
            return None;
        };
        Some(Library::open(&fetch::installed(folder.as_ref()).unwrap()).unwrap())
    }

    /// As the library's own reader reads a file.
    fn theirs(library: &Library, content: &str, form: &str) -> Result<Cells, xgboost_sys::Error> {
        // In a folder of its own: the library looks at all files beside the one that it is to read.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, content).unwrap();
        let uri = format!("{}?{form}", file.display());
        let matrix = DMatrix::from_file(library, &uri)?;
        let cells = matrix.cells()?;
        let bits = cells.values.iter().map(|value| value.to_bits());
        let labels = matrix.labels()?.iter().map(|label| label.to_bits()).collect();
        Ok((labels, cells.ends, cells.indices.into_iter().zip(bits).collect()))
    }

    const CSV: &str = "format=csv&label_column=0";
    const CELLS: u32 = 300_000;
    const COLUMNS: u32 = 20;

    /// Reproducible decimals of 1 to 20 digits, of which some have a point, a sign, an exponent.
    fn decimal(random: &mut impl FnMut(u64) -> u64, text: &mut String) {
        if random(3) == 0 {
            text.push(if random(4) == 0 { '+' } else { '-' });
        }
        let digits = 1 + random(20);
        let point = random(digits + 5);
        for at in 0..digits {
            if at == point {
                text.push('.');
            }
            text.push(char::from(b'0' + u8::try_from(random(10)).unwrap()));
        }
        if random(3) == 0 {
            // The library refuses infinity, which larger ones would be.
            let (sign, below) =
                [("", 19), ("+", 19), ("-", 45)][usize::try_from(random(3)).unwrap()];
            let e = if random(2) == 0 { 'e' } else { 'E' };
            write!(text, "{e}{sign}{}", random(below)).unwrap();
        }
    }

    #[test]
    fn three_hundred_thousand_decimals_are_read_to_the_bit_as_the_library_reads_them() {
        let Some(library) = library() else { return };
        let mut state = 88_172_645_463_325_252_u64;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 16) % below
        };
        let (mut csv, mut libsvm) = (String::new(), String::new());
        for row in 0..CELLS / COLUMNS {
            let label = row.to_string();
            csv.push_str(&label);
            libsvm.push_str(&label);
            for column in 0..COLUMNS {
                let mut text = String::new();
                decimal(&mut random, &mut text);
                write!(csv, ",{text}").unwrap();
                write!(libsvm, " {column}:{text}").unwrap();
            }
            csv.push('\n');
            libsvm.push('\n');
        }
        let expected = theirs(&library, &csv, CSV).unwrap();
        assert_eq!(expected.2.len(), CELLS as usize);
        assert!(ours(&csv) == expected);
        assert!(theirs(&library, &libsvm, "format=libsvm").unwrap() == expected);
        let read = |text: &[u8]| super::super::container_number::number(text).unwrap().to_bits();
        let values = libsvm.split_ascii_whitespace().filter_map(|token| token.split_once(':'));
        assert!(
            values.map(|(_, text)| read(text.as_bytes())).eq(expected.2.iter().map(|cell| cell.1))
        );
    }

    proptest! {
        #[test]
        fn any_row_is_read_as_the_library_reads_it(
            rows in proptest::collection::vec(
                proptest::collection::vec("[-+0-9.eEfFnaix]{0,4}| ?[0-9]{1,2} ?|nan|NaN|word|1e99|0e-40", 2..6),
                1..6
            ),
            ends in proptest::collection::vec("\n|\r|\r\n|\r\r", 6)
        ) {
            let Some(library) = library() else { return Ok(()) };
            let line = |(cells, end): (&Vec<String>, &String)| cells.join(",") + end;
            let lines: Vec<_> = rows.iter().zip(&ends).map(line).collect();
            let content = lines.concat();
            if let Ok(expected) = theirs(&library, &content, CSV) {
                prop_assert_eq!(ours(&content), expected, "{}", content);
            }
        }

        #[test]
        fn no_content_makes_the_reader_fail_loudly(content in "[-0-9.,;eEfan(\\t\\n\"x ]{0,60}") {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), &content).unwrap();
            let spans = vec![Span::plain(file.path().to_owned(), 0, content.len() as u64)];
            let _ = read(&[ChannelFile { name: "a.csv".into(), spans, gzip: false }], true, 1);
        }
    }

    #[test]
    fn cells_that_are_no_numbers_are_counted() {
        let read = read_text("label,a,b\n1,2,\n1,12x,word\n0,,nan\n", false).unwrap();
        assert_eq!((read.texts, read.delimiter), (5, Some(',')));
        assert_eq!(read.rows.labels, [0.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn weights_stand_in_the_second_column() {
        assert_eq!(read_text("1,0.5,7\n0,x,8\n", true).unwrap().rows.weights, [0.5, 0.0]);
        let refused = read_text("1,-2,7\n", true).err().unwrap();
        assert!(refused.ends_with("the weight '-2' is not a finite number from 0 on"), "{refused}");
        let refused = read_text("1,nan,7\n", true).err().unwrap();
        assert!(refused.ends_with("line 1 of file 'a.csv', column 2: the weight is missing"));
    }

    #[test]
    fn what_the_library_refuses_is_refused_in_its_words() {
        let refused = read_text("1,2\n3\n", false).err().unwrap();
        assert!(
            refused.contains("line 2 of file 'a.csv': Delimiter ',' is not found in the line.")
        );
        let refused = read_text("1,2\n3,nan(\n", false).err().unwrap();
        assert!(refused.contains("line 2 of file 'a.csv', column 2: Invalid NAN literal"));
        let refused = read_text("1,1,2\n3,1,4,-inf\n", true).err().unwrap();
        assert!(refused.contains("line 2 of file 'a.csv', column 4: '-inf' is infinite"));
    }
}
