//! Objects on their way in, and removed.

use platform::objects::{
    Acl, Bucket, DeleteIf, Deleted, ObjectError, ObjectHeaders, ObjectInfo, ObjectName, Put, Tags,
    Version,
    index::{Content, Entry, Guard, IndexError},
};
use types::{Owner, Timestamp};

use super::{
    Storage, acl,
    checksums::Promise,
    conditions, failed_at, names,
    pins::Pin,
    receive::{INLINE, Received, Receiver, require_room},
    seal::Sealing,
    tags,
};

/// What is told of an object as its client says it.
pub(super) struct Told {
    pub(super) key: String,
    pub(super) headers: ObjectHeaders,
    pub(super) tags: Tags,
    pub(super) acl: Acl,
    /// The account whose it will be, where that is not the bucket's.
    pub(super) owner: Option<String>,
}

impl Storage {
    pub(super) async fn put_object(
        &self,
        owner: &Owner,
        put: Put,
    ) -> Result<ObjectInfo, ObjectError> {
        let bucket = self.owned(owner, &put.bucket).await?;
        names::check_key(&put.key)?;
        tags::check_object(&put.tags)?;
        acl::check(&bucket, &put.acl)?;
        let guard = conditions::guard(&put.conditions)?;
        let promise = Promise::new(&put.checksums, None, put.content_md5.as_deref())?;
        let promise = promise.signed(put.content_sha256);
        let method = self.method(&bucket, put.protection);
        let sealing = self.sealing(&bucket, &put.key, method).await?;
        let received =
            self.receiver(Some(INLINE), sealing.as_ref()).take(put.body, &promise).await?;
        let told = Told {
            key: put.key,
            headers: put.headers,
            tags: put.tags,
            acl: put.acl,
            owner: acl::writer(&bucket, owner),
        };
        self.keep(&bucket, told, received, sealing, guard).await
    }

    /// Makes an object of bytes that came in.
    pub(super) async fn keep(
        &self,
        bucket: &Bucket,
        told: Told,
        received: Received,
        sealing: Option<Sealing>,
        guard: Guard,
    ) -> Result<ObjectInfo, ObjectError> {
        let seal = sealing.map(|sealing| sealing.seal);
        let info = ObjectInfo {
            key: told.key,
            size: received.size,
            etag: received.etag,
            modified: Timestamp::now(),
            headers: told.headers,
            checksums: received.checksums,
            parts: Vec::new(),
            tags: told.tags,
            acl: told.acl,
            owner: told.owner,
            version: None,
            encryption: seal.as_ref().map(|seal| seal.encryption.clone()),
        };
        let entry = Entry { info, upload: None, seal, content: received.content };
        self.make_visible(&bucket.name, entry, guard, received.pin).await
    }

    pub(super) fn receiver<'a>(
        &'a self,
        inline: Option<u64>,
        sealing: Option<&'a Sealing>,
    ) -> Receiver<'a> {
        let blobs = self.blobs.as_ref();
        Receiver { blobs, pins: &self.pins, inline, reserve: self.reserve, sealing }
    }

    /// Refuses what makes the index grow while the disk is nearly full. What ends or replaces
    /// something goes on.
    pub(super) fn require_room(&self) -> Result<(), ObjectError> {
        require_room(self.blobs.as_ref(), self.reserve)
    }

    /// Commits an object whose blobs nobody else names, and removes them where it is refused.
    async fn make_visible(
        &self,
        bucket: &str,
        entry: Entry,
        guard: Guard,
        pin: Pin,
    ) -> Result<ObjectInfo, ObjectError> {
        let (info, content) = (entry.info.clone(), entry.content.clone());
        match self.commit(bucket, entry, guard, pin).await {
            Ok(version) => Ok(ObjectInfo { version, ..info }),
            Err(refusal) => {
                self.discard(&content, &refusal).await;
                Err(failed_at(refusal, bucket, &info.key))
            }
        }
    }

    pub(super) async fn commit(
        &self,
        bucket: &str,
        entry: Entry,
        guard: Guard,
        pin: Pin,
    ) -> Result<Option<Version>, IndexError> {
        let (index, bucket) = (self.index.clone(), bucket.to_owned());
        self.decide(pin, async move { index.put(&bucket, entry, guard).await }).await
    }

    /// Removes blobs that the index refused to name. Where it failed instead, nobody knows whether
    /// it names them, and the sweeper finds out soon.
    pub(super) async fn discard(&self, content: &Content, refusal: &IndexError) {
        match refusal {
            IndexError::Failed(_) => {
                self.suspects.add(content.blobs());
                self.changed.notify_one();
                return;
            }
            IndexError::NoSuchBucket
            | IndexError::NoSuchKey
            | IndexError::NoSuchVersion
            | IndexError::NoSuchUpload
            | IndexError::BucketNotEmpty
            | IndexError::Unmet => {}
        }
        for blob in content.blobs() {
            if let Err(error) = self.blobs.delete(blob).await {
                tracing::warn!(%blob, %error, "a refused blob is left to the sweeper");
            }
        }
    }

    pub(super) async fn delete_object(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        conditions: &DeleteIf,
    ) -> Result<Deleted, ObjectError> {
        self.owned(owner, name.bucket).await?;
        names::check_key(name.key)?;
        let deleted = self.index.delete(name, conditions, Timestamp::now()).await;
        let deleted = deleted.map_err(|error| failed_at(error, name.bucket, name.key))?;
        self.changed.notify_one();
        Ok(deleted)
    }

    pub(super) async fn tag_object(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        tags: Tags,
    ) -> Result<Option<Version>, ObjectError> {
        self.owned(owner, name.bucket).await?;
        tags::check_object(&tags)?;
        changed(name, self.index.set_tags(name, tags).await)
    }

    pub(super) async fn share_object(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        acl: Acl,
    ) -> Result<Option<Version>, ObjectError> {
        let bucket = self.owned(owner, name.bucket).await?;
        acl::check(&bucket, &acl)?;
        changed(name, self.index.set_acl(name, acl).await)
    }
}

/// What is told of a change to an object.
fn changed(
    name: ObjectName<'_>,
    changed: Result<Option<Version>, IndexError>,
) -> Result<Option<Version>, ObjectError> {
    match changed {
        Err(IndexError::NoSuchKey) if name.version.is_some() => Err(ObjectError::NoSuchVersion),
        changed => changed.map_err(|error| failed_at(error, name.bucket, name.key)),
    }
}
