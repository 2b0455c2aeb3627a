//! Whether the asker may: asked at the beginning of every operation.
//!
//! Two words are needed: that of the caller's own account ([`platform::access::Access`]), and that
//! of the bucket, by its owner and its policy ([`platform::objects::Objects::authorize`]). Who did
//! not sign needs only the second. What comes of it is the owner to act for, or, for
//! those who may, the word that the head asks for something that is not done.

use platform::{
    access::Access,
    objects::{Asked, Circumstances, Context, ObjectName, Tags, Version},
};
use types::{CanonicalId, Owner};

use super::{Desk, ask::Ask, convert, errors::Refused};

/// What an operation does to what.
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    action: &'a str,
    bucket: &'a str,
    key: Option<&'a str>,
    version: Option<Version>,
    tags: Option<&'a Tags>,
    prefix: Option<&'a str>,
    source: bool,
    new: bool,
}

impl<'a> Right<'a> {
    pub(super) fn of_bucket(action: &'a str, bucket: &'a str) -> Self {
        Self {
            action,
            bucket,
            key: None,
            version: None,
            tags: None,
            prefix: None,
            source: false,
            new: false,
        }
    }

    /// To know whether there is such a key: as to list what begins with it.
    fn of_existence(bucket: &'a str, key: &'a str) -> Self {
        Self { prefix: Some(key), ..Self::of_bucket("s3:ListBucket", bucket) }
    }

    pub(super) fn of_object(action: &'a str, bucket: &'a str, key: &'a str) -> Self {
        Self { key: Some(key), ..Self::of_bucket(action, bucket) }
    }

    /// To a version, which has actions of its own.
    pub(super) fn of_version(self, action: &'a str, version: Option<Version>) -> Self {
        let action = if version.is_some() { action } else { self.action };
        Self { action, version, ..self }
    }

    /// With the tags that the object will have.
    pub(super) fn with_tags(self, tags: &'a Tags) -> Self {
        Self { tags: Some(tags), ..self }
    }

    /// To the source of a copy, for which another owner may be expected.
    pub(super) fn of_source(self) -> Self {
        Self { source: true, ..self }
    }

    /// To an object that the asker is about to write.
    pub(super) fn of_new(self) -> Self {
        Self { new: true, ..self }
    }

    fn resource(&self) -> String {
        let Self { bucket, key, .. } = self;
        let key = key.map_or_else(String::new, |key| format!("/{key}"));
        format!("arn:aws:s3:::{bucket}{key}")
    }
}

/// A request and what it asks for, as conditions see both.
struct Said<'a> {
    ask: &'a Ask,
    right: &'a Right<'a>,
    access: &'a dyn Access,
}

impl Circumstances for Said<'_> {
    fn context(&self) -> Context<'_> {
        let mut context = self.ask.facts.context(self.ask.caller.as_ref());
        for (name, value) in self.right.tags.into_iter().flatten() {
            context.set(format!("s3:RequestObjectTag/{name}"), value.as_str());
            context.set("s3:RequestObjectTagKeys", name.as_str());
        }
        if let Some(prefix) = self.right.prefix {
            context.replace("s3:prefix", prefix);
        }
        context
    }

    fn canonical_id(&self) -> Option<CanonicalId> {
        let account = self.ask.caller.as_ref()?.owner().account.clone();
        Some(self.access.account(&account)?.canonical_id)
    }
}

impl Desk {
    /// The owner, as answers show it.
    pub(super) fn shown(&self, owner: &Owner) -> s3s::dto::Owner {
        convert::owner(self.access.account(&owner.account).as_deref())
    }

    /// The owner to call [`platform::objects::Objects`] with, once the asker may do that.
    pub(super) async fn allow_right(&self, ask: &Ask, right: &Right<'_>) -> Result<Owner, Refused> {
        if let Some(caller) = &ask.caller {
            self.access.allow(caller, right.action, &right.resource(), caller.owner())?;
        }
        let expected = if right.source {
            ask.facts.expected_source_owner()
        } else {
            ask.facts.expected_owner()
        };
        let asked = Asked {
            caller: ask.caller.as_ref(),
            action: right.action,
            bucket: right.bucket,
            key: right.key,
            version: right.version,
            new: right.new,
            expected_owner: expected.as_deref(),
            circumstances: &Said { ask, right, access: &*self.access },
        };
        let owner = self.objects.authorize(&asked).await?;
        ask.undone.clone().map_or(Ok(owner), Err)
    }

    /// [`Self::allow_right`] to a bucket.
    pub(super) async fn allow(
        &self,
        ask: &Ask,
        action: &str,
        bucket: &str,
    ) -> Result<Owner, Refused> {
        self.allow_right(ask, &Right::of_bucket(action, bucket)).await
    }

    /// [`Self::allow_right`] to an object.
    pub(super) async fn allow_object(
        &self,
        ask: &Ask,
        action: &str,
        bucket: &str,
        key: &str,
    ) -> Result<Owner, Refused> {
        self.allow_right(ask, &Right::of_object(action, bucket, key)).await
    }

    /// The caller itself, once it may do what is about no bucket that there is.
    pub(super) fn allow_caller<'a>(
        &self,
        ask: &'a Ask,
        action: &str,
        thing: &str,
    ) -> Result<&'a Owner, Refused> {
        let caller = ask.caller.as_ref().ok_or_else(Refused::denied)?;
        let resource = format!("arn:aws:s3:::{thing}");
        self.access.allow(caller, action, &resource, caller.owner())?;
        ask.undone.clone().map_or(Ok(caller.owner()), Err)
    }

    /// That something is missing is told only to those who may list it.
    pub(super) async fn missing(
        &self,
        ask: &Ask,
        name: ObjectName<'_>,
        refused: Refused,
    ) -> Refused {
        let tells = matches!(refused.code, "NoSuchKey" | "NoSuchVersion");
        let right = Right::of_existence(name.bucket, name.key);
        if !tells || self.allow_right(ask, &right).await.is_ok() {
            return refused;
        }
        Refused::denied()
    }
}
