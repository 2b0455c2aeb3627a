//! What of a bucket's settings is refused before it is kept.

use platform::objects::{Bucket, ObjectError, Ownership, settings::SettingsChange};

use super::{
    acl,
    cors::{self, CorsFault},
    lifecycle::{self, LifecycleFault},
    policy::{Policy, PolicyFault},
    tags::{self, TagFault},
};

/// Checks a change to `bucket`. Removing a part is never refused.
pub(super) fn check(bucket: &Bucket, change: &SettingsChange) -> Result<(), ObjectError> {
    match change {
        SettingsChange::Tags(tags) => Ok(tags::check_bucket(tags)?),
        SettingsChange::Cors(rules) if !rules.is_empty() => Ok(cors::check(rules)?),
        SettingsChange::Lifecycle(rules) if !rules.is_empty() => Ok(lifecycle::check(rules)?),
        SettingsChange::Policy(Some(text)) => check_policy(bucket, text),
        SettingsChange::Acl(list) => acl::check(bucket, list),
        SettingsChange::Ownership(Some(Ownership::Enforced)) if !bucket.settings.acl.is_empty() => {
            Err(ObjectError::HasAcl)
        }
        SettingsChange::Versioning(_)
        | SettingsChange::Cors(_)
        | SettingsChange::Lifecycle(_)
        | SettingsChange::Policy(None)
        | SettingsChange::Encryption(_)
        | SettingsChange::PublicAccess(_)
        | SettingsChange::Ownership(_) => Ok(()),
    }
}

fn check_policy(bucket: &Bucket, text: &str) -> Result<(), ObjectError> {
    let policy = Policy::parse(text, &bucket.name)?;
    let blocked = bucket.settings.public_access.is_some_and(|block| block.block_policy);
    if blocked && policy.is_public() { Err(ObjectError::PublicPolicy) } else { Ok(()) }
}

impl From<PolicyFault> for ObjectError {
    fn from(fault: PolicyFault) -> Self {
        Self::MalformedPolicy(fault.to_string())
    }
}

impl From<CorsFault> for ObjectError {
    fn from(fault: CorsFault) -> Self {
        match fault {
            CorsFault::Schema => Self::MalformedXml,
            CorsFault::Id => Self::InvalidArgument(fault.to_string()),
            CorsFault::Method(_)
            | CorsFault::Origin(_)
            | CorsFault::Header(_)
            | CorsFault::Exposed(_) => Self::InvalidRequest(fault.to_string()),
        }
    }
}

impl From<LifecycleFault> for ObjectError {
    fn from(fault: LifecycleFault) -> Self {
        match fault {
            LifecycleFault::Schema => Self::MalformedXml,
            LifecycleFault::Argument(_) => Self::InvalidArgument(fault.to_string()),
            LifecycleFault::Request(_) => Self::InvalidRequest(fault.to_string()),
        }
    }
}

impl From<TagFault> for ObjectError {
    fn from(fault: TagFault) -> Self {
        Self::InvalidTag(fault.to_string())
    }
}
