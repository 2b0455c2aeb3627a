//! Objects made of others. Where it can be, no byte is moved: both name the same blobs.
//!
//! Bytes that lie plain are shared with a copy that lies plain, and sealed ones with a copy that is
//! sealed, for their data key can be wrapped anew. What a customer's key opens is never shared: that
//! key's owner decides who may open it. Then, and where plain bytes become sealed or the other way
//! round, they are read and written anew.

use platform::{
    objects::{
        Bucket, Checksums, Copy, Encryption, ObjectError, ObjectInfo, Seal,
        index::{Entry, Guard},
    },
    sealed::Secret,
};
use types::{Id, Owner, Timestamp};

use super::{
    Storage, acl,
    checksums::{Algorithm, Promise},
    conditions, failed_at, names,
    pins::Pin,
    receive::{INLINE, LARGEST},
    seal::Method,
    tags,
    uploads::digest,
    write::Told,
};

/// What is copied, opened and held.
struct Source {
    entry: Entry,
    data: Option<Secret>,
    pin: Pin,
}

/// Where it goes.
struct Target<'a> {
    bucket: &'a Bucket,
    told: Told,
    method: Option<Method>,
    checksum: Option<String>,
    guard: Guard,
}

impl Storage {
    pub(super) async fn copy_object(
        &self,
        owner: &Owner,
        copy: Copy<'_>,
    ) -> Result<ObjectInfo, ObjectError> {
        let Copy { source, target: (bucket, key), .. } = copy;
        let from = self.owned(source.owner, source.name.bucket).await?;
        let bucket = self.owned(owner, bucket).await?;
        names::check_key(key)?;
        copy.tags.as_ref().map_or(Ok(()), tags::check_object)?;
        acl::check(&bucket, &copy.acl)?;
        self.require_room()?;
        let guard = conditions::guard(copy.conditions)?;
        let (entry, pin) = self.held(source.name).await?;
        let data = self.opened(&from, &entry, source.customer).await?;
        conditions::require(source.conditions, &entry.info)?;
        if entry.info.size > LARGEST {
            return Err(ObjectError::CopyTooLarge);
        }
        let told = Told {
            key: key.to_owned(),
            headers: copy.headers.unwrap_or_else(|| entry.info.headers.clone()),
            tags: copy.tags.unwrap_or_else(|| entry.info.tags.clone()),
            acl: copy.acl,
            owner: acl::writer(&bucket, owner),
        };
        let method = self.method(&bucket, copy.protection);
        let target = Target { bucket: &bucket, told, method, checksum: copy.checksum, guard };
        let source = Source { entry, data, pin };
        if can_share(source.entry.seal.as_ref(), target.method.as_ref()) {
            self.share(source, target).await
        } else {
            self.write_anew(source, target).await
        }
    }

    /// Names the same blobs, under the same data key.
    async fn share(&self, source: Source, target: Target<'_>) -> Result<ObjectInfo, ObjectError> {
        let Target { bucket, told, method, checksum, guard } = target;
        let checksums = self.checksums_of_copy(&source, checksum).await?;
        let Source { entry, data, pin } = source;
        let seal = match (method, data) {
            (Some(method), Some(data)) => {
                Some(self.rewrapped(bucket, &told.key, method, data).await?.seal)
            }
            (Some(_) | None, _) => None,
        };
        let encryption = seal.as_ref().map(|seal| seal.encryption.clone());
        let info = ObjectInfo {
            key: told.key,
            etag: etag_of_copy(&entry, seal.as_ref()),
            modified: Timestamp::now(),
            headers: told.headers,
            tags: told.tags,
            acl: told.acl,
            owner: told.owner,
            checksums,
            version: None,
            encryption,
            ..entry.info
        };
        let entry = Entry { info: info.clone(), upload: None, seal, content: entry.content };
        let copied = self.commit(&bucket.name, entry, guard, pin).await;
        let version = copied.map_err(|error| failed_at(error, &bucket.name, &info.key))?;
        Ok(ObjectInfo { version, ..info })
    }

    async fn write_anew(
        &self,
        source: Source,
        target: Target<'_>,
    ) -> Result<ObjectInfo, ObjectError> {
        let Target { bucket, told, method, checksum, guard } = target;
        let Source { entry, data, pin } = source;
        let algorithm = checksum.or(entry.info.checksums.algorithm);
        let asked = Checksums { algorithm, ..Checksums::default() };
        let promise = Promise::new(&asked, None, None)?;
        let sealing = self.sealing(bucket, &told.key, method).await?;
        let body = self.plain(&entry.content, (0, entry.info.size), data, pin)?;
        let taken = self.receiver(Some(INLINE), sealing.as_ref()).take(body, &promise).await;
        let received = taken.map_err(of_ours)?;
        self.keep(bucket, told, received, sealing, guard).await
    }

    /// The source's, unless another one is asked for; then all bytes are read.
    async fn checksums_of_copy(
        &self,
        source: &Source,
        asked: Option<String>,
    ) -> Result<Checksums, ObjectError> {
        let Entry { info, content, .. } = &source.entry;
        let asked = Checksums { algorithm: asked, ..Checksums::default() };
        let algorithm = Algorithm::asked(&asked)?;
        if algorithm.is_none() || algorithm == Algorithm::asked(&info.checksums)? {
            return Ok(info.checksums.clone());
        }
        let again = self.pins.pin(content.blobs());
        let promise = Promise::new(&asked, None, None)?;
        let body = self.plain(content, (0, info.size), source.data.clone(), again)?;
        Ok(digest(body, &promise).await?.checksums)
    }
}

/// Whether a copy can name the source's blobs, and its ETag still be what it must be.
fn can_share(source: Option<&Seal>, target: Option<&Method>) -> bool {
    match (source, target) {
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
        (Some(source), Some(target)) => {
            let of_customer =
                source.encryption == Encryption::Customer || matches!(target, Method::Customer(_));
            let needs_md5 = matches!(target, Method::Own) && !source.encryption.keeps_md5();
            !of_customer && !needs_md5
        }
    }
}

/// The source's; another one where that is an MD5 and the copy's may be none.
fn etag_of_copy(source: &Entry, seal: Option<&Seal>) -> String {
    let of_md5 = source.seal.as_ref().is_none_or(|seal| seal.encryption.keeps_md5());
    let hides = seal.is_some_and(|seal| !seal.encryption.keeps_md5());
    if !(of_md5 && hides) {
        return source.info.etag.clone();
    }
    match source.info.etag.split_once('-') {
        Some((_, parts)) => format!("{}-{parts}", Id::random()),
        None => Id::random().to_string(),
    }
}

/// A body that is our own does not break off by its sender's fault.
pub(super) fn of_ours(error: ObjectError) -> ObjectError {
    match error {
        ObjectError::Body(cause) => ObjectError::internal(cause),
        other => other,
    }
}
