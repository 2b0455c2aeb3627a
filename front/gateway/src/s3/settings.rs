//! What the owner of a bucket sets about it: one module for each part.
//!
//! What a part means, and what of it is refused, is [`platform::objects::Objects`]'s word; here
//! stands only S3's way to write it. What is not set is answered as S3 answers it: some parts by an
//! error of their own, some by an empty document.

pub(super) mod access;
mod acl;
mod cors;
mod encryption;
mod lifecycle;
mod policy;
pub(super) mod tagging;
mod unset;
mod versioning;

use platform::objects::settings::{BucketSettings, SettingsChange};

use super::{Desk, ask::Ask, errors::Refused};

impl Desk {
    /// All that is set, once the caller may do `action`.
    async fn settings(
        &self,
        ask: &Ask,
        action: &str,
        bucket: &str,
    ) -> Result<BucketSettings, Refused> {
        let owner = self.allow(ask, action, bucket).await?;
        Ok(self.objects.bucket(&owner, bucket).await?.settings.clone())
    }

    /// Changes a part, once the caller may do `action`.
    async fn change(
        &self,
        ask: &Ask,
        action: &str,
        bucket: &str,
        change: SettingsChange,
    ) -> Result<(), Refused> {
        let owner = self.allow(ask, action, bucket).await?;
        Ok(self.objects.change_bucket(&owner, bucket, change).await?)
    }
}
