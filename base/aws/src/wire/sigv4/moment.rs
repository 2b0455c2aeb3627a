//! Times as signatures write them: `yyyymmddThhmmssZ`.

use http::HeaderMap;
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem,
    format_description::well_known::Rfc2822, macros::format_description,
};
use types::Timestamp;

const BASIC: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

/// Reads `yyyymmddThhmmssZ`.
pub fn parse(text: &str) -> Option<Timestamp> {
    let read = PrimitiveDateTime::parse(text, BASIC).ok()?.assume_utc();
    Some(from(read))
}

/// When a request with an `Authorization` header was signed: `x-amz-date`, else `date`.
pub fn of(headers: &HeaderMap) -> Option<Timestamp> {
    let (text, dated) = match headers.get("x-amz-date") {
        Some(value) => (value.to_str().ok()?, false),
        None => (headers.get("date")?.to_str().ok()?, true),
    };
    parse(text).or_else(|| dated.then(|| rfc(text)).flatten())
}

fn rfc(text: &str) -> Option<Timestamp> {
    OffsetDateTime::parse(text, &Rfc2822).ok().map(from)
}

fn from(at: OffsetDateTime) -> Timestamp {
    Timestamp::from_micros(at.unix_timestamp().saturating_mul(1_000_000))
}

/// Writes `yyyymmddThhmmssZ`. Years beyond what AWS can write become 1970.
pub fn write(at: Timestamp) -> String {
    let seconds = at.micros().div_euclid(1_000_000);
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(BASIC).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_survives_being_written() {
        let at = parse("20150830T123600Z").unwrap();
        assert_eq!(write(at), "20150830T123600Z");
        assert_eq!(parse("20150830T123600"), None);
        assert_eq!(parse("2015-08-30T12:36:00Z"), None);
    }

    #[test]
    fn the_date_header_counts_where_x_amz_date_is_missing() {
        let mut headers = HeaderMap::new();
        assert_eq!(of(&headers), None);
        headers.insert("date", "Sun, 30 Aug 2015 12:36:00 GMT".parse().unwrap());
        assert_eq!(of(&headers), parse("20150830T123600Z"));
        headers.insert("x-amz-date", "yesterday".parse().unwrap());
        assert_eq!(of(&headers), None);
    }
}
