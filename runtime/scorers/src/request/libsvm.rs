//! libsvm payloads: `label index:value …`; what is not named is missing, the label is passed over.
//!
//! Indices count from 1 where none is 0 in the whole payload, else from 0 (since the container's
//! 3.2). An index that a row names twice is the sum of its values, as in a SciPy matrix, and rows
//! behind the last one that names any index do not exist.

use super::{
    narrowed,
    python::{Raised, number, quoted, ungrouped},
};
use crate::rows::Rows;

/// Reads a payload that has no white space around it.
pub(super) fn read(text: &str) -> Result<Rows, Raised> {
    let (entries, mut ends) = entries(text).map_err(|met| {
        // The container reads all indices before the first value.
        let mut tokens = text.split(['\n', ' ']).filter_map(|token| token.split_once(':'));
        tokens.find_map(|(index, _)| parsed_index(index).err()).unwrap_or(met)
    })?;
    let smallest = entries.iter().map(|(index, _)| *index).min().ok_or_else(|| {
        Raised::value_error("cannot infer dimensions from zero sized index arrays")
    })?;
    if smallest < 0 {
        return Err(Raised::value_error(format!("negative axis 1 index: {smallest}")));
    }
    let base = i64::from(smallest > 0);
    ends.truncate(ends.iter().position(|end| *end == entries.len()).map_or(0, |last| last + 1));
    summed(&entries, &ends, base)
}

/// Index and value of what is named.
type Entries = Vec<(i64, f64)>;

/// All that is named, and where each line ends in it.
fn entries(text: &str) -> Result<(Entries, Vec<usize>), Raised> {
    let (mut entries, mut ends) = (Vec::new(), Vec::new());
    for line in text.split('\n') {
        for token in line.split(' ') {
            if let Some((index, value)) = token.split_once(':') {
                // A further colon ends the value.
                let value = value.split(':').next().unwrap_or_default();
                entries.push((parsed_index(index)?, number(value)?));
            }
        }
        ends.push(entries.len());
    }
    Ok((entries, ends))
}

/// Sorts each row, and adds up what it names twice.
fn summed(entries: &[(i64, f64)], ends: &[usize], base: i64) -> Result<Rows, Raised> {
    let mut rows: Vec<(u32, f32)> = Vec::with_capacity(entries.len());
    let mut row_ends = Vec::with_capacity(ends.len());
    let mut start = 0;
    for end in ends {
        let mut row = entries[start..*end].to_vec();
        row.sort_by_key(|(index, _)| *index);
        for same in row.chunk_by(|(left, _), (right, _)| left == right) {
            let sum = same.iter().skip(1).fold(same[0].1, |sum, (_, value)| sum + value);
            rows.push((Rows::column((same[0].0 - base).cast_unsigned()), narrowed(sum)?));
        }
        row_ends.push(rows.len());
        start = *end;
    }
    let largest = entries.iter().map(|(index, _)| *index - base).max().unwrap_or(0);
    let columns = Rows::width(largest.cast_unsigned());
    Ok(Rows::Sparse { columns, ends: row_ends, entries: rows })
}

/// Python's `int(text)`, as far as 64 bits and ASCII go.
fn parsed_index(text: &str) -> Result<i64, Raised> {
    let literal = || format!("invalid literal for int() with base 10: {}", quoted(text));
    let index = text.trim().parse().or_else(|_| ungrouped(text).parse());
    index.map_err(|_| Raised::value_error(literal()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sparse(columns: usize, ends: &[usize], entries: &[(u32, f32)]) -> Rows {
        Rows::Sparse { columns, ends: ends.to_vec(), entries: entries.to_vec() }
    }

    #[test]
    fn indices_count_from_one_where_no_row_names_zero() {
        assert_eq!(
            read("1 1:5 3:7\n0 2:1"),
            Ok(sparse(3, &[2, 3], &[(0, 5.0), (2, 7.0), (1, 1.0)]))
        );
        assert_eq!(read("1 1:5\n0 0:1"), Ok(sparse(2, &[1, 2], &[(1, 5.0), (0, 1.0)])));
    }

    #[test]
    fn a_row_without_features_counts_unless_it_is_last() {
        assert_eq!(read("0\n1 0:1\n0\n0"), Ok(sparse(1, &[0, 1], &[(0, 1.0)])));
    }

    #[test]
    fn what_is_named_twice_is_added_up_and_rows_are_sorted() {
        assert_eq!(read("1 2:1 0:4 2:0.5"), Ok(sparse(3, &[2], &[(0, 4.0), (2, 1.5)])));
    }

    #[test]
    fn an_index_beyond_all_models_is_a_width_beyond_all_models() {
        assert_eq!(read("1 99999999999:1").unwrap().columns(), 99_999_999_999);
        assert_eq!(read("1 0:1 99999999999:1").unwrap().columns(), 100_000_000_000);
    }

    #[test]
    fn of_several_mistakes_the_containers_first_is_told() {
        let told = |text| read(text).unwrap_err().text;
        assert!(told("1 1:a b:1").contains("'b'"));
        assert_eq!(told("1 1:1 -2:1 -3:1"), "negative axis 1 index: -3");
    }

    #[test]
    fn what_is_no_libsvm_is_an_error() {
        for text in ["", "1 2 3", "1 -1:2", "1 1:x", "1 1:", "1 1:1e300"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends_without_a_panic(text: String) {
            let _ = read(&text);
        }

        #[test]
        fn any_tokens_end_without_a_panic(text in "[0-9:. \n-]{0,40}") {
            let _ = read(&text);
        }
    }
}
