//! Objects on their way in, copied and removed.

use platform::objects::{
    Conditions, ObjectError, ObjectHeaders, ObjectInfo, Put,
    index::{Content, Entry, Guard, IndexError},
};
use types::{Owner, Timestamp};

use super::{
    Storage,
    checksums::Promise,
    conditions, failed_at, names,
    pins::Pin,
    receive::{INLINE, Receiver},
};

impl Storage {
    pub(super) async fn put_object(
        &self,
        owner: &Owner,
        put: Put,
    ) -> Result<ObjectInfo, ObjectError> {
        let Put { bucket, key, headers, checksums, content_md5, conditions, body } = put;
        self.owned(owner, &bucket).await?;
        names::check_key(&key)?;
        let guard = conditions::guard(&conditions)?;
        let promise = Promise::new(&checksums, None, content_md5.as_deref())?;
        let received = self.receiver(Some(INLINE)).take(body, &promise).await?;
        let info = ObjectInfo {
            key,
            size: received.size,
            etag: hex::encode(&received.digests.md5),
            modified: Timestamp::now(),
            headers,
            checksums: received.digests.checksums,
            part_sizes: Vec::new(),
        };
        let entry = Entry { info, upload: None, content: received.content };
        self.make_visible(&bucket, entry, guard, received.pin).await
    }

    pub(super) fn receiver(&self, inline: Option<u64>) -> Receiver<'_> {
        Receiver { blobs: self.blobs.as_ref(), pins: &self.pins, inline }
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
            Ok(()) => Ok(info),
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
    ) -> Result<(), IndexError> {
        let (index, bucket) = (self.index.clone(), bucket.to_owned());
        self.decide(pin, async move { index.put(&bucket, entry, guard).await }).await
    }

    /// Removes blobs that the index refused to name. Where it failed instead, nobody knows whether
    /// it names them, and the sweeper finds out.
    pub(super) async fn discard(&self, content: &Content, refusal: &IndexError) {
        match refusal {
            IndexError::Failed(_) => return,
            IndexError::NoSuchBucket
            | IndexError::NoSuchKey
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
        source: (&str, &str),
        conditions: &Conditions,
        target: (&str, &str),
        headers: Option<ObjectHeaders>,
    ) -> Result<ObjectInfo, ObjectError> {
        self.owned(owner, source.0).await?;
        self.owned(owner, target.0).await?;
        names::check_key(target.1)?;
        let (found, pin) = self.held(source.0, source.1).await?;
        conditions::require(conditions, &found.info)?;
        let info = ObjectInfo {
            key: target.1.to_owned(),
            modified: Timestamp::now(),
            headers: headers.unwrap_or(found.info.headers),
            ..found.info
        };
        let entry = Entry { info: info.clone(), upload: None, content: found.content };
        let copied = self.commit(target.0, entry, Guard::Any, pin).await;
        copied.map_err(|error| failed_at(error, target.0, target.1))?;
        Ok(info)
    }

    pub(super) async fn delete_object(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
    ) -> Result<(), ObjectError> {
        self.owned(owner, bucket).await?;
        self.index.delete(bucket, key).await.map_err(|error| failed_at(error, bucket, key))?;
        self.changed.notify_one();
        Ok(())
    }
}
