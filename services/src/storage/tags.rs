//! What tags may be called, and how many there may be.

use std::collections::HashSet;

use platform::objects::settings::Tags;

/// The most tags of an object, and of a bucket (S3 user guide, "Object tags" and "Bucket tags").
const OF_OBJECT: usize = 10;
const OF_BUCKET: usize = 50;

/// The longest name and value, characters (same places).
const LONGEST_NAME: usize = 128;
const LONGEST_VALUE: usize = 256;

/// What AWS's own tags begin with.
const RESERVED: &str = "aws:";

/// Why tags are refused; the words are AWS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TagFault {
    /// Too many for an object.
    #[error("Object tags cannot be greater than 10")]
    TooManyOfObject,
    /// Too many for a bucket.
    #[error("Bucket tag count cannot be greater than 50")]
    TooManyOfBucket,
    /// Empty, too long, or with characters that no tag has.
    #[error("The TagKey you have provided is invalid")]
    Name,
    /// Too long, or with characters that no tag has.
    #[error("The TagValue you have provided is invalid")]
    Value,
    /// The same name twice.
    #[error("Cannot provide multiple Tags with the same key")]
    Twice,
    /// A name that only AWS gives.
    #[error("System tags cannot be added/updated by requester")]
    Reserved,
}

/// Checks an object's tags.
pub(super) fn check_object(tags: &Tags) -> Result<(), TagFault> {
    if tags.len() > OF_OBJECT {
        return Err(TagFault::TooManyOfObject);
    }
    check(tags)
}

/// Checks a bucket's tags.
pub(super) fn check_bucket(tags: &Tags) -> Result<(), TagFault> {
    if tags.len() > OF_BUCKET {
        return Err(TagFault::TooManyOfBucket);
    }
    check(tags)
}

fn check(tags: &Tags) -> Result<(), TagFault> {
    let mut names = HashSet::new();
    for (name, value) in tags {
        check_name(name)?;
        if !well_formed(value, LONGEST_VALUE) {
            return Err(TagFault::Value);
        }
        if !names.insert(name) {
            return Err(TagFault::Twice);
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), TagFault> {
    if name.is_empty() || !well_formed(name, LONGEST_NAME) {
        return Err(TagFault::Name);
    }
    let reserved = name.get(..RESERVED.len()).is_some_and(|it| it.eq_ignore_ascii_case(RESERVED));
    if reserved { Err(TagFault::Reserved) } else { Ok(()) }
}

/// Letters and digits of any script, white space, and `+ - = . _ : / @`.
fn well_formed(text: &str, longest: usize) -> bool {
    let allowed = |character: char| {
        character.is_alphanumeric()
            || character == ' '
            || matches!(character, '+' | '-' | '=' | '.' | '_' | ':' | '/' | '@')
    };
    text.chars().count() <= longest && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tags(names: &[(&str, &str)]) -> Tags {
        names.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn many(count: usize) -> Tags {
        (0..count).map(|number| (format!("tag-{number}"), String::new())).collect()
    }

    #[test]
    fn an_object_has_ten_and_a_bucket_fifty() {
        assert_eq!(check_object(&many(10)), Ok(()));
        assert_eq!(check_object(&many(11)), Err(TagFault::TooManyOfObject));
        assert_eq!(check_bucket(&many(50)), Ok(()));
        assert_eq!(check_bucket(&many(51)), Err(TagFault::TooManyOfBucket));
    }

    #[test]
    fn names_and_values_are_counted_in_characters() {
        let (name, value) = ("ü".repeat(128), "é".repeat(256));
        assert_eq!(check_object(&tags(&[(&name, &value)])), Ok(()));
        assert_eq!(check_object(&tags(&[(&format!("{name}x"), "")])), Err(TagFault::Name));
        assert_eq!(check_object(&tags(&[("a", &format!("{value}x"))])), Err(TagFault::Value));
    }

    #[test]
    fn characters_that_no_tag_has_are_refused() {
        assert_eq!(check_object(&tags(&[("a b+-=._:/@1", "x y")])), Ok(()));
        for bad in ["", "a<b", "a\n", "a*", "a,b", "\"", "a\u{0}"] {
            assert_eq!(check_object(&tags(&[(bad, "")])), Err(TagFault::Name), "{bad:?}");
        }
        assert_eq!(check_object(&tags(&[("a", "b;c")])), Err(TagFault::Value));
    }

    #[test]
    fn a_name_stands_once_and_is_never_one_of_aws_s() {
        assert_eq!(check_object(&tags(&[("a", "1"), ("a", "2")])), Err(TagFault::Twice));
        assert_eq!(check_object(&tags(&[("a", "1"), ("A", "2")])), Ok(()));
        assert_eq!(check_bucket(&tags(&[("AWS:x", "1")])), Err(TagFault::Reserved));
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_within_the_limits(names in prop::collection::vec((".{0,140}", ".{0,260}"), 0..12)) {
            let tags: Tags = names;
            if check_object(&tags).is_ok() {
                prop_assert!(tags.len() <= OF_OBJECT);
                prop_assert!(tags.iter().all(|(name, value)| !name.is_empty()
                    && name.chars().count() <= LONGEST_NAME
                    && value.chars().count() <= LONGEST_VALUE));
            }
        }
    }
}
