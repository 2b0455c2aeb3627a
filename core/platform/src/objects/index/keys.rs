//! How keys fold into common prefixes: pure, and the same for every index.

/// Where a list begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this key, if there is one.
    At(Vec<u8>),
    /// After this key.
    After(Vec<u8>),
    /// Nothing can follow.
    Nowhere,
}

/// The common prefix that `key` folds into: what it shares with `prefix`, and on to the first
/// delimiter after that.
#[must_use]
pub fn common_prefix<'a>(prefix: &str, delimiter: Option<&str>, key: &'a str) -> Option<&'a str> {
    let delimiter = delimiter?;
    let rest = key.strip_prefix(prefix)?;
    let end = prefix.len() + rest.find(delimiter)? + delimiter.len();
    Some(&key[..end])
}

/// The smallest byte string that is greater than everything that begins with `prefix`; `None`
/// where there is none.
#[must_use]
pub fn past(prefix: &[u8]) -> Option<Vec<u8>> {
    let keep = prefix.iter().rposition(|&byte| byte < u8::MAX)?;
    let mut next = prefix[..=keep].to_vec();
    next[keep] += 1;
    Some(next)
}

/// Where a list with these arguments begins. An `after` that is itself a common prefix has been
/// listed with all that it stands for.
#[must_use]
pub fn start(prefix: &str, delimiter: Option<&str>, after: Option<&str>) -> Start {
    match after {
        Some(after) if common_prefix(prefix, delimiter, after) == Some(after) => {
            past(after.as_bytes()).map_or(Start::Nowhere, Start::At)
        }
        Some(after) if after >= prefix => Start::After(after.into()),
        Some(_) | None => Start::At(prefix.into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_folds_at_the_first_delimiter_after_the_prefix() {
        assert_eq!(common_prefix("", Some("/"), "a/b/c"), Some("a/"));
        assert_eq!(common_prefix("a/", Some("/"), "a/b/c"), Some("a/b/"));
        assert_eq!(common_prefix("a/b", Some("/"), "a/bc"), None);
        assert_eq!(common_prefix("", None, "a/b"), None);
        assert_eq!(common_prefix("x", Some("/"), "a/b"), None);
    }

    #[test]
    fn a_page_that_ended_with_a_common_prefix_goes_on_behind_it() {
        assert_eq!(start("", Some("/"), Some("a/")), Start::At(b"a0".to_vec()));
        assert_eq!(start("", Some("/"), Some("a/b")), Start::After(b"a/b".to_vec()));
        assert_eq!(start("", None, Some("a/")), Start::After(b"a/".to_vec()));
        assert_eq!(start("m", None, Some("a")), Start::At(b"m".to_vec()));
    }

    proptest! {
        #[test]
        fn past_is_greater_than_all_with_the_prefix_and_not_than_others(
            prefix: Vec<u8>,
            tail: Vec<u8>,
            other: Vec<u8>,
        ) {
            let longer = [prefix.clone(), tail].concat();
            match past(&prefix) {
                Some(past) => {
                    prop_assert!(longer < past);
                    prop_assert!(other.starts_with(&prefix) || other < prefix || other >= past);
                }
                None => prop_assert!(prefix.iter().all(|&byte| byte == u8::MAX)),
            }
        }
    }
}
