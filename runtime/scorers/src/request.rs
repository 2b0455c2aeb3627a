//! Payloads as the container reads them, and its words where it cannot.
//!
//! Its messages carry Python's exceptions (`<class 'ValueError'>`); people and scripts match on
//! them, so they are kept.

mod csv;
mod libsvm;
mod python;
mod recordio;

use std::borrow::Cow;

use platform::scorer::Rejection;

use crate::rows::Rows;

use python::{Raised, text};

/// What the container takes as a content type, in its order.
const ACCEPTED: &str = "csv, libsvm, parquet, recordio-protobuf, text/csv, text/libsvm, \
                        text/x-libsvm, application/x-parquet, application/x-recordio-protobuf";
/// HTTP: Unsupported Media Type; the container's answer to any payload it cannot read.
const UNSUPPORTED_MEDIA_TYPE: u16 = 415;

/// Reads a payload, and tells what it was. The memory of `cells` is used again.
pub(crate) fn read(
    content_type: Option<&str>,
    body: &[u8],
    cells: Vec<f32>,
) -> Result<(Format, Rows), Rejection> {
    let format = format(content_type)?;
    let rows = match format {
        Format::Csv => text(body).and_then(|text| csv::read(text, cells)),
        Format::Libsvm => text(body).and_then(libsvm::read),
        Format::RecordIo => recordio::read(body),
    };
    let rows = rows.map_err(|raised| unreadable(format.complaint(&raised)))?;
    Ok((format, rows))
}

fn unreadable(message: String) -> Rejection {
    Rejection { status: UNSUPPORTED_MEDIA_TYPE, message }
}

/// What a payload is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Libsvm,
    RecordIo,
}

impl Format {
    /// The container's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Libsvm => "libsvm",
            Self::RecordIo => "recordio-protobuf",
        }
    }

    fn complaint(self, Raised { class, text }: &Raised) -> String {
        let name = self.name();
        let (colon, space) = match self {
            Self::Csv | Self::Libsvm => (":\n ", "\n "),
            Self::RecordIo => (": ", " "),
        };
        format!(
            "Loading {name} data failed with Exception, please ensure data is in {name} \
             format{colon}<class '{class}'>{space}{text}"
        )
    }
}

/// Without a content type the container expects libsvm.
fn format(content_type: Option<&str>) -> Result<Format, Rejection> {
    let Some(sent) = content_type else { return Ok(Format::Libsvm) };
    let lower = lower(sent);
    let (media_type, parameters) = parameter(&lower);
    match media_type {
        "csv" | "text/csv" if labelled_otherwise(parameters) => Err(unreadable(format!(
            "{sent} is not an accepted csv ContentType. Optional parameter label_size must be \
             equal to 1"
        ))),
        "csv" | "text/csv" => Ok(Format::Csv),
        "libsvm" | "text/libsvm" | "text/x-libsvm" => Ok(Format::Libsvm),
        "recordio-protobuf" | "application/x-recordio-protobuf" => Ok(Format::RecordIo),
        "parquet" | "application/x-parquet" => {
            Err(unreadable(format!("Content-type {sent} is not supported.")))
        }
        _ => Err(unreadable(format!("{sent} is not an accepted ContentType: {ACCEPTED}."))),
    }
}

/// Almost all are in lower case already.
pub(crate) fn lower(sent: &str) -> Cow<'_, str> {
    if sent.bytes().any(|byte| byte.is_ascii_uppercase()) {
        sent.to_ascii_lowercase().into()
    } else {
        sent.into()
    }
}

/// What stands before the first semicolon that no quotes hold, and what stands behind it, as
/// Python's `cgi.parse_header` has it.
fn parameter(text: &str) -> (&str, Option<&str>) {
    let (mut quoted, mut before) = (false, b' ');
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if before != b'\\' => quoted = !quoted,
            b';' if !quoted => return (text[..at].trim(), Some(&text[at + 1..])),
            _ => {}
        }
        before = byte;
    }
    (text.trim(), None)
}

