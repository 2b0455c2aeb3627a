//! Numbers as the container reads them: by the rules of dmlc-core, whose `strtof` XGBoost's own
//! text readers use. Equal to it to the bit, its slips among them.
//!
//! It is not correctly rounded (one cell in fifty is off by one unit in the last place), the whole
//! part wraps above 64 bits, and what is no number is not refused: a text may be read in part
//! (`12a` is 12) or as nothing. A sign, a dot, an exponent or an `f` alone are 0, so `false` is 0.

/// What a text begins with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parsed {
    /// 0 where there is no number.
    pub value: f32,
    /// How many bytes were taken; none means that nothing was found.
    pub read: usize,
}

/// `nan(` without its end, which dmlc refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidNan;

/// Digits behind the point that count.
const FRACTION_DIGITS: u32 = 19;
/// The largest exponent; larger ones become it.
const LARGEST_EXPONENT: u32 = 38;
/// What may be scaled up by the largest exponent; larger ones become it.
const LARGEST: f32 = 3.402_823_4;
/// What may be scaled down by the largest exponent; smaller ones, 0 among them, become it.
const SMALLEST: f32 = 1.175_494_3;

/// Reads the beginning of a text.
pub fn parse(text: &[u8]) -> Result<Parsed, InvalidNan> {
    let mut cursor = Cursor { rest: text };
    cursor.skip(is_space);
    let negative = cursor.negative();
    let value = match cursor.word()? {
        Some(value) => value,
        None => cursor.number(),
    };
    // Whatever its sign is written as, NaN is the same one.
    let value = if negative && !value.is_nan() { -value } else { value };
    Ok(Parsed { value, read: text.len() - cursor.rest.len() })
}

/// Reads a text that is one number, as libsvm's are.
pub fn number(text: &[u8]) -> Option<f32> {
    let digits = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let parsed = parse(text).ok()?;
    (!text.is_empty() && text.iter().all(digits) && parsed.read == text.len())
        .then_some(parsed.value)
}

/// What C calls white space, but for the vertical tab.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'\x0c')
}

/// What is left to read.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        let end = self.rest.iter().position(|byte| !wanted(*byte)).unwrap_or(self.rest.len());
        self.rest = &self.rest[end..];
    }

    fn take(&mut self, wanted: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first().filter(|(first, _)| wanted.contains(first))?;
        self.rest = rest;
        Some(*first)
    }

    /// Takes a sign.
    fn negative(&mut self) -> bool {
        self.take(b"+-") == Some(b'-')
    }

    fn digit(&mut self) -> Option<u8> {
        Some(self.take(b"0123456789")? - b'0')
    }

    /// Infinity or NaN, by all letters of the one or the other.
    fn word(&mut self) -> Result<Option<f32>, InvalidNan> {
        let alike = |word: &[u8]| {
            self.rest
                .iter()
                .zip(word)
                .take_while(|(byte, of)| byte.eq_ignore_ascii_case(of))
                .count()
        };
        let infinity = alike(b"infinity");
        if infinity == 3 || infinity == 8 {
            self.rest = &self.rest[infinity..];
            return Ok(Some(f32::INFINITY));
        }
        if alike(b"nan") < 3 {
            return Ok(None);
        }
        self.rest = &self.rest[3..];
        if self.take(b"(").is_some() {
            self.skip(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            self.take(b")").ok_or(InvalidNan)?;
        }
        Ok(Some(f32::NAN))
    }

    fn number(&mut self) -> f32 {
        let value = self.decimal();
        let value = self.scaled(value);
        self.take(b"fF");
        value
    }

    /// Each part is rounded on its own, and their sum again: this is where the last bit is lost.
    #[expect(clippy::cast_precision_loss, reason = "dmlc rounds here")]
    #[expect(clippy::cast_possible_truncation, reason = "dmlc rounds here")]
    fn decimal(&mut self) -> f32 {
        let mut whole = 0_u64;
        while let Some(digit) = self.digit() {
            whole = whole.wrapping_mul(10).wrapping_add(u64::from(digit));
        }
        let value = whole as f32;
        if self.take(b".").is_none() {
            return value;
        }
        let (mut fraction, mut power, mut digits) = (0_u64, 1_u64, 0);
        while let Some(digit) = self.digit() {
            if digits < FRACTION_DIGITS {
                fraction = fraction * 10 + u64::from(digit);
                power *= 10;
                digits += 1;
            }
        }
        value + (fraction as f64 / power as f64) as f32
    }

    /// By an exponent, if there is one.
    fn scaled(&mut self, value: f32) -> f32 {
        if self.take(b"eE").is_none() {
            return value;
        }
        let down = self.negative();
        let mut exponent = 0_u32;
        while let Some(digit) = self.digit() {
            exponent = exponent.wrapping_mul(10).wrapping_add(u32::from(digit));
        }
        let exponent = exponent.min(LARGEST_EXPONENT);
        let value = match exponent == LARGEST_EXPONENT {
            true if down => value.max(SMALLEST),
            true => value.min(LARGEST),
            false => value,
        };
        if down { value / power(exponent) } else { value * power(exponent) }
    }
}

/// A power of ten, rounded as often as dmlc rounds it.
fn power(exponent: u32) -> f32 {
    let eights = (0..exponent / 8).fold(1.0, |scale, _| scale * 1e8_f32);
    (0..exponent % 8).fold(eights, |scale, _| scale * 10.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_read_as_far_as_it_is_a_number() {
        for (text, value, read) in [
            ("1.5,2", 1.5, 3),
            (" -2x", -2.0, 3),
            ("abc", 0.0, 0),
            ("female", 0.0, 1),
            ("e5,", 0.0, 2),
            ("-", 0.0, 1),
            ("12f,", 12.0, 3),
            ("1e99", 1e38, 4),
            ("4e38", f32::INFINITY, 4),
            ("0e-38", 1.175_494_2e-38, 5),
            ("Infinity", f32::INFINITY, 8),
            ("-inf,", f32::NEG_INFINITY, 4),
            ("infi", 0.0, 0),
            ("18446744073709551617", 1.0, 20),
        ] {
            let parsed = parse(text.as_bytes()).unwrap();
            assert!(
                (parsed.value - value).abs() <= value.abs() * 1e-6
                    || parsed.value.total_cmp(&value).is_eq()
            );
            assert_eq!(parsed.read, read, "{text}");
        }
        assert!(parse(b"-NaN(a_1)").is_ok_and(|nan| nan.value.is_nan() && nan.read == 9));
        assert_eq!(parse(b"nan(?"), Err(InvalidNan));
    }

    #[test]
    fn a_number_of_libsvm_is_nothing_but_one() {
        assert_eq!(number(b"-1.5e1"), Some(-15.0));
        for text in ["", "1x", "inf", "nan", "1-2", " 1"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_within_its_bounds(text: Vec<u8>) {
            if let Ok(parsed) = parse(&text) {
                prop_assert!(parsed.read <= text.len());
            }
        }

        #[test]
        fn what_is_read_is_near_the_exact_number(value in -1e6_f32..1e6) {
            let read = parse(format!("{value:?}").as_bytes()).unwrap().value;
            prop_assert!((read - value).abs() <= value.abs() * 2e-7 + 1e-37, "{} {}", read, value);
        }
    }
}
