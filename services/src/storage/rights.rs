//! Who may: a bucket's policy, its owner and its ACLs, asked before every operation.
//!
//! Buckets are remembered and so are their policies, read; so a request to a bucket without a
//! policy costs a look into a map.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use platform::objects::{
    Asked, Bucket, Context, CorsAnswer, CorsAsked, Expiry, ObjectError, ObjectInfo, ObjectName,
    Permission, index::Found,
};
use types::Owner;

use super::{
    Storage,
    acl::{self, Asker, Needed},
    cors, failed,
    lifecycle::{self, Seen},
    policy::{self, Decision, EXISTING_TAG, Policy, Principal, Request},
};

/// As whom is worked for those who did not sign.
const ANONYMOUS: &str = "anonymous";

/// The policies that were read lately, with the text that each was read from.
#[derive(Default)]
pub(super) struct Policies(Mutex<HashMap<String, (String, Arc<Policy>)>>);

/// How many policies are remembered; beyond, all are forgotten and read again.
const REMEMBERED: usize = 1_000;

impl Policies {
    /// The bucket's policy. A text that is none, which the store never keeps, lets nobody in.
    fn of(&self, bucket: &Bucket) -> Result<Option<Arc<Policy>>, ObjectError> {
        let Some(text) = &bucket.settings.policy else { return Ok(None) };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, policy)) = known.get(&bucket.name)
            && read == text
        {
            return Ok(Some(policy.clone()));
        }
        let policy = Arc::new(Policy::parse(text, &bucket.name).map_err(ObjectError::internal)?);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(bucket.name.clone(), (text.clone(), policy.clone()));
        Ok(Some(policy))
    }
}

impl Storage {
    pub(super) async fn authorized(&self, asked: &Asked<'_>) -> Result<Owner, ObjectError> {
        let bucket = self.known(asked.bucket).await?;
        if asked.expected_owner.is_some_and(|expected| expected != bucket.account) {
            return Err(ObjectError::AccessDenied);
        }
        let policy = self.policies.of(&bucket)?;
        let context = match &policy {
            Some(policy) => self.context(asked, policy).await?,
            None => Context::default(),
        };
        let permitted = match judge(&bucket, policy.as_deref(), asked, &context) {
            Decision::Allow => true,
            Decision::Deny => false,
            Decision::Silent => self.granted(&bucket, asked).await?,
        };
        if permitted { Ok(acting(&bucket, asked)) } else { Err(ObjectError::AccessDenied) }
    }

    /// Whether an ACL lets the asker in, or it owns the object. That there is no object is found out
    /// by those who may list the bucket.
    async fn granted(&self, bucket: &Bucket, asked: &Asked<'_>) -> Result<bool, ObjectError> {
        let needed = Needed::of(asked, bucket.settings.ownership);
        let Some(needed) = needed else { return Ok(false) };
        let who = Asker::of(asked);
        let of_bucket = |wanted| acl::grants(bucket, &bucket.settings.acl, who, wanted);
        let (wanted, key) = match (needed, asked.key) {
            (Needed::OfBucket(wanted), _) => return Ok(of_bucket(wanted)),
            (Needed::OfObject(_), None) => return Ok(false),
            (Needed::OfObject(wanted), Some(key)) => (wanted, key),
        };
        let name = ObjectName { bucket: asked.bucket, key, version: asked.version };
        Ok(match self.index.get(name).await.map_err(failed)? {
            Some(Found::Object(entry)) => {
                owns(&entry.info, asked) || acl::grants(bucket, &entry.info.acl, who, wanted)
            }
            Some(Found::Marker(_)) | None => wanted == Permission::Read && of_bucket(wanted),
        })
    }

    /// What the request says, and the tags of its object where the policy asks for them.
    async fn context<'a>(
        &self,
        asked: &'a Asked<'_>,
        policy: &Policy,
    ) -> Result<Context<'a>, ObjectError> {
        let mut context = asked.circumstances.context();
        let Some(key) = asked.key.filter(|_| policy.asks_for_tags()) else { return Ok(context) };
        let name = ObjectName { bucket: asked.bucket, key, version: asked.version };
        if let Some(Found::Object(entry)) = self.index.get(name).await.map_err(failed)? {
            for (tag, value) in entry.info.tags {
                context.set(format!("{EXISTING_TAG}{tag}"), value);
            }
        }
        Ok(context)
    }

    pub(super) async fn lets_strangers_in(
        &self,
        owner: &Owner,
        name: &str,
    ) -> Result<bool, ObjectError> {
        let bucket = self.owned(owner, name).await?;
        Ok(self.policies.of(&bucket)?.is_some_and(|policy| policy.is_public()))
    }

    pub(super) async fn expires(
        &self,
        owner: &Owner,
        bucket: &str,
        info: &ObjectInfo,
    ) -> Result<Option<Expiry>, ObjectError> {
        let bucket = self.owned(owner, bucket).await?;
        let ObjectInfo { key, size, tags, modified, .. } = info;
        let seen = Seen { key, size: *size, tags, modified: *modified, marker: false };
        Ok(lifecycle::expiry(&bucket.settings.lifecycle, &seen))
    }

    pub(super) async fn cors_answer(
        &self,
        name: &str,
        asked: &CorsAsked<'_>,
    ) -> Result<CorsAnswer, ObjectError> {
        let bucket = self.known(name).await?;
        let rules = &bucket.settings.cors;
        Ok(match cors::granted(rules, asked) {
            Some(grant) => CorsAnswer::Granted(grant),
            None if rules.is_empty() => CorsAnswer::Off,
            None => CorsAnswer::Refused,
        })
    }
}

/// Whether the object is that of the asker's account, in the bucket of another.
fn owns(info: &ObjectInfo, asked: &Asked<'_>) -> bool {
    let account = asked.caller.map(|caller| &*caller.owner().account);
    account.is_some() && account == info.owner.as_deref()
}

fn judge(
    bucket: &Bucket,
    policy: Option<&Policy>,
    asked: &Asked<'_>,
    context: &Context<'_>,
) -> Decision {
    let canonical = policy.and_then(|_| asked.circumstances.canonical_id());
    let principal = asked.caller.map_or(Principal::Anonymous, |caller| Principal::Signed {
        account: &caller.owner().account,
        arn: &caller.owner().principal,
        canonical,
    });
    let resource = match asked.key {
        Some(key) => format!("arn:aws:s3:::{}/{key}", bucket.name),
        None => format!("arn:aws:s3:::{}", bucket.name),
    };
    let request = Request { principal, action: asked.action, resource: &resource, context };
    policy::judge(policy, bucket.settings.public_access, &bucket.account, &request)
}

/// The owner to act for: the caller itself in its own account, else the bucket's account.
fn acting(bucket: &Bucket, asked: &Asked<'_>) -> Owner {
    match asked.caller.map(types::Caller::owner) {
        Some(owner) if *owner.account == bucket.account => owner.clone(),
        other => {
            let principal = other.map_or_else(|| ANONYMOUS.into(), |owner| owner.principal.clone());
            Owner::new(bucket.account.as_str(), bucket.region.as_str(), principal)
        }
    }
}