/// Whether a `label_size` is given, of which the last word counts, and is not 1.
fn labelled_otherwise(mut parameters: Option<&str>) -> bool {
    let mut otherwise = false;
    while let Some(rest) = parameters {
        let (first, behind) = parameter(rest);
        if let Some((name, value)) = first.split_once('=')
            && name.trim() == "label_size"
        {
            let value = value.trim();
            let unquoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            otherwise = unquoted.unwrap_or(value) != "1";
        }
        parameters = behind;
    }
    otherwise
}

/// The `f32` that the matrix holds, refused where it is not finite but for NaN.
#[expect(clippy::cast_possible_truncation, reason = "the container narrows too")]
fn narrowed(value: f64) -> Result<f32, Raised> {
    narrowed_f32(value as f32)
}

fn narrowed_f32(value: f32) -> Result<f32, Raised> {
    if value.is_infinite() { Err(Raised::infinite()) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: Option<&str>, body: &[u8]) -> Result<(Format, Rows), Rejection> {
        super::read(content_type, body, Vec::new())
    }

    fn refusal(content_type: &str, body: &[u8]) -> String {
        let rejection = read(Some(content_type), body).unwrap_err();
        assert_eq!(rejection.status, 415);
        rejection.message
    }

    #[test]
    fn content_types_are_told_apart_whatever_their_case_and_parameters() {
        let dense = Rows::Dense { columns: 2, cells: vec![1.0, 2.0] };
        for content_type in [
            "csv",
            "text/csv",
            "Text/CSV; charset=utf-8",
            "text/csv;label_size=1;x=2",
            "text/csv; label_size=2; label_size=1",
            "text/csv; label_size=\"1\"; x=\"a;label_size=2\"",
        ] {
            let read = read(Some(content_type), b"1,2\n").unwrap();
            assert_eq!(read, (Format::Csv, dense.clone()));
        }
        for content_type in ["libsvm", "text/libsvm", "text/x-libsvm ;charset=utf8"] {
            let (format, rows) = read(Some(content_type), b"0 0:1").unwrap();
            assert_eq!((format, rows.columns()), (Format::Libsvm, 1));
        }
        let unsaid = read(None, b"0 0:1").unwrap();
        assert_eq!(unsaid.0, Format::Libsvm, "libsvm where nothing is said");
        let record = b"\x0a\x23\xd7\xce\x18\0\0\0\x0a\x16\x0a\x06values\
            \x12\x0c\x12\x0a\x0a\x08\0\0\x80\x3f\0\0\0\x40";
        for content_type in ["recordio-protobuf", "Application/X-RecordIO-Protobuf; a=b"] {
            let read = read(Some(content_type), record).unwrap();
            assert_eq!(read, (Format::RecordIo, dense.clone()));
        }
    }

    #[test]
    fn other_content_types_are_refused_in_the_containers_words() {
        assert_eq!(
            refusal("text/plain", b"1"),
            "text/plain is not an accepted ContentType: csv, libsvm, parquet, recordio-protobuf, \
             text/csv, text/libsvm, text/x-libsvm, application/x-parquet, \
             application/x-recordio-protobuf."
        );
        assert!(refusal("", b"1").starts_with(" is not an accepted ContentType: csv,"));
        assert_eq!(
            refusal("application/x-parquet", b"1"),
            "Content-type application/x-parquet is not supported."
        );
        for size in ["\"1", "1\"", "", "1; label_size=2", "\"2;label_size=1\""] {
            let sent = format!("text/csv; label_size={size}");
            assert!(refusal(&sent, b"1").starts_with(&sent), "{size}");
        }
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
            (
                b"1,\xe2\x82,",
                "<class 'UnicodeDecodeError'>\n 'utf-8' codec can't decode bytes in position 2-3: \
                 invalid continuation byte",
            ),
            (
                b"1,\xf0\x9f\x98",
                "<class 'UnicodeDecodeError'>\n 'utf-8' codec can't decode bytes in position 2-4: \
                 unexpected end of data",
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
        assert_eq!(
            refusal("recordio-protobuf", b" "),
            "Loading recordio-protobuf data failed with Exception, please ensure data is in \
             recordio-protobuf format: <class 'ValueError'> record 1 is cut off"
        );
    }
}
