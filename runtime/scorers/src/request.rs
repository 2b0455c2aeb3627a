//! Payloads as the container reads them, and its words where it cannot.
//!
//! Its messages carry Python's exceptions (`<class 'ValueError'>`); people and scripts match on
//! them, so they are kept.

mod csv;
mod libsvm;

use platform::scorer::Rejection;

use crate::rows::Rows;

/// What the container takes as a content type, in its order.
const ACCEPTED: &str = "csv, libsvm, parquet, recordio-protobuf, text/csv, text/libsvm, \
                        text/x-libsvm, application/x-parquet, application/x-recordio-protobuf";
/// HTTP: Unsupported Media Type; the container's answer to any payload it cannot read.
const UNSUPPORTED_MEDIA_TYPE: u16 = 415;

/// A Python exception that the container would have met: its class and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raised {
    /// `ValueError`
    class: &'static str,
    /// What `str()` of it says.
    text: String,
}

impl Raised {
    fn value_error(text: impl Into<String>) -> Self {
        Self { class: "ValueError", text: text.into() }
    }

    /// What XGBoost says of ±∞, which it takes for a mistake.
    fn infinite() -> Self {
        let text = "Check failed: valid: Input data contains `inf` or a value too large, while \
                    `missing` is not set to `inf`";
        Self { class: "xgboost.core.XGBoostError", text: text.into() }
    }
}

/// Reads a payload.
pub(crate) fn read(content_type: Option<&str>, body: &[u8]) -> Result<Rows, Rejection> {
    let (format, rows) = match format(content_type)? {
        Format::Csv => ("csv", text(body).and_then(csv::read)),
        Format::Libsvm => ("libsvm", text(body).and_then(libsvm::read)),
    };
    rows.map_err(|raised| {
        unreadable(format!(
            "Loading {format} data failed with Exception, please ensure data is in {format} \
             format:\n <class '{}'>\n {}",
            raised.class, raised.text
        ))
    })
}

fn unreadable(message: String) -> Rejection {
    Rejection { status: UNSUPPORTED_MEDIA_TYPE, message }
}

enum Format {
    Csv,
    Libsvm,
}

/// Without a content type the container expects libsvm.
fn format(content_type: Option<&str>) -> Result<Format, Rejection> {
    let Some(sent) = content_type else { return Ok(Format::Libsvm) };
    let lower = sent.to_ascii_lowercase();
    let mut parts = lower.split(';').map(str::trim);
    match parts.next().unwrap_or_default() {
        "csv" | "text/csv" if parts.any(labelled_otherwise) => Err(unreadable(format!(
            "{sent} is not an accepted csv ContentType. Optional parameter label_size must be \
             equal to 1"
        ))),
        "csv" | "text/csv" => Ok(Format::Csv),
        "libsvm" | "text/libsvm" | "text/x-libsvm" => Ok(Format::Libsvm),
        "parquet" | "application/x-parquet" => {
            Err(unreadable(format!("Content-type {sent} is not supported.")))
        }
        _ => Err(unreadable(format!("{sent} is not an accepted ContentType: {ACCEPTED}."))),
    }
}

fn labelled_otherwise(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim() == "label_size" && value.trim().trim_matches('"') != "1"
    })
}

/// The payload without the white space around it, as UTF-8.
fn text(body: &[u8]) -> Result<&str, Raised> {
    let body = trimmed(body);
    std::str::from_utf8(body).map_err(|error| {
        let at = error.valid_up_to();
        let byte = body[at];
        let what = match error.error_len() {
            None => "unexpected end of data",
            Some(_) if matches!(byte, 0xC2..=0xF4) => "invalid continuation byte",
            Some(_) => "invalid start byte",
        };
        let text = format!("'utf-8' codec can't decode byte {byte:#04x} in position {at}: {what}");
        Raised { class: "UnicodeDecodeError", text }
    })
}

/// Python's `bytes.strip()`.
fn trimmed(body: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = body.iter().position(|byte| !space(byte)).unwrap_or(body.len());
    let end = body.iter().rposition(|byte| !space(byte)).map_or(start, |last| last + 1);
    &body[start..end]
}

