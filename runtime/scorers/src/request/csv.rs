//! CSV payloads: no header, no label, no quotes; an empty cell is missing.

use super::{
    narrowed,
    python::{Raised, number},
};
use crate::rows::Rows;

/// How much of the first line the delimiter is guessed from, characters.
const SNIFFED: usize = 512;
/// What Python's `csv.Sniffer` takes first, in this order.
const PREFERRED: [char; 5] = [',', '\t', ';', ' ', ':'];

/// Reads a payload that has no white space around it.
pub(super) fn read(text: &str) -> Result<Rows, Raised> {
    let delimiter = delimiter(text.split('\n').next().unwrap_or_default())?;
    rows(text, delimiter).map_err(|met| first(text, delimiter, met))
}

/// What the container meets first: it counts the cells of all lines, then reads all numbers, and
/// only then asks whether they are finite.
fn first(text: &str, delimiter: char, met: Raised) -> Raised {
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

fn rows(text: &str, delimiter: char) -> Result<Rows, Raised> {
    let mut cells = Vec::with_capacity(text.len() / 4 + 1);
    let mut columns = None;
    for line in text.split('\n') {
        let start = cells.len();
        for cell in line.split(delimiter) {
            cells.push(narrowed(value(cell)?)?);
        }
        let width = cells.len() - start;
        if *columns.get_or_insert(width) != width {
            return Err(ragged(text));
        }
    }
    Ok(Rows::Dense { columns: columns.unwrap_or(1), cells })
}

/// What `csv.Sniffer` makes of a single line: the first preferred character that occurs, else the
/// ASCII character that occurs most (the later one of equals). One that numbers are made of means
/// that there is but one column; the container does not except signs and points, and so refuses
/// `-1e-5`.
fn delimiter(line: &str) -> Result<char, Raised> {
    let sniffed = line.char_indices().nth(SNIFFED).map_or(line, |(end, _)| &line[..end]);
    if let Some(found) = PREFERRED.into_iter().find(|preferred| sniffed.contains(*preferred)) {
        return Ok(found);
    }
    let mut counts = [0usize; 127];
    for byte in sniffed.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let most = (0u8..).zip(counts).filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count);
    match most {
        None => {
            let text = "Could not determine delimiter".into();
            Err(Raised { class: "_csv.Error", text })
        }
        Some((byte, _)) if byte.is_ascii_alphanumeric() || b"+-.".contains(&byte) => Ok(','),
        Some((byte, _)) => Ok(char::from(byte)),
    }
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

    proptest! {
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
