//! Conditions and ranges, read as S3 reads them: what cannot be understood is as if it were not
//! there, where `s3s` would refuse the request.

use std::time::UNIX_EPOCH;

use http::HeaderMap;
use platform::objects::{ByteRange, Conditions};
use types::Timestamp;

/// What the headers about the source of a copy begin with.
pub(super) const OF_SOURCE: &str = "x-amz-copy-source-";

/// The four headers, without their prefix.
pub(super) const NAMES: [&str; 4] =
    ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];

/// The conditions in headers that begin with `prefix` (empty, or [`OF_SOURCE`]).
pub(super) fn conditions(headers: &HeaderMap, prefix: &str) -> Conditions {
    let [if_match, if_none_match, modified, unmodified] =
        NAMES.map(|name| headers.get(format!("{prefix}{name}")).and_then(|it| it.to_str().ok()));
    Conditions {
        if_match: if_match.map(etags),
        if_none_match: if_none_match.map(etags),
        if_modified_since: modified.and_then(date),
        if_unmodified_since: unmodified.and_then(date),
    }
}

/// A list of ETags without quotes and marks of weakness.
fn etags(list: &str) -> String {
    let bare = |etag: &str| {
        let etag = etag.trim();
        etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"').to_owned()
    };
    list.split(',').map(bare).collect::<Vec<_>>().join(",")
}

fn date(text: &str) -> Option<Timestamp> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok().map(Timestamp::from_micros)
}

/// The `Range` of a read. S3 serves one range of bytes and ignores what is anything else; so is
/// one with `If-Range`, for the whole object is always a right answer.
pub(super) fn range(headers: &HeaderMap) -> Option<ByteRange> {
    if headers.contains_key(http::header::IF_RANGE) {
        return None;
    }
    parse_range(headers.get(http::header::RANGE)?.to_str().ok()?)
}

fn parse_range(text: &str) -> Option<ByteRange> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", suffix) => number(suffix).map(ByteRange::Suffix),
        (first, "") => number(first).map(|first| ByteRange::From(first, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(ByteRange::From(first, Some(last)))
        }
    }
}

/// The range of a copied part: both ends, always.
pub(super) fn copy_range(text: &str) -> Option<(u64, u64)> {
    match parse_range(text)? {
        ByteRange::From(first, Some(last)) => Some((first, last)),
        ByteRange::From(_, None) | ByteRange::Suffix(_) => None,
    }
}

fn number(digits: &str) -> Option<u64> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// The first byte and the number of bytes of `range` in an object of `size`; nothing where it
/// lies outside.
pub(super) fn resolve(range: ByteRange, size: u64) -> Option<(u64, u64)> {
    let (first, last) = match range {
        ByteRange::From(first, last) => (first, last.unwrap_or(u64::MAX).min(size.checked_sub(1)?)),
        ByteRange::Suffix(0) => return None,
        ByteRange::Suffix(len) => (size.saturating_sub(len), size.checked_sub(1)?),
    };
    (first <= last).then(|| (first, last - first + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn ranges_that_s3_does_not_heed_are_no_ranges() {
        for text in ["bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=", "bytes=-", "bytes=+1-2"] {
            assert_eq!(parse_range(text), None, "{text}");
        }
        assert_eq!(parse_range("bytes=1-"), Some(ByteRange::From(1, None)));
        assert_eq!(parse_range("bytes=-3"), Some(ByteRange::Suffix(3)));
        assert_eq!(copy_range("bytes=0-9"), Some((0, 9)));
        assert_eq!(copy_range("bytes=0-"), None);
    }

    #[test]
    fn a_range_outside_the_object_has_no_bytes() {
        assert_eq!(resolve(ByteRange::From(5, None), 5), None);
        assert_eq!(resolve(ByteRange::Suffix(0), 5), None);
        assert_eq!(resolve(ByteRange::From(0, None), 0), None);
        assert_eq!(resolve(ByteRange::Suffix(9), 5), Some((0, 5)));
        assert_eq!(resolve(ByteRange::From(1, Some(99)), 5), Some((1, 4)));
    }

    #[test]
    fn etags_lose_their_quotes_and_dates_that_are_none_are_ignored() {
        let read = conditions(&head("if-match", r#""a", W/"b""#), "");
        assert_eq!(read.if_match.as_deref(), Some("a,b"));
        let read = conditions(&head("x-amz-copy-source-if-none-match", "*"), OF_SOURCE);
        assert_eq!(read.if_none_match.as_deref(), Some("*"));
        assert_eq!(conditions(&head("if-modified-since", "yesterday"), "").if_modified_since, None);
        let read = conditions(&head("if-modified-since", "Thu, 01 Jan 1970 00:00:01 GMT"), "");
        assert_eq!(read.if_modified_since, Some(Timestamp::from_millis(1_000)));
    }

    proptest! {
        #[test]
        fn every_range_is_read_back_and_lies_in_the_object(first: u64, len: u64, size: u64) {
            let last = first.saturating_add(len);
            let range = parse_range(&format!("bytes={first}-{last}"));
            prop_assert_eq!(range, Some(ByteRange::From(first, Some(last))));
            if let Some((first, count)) = resolve(ByteRange::From(first, Some(last)), size) {
                prop_assert!(count > 0 && first + count <= size);
            }
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".*") {
            let _ = parse_range(&text);
            let _ = parse_range(&format!("bytes={text}"));
        }
    }
}
