//! Numbers as text: read exactly, and rounded once, to the nearest of 32 bits.
//!
//! The container's own reader is off by one unit in the last place in 2 % of cells; who needs its
//! models to the bit asks for it ([`Numbers::Container`]).

use fast_float2::parse_partial;
use serde::{Deserialize, Serialize};

/// How numbers in CSV and libsvm are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Numbers {
    /// The nearest of 32 bits; what is no number is refused.
    #[default]
    Exact,
    /// As the container's reader does.
    Container,
}

impl Numbers {
    /// By the word that a job's environment has for it.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        [Self::Exact, Self::Container].into_iter().find(|numbers| numbers.name() == word)
    }

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Container => "container",
        }
    }

    /// What the job's log says of it.
    #[must_use]
    pub fn note(self) -> &'static str {
        match self {
            Self::Exact => "Numbers in text are read exactly",
            Self::Container => "Numbers in text are read by the container's own rules",
        }
    }
}

/// What stands for a value that is not there. Empty cells do as well. The container takes any text
/// for a missing value; here it is one of those that pandas knows, or a mistake.
const MISSING: [&str; 13] = [
    "nan", "na", "n/a", "#n/a", "#na", "<na>", "null", "none", "-nan", "#n/a n/a", "1.#qnan",
    "-1.#ind", "?",
];

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// A number, perhaps infinite.
    Number(f32),
    /// Nothing, or a word for nothing.
    Missing,
    /// Anything else.
    Text,
}

/// Reads a cell; white space around it does not matter.
#[inline]
pub fn cell(text: &[u8]) -> Cell {
    let text = text.trim_ascii();
    match parse_partial::<f32, _>(text) {
        Ok((value, read)) if read == text.len() && !value.is_nan() => Cell::Number(value),
        _ => word(text),
    }
}

#[cold]
fn word(text: &[u8]) -> Cell {
    let is_missing = |word: &&str| text.eq_ignore_ascii_case(word.as_bytes());
    if text.is_empty() || MISSING.iter().any(is_missing) { Cell::Missing } else { Cell::Text }
}

/// A cell that must be a number.
pub fn number(text: &[u8]) -> Option<f32> {
    match cell(text) {
        Cell::Number(value) => Some(value),
        Cell::Missing | Cell::Text => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_rounded_once() {
        // Above the middle of two numbers of 32 bits by less than 64 bits can tell.
        let text = b"1.00000017881393432617187501";
        assert_eq!(cell(text), Cell::Number(1.000_000_2));
        let below = b"1.00000017881393432617187499";
        assert_eq!(cell(below), Cell::Number(1.000_000_1));
    }

    #[test]
    fn the_forms_of_numbers() {
        for (text, value) in [
            ("1", 1.0),
            ("-0.5", -0.5),
            ("+2", 2.0),
            (" 3\t", 3.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e-3", 0.001),
            ("1E2", 100.0),
            ("inf", f32::INFINITY),
            ("-Infinity", f32::NEG_INFINITY),
            ("1e300", f32::INFINITY),
            ("1e-300", 0.0),
        ] {
            assert_eq!(cell(text.as_bytes()), Cell::Number(value), "{text}");
        }
        for text in ["", " ", "NaN", "NA", "null", "None", "n/a", "?"] {
            assert_eq!(cell(text.as_bytes()), Cell::Missing, "{text}");
        }
        for text in ["x", "1x", "1,2", "0x10", "1_0", "--1", "e5", "1 2", "\u{ff11}"] {
            assert_eq!(cell(text.as_bytes()), Cell::Text, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_read_back(value: f32) {
            prop_assume!(!value.is_nan());
            prop_assert_eq!(cell(format!("{value:?}").as_bytes()), Cell::Number(value));
            prop_assert_eq!(cell(format!("{value:e}").as_bytes()), Cell::Number(value));
        }

        #[test]
        fn a_longer_number_is_the_nearest(value: f64) {
            prop_assume!(!value.is_nan());
            let text = format!("{value:?}");
            let nearest: f32 = text.parse().unwrap();
            prop_assert_eq!(cell(text.as_bytes()), Cell::Number(nearest));
        }

        #[test]
        fn any_text_is_something(text: Vec<u8>) {
            let _ = cell(&text);
        }
    }
}
