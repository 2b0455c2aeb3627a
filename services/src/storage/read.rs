//! Objects on their way out.

use std::{
    collections::{HashMap, hash_map},
    sync::Arc,
    vec,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use platform::{
    objects::{
        ByteRange, ByteStream, Conditions, ListKeys, ListVersions, Listing, ObjectError,
        ObjectInfo, ObjectName, Read, VersionListing,
        blobs::Blobs,
        index::{Content, Entry, Extent, Found},
        whole,
    },
    sealed::{Ciphertext, Sealed, Secret, sealed_len},
    workload::Part,
};
use types::Owner;

use super::{
    Storage,
    conditions::{self, Verdict, judge},
    extents::slice,
    failed, failed_at,
    pins::Pin,
    seal::pieces,
    sums::{self, Damage},
};

/// Keys in a page at most (S3's limit of `max-keys`).
const KEYS: usize = 1000;

/// The streams of an object's extents, each opened when the one before is through.
struct Pieces {
    blobs: Arc<dyn Blobs>,
    damage: Arc<Damage>,
    extents: vec::IntoIter<Extent>,
    /// Keeps them all until the last is read.
    _pin: Pin,
}

impl Iterator for Pieces {
    type Item = ByteStream;

    fn next(&mut self) -> Option<ByteStream> {
        Some(sums::read(&*self.blobs, self.extents.next()?, self.damage.clone()))
    }
}

impl Storage {
    /// The object of that name, its blobs held.
    pub(super) async fn held(&self, name: ObjectName<'_>) -> Result<(Entry, Pin), ObjectError> {
        let _looking = self.pins.looking().await;
        match self.index.get(name).await.map_err(failed)? {
            Some(Found::Object(entry)) => {
                let pin = self.pins.pin(entry.content.blobs());
                Ok((*entry, pin))
            }
            Some(Found::Marker(marker)) => Err(marker.refusal(name.version.is_some())),
            None if name.version.is_some() => Err(ObjectError::NoSuchVersion),
            None => Err(ObjectError::NoSuchKey(name.key.to_owned())),
        }
    }

    /// The bytes of some content that lies plain.
    pub(super) fn body(&self, content: Content, pin: Pin) -> ByteStream {
        match content {
            Content::Inline(bytes) => whole(bytes),
            Content::Extents(extents) => {
                let pieces = Pieces {
                    blobs: self.blobs.clone(),
                    damage: self.damage.clone(),
                    extents: extents.into_iter(),
                    _pin: pin,
                };
                Box::pin(stream::iter(pieces).flatten())
            }
        }
    }

    /// The plain bytes of a range. `data` is the data key, where the content is sealed.
    pub(super) fn plain(
        &self,
        content: &Content,
        (offset, len): (u64, u64),
        data: Option<Secret>,
        pin: Pin,
    ) -> Result<ByteStream, ObjectError> {
        match (content, data) {
            (content, None) => Ok(self.body(slice(content, offset, len), pin)),
            (Content::Inline(bytes), Some(data)) => {
                let bytes = Ciphertext::Memory(bytes.clone());
                let opened = Sealed::new(bytes, data.of_inline()).read(offset, len);
                opened.map(whole).map_err(ObjectError::internal)
            }
            (Content::Extents(extents), Some(data)) => {
                let place = (self.blobs.clone(), self.damage.clone());
                Ok(pieces::read(place, extents, (offset, len), data, pin))
            }
        }
    }

    pub(super) async fn head_object(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        conditions: &Conditions,
        customer: Option<&Secret>,
    ) -> Result<Option<ObjectInfo>, ObjectError> {
        let bucket = self.owned(owner, name.bucket).await?;
        let (entry, _pin) = self.held(name).await?;
        self.opened(&bucket, &entry, customer).await?;
        match judge(conditions, &entry.info) {
            Verdict::Proceed => Ok(Some(entry.info)),
            Verdict::NotModified => Ok(None),
            Verdict::Failed => Err(ObjectError::PreconditionFailed),
        }
    }

    pub(super) async fn get_object(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        range: Option<ByteRange>,
        conditions: &Conditions,
        customer: Option<&Secret>,
    ) -> Result<Option<Read>, ObjectError> {
        let bucket = self.owned(owner, name.bucket).await?;
        let (entry, pin) = self.held(name).await?;
        let data = self.opened(&bucket, &entry, customer).await?;
        match judge(conditions, &entry.info) {
            Verdict::Proceed => {}
            Verdict::NotModified => return Ok(None),
            Verdict::Failed => return Err(ObjectError::PreconditionFailed),
        }
        let range = conditions::resolve(range, entry.info.size)?;
        let wanted = range.unwrap_or((0, entry.info.size));
        let body = self.plain(&entry.content, wanted, data, pin)?;
        Ok(Some(Read { info: entry.info, range, body }))
    }

    pub(super) async fn list_objects(
        &self,
        owner: &Owner,
        list: &ListKeys,
    ) -> Result<Listing, ObjectError> {
        self.owned(owner, &list.bucket).await?;
        let list = ListKeys {
            delimiter: list.delimiter.clone().filter(|delimiter| !delimiter.is_empty()),
            limit: list.limit.min(KEYS),
            ..list.clone()
        };
        self.index.list(&list).await.map_err(|error| failed_at(error, &list.bucket, ""))
    }

    pub(super) async fn list_object_versions(
        &self,
        owner: &Owner,
        list: &ListVersions,
    ) -> Result<VersionListing, ObjectError> {
        self.owned(owner, &list.bucket).await?;
        let list = ListVersions {
            delimiter: list.delimiter.clone().filter(|delimiter| !delimiter.is_empty()),
            limit: list.limit.min(KEYS),
            ..list.clone()
        };
        self.index.list_versions(&list).await.map_err(|error| failed_at(error, &list.bucket, ""))
    }

    /// An open file is its own pin, so the others may go when this returns.
    pub(super) async fn open_object(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
    ) -> Result<(ObjectInfo, Vec<Part>), ObjectError> {
        let bucket = self.owned(owner, name.bucket).await?;
        let (entry, _pin) = self.held(name).await?;
        let opened = self.opened(&bucket, &entry, None).await;
        let data = opened.map_err(|error| match error {
            ObjectError::CustomerKeyNeeded => ObjectError::AccessDenied,
            other => other,
        })?;
        let parts = match (entry.content, data) {
            (Content::Inline(bytes), None) => vec![Part::Inline(bytes)],
            (Content::Inline(bytes), Some(data)) => {
                let sealed = Sealed::new(Ciphertext::Memory(bytes), data.of_inline());
                vec![Part::Sealed { sealed, offset: 0, len: entry.info.size }]
            }
            (Content::Extents(extents), None) => self.open_extents(extents).await?,
            (Content::Extents(extents), Some(data)) => self.open_sealed(extents, &data).await?,
        };
        Ok((entry.info, parts))
    }

    /// Each extent is a whole blob, which stays as it lies.
    async fn open_sealed(
        &self,
        extents: Vec<Extent>,
        data: &Secret,
    ) -> Result<Vec<Part>, ObjectError> {
        let mut parts = Vec::with_capacity(extents.len());
        for extent in extents {
            let Extent { blob, len, .. } = extent;
            let opened = self.blobs.open(blob).await.map_err(ObjectError::internal)?;
            let bytes = if let Some(file) = opened {
                Ciphertext::file(file).map_err(ObjectError::internal)?
            } else {
                let whole = Extent { len: sealed_len(len), ..extent };
                Ciphertext::Memory(self.fetch(whole).await?)
            };
            let sealed = Sealed::new(bytes, data.of_blob(blob));
            parts.push(Part::Sealed { sealed, offset: 0, len });
        }
        Ok(parts)
    }

    /// Each blob is opened once, however many extents name it.
    async fn open_extents(&self, extents: Vec<Extent>) -> Result<Vec<Part>, ObjectError> {
        let mut files = HashMap::new();
        let mut parts = Vec::with_capacity(extents.len());
        for extent in extents {
            let Extent { blob, offset, len, .. } = extent;
            let file = match files.entry(blob) {
                hash_map::Entry::Occupied(known) => Option::clone(known.get()),
                hash_map::Entry::Vacant(new) => {
                    let opened = self.blobs.open(blob).await.map_err(ObjectError::internal)?;
                    new.insert(opened).clone()
                }
            };
            parts.push(match file {
                Some(file) => Part::Blob { file, offset, len },
                None => Part::Inline(self.fetch(extent).await?),
            });
        }
        Ok(parts)
    }

    /// The bytes of an extent whose blob is no file of this machine.
    async fn fetch(&self, extent: Extent) -> Result<Bytes, ObjectError> {
        let read = sums::read(&*self.blobs, extent, self.damage.clone());
        let chunks: Vec<Bytes> = read.try_collect().await.map_err(ObjectError::internal)?;
        Ok(chunks.concat().into())
    }
}
