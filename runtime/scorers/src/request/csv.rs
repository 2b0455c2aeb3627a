//! CSV payloads: no header, no label, no quotes; an empty cell is missing.

use fast_float2::parse_partial;
use memchr::{memchr, memchr2};

use super::{
    narrowed,
    python::{Raised, number},
};
use crate::rows::Rows;

/// How much of the first line the delimiter is guessed from, characters.
const SNIFFED: usize = 512;
/// What Python's `csv.Sniffer` takes first, in this order.
const PREFERRED: [u8; 5] = *b",\t; :";

/// Reads a payload that has no white space around it. The memory of `cells` is used again.
pub(super) fn read(text: &str, cells: Vec<f32>) -> Result<Rows, Raised> {
    let first_line = memchr(b'\n', text.as_bytes()).map_or(text, |end| &text[..end]);
    let delimiter = delimiter(first_line)?;
    rows(text, delimiter, cells).map_err(|met| first(text, delimiter, met))
}

/// What the container meets first: it counts the cells of all lines, then reads all numbers, and
/// only then asks whether they are finite.
fn first(text: &str, delimiter: u8, met: Raised) -> Raised {
    let delimiter = char::from(delimiter);
    let width = |line: &str| line.split(delimiter).count();
    let mut widths = text.split('\n').map(width);
    let first = widths.next();
    if widths.any(|width| Some(width) != first) {
        return ragged(text);
    }
    let mut cells = text.split('\n').flat_map(|line| line.split(delimiter));
    cells.find_map(|cell| value(cell).err()).unwrap_or(met)
}

fn value(cell: &str) -> Result<f64, Raised> {
    if cell.is_empty() { Ok(f64::NAN) } else { number(cell) }
}

fn rows(text: &str, delimiter: u8, mut cells: Vec<f32>) -> Result<Rows, Raised> {
    cells.clear();
    cells.reserve(text.len() / 4 + 1);
    let (mut columns, mut start, mut rest) = (None, 0, text);
    loop {
        let Cell { value, length } = Cell::first(rest, delimiter)?;
        cells.push(narrowed(value)?);
        let end = rest.as_bytes().get(length).copied();
        if end != Some(delimiter) {
            let width = cells.len() - start;
            if *columns.get_or_insert(width) != width {
                return Err(ragged(text));
            }
            start = cells.len();
        }
        if end.is_none() {
            return Ok(Rows::Dense { columns: columns.unwrap_or(1), cells });
        }
        rest = &rest[length + 1..];
    }
}

/// A cell, and how many bytes stand for it.
struct Cell {
    value: f64,
    length: usize,
}

impl Cell {
    /// The one that `text` begins with. It is looked for its end only where its number does not
    /// stand alone in it: almost every cell is read in one go.
    fn first(text: &str, delimiter: u8) -> Result<Self, Raised> {
        let bytes = text.as_bytes();
        if let Ok((value, length)) = parse_partial(bytes)
            && bytes.get(length).is_none_or(|next| [delimiter, b'\n'].contains(next))
        {
            return Ok(Self { value, length });
        }
        let length = memchr2(delimiter, b'\n', bytes).unwrap_or(bytes.len());
        Ok(Self { value: value(&text[..length])?, length })
    }
}

/// What `csv.Sniffer` makes of a single line: the first preferred character that occurs, else the
/// ASCII character that occurs most (the later one of equals). One that numbers are made of means
/// that there is but one column; the container does not except signs and points, and so refuses
/// `-1e-5`.
fn delimiter(line: &str) -> Result<u8, Raised> {
    let sniffed = sniffed(line).as_bytes();
    if let Some(found) = PREFERRED.into_iter().find(|preferred| sniffed.contains(preferred)) {
        return Ok(found);
    }
    let mut counts = [0usize; 127];
    for byte in sniffed {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let most = (0u8..).zip(counts).filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count);
    match most {
        None => {
            let text = "Could not determine delimiter".into();
            Err(Raised { class: "_csv.Error", text })
        }
        Some((byte, _)) if byte.is_ascii_alphanumeric() || b"+-.".contains(&byte) => Ok(b','),
        Some((byte, _)) => Ok(byte),
    }
}

/// The characters that are looked at; a shorter line has no more of them than bytes.
fn sniffed(line: &str) -> &str {
    if line.len() <= SNIFFED {
        return line;
    }
    line.char_indices().nth(SNIFFED).map_or(line, |(end, _)| &line[..end])
}

