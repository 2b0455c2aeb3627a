//! Names that clients send: role ARNs and S3 URIs.

use std::{fmt, str::FromStr};

use api::{Fault, What};
use types::Owner;

/// Why a role cannot be taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum RoleError {
    /// It belongs to somebody else.
    #[error("Cross-account pass role is not allowed.")]
    OtherAccount,
    /// It is no role's ARN.
    #[error("Invalid role ARN: expected arn:aws:iam::<account>:role/<name>.")]
    Malformed,
}

/// Accepts a role of the caller's account, whether IAM knows it or not.
pub fn role(owner: &Owner, arn: &str) -> Result<(), Fault> {
    check_role(&owner.account, arn).map_err(|error| Fault::new(What::Invalid, "role", error))
}

fn check_role(account: &str, arn: &str) -> Result<(), RoleError> {
    let mut parts = arn.splitn(6, ':');
    let (head, partition, service) = (parts.next(), parts.next(), parts.next());
    let (region, owner, resource) = (parts.next(), parts.next(), parts.next());
    let well_formed = head == Some("arn")
        && partition.is_some_and(|partition| partition.starts_with("aws"))
        && service == Some("iam")
        && region == Some("")
        && resource
            .and_then(|role| role.strip_prefix("role/"))
            .is_some_and(|name| !name.is_empty());
    match owner {
        Some(owner) if well_formed && owner == account => Ok(()),
        Some(_) if well_formed => Err(RoleError::OtherAccount),
        _ => Err(RoleError::Malformed),
    }
}

/// `s3://bucket/key`, or the same by HTTPS, where the key may be empty or end in a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Uri {
    /// The bucket's name.
    pub bucket: String,
    /// A key or a prefix.
    pub key: String,
}

impl S3Uri {
    /// The URI of `name` below this prefix, with one slash between.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let prefix = self.key.trim_end_matches('/');
        let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        Self { bucket: self.bucket.clone(), key }
    }
}

/// The text is no S3 URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid S3 URI `{0}`: expected s3://bucket/key.")]
pub struct NotAnS3Uri(String);

impl FromStr for S3Uri {
    type Err = NotAnS3Uri;

    fn from_str(text: &str) -> Result<Self, NotAnS3Uri> {
        let wrong = || NotAnS3Uri(text.to_owned());
        let (bucket, key) = match text.strip_prefix("s3://") {
            Some(rest) => first_part(rest),
            None => text.strip_prefix("https://").and_then(of_https).ok_or_else(wrong)?,
        };
        if bucket.is_empty() {
            return Err(wrong());
        }
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

/// What stands before the first slash, and what behind it.
fn first_part(text: &str) -> (&str, &str) {
    text.split_once('/').unwrap_or((text, ""))
}

/// The bucket and the key that an HTTPS URL of S3 names: the bucket in its host, or in its path.
fn of_https(url: &str) -> Option<(&str, &str)> {
    let (host, path) = first_part(url);
    let host = host.strip_suffix(".cn").unwrap_or(host).strip_suffix(".amazonaws.com")?;
    let is_s3 = |name: &str| name == "s3" || name.starts_with("s3.") || name.starts_with("s3-");
    // A bucket's name may hold dots.
    match host.match_indices('.').find(|(dot, _)| is_s3(&host[dot + 1..])) {
        Some((dot, _)) => Some((&host[..dot], path)),
        None => is_s3(host).then(|| first_part(path)),
    }
}

impl fmt::Display for S3Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_must_be_well_formed_and_of_the_callers_account() {
        let check = |arn| check_role("123456789012", arn);
        assert_eq!(check("arn:aws:iam::123456789012:role/service-role/x"), Ok(()));
        assert_eq!(check("arn:aws:iam::210987654321:role/x"), Err(RoleError::OtherAccount));
        for wrong in
            ["", "x", "arn:aws:iam::123456789012:user/x", "arn:aws:iam::123456789012:role/"]
        {
            assert_eq!(check(wrong), Err(RoleError::Malformed), "{wrong}");
        }
    }

    #[test]
    fn an_output_path_is_joined_with_one_slash() {
        for path in ["s3://b/out", "s3://b/out/"] {
            let uri: S3Uri = path.parse().unwrap();
            assert_eq!(uri.join("job/output").to_string(), "s3://b/out/job/output");
        }
        for path in ["s3://b", "s3://b/"] {
            assert_eq!(path.parse::<S3Uri>().unwrap().join("x").to_string(), "s3://b/x");
        }
        for (https, s3) in [
            ("https://s3.eu-west-1.amazonaws.com/b/p/x", "s3://b/p/x"),
            ("https://s3-eu-west-1.amazonaws.com/b/p/x", "s3://b/p/x"),
            ("https://s3.amazonaws.com/b", "s3://b/"),
            ("https://b.c.s3.eu-west-1.amazonaws.com/p/x", "s3://b.c/p/x"),
            ("https://b.s3-eu-west-1.amazonaws.com/p/x", "s3://b/p/x"),
            ("https://b.s3.amazonaws.com/p/x", "s3://b/p/x"),
            ("https://b.s3.cn-north-1.amazonaws.com.cn/", "s3://b/"),
            ("https://s3-b.s3.amazonaws.com/p/x", "s3://s3-b/p/x"),
        ] {
            assert_eq!(https.parse::<S3Uri>().unwrap().to_string(), s3, "{https}");
        }
        for wrong in ["https://s3.amazonaws.com/", "https://x/y", "https://ec2.amazonaws.com/b"] {
            assert!(wrong.parse::<S3Uri>().is_err(), "{wrong}");
        }
        assert!("s3:///x".parse::<S3Uri>().is_err() && "http://b/x".parse::<S3Uri>().is_err());
    }
}
