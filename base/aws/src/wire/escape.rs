//! Percent-encoding as AWS signs it.
//!
//! A `+` in a query is a space, as it is to everyone who will read that query after us: were it
//! taken literally here, a signed `%2B` could be swapped for it unseen.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_decode, percent_encode};

/// Everything but RFC 3986's unreserved characters.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const RESERVED_IN_PATH: AsciiSet = RESERVED.remove(b'/');

/// A name, a value or one segment of a path.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    encoded(bytes).to_string()
}

/// The same, piece by piece.
#[must_use]
pub fn encoded(bytes: &[u8]) -> PercentEncode<'_> {
    percent_encode(bytes, &RESERVED)
}

/// A path: its slashes stay.
#[must_use]
pub fn encode_path(path: &str) -> String {
    encoded_path(path).to_string()
}

/// The same, piece by piece.
#[must_use]
pub fn encoded_path(path: &str) -> PercentEncode<'_> {
    percent_encode(path.as_bytes(), &RESERVED_IN_PATH)
}

/// One segment of a path, or anything else where `+` is a plus.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, [u8]> {
    percent_decode(text.as_bytes()).into()
}

/// A name or a value of a query or a form.
#[must_use]
pub fn decode_field(text: &str) -> Vec<u8> {
    let spaced: Vec<u8> = text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decode(&spaced).collect()
}

/// The raw fields of a query or a form, not decoded; a field without `=` has an empty value.
pub fn fields(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('&')
        .filter(|field| !field.is_empty())
        .map(|field| field.split_once('=').unwrap_or((field, "")))
}

/// The decoded values under `name`, as text; what is no UTF-8 is replaced.
pub fn values<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    fields(query)
        .filter(move |(field, _)| decode_field(field) == name.as_bytes())
        .map(|(_, value)| String::from_utf8_lossy(&decode_field(value)).into_owned())
}
