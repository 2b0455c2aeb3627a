//! When a call depends on what is there: RFC 9110, section 13, as S3 reads it.

use platform::objects::{ByteRange, Conditions, ObjectError, ObjectInfo, index::Guard};
use types::Timestamp;

/// What the conditions on a read say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Go on.
    Proceed,
    /// The client has it already.
    NotModified,
    /// A condition did not hold.
    Failed,
}

/// The order is RFC 9110's (13.2.2): an ETag's word stands over a date's.
pub(super) fn judge(conditions: &Conditions, info: &ObjectInfo) -> Verdict {
    let Conditions { if_match, if_none_match, if_modified_since, if_unmodified_since } = conditions;
    let wanted = match (if_match, if_unmodified_since) {
        (Some(etags), _) => names(etags, &info.etag),
        (None, Some(time)) => seconds(info.modified) <= seconds(*time),
        (None, None) => true,
    };
    if !wanted {
        return Verdict::Failed;
    }
    let known = match (if_none_match, if_modified_since) {
        (Some(etags), _) => names(etags, &info.etag),
        (None, Some(time)) => seconds(info.modified) <= seconds(*time),
        (None, None) => false,
    };
    if known { Verdict::NotModified } else { Verdict::Proceed }
}

/// For a copy's source, "not modified" is a failure like any other.
pub(super) fn require(conditions: &Conditions, info: &ObjectInfo) -> Result<(), ObjectError> {
    match judge(conditions, info) {
        Verdict::Proceed => Ok(()),
        Verdict::NotModified | Verdict::Failed => Err(ObjectError::PreconditionFailed),
    }
}

/// What a write expects of the object it replaces. Dates have no meaning there.
pub(super) fn guard(conditions: &Conditions) -> Result<Guard, ObjectError> {
    match (conditions.if_match.as_deref(), conditions.if_none_match.as_deref()) {
        (None, None) => Ok(Guard::Any),
        (Some("*"), None) => Ok(Guard::Present),
        (Some(etags), None) => Ok(Guard::OneOf(list(etags).map(str::to_owned).collect())),
        (None, Some("*")) => Ok(Guard::Absent),
        (None, Some(etags)) => Ok(Guard::NoneOf(list(etags).map(str::to_owned).collect())),
        (Some(_), Some(_)) => Err(ObjectError::InvalidArgument(
            "If-Match and If-None-Match cannot be used together.".to_owned(),
        )),
    }
}

fn names(etags: &str, etag: &str) -> bool {
    etags == "*" || list(etags).any(|one| one == etag)
}

/// ETags apart by commas. Ours hold none, and are strong: a weak one is compared by its value.
fn list(etags: &str) -> impl Iterator<Item = &str> {
    etags.split(',').map(|etag| {
        let etag = etag.trim();
        etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
    })
}

/// HTTP's dates have no fractions.
fn seconds(time: Timestamp) -> i64 {
    time.micros().div_euclid(1_000_000)
}

/// The first byte of a range and how many follow. `None` where the whole is meant: no range, or
/// one that ends before it begins, which RFC 9110 (14.1.1) has us ignore.
pub(super) fn resolve(
    range: Option<ByteRange>,
    length: u64,
) -> Result<Option<(u64, u64)>, ObjectError> {
    match range {
        None => Ok(None),
        Some(ByteRange::From(first, Some(last))) if last < first => Ok(None),
        Some(ByteRange::From(first, _)) if first >= length => {
            Err(ObjectError::InvalidRange { length })
        }
        Some(ByteRange::From(first, last)) => {
            let end = last.map_or(length, |last| last.saturating_add(1).min(length));
            Ok(Some((first, end - first)))
        }
        Some(ByteRange::Suffix(bytes)) if bytes == 0 || length == 0 => {
            Err(ObjectError::InvalidRange { length })
        }
        Some(ByteRange::Suffix(bytes)) => {
            let bytes = bytes.min(length);
            Ok(Some((length - bytes, bytes)))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn info() -> ObjectInfo {
        ObjectInfo {
            key: "k".to_owned(),
            size: 10,
            etag: "abc".to_owned(),
            modified: Timestamp::from_micros(100_500_000),
            ..ObjectInfo::default()
        }
    }

    fn when(
        if_match: Option<&str>,
        if_none_match: Option<&str>,
        modified: Option<i64>,
        unmodified: Option<i64>,
    ) -> Verdict {
        let time = |seconds| Timestamp::from_micros(seconds * 1_000_000);
        let conditions = Conditions {
            if_match: if_match.map(str::to_owned),
            if_none_match: if_none_match.map(str::to_owned),
            if_modified_since: modified.map(time),
            if_unmodified_since: unmodified.map(time),
        };
        judge(&conditions, &info())
    }

    #[test]
    fn each_condition_says_what_the_rfc_says() {
        use Verdict::{Failed, NotModified, Proceed};
        assert_eq!(when(None, None, None, None), Proceed);
        assert_eq!(when(Some("abc"), None, None, None), Proceed);
        assert_eq!(when(Some("*"), None, None, None), Proceed);
        assert_eq!(when(Some("x, \"abc\""), None, None, None), Proceed);
        assert_eq!(when(Some("x"), None, None, None), Failed);
        assert_eq!(when(None, Some("abc"), None, None), NotModified);
        assert_eq!(when(None, Some("W/\"abc\""), None, None), NotModified);
        assert_eq!(when(None, Some("x"), None, None), Proceed);
        assert_eq!(when(None, None, Some(100), None), NotModified);
        assert_eq!(when(None, None, Some(99), None), Proceed);
        assert_eq!(when(None, None, None, Some(100)), Proceed);
        assert_eq!(when(None, None, None, Some(99)), Failed);
    }

    #[test]
    fn an_etag_stands_over_a_date() {
        assert_eq!(when(Some("abc"), None, None, Some(1)), Verdict::Proceed);
        assert_eq!(when(None, Some("x"), Some(200), None), Verdict::Proceed);
    }

    #[test]
    fn ranges_beyond_the_end_are_cut_or_refused() {
        let range = |range| resolve(Some(range), 10).ok();
        assert_eq!(range(ByteRange::From(2, Some(4))), Some(Some((2, 3))));
        assert_eq!(range(ByteRange::From(2, Some(99))), Some(Some((2, 8))));
        assert_eq!(range(ByteRange::From(9, None)), Some(Some((9, 1))));
        assert_eq!(range(ByteRange::From(10, None)), None);
        assert_eq!(range(ByteRange::From(4, Some(3))), Some(None));
        assert_eq!(range(ByteRange::Suffix(3)), Some(Some((7, 3))));
        assert_eq!(range(ByteRange::Suffix(99)), Some(Some((0, 10))));
        assert_eq!(range(ByteRange::Suffix(0)), None);
        assert!(resolve(Some(ByteRange::From(0, None)), 0).is_err());
        assert!(resolve(Some(ByteRange::Suffix(1)), 0).is_err());
    }

    proptest! {
        #[test]
        fn a_range_never_leaves_the_object(first: u64, last: Option<u64>, length: u64) {
            if let Ok(Some((start, len))) = resolve(Some(ByteRange::From(first, last)), length) {
                prop_assert!(len > 0 && start.checked_add(len).is_some_and(|end| end <= length));
            }
        }
    }
}
