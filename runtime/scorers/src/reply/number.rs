//! Prints numbers as Python's `repr(float)` does, which is what clients of the container parse.

use std::io::Write;

/// Appends the shortest text that reads back as the same `f64`: an `f32` is widened first, as the
/// container's `tolist()` does, so that 0.1 becomes `0.10000000149011612`. Python writes an
/// exponent below 1e-4 and from 1e16 on (as Rust's `{:?}` does), signed and of two digits at least.
///
/// Where two shortest texts are equally near, Python takes the even one and Rust any. Widened
/// floats are of so few bits that one in a hundred is such a case.
pub(crate) fn write_repr(to: &mut Vec<u8>, value: impl Into<f64>) {
    let value = value.into();
    if value.is_nan() {
        return to.extend(b"nan");
    }
    let start = to.len();
    // Writing to a vector cannot fail.
    let _ = write!(to, "{value:?}");
    let Shape { mark, digits, exponent } = Shape::of(&to[start..]);
    if fraction_bits(value) == digits.cast_signed() - exponent + 1 {
        even(to, start, value, digits, mark.is_some());
    }
    if let Some(mark) = mark {
        python_exponent(to, start + mark + 1);
    }
}

/// What a printed number looks like.
struct Shape {
    /// Where its `e` stands.
    mark: Option<usize>,
    /// Digits behind the point.
    digits: usize,
    /// The number behind the `e`.
    exponent: isize,
}

impl Shape {
    fn of(text: &[u8]) -> Self {
        let mark = text.iter().rposition(|byte| *byte == b'e');
        let end = mark.unwrap_or(text.len());
        let point = text[..end].iter().position(|byte| *byte == b'.');
        let behind = mark.and_then(|mark| std::str::from_utf8(&text[mark + 1..]).ok());
        Self {
            mark,
            digits: point.map_or(0, |point| end - point - 1),
            exponent: behind.and_then(|text| text.parse().ok()).unwrap_or(0),
        }
    }
}

/// Binary digits behind the point, which are as many as decimal digits behind the point when the
/// number is written out. One more of them than are printed: the last one is a 5, a tie.
fn fraction_bits(value: f64) -> isize {
    const EXPONENT_OF_ONE_UNIT: i32 = 1075;
    const SIGNIFICAND: u32 = 52;
    let bits = value.to_bits();
    let (biased, fraction) =
        ((bits >> SIGNIFICAND & 0x7ff) as i32, bits & ((1 << SIGNIFICAND) - 1));
    let (biased, significand) =
        if biased == 0 { (1, fraction) } else { (biased, fraction | 1 << SIGNIFICAND) };
    let lowest = biased + significand.trailing_zeros().cast_signed();
    (EXPONENT_OF_ONE_UNIT - lowest).max(0) as isize
}

/// Prints again with as many digits, rounding a tie to the even one, as formatting to a given
/// length does; kept only if it still reads back.
fn even(to: &mut Vec<u8>, start: usize, value: f64, digits: usize, exponent: bool) {
    let text = if exponent { format!("{value:.digits$e}") } else { format!("{value:.digits$}") };
    if text.parse() == Ok(value) {
        to.truncate(start);
        to.extend(text.as_bytes());
    }
}

/// Appends the number as Python's `json.dumps` does.
pub(crate) fn write_json(to: &mut Vec<u8>, value: impl Into<f64>) {
    let value = value.into();
    if value.is_finite() {
        write_repr(to, value);
    } else if value.is_nan() {
        to.extend(b"NaN");
    } else {
        to.extend(if value > 0.0 { &b"Infinity"[..] } else { b"-Infinity" });
    }
}

/// Turns `5` into `+05` and `-5` into `-05`.
fn python_exponent(to: &mut Vec<u8>, at: usize) {
    let negative = to[at] == b'-';
    let digits = to.split_off(at + usize::from(negative));
    if !negative {
        to.push(b'+');
    }
    if digits.len() == 1 {
        to.push(b'0');
    }
    to.extend(digits);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn repr(value: f32) -> String {
        let mut text = Vec::new();
        write_repr(&mut text, value);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn numbers_read_as_python_prints_them() {
        // Made by Python: `repr(float(numpy.float32(x)))`.
        for (value, text) in [
            (0.646_491_2, "0.6464912295341492"),
            (0.1, "0.10000000149011612"),
            (25.0, "25.0"),
            (1.355_049_1, "1.3550491333007812"),
            (-0.0, "-0.0"),
            (0.0, "0.0"),
            (1e-5, "9.999999747378752e-06"),
            (1e-4, "9.999999747378752e-05"),
            (0.000_100_01, "0.00010001000191550702"),
            (0.000_030_517_578, "3.0517578125e-05"),
            (1e15, "999999986991104.0"),
            (1e16, "1.0000000272564224e+16"),
            (1e17, "9.999999843067494e+16"),
            (9.007_199e15, "9007199254740992.0"),
            (f32::MAX, "3.4028234663852886e+38"),
            (f32::from_bits(1), "1.401298464324817e-45"),
            (f32::NAN, "nan"),
            (-f32::NAN, "nan"),
            (f32::INFINITY, "inf"),
            (f32::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(repr(value), text);
        }
    }

    #[test]
    fn numbers_of_double_precision_read_as_python_prints_them() {
        // Made by Python: `repr(1.0 - float(numpy.float32(x)))`.
        for (value, text) in [
            (1.0 - f64::from(0.1_f32), "0.8999999985098839"),
            (1.0 - f64::from(0.646_491_2_f32), "0.35350877046585083"),
            (1.0 - f64::from(1e-9_f32), "0.999999999"),
        ] {
            let mut printed = Vec::new();
            write_repr(&mut printed, value);
            assert_eq!(String::from_utf8(printed).unwrap(), text);
        }
    }

    #[test]
    fn json_spells_the_infinite_as_python_does() {
        let mut text = Vec::new();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.5] {
            write_json(&mut text, value);
            text.push(b' ');
        }
        assert_eq!(text, b"NaN Infinity -Infinity 0.5 ");
    }

    proptest! {
        #[test]
        fn every_number_reads_back_to_the_bit(bits: u32) {
            let value = f32::from_bits(bits);
            let read: f64 = repr(value).parse().unwrap();
            prop_assert!(value.is_nan() == read.is_nan());
            prop_assert!(value.is_nan() || read.to_bits() == f64::from(value).to_bits());
        }

        #[test]
        fn every_double_too(bits: u64) {
            let value = f64::from_bits(bits);
            let mut printed = Vec::new();
            write_repr(&mut printed, value);
            let read: f64 = std::str::from_utf8(&printed).unwrap().parse().unwrap();
            prop_assert!(value.is_nan() && read.is_nan() || read.to_bits() == bits);
        }
    }
}
