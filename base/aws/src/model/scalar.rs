//! Scalars as text: in forms, in XML, in headers.

use serde_json::{Number, Value};
use time::{
    OffsetDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

use super::{
    invalid::{Found, Invalid, Wanted},
    shape::{Kind, Size},
};

const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// A text as its shape's JSON. `path` is for the message.
pub fn read(kind: &Kind, text: &str, path: &str) -> Result<Value, Invalid> {
    let (value, expected) = match kind {
        Kind::Text { .. } => (Some(text.into()), Wanted::String),
        Kind::Blob => (Some(text.into()), Wanted::Blob),
        Kind::Whole { size: Size::Integer, .. } => {
            (text.parse::<i32>().ok().map(Value::from), Wanted::Integer)
        }
        Kind::Whole { size: Size::Long, .. } => {
            (text.parse::<i64>().ok().map(Value::from), Wanted::Long)
        }
        Kind::Real { .. } => (real(text), Wanted::Number),
        Kind::Boolean => (text.parse::<bool>().ok().map(Value::from), Wanted::Boolean),
        Kind::Timestamp => (timestamp(text), Wanted::Timestamp),
        Kind::Structure(_) | Kind::Map { .. } => (None, Wanted::Object),
        Kind::List { .. } => (None, Wanted::List),
    };
    value.ok_or_else(|| Invalid::Type { path: path.to_owned(), expected, found: Found::String })
}

/// A scalar as text; nothing for what is none.
pub fn write(kind: &Kind, value: &Value) -> Option<String> {
    match (kind, value) {
        (Kind::Timestamp, Value::Number(seconds)) => iso(seconds),
        (_, Value::String(text)) => Some(text.clone()),
        (_, Value::Number(number)) => Some(number.to_string()),
        (_, Value::Bool(truth)) => Some(truth.to_string()),
        (_, Value::Null | Value::Array(_) | Value::Object(_)) => None,
    }
}

fn real(text: &str) -> Option<Value> {
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

/// ISO 8601, as the SDKs write it, or epoch seconds, as AWS also takes it; as epoch seconds.
fn timestamp(text: &str) -> Option<Value> {
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(at) if at.nanosecond() == 0 => Some(at.unix_timestamp().into()),
        Ok(at) => real(&format!("{}.{:03}", at.unix_timestamp(), at.millisecond())),
        Err(_) => real(text),
    }
}

/// `2006-01-02T15:04:05Z`; nothing where the year has more than four digits.
#[expect(clippy::cast_possible_truncation, reason = "a float beyond 64 bits saturates")]
fn iso(seconds: &Number) -> Option<String> {
    let seconds = seconds.as_f64()?.floor() as i64;
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(ISO).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn timestamps_are_epoch_seconds_inside_and_iso_outside() {
        let kind = Kind::Timestamp;
        let read = |text| read(&kind, text, "at").unwrap();
        assert_eq!(read("2026-11-23T12:00:00Z"), json!(1_795_435_200));
        assert_eq!(read("2026-11-23T13:00:00.250+01:00"), json!(1_795_435_200.25));
        assert_eq!(read("1795435200.5"), json!(1_795_435_200.5));
        let text = write(&kind, &json!(1_795_435_200.75)).unwrap();
        assert_eq!(text, "2026-11-23T12:00:00Z");
        assert_eq!(write(&kind, &json!(1e300)), None);
    }

    #[test]
    fn a_text_that_is_no_number_is_refused_with_its_place() {
        let kind =
            Kind::Whole { size: Size::Integer, value: super::super::shape::Bounds::default() };
        let refused = read(&kind, "7.5", "durationSeconds").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "STRING_VALUE can not be converted to an Integer at 'durationSeconds'"
        );
    }
}
