//! What a bucket and a key may be called.
//!
//! Bucket names are AWS's rules for general purpose buckets, so none begins with `_` and the paths
//! below `/_/` stay ours. A key is any text that is short enough; it is never normalised.

use std::net::Ipv4Addr;

use platform::objects::ObjectError;

/// The longest key, bytes of UTF-8 (S3 user guide, "Object key naming guidelines").
const KEY_BYTES: usize = 1024;
/// The shortest and the longest name of a bucket (S3 user guide, "Bucket naming rules").
const BUCKET_LENGTHS: std::ops::RangeInclusive<usize> = 3..=63;
/// Prefixes that S3 keeps for itself (same place).
const RESERVED_PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
/// Suffixes that S3 keeps for itself (same place).
const RESERVED_SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/// Refuses what no bucket may be called.
pub(super) fn check_bucket(name: &str) -> Result<(), ObjectError> {
    let ends_well = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let well_formed = BUCKET_LENGTHS.contains(&name.len())
        && bytes.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        && ends_well(bytes.first())
        && ends_well(bytes.last())
        && !name.contains("..")
        && name.parse::<Ipv4Addr>().is_err();
    let reserved = RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || RESERVED_SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    if well_formed && !reserved {
        return Ok(());
    }
    Err(ObjectError::InvalidBucketName(name.to_owned()))
}

/// Whether SDKs make a bucket of this name for another account, `sagemaker-REGION-ACCOUNT`, and would
/// trust what they find there.
pub(super) fn is_meant_for_another(name: &str, account: &str) -> bool {
    let number = name.strip_prefix("sagemaker-").and_then(|rest| rest.rsplit_once('-'));
    number.is_some_and(|(_, number)| {
        number.len() == account.len()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && number != account
    })
}

/// Refuses what no key may be.
pub(super) fn check_key(key: &str) -> Result<(), ObjectError> {
    match key.len() {
        0 => Err(ObjectError::InvalidArgument("A key must have at least one byte.".to_owned())),
        1..=KEY_BYTES => Ok(()),
        _ => Err(ObjectError::KeyTooLong),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_sdks_make_are_accepted() {
        for name in ["abc", "0ab", "a.b-c", "sagemaker-us-east-1-111122223333", &"a".repeat(63)] {
            assert!(check_bucket(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_bucket_of_an_account_is_made_by_nobody_else() {
        let meant = |name| is_meant_for_another(name, "111122223333");
        assert!(meant("sagemaker-us-east-1-999999999999"));
        for name in
            ["sagemaker-us-east-1-111122223333", "sagemaker-us-east-1-99", "mine-999999999999"]
        {
            assert!(!meant(name), "{name}");
        }
    }

    #[test]
    fn names_that_s3_refuses_are_refused() {
        let names = ["", "ab", "_ab", "Abc", "a_b", "-ab", "ab-", ".ab", "a..b", "192.168.5.4"];
        for name in names.into_iter().chain(["xn--abc", "abc-s3alias", &"a".repeat(64), "ab/"]) {
            assert!(check_bucket(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_key_is_counted_in_bytes() {
        assert!(check_key(&"ü".repeat(512)).is_ok());
        assert!(matches!(check_key(&"ü".repeat(513)), Err(ObjectError::KeyTooLong)));
        assert!(check_key("").is_err());
    }

    proptest! {
        #[test]
        fn no_bucket_needs_escaping_in_a_path(name in ".{0,70}") {
            if check_bucket(&name).is_ok() {
                prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.'));
            }
        }
    }
}
