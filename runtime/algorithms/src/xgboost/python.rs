//! How Python reads and writes the values that hyperparameters are: the container hands what it
//! parsed to XGBoost as `str(value)`, and its messages show it as `repr(value)`.

use std::fmt;

/// Reads as `int(text)` does.
pub fn integer(text: &str) -> Option<i64> {
    without_separators(text)?.parse().ok()
}

/// Reads as `float(text)` does.
pub fn float(text: &str) -> Option<f64> {
    without_separators(text)?.parse().ok()
}

/// Python allows single underscores between digits.
fn without_separators(text: &str) -> Option<String> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let misplaced = bytes
        .iter()
        .enumerate()
        .any(|(at, byte)| *byte == b'_' && !(digit(at.checked_sub(1)) && digit(at.checked_add(1))));
    (!misplaced).then(|| text.replace('_', ""))
}

/// Reads a tuple or list of integers: `(1, -1)`, `1, -1`, `[0]`, `(1,)`, `()`.
pub fn integers(text: &str) -> Option<Vec<i64>> {
    let enclosed = inside(text, '(', ')').or_else(|| inside(text, '[', ']'));
    let inner = enclosed.or_else(|| text.contains(',').then_some(text))?;
    items(inner).into_iter().map(integer).collect()
}

/// Reads a list or tuple of lists of integers: `[[1, 2], [3]]`, `([1, 2], [3])`, `[1, 2], [3]`.
pub fn nested_integers(text: &str) -> Option<Vec<Vec<i64>>> {
    let tuple = |text: &str| {
        // What makes a tuple is the comma.
        let is_one = |lists: &Vec<_>| lists.len() != 1 || text.trim_end().ends_with(',');
        lists(text).filter(is_one)
    };
    let list = inside(text, '[', ']').and_then(lists);
    let enclosed = || inside(text, '(', ')').and_then(tuple);
    list.or_else(enclosed).or_else(|| text.contains(',').then(|| tuple(text)).flatten())
}

/// Lists of integers between commas.
fn lists(text: &str) -> Option<Vec<Vec<i64>>> {
    let mut rest = text.trim();
    let mut lists = Vec::new();
    while !rest.is_empty() {
        let end = rest.find([']', ')'])?;
        lists.push(integers(&rest[..=end])?);
        rest = rest[end + 1..].trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() => {}
            None => return None,
        }
    }
    Some(lists)
}

fn inside(text: &str, open: char, close: char) -> Option<&str> {
    text.trim().strip_prefix(open)?.strip_suffix(close)
}

/// Between commas, of which one may trail.
fn items(text: &str) -> Vec<&str> {
    let text = text.trim();
    let text = text.strip_suffix(',').unwrap_or(text);
    if text.is_empty() { Vec::new() } else { text.split(',').collect() }
}

/// `repr(value)` of a float.
pub struct Float(pub f64);

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if value.is_nan() {
            return f.write_str("nan");
        }
        let size = value.abs();
        if value == 0.0 || value.is_infinite() || (1e-4..1e16).contains(&size) {
            return write!(f, "{value:?}");
        }
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        match exponent.strip_prefix('-') {
            Some(digits) => write!(f, "{mantissa}e-{digits:0>2}"),
            None => write!(f, "{mantissa}e+{exponent:0>2}"),
        }
    }
}

/// `repr(value)` of a list of texts.
pub fn list<T: AsRef<str>>(texts: &[T]) -> String {
    let quoted: Vec<_> = texts.iter().map(|text| format!("'{}'", text.as_ref())).collect();
    format!("[{}]", quoted.join(", "))
}

/// `repr(value)` of a dictionary of texts.
pub fn dictionary<'a>(pairs: impl Iterator<Item = (&'a str, String)>) -> String {
    let pair = |(name, value): (&str, String)| format!("{}: {}", text(name), text(&value));
    format!("{{{}}}", pairs.map(pair).collect::<Vec<_>>().join(", "))
}

/// `repr(value)` of a text without unusual characters; those are left as they are.
fn text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for character in text.chars() {
        match character {
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\\' => quoted.push_str("\\\\"),
            _ if character == quote => {
                quoted.push('\\');
                quoted.push(quote);
            }
            _ => quoted.push(character),
        }
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_as_python_writes_them() {
        let pairs = [("a", "it's"), ("b", "\"it's\"\n"), ("c", "x\\y")];
        let written = dictionary(pairs.into_iter().map(|(name, value)| (name, value.to_owned())));
        assert_eq!(written, r#"{'a': "it's", 'b': '"it\'s"\n', 'c': 'x\\y'}"#);
    }
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        assert_eq!(integer(" 1_000 "), Some(1000));
        assert_eq!(integer("+5"), Some(5));
        assert_eq!([integer("5.0"), integer(""), integer("_1"), integer("1__0")], [None; 4]);
        assert_eq!(float("1e-3"), Some(0.001));
        assert_eq!(float("-inf"), Some(f64::NEG_INFINITY));
        assert_eq!([float("0.1x"), float("1_.0")], [None; 2]);
    }

    #[test]
    fn literals_are_read_and_code_is_not_run() {
        assert_eq!(integers("(1, -1, 0)"), Some(vec![1, -1, 0]));
        assert_eq!(integers("(1,)"), Some(vec![1]));
        assert_eq!(integers("()"), Some(vec![]));
        assert_eq!(integers("1,0, -1"), Some(vec![1, 0, -1]));
        assert_eq!(integers("1,"), Some(vec![1]));
        assert_eq!(
            [integers("1"), integers("(1"), integers("__import__('os')")],
            [const { None }; 3]
        );
        let two = Some(vec![vec![1, 2], vec![3]]);
        assert_eq!(nested_integers("([1, 2], [3])"), two);
        assert_eq!(nested_integers("[1, 2], [3]"), two);
        assert_eq!(nested_integers("([1, 2],)"), Some(vec![vec![1, 2]]));
        assert_eq!([nested_integers("([1, 2])"), nested_integers("")], [const { None }; 2]);
        assert_eq!(nested_integers("[[1, 2], [3,]]"), Some(vec![vec![1, 2], vec![3]]));
        assert_eq!(nested_integers("[]"), Some(vec![]));
        assert_eq!([nested_integers("[1]"), nested_integers("[[1] [2]]")], [const { None }; 2]);
    }

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (value, text) in [
            (5.0, "5.0"),
            (0.1, "0.1"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e16, "1e+16"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(Float(value).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn a_float_survives_writing_and_reading(value in proptest::num::f64::ANY) {
            let read = float(&Float(value).to_string()).unwrap();
            prop_assert!(read.total_cmp(&value).is_eq() || (read.is_nan() && value.is_nan()));
        }

        #[test]
        fn a_nested_list_survives_writing_and_reading(lists: Vec<Vec<i64>>) {
            prop_assert_eq!(nested_integers(&format!("{lists:?}")), Some(lists));
        }

        #[test]
        fn no_text_makes_a_reader_fail_loudly(text in ".*") {
            let _ = (integer(&text), float(&text), integers(&text), nested_integers(&text));
        }
    }
}