fn ragged(text: &str) -> Raised {
    let rows = text.split('\n').count();
    Raised::value_error(format!(
        "setting an array element with a sequence. The requested array has an inhomogeneous shape \
         after 1 dimensions. The detected shape was ({rows},) + inhomogeneous part."
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Rows, Raised> {
        super::read(text, vec![7.0; 3])
    }

    fn cells(text: &str) -> (usize, Vec<f32>) {
        match read(text).unwrap() {
            Rows::Dense { columns, cells } => (columns, cells),
            Rows::Sparse { .. } => panic!("CSV is dense"),
        }
    }

    #[test]
    fn the_delimiter_is_guessed_from_the_first_line() {
        for text in ["1,2.5\n3,4", "1\t2.5\n3\t4", "1;2.5\n3;4", "1 2.5\n3 4", "1|2.5\n3|4"] {
            assert_eq!(cells(text), (2, vec![1.0, 2.5, 3.0, 4.0]), "{text}");
        }
        assert_eq!(cells("1.5"), (1, vec![1.5]), "a letter or digit is no delimiter");
        assert_eq!(cells("-1e-5\n2"), (1, vec![-1e-5, 2.0]));
        assert_eq!(cells("1, 2"), (2, vec![1.0, 2.0]), "white space around a number is allowed");
    }

    #[test]
    fn an_empty_cell_is_missing_and_so_is_nan() {
        let (columns, cells) = cells("1,,nan,NaN\n,2,-0,1e-45");
        assert_eq!(columns, 4);
        assert!([1, 2, 3, 4].iter().all(|at| cells[*at].is_nan()));
        assert_eq!(cells[5].to_bits(), 2.0_f32.to_bits());
        assert_eq!(cells[6].to_bits(), 1 << 31, "the sign of zero is kept");
        assert_eq!(cells[7].to_bits(), 1, "denormals are kept");
    }

    #[test]
    fn windows_line_ends_do_not_matter() {
        assert_eq!(cells("1,2\r\n3,4"), (2, vec![1.0, 2.0, 3.0, 4.0]));
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        for text in ["a,b", "1,\"2\"", "1,2\n3", "1,2,inf", "1,0x10", "1__0,2", "1,,x", "1, ,2"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn of_several_mistakes_the_containers_first_is_told() {
        let told = |text| read(text).unwrap_err().text;
        assert!(told("inf,x\n1").contains("inhomogeneous"));
        assert!(told("inf,1\n1,x").contains("np.str_('x')"));
        assert!(told("inf,1\n1,2").contains("`inf`"));
    }

    /// Cells one by one, each cut out before it is read.
    fn plainly(text: &str) -> Result<Vec<u32>, Raised> {
        let delimiter = char::from(delimiter(text.split('\n').next().unwrap_or_default())?);
        let cells = text.split('\n').flat_map(|line| line.split(delimiter));
        cells.map(|cell| Ok(narrowed(value(cell)?)?.to_bits())).collect()
    }

    proptest! {
        #[test]
        fn a_cell_is_what_it_is_alone(
            text in r"((-?[0-9]{0,3}(\.[0-9]{0,20})?(e[-+]?[0-9]{1,2})?|nan|inf|[ _\r0-9x]{0,4})[,;\n ]){1,9}",
        ) {
            let (read, plainly) = (read(&text), plainly(&text));
            match read {
                Ok(Rows::Dense { cells, .. }) => {
                    let bits: Vec<_> = cells.iter().map(|cell| cell.to_bits()).collect();
                    prop_assert_eq!(bits, plainly.unwrap());
                }
                Ok(Rows::Sparse { .. }) => prop_assert!(false, "CSV is dense"),
                Err(raised) if raised.text.contains("inhomogeneous") => {}
                Err(_) => prop_assert!(plainly.is_err()),
            }
        }

        #[test]
        fn any_text_ends_without_a_panic(text: String) {
            let _ = read(&text);
        }

        #[test]
        fn a_number_is_rounded_to_f64_and_then_to_f32(value in -1e30..1e30f64) {
            let (_, cells) = cells(&format!("{value:?},0"));
            #[expect(clippy::cast_possible_truncation, reason = "what is asserted")]
            let narrowed = value as f32;
            prop_assert_eq!(cells[0].to_bits(), narrowed.to_bits());
        }
    }
}
