//! What named keys are called: ids, aliases and ARNs, as users of KMS write them.

use platform::objects::ObjectError;
use types::Id;

use super::Place;

/// The account's own key for S3, where none is named (S3 user guide, "Using SSE-KMS").
const OF_S3: &str = "alias/aws/s3";
/// Aliases that AWS keeps for itself (KMS API reference, `CreateAlias`).
const RESERVED: &str = "alias/aws/";
/// The longest id or alias, bytes (same place: 256).
const LONGEST: usize = 256;

/// A key of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyName {
    Id(String),
    /// With `alias/` before it.
    Alias(String),
}

impl KeyName {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Id(text) | Self::Alias(text) => text,
        }
    }
}

/// The key that is meant in a bucket's account and region.
pub(super) fn parse(text: Option<&str>, place: Place<'_>) -> Result<KeyName, ObjectError> {
    match text {
        None | Some("") => Ok(KeyName::Alias(OF_S3.to_owned())),
        Some(text) if text.starts_with("arn:") => by_arn(text, place),
        Some(text) => by_name(text).ok_or_else(|| invalid(text)),
    }
}

fn by_arn(text: &str, place: Place<'_>) -> Result<KeyName, ObjectError> {
    let mut members = text.splitn(6, ':').skip(2);
    let mut next = || members.next().unwrap_or_default();
    let (service, region, account, resource) = (next(), next(), next(), next());
    if service != "kms" {
        return Err(invalid(text));
    }
    if account != place.account {
        return Err(ObjectError::AccessDenied);
    }
    if region != place.region {
        return Err(ObjectError::KeyNotFound(format!("Invalid arn {region}")));
    }
    let named = match resource.strip_prefix("key/") {
        Some(id) => by_name(id).filter(|name| matches!(name, KeyName::Id(_))),
        None => by_name(resource).filter(|name| matches!(name, KeyName::Alias(_))),
    };
    named.ok_or_else(|| invalid(text))
}

fn by_name(text: &str) -> Option<KeyName> {
    let is_word = |text: &str, others: &[u8]| {
        (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
    };
    match text.strip_prefix("alias/") {
        Some(_) if text.starts_with(RESERVED) && text != OF_S3 => None,
        Some(alias) => is_word(alias, b"/_-").then(|| KeyName::Alias(text.to_owned())),
        None => is_word(text, b"-_").then(|| KeyName::Id(text.to_owned())),
    }
}

fn invalid(text: &str) -> ObjectError {
    ObjectError::KeyNotFound(format!("Invalid keyId '{text}'"))
}

/// What a key of a bucket's account is told as.
pub(super) fn arn(place: Place<'_>, id: &str) -> String {
    format!("arn:aws:kms:{}:{}:key/{id}", place.region, place.account)
}

/// The account and the id in an ARN of ours.
pub(super) fn of_arn(arn: &str) -> Option<(&str, &str)> {
    let (account, resource) = arn.splitn(5, ':').nth(4)?.split_once(':')?;
    Some((account, resource.strip_prefix("key/")?))
}

/// Random bits as KMS writes the ids of keys: a UUID.
pub(super) fn uuid(id: Id) -> String {
    let digits = id.to_string();
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32];
    groups.map(|group| &digits[group]).join("-")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place<'_> =
        Place { account: "111122223333", region: "eu-west-1", bucket: "b", key: "k" };

    fn parsed(text: &str) -> Result<KeyName, ObjectError> {
        parse(Some(text), PLACE)
    }

    #[test]
    fn a_key_is_meant_by_id_by_alias_and_by_arn() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let arn = |resource: &str| format!("arn:aws:kms:eu-west-1:111122223333:{resource}");
        for text in [id, &arn(&format!("key/{id}"))] {
            assert_eq!(parsed(text).unwrap(), KeyName::Id(id.to_owned()), "{text}");
        }
        for text in ["alias/team/data_1", &arn("alias/team/data_1")] {
            assert_eq!(parsed(text).unwrap(), KeyName::Alias("alias/team/data_1".to_owned()));
        }
        for text in [None, Some(""), Some("alias/aws/s3")] {
            assert_eq!(parse(text, PLACE).unwrap(), KeyName::Alias(OF_S3.to_owned()));
        }
        assert_eq!(of_arn(&super::arn(PLACE, id)), Some(("111122223333", id)));
    }

    #[test]
    fn keys_that_cannot_be_meant_are_refused_as_kms_does() {
        let others = "arn:aws:kms:eu-west-1:999999999999:key/k";
        assert!(matches!(parsed(others), Err(ObjectError::AccessDenied)));
        let elsewhere = parsed("arn:aws:kms:us-west-2:111122223333:key/k").unwrap_err();
        assert_eq!(elsewhere.to_string(), "Invalid arn us-west-2");
        for text in ["aws/s3", "alias/", "alias/aws/ebs", "a b", "arn:aws:s3:::b", "key:1", "ä"] {
            let refused = parsed(text).unwrap_err();
            assert!(matches!(refused, ObjectError::KeyNotFound(_)), "{text}: {refused}");
        }
        assert!(parsed("arn:aws:kms:eu-west-1:111122223333:grant/k").is_err());
    }

    #[test]
    fn ids_look_as_those_of_kms() {
        assert_eq!(uuid(Id::from_bits(0xab)), "00000000-0000-0000-0000-0000000000ab");
    }

    proptest! {
        #[test]
        fn no_name_breaks_the_reader(text in "(arn:aws:kms:)?[a-z0-9:/ä-]{0,40}") {
            if let Ok(name) = parsed(&text) {
                prop_assert!(name.text().len() <= LONGEST + "alias/".len());
            }
        }
    }
}