/// Python's `float(text)`, as far as numbers go: the nearest `f64`, white space around it allowed.
fn number(cell: &str) -> Result<f64, Raised> {
    cell.trim().parse().map_err(|_| {
        Raised::value_error(format!("could not convert string to float: np.str_({})", quoted(cell)))
    })
}

/// The `f32` that the matrix holds, refused where it is not finite but for NaN.
#[expect(clippy::cast_possible_truncation, reason = "the container narrows too")]
fn narrowed(value: f64) -> Result<f32, Raised> {
    let value = value as f32;
    if value.is_infinite() { Err(Raised::infinite()) } else { Ok(value) }
}

/// Python's `repr` of a short text: long ones are cut, for they are echoed to the sender.
fn quoted(cell: &str) -> String {
    const SHOWN: usize = 80;
    let escaped: String = cell.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    format!("'{}'", escaped.replace("\\'", "'").replace("\\\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(content_type: &str, body: &[u8]) -> String {
        let rejection = read(Some(content_type), body).unwrap_err();
        assert_eq!(rejection.status, 415);
        rejection.message
    }

    #[test]
    fn content_types_are_told_apart_whatever_their_case_and_parameters() {
        let dense = Rows::Dense { columns: 2, cells: vec![1.0, 2.0] };
        for content_type in
            ["csv", "text/csv", "Text/CSV; charset=utf-8", "text/csv;label_size=1;x=2"]
        {
            assert_eq!(read(Some(content_type), b"1,2\n").unwrap(), dense);
        }
        for content_type in ["libsvm", "text/libsvm", "text/x-libsvm ;charset=utf8"] {
            let rows = read(Some(content_type), b"0 0:1").unwrap();
            assert_eq!(rows.columns(), 1);
        }
        assert_eq!(read(None, b"0 0:1").unwrap().columns(), 1, "libsvm where nothing is said");
    }

    #[test]
    fn other_content_types_are_refused_in_the_containers_words() {
        assert_eq!(
            refusal("text/plain", b"1"),
            "text/plain is not an accepted ContentType: csv, libsvm, parquet, recordio-protobuf, \
             text/csv, text/libsvm, text/x-libsvm, application/x-parquet, \
             application/x-recordio-protobuf."
        );
        assert!(refusal("application/x-recordio-protobuf", b"1").contains("not an accepted"));
        assert_eq!(
            refusal("application/x-parquet", b"1"),
            "Content-type application/x-parquet is not supported."
        );
        assert_eq!(
            refusal("text/csv; label_size=2", b"1"),
            "text/csv; label_size=2 is not an accepted csv ContentType. Optional parameter \
             label_size must be equal to 1"
        );
    }

    #[test]
    fn a_payload_that_cannot_be_read_is_told_with_pythons_exception() {
        let csv = "Loading csv data failed with Exception, please ensure data is in csv format:\n ";
        for (body, raised) in [
            (
                &b"1,abc"[..],
                "<class 'ValueError'>\n could not convert string to float: np.str_('abc')",
            ),
            (
                b"1,2\n3",
                "<class 'ValueError'>\n setting an array element with a sequence. The requested \
                 array has an inhomogeneous shape after 1 dimensions. The detected shape was (2,) \
                 + inhomogeneous part.",
            ),
            (
                b"1,\xff",
                "<class 'UnicodeDecodeError'>\n 'utf-8' codec can't decode byte 0xff in position \
                 2: invalid start byte",
            ),
            (b" \n ", "<class '_csv.Error'>\n Could not determine delimiter"),
            (
                b"1e300,2",
                "<class 'xgboost.core.XGBoostError'>\n Check failed: valid: Input data contains \
                 `inf` or a value too large, while `missing` is not set to `inf`",
            ),
        ] {
            assert_eq!(refusal("text/csv", body), format!("{csv}{raised}"));
        }
        assert_eq!(
            refusal("text/libsvm", b"1 x:2"),
            "Loading libsvm data failed with Exception, please ensure data is in libsvm format:\n \
             <class 'ValueError'>\n invalid literal for int() with base 10: 'x'"
        );
    }
}
