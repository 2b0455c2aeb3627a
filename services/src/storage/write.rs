//! Objects on their way in, copied and removed.

use platform::objects::{
    Checksums, Copy, DeleteIf, Deleted, ObjectError, ObjectInfo, ObjectName, Put, Tags, Version,
    index::{Content, Entry, Guard, IndexError},
};
use types::{Owner, Timestamp};

use super::{
    Storage,
    checksums::{Algorithm, Promise},
    conditions, failed_at, names,
    pins::Pin,
    receive::{INLINE, LARGEST, Receiver, require_room},
    tags,
    uploads::digest,
};

impl Storage {
    pub(super) async fn put_object(
        &self,
        owner: &Owner,
        put: Put,
    ) -> Result<ObjectInfo, ObjectError> {
        let Put { bucket, key, headers, tags, conditions, body, .. } = put;
        self.owned(owner, &bucket).await?;
        names::check_key(&key)?;
        tags::check_object(&tags)?;
        let guard = conditions::guard(&conditions)?;
        let promise = Promise::new(&put.checksums, None, put.content_md5.as_deref())?;
        let promise = promise.signed(put.content_sha256);
        let received = self.receiver(Some(INLINE)).take(body, &promise).await?;
        let info = ObjectInfo {
            key,
            size: received.size,
            etag: hex::encode(&received.digests.md5),
            modified: Timestamp::now(),
            headers,
            checksums: received.digests.checksums,
            parts: Vec::new(),
            tags,
            version: None,
        };
        let entry = Entry { info, upload: None, content: received.content };
        self.make_visible(&bucket, entry, guard, received.pin).await
    }

    pub(super) fn receiver(&self, inline: Option<u64>) -> Receiver<'_> {
        let blobs = self.blobs.as_ref();
        Receiver { blobs, pins: &self.pins, inline, reserve: self.reserve }
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

    async fn commit(
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

    /// The source's bytes are not touched: both objects name the same blobs.
    pub(super) async fn copy_object(
        &self,
        owner: &Owner,
        copy: Copy<'_>,
    ) -> Result<ObjectInfo, ObjectError> {
        let Copy { source, target: (bucket, key), conditions, headers, tags, checksum } = copy;
        self.owned(source.owner, source.name.bucket).await?;
        self.owned(owner, bucket).await?;
        names::check_key(key)?;
        tags.as_ref().map_or(Ok(()), tags::check_object)?;
        self.require_room()?;
        let guard = conditions::guard(conditions)?;
        let (found, pin) = self.held(source.name).await?;
        conditions::require(source.conditions, &found.info)?;
        if found.info.size > LARGEST {
            return Err(ObjectError::CopyTooLarge);
        }
        let checksums = self.checksums_of_copy(&found, checksum).await?;
        let info = ObjectInfo {
            key: key.to_owned(),
            modified: Timestamp::now(),
            headers: headers.unwrap_or(found.info.headers),
            tags: tags.unwrap_or(found.info.tags),
            checksums,
            version: None,
            ..found.info
        };
        let entry = Entry { info: info.clone(), upload: None, content: found.content };
        let copied = self.commit(bucket, entry, guard, pin).await;
        let version = copied.map_err(|error| failed_at(error, bucket, key))?;
        Ok(ObjectInfo { version, ..info })
    }

    /// The source's, unless another one is asked for; then all bytes are read.
    async fn checksums_of_copy(
        &self,
        source: &Entry,
        asked: Option<String>,
    ) -> Result<Checksums, ObjectError> {
        let asked = Checksums { algorithm: asked, ..Checksums::default() };
        let algorithm = Algorithm::asked(&asked)?;
        if algorithm.is_none() || algorithm == Algorithm::asked(&source.info.checksums)? {
            return Ok(source.info.checksums.clone());
        }
        let again = self.pins.pin(source.content.blobs());
        let promise = Promise::new(&asked, None, None)?;
        let digests = digest(self.body(source.content.clone(), again), &promise).await?;
        Ok(digests.checksums)
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
        match self.index.set_tags(name, tags).await {
            Err(IndexError::NoSuchKey) if name.version.is_some() => Err(ObjectError::NoSuchVersion),
            tagged => tagged.map_err(|error| failed_at(error, name.bucket, name.key)),
        }
    }
}
