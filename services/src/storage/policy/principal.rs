//! Who a statement is about.

use serde_json::Value;
use types::CanonicalId;

use super::{PolicyFault, Principal, document};

/// One name under `Principal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// `*`: everybody, also who did not sign.
    Everybody,
    /// An account, as its number or as its root's ARN: everybody in it.
    Account(String),
    /// A role, as `account` and name without path: all its sessions.
    Role(String, String),
    /// A user or a role's session, as written.
    Exactly(String),
    /// An account by its canonical id.
    Canonical(CanonicalId),
    /// A service of AWS, or who signed in elsewhere: never one of our callers.
    Nobody,
}

impl Who {
    pub(super) fn is(&self, caller: &Principal<'_>) -> bool {
        let Principal::Signed { account, arn, canonical } = caller else {
            return *self == Self::Everybody;
        };
        match self {
            Self::Everybody => true,
            Self::Account(number) => number == account,
            Self::Role(number, name) => {
                session_of(arn).is_some_and(|of| of == (number.as_str(), name.as_str()))
            }
            Self::Exactly(wanted) => wanted == arn,
            Self::Canonical(id) => Some(*id) == *canonical,
            Self::Nobody => false,
        }
    }
}

/// The account and the role of a session's ARN (`arn:aws:sts::1:assumed-role/Role/session`).
fn session_of(arn: &str) -> Option<(&str, &str)> {
    let (account, resource) = arn.strip_prefix("arn:aws:sts::")?.split_once(':')?;
    let (role, _session) = resource.strip_prefix("assumed-role/")?.split_once('/')?;
    Some((account, role))
}

/// Reads `Principal` or `NotPrincipal`.
pub(super) fn read(value: &Value) -> Result<Vec<Who>, PolicyFault> {
    if let Value::String(text) = value {
        return if text == "*" { Ok(vec![Who::Everybody]) } else { Err(PolicyFault::Principal) };
    }
    let kinds = value.as_object().filter(|kinds| !kinds.is_empty());
    let mut all = Vec::new();
    for (kind, names) in kinds.ok_or(PolicyFault::Principal)? {
        for name in document::texts(names).ok_or(PolicyFault::Principal)? {
            all.push(one(kind, name).ok_or(PolicyFault::Principal)?);
        }
    }
    if all.is_empty() { Err(PolicyFault::Principal) } else { Ok(all) }
}

fn one(kind: &str, name: &str) -> Option<Who> {
    match (kind, name) {
        ("AWS", "*") => Some(Who::Everybody),
        ("AWS", name) => of_aws(name),
        ("CanonicalUser", id) => id.parse().ok().map(Who::Canonical),
        ("Service" | "Federated", name) => (!name.is_empty()).then_some(Who::Nobody),
        _ => None,
    }
}

fn of_aws(name: &str) -> Option<Who> {
    if name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Who::Account(name.to_owned()));
    }
    let (partition, rest) = name.strip_prefix("arn:")?.split_once(':')?;
    if !matches!(partition, "aws" | "aws-cn" | "aws-us-gov") || name.contains(['*', '?']) {
        return None;
    }
    let (service, rest) = rest.split_once("::")?;
    let (account, resource) = rest.split_once(':')?;
    // AWS wants twelve digits; other stores call their accounts by words, and policies travel.
    if !is_word(account) {
        return None;
    }
    match (service, resource.split_once('/')) {
        ("iam", None) if resource == "root" => Some(Who::Account(account.to_owned())),
        ("iam", Some(("role", path))) => {
            let role = path.rsplit('/').next().filter(|role| !role.is_empty())?;
            Some(Who::Role(account.to_owned(), role.to_owned()))
        }
        ("iam", Some(("user", path))) if !path.is_empty() => Some(Who::Exactly(name.to_owned())),
        ("sts", Some(("assumed-role", session))) => {
            session.contains('/').then(|| Who::Exactly(name.to_owned()))
        }
        ("sts", Some(("federated-user", user))) if !user.is_empty() => Some(Who::Nobody),
        _ => None,
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CANONICAL: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";

    fn session() -> Principal<'static> {
        Principal::Signed {
            account: "111122223333",
            arn: "arn:aws:sts::111122223333:assumed-role/SageMaker/me",
            canonical: CANONICAL.parse().ok(),
        }
    }

    fn is(principal: &Value, caller: &Principal<'_>) -> bool {
        read(principal).unwrap().iter().any(|who| who.is(caller))
    }

    #[test]
    fn a_session_is_meant_by_its_account_its_role_itself_and_its_canonical_id() {
        for principal in [
            json!("*"),
            json!({"AWS": "*"}),
            json!({"AWS": "111122223333"}),
            json!({"AWS": ["arn:aws:iam::999999999999:root", "arn:aws:iam::111122223333:root"]}),
            json!({"AWS": "arn:aws:iam::111122223333:role/service-role/SageMaker"}),
            json!({"AWS": "arn:aws:sts::111122223333:assumed-role/SageMaker/me"}),
            json!({"CanonicalUser": CANONICAL}),
            json!({"Service": "sagemaker.amazonaws.com", "AWS": "111122223333"}),
        ] {
            assert!(is(&principal, &session()), "{principal}");
        }
        for principal in [
            json!({"AWS": "111122223334"}),
            json!({"AWS": "arn:aws:iam::111122223333:role/Sage"}),
            json!({"AWS": "arn:aws:iam::111122223334:role/SageMaker"}),
            json!({"AWS": "arn:aws:iam::111122223333:user/me"}),
            json!({"AWS": "arn:aws:sts::111122223333:assumed-role/SageMaker/you"}),
            json!({"Service": "*"}),
            json!({"Federated": "*"}),
        ] {
            assert!(!is(&principal, &session()), "{principal}");
        }
    }

    #[test]
    fn who_did_not_sign_is_only_everybody() {
        assert!(is(&json!({"AWS": "*"}), &Principal::Anonymous));
        assert!(!is(&json!({"AWS": "111122223333"}), &Principal::Anonymous));
    }

    #[test]
    fn what_is_nobodys_name_is_refused() {
        for principal in [
            json!("me"),
            json!({}),
            json!({"AWS": []}),
            json!({"AWS": "1"}),
            json!({"AWS": "arn:aws:iam::111122223333:role/*"}),
            json!({"AWS": "arn:aws:iam::111122223333:group/g"}),
            json!({"AWS": "arn:aws:s3:::bucket"}),
            json!({"Nobody": "*"}),
            json!({"CanonicalUser": "c0ffee"}),
            json!(["*"]),
            json!({"AWS": 111_122_223_333_u64}),
        ] {
            assert_eq!(read(&principal), Err(PolicyFault::Principal), "{principal}");
        }
    }
}
