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
    workload::Part,
};
use types::Owner;

use super::{
    Storage,
    conditions::{self, Verdict, judge},
    extents::slice,
    failed, failed_at,
    pins::Pin,
};

/// Keys in a page at most (S3's limit of `max-keys`).
const KEYS: usize = 1000;

/// The streams of an object's extents, each opened when the one before is through.
struct Pieces {
    blobs: Arc<dyn Blobs>,
    extents: vec::IntoIter<Extent>,
    /// Keeps them all until the last is read.
    _pin: Pin,
}

impl Iterator for Pieces {
    type Item = ByteStream;

    fn next(&mut self) -> Option<ByteStream> {
        let Extent { blob, offset, len } = self.extents.next()?;
        Some(self.blobs.read(blob, offset, len))
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

    /// The bytes of some content.
    pub(super) fn body(&self, content: Content, pin: Pin) -> ByteStream {
        match content {
            Content::Inline(bytes) => whole(bytes),
            Content::Extents(extents) => {
                let extents = extents.into_iter();
                let pieces = Pieces { blobs: self.blobs.clone(), extents, _pin: pin };
                Box::pin(stream::iter(pieces).flatten())
            }
        }
    }

    pub(super) async fn head_object(
        &self,
        owner: &Owner,
        name: ObjectName<'_>,
        conditions: &Conditions,
    ) -> Result<Option<ObjectInfo>, ObjectError> {
        self.owned(owner, name.bucket).await?;
        let (entry, _pin) = self.held(name).await?;
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
    ) -> Result<Option<Read>, ObjectError> {
        self.owned(owner, name.bucket).await?;
        let (entry, pin) = self.held(name).await?;
        match judge(conditions, &entry.info) {
            Verdict::Proceed => {}
            Verdict::NotModified => return Ok(None),
            Verdict::Failed => return Err(ObjectError::PreconditionFailed),
        }
        let range = conditions::resolve(range, entry.info.size)?;
        let content = match range {
            Some((offset, len)) => slice(&entry.content, offset, len),
            None => entry.content,
        };
        Ok(Some(Read { info: entry.info, range, body: self.body(content, pin) }))
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
        self.owned(owner, name.bucket).await?;
        let (entry, _pin) = self.held(name).await?;
        let parts = match entry.content {
            Content::Inline(bytes) => vec![Part::Inline(bytes)],
            Content::Extents(extents) => self.open_extents(extents).await?,
        };
        Ok((entry.info, parts))
    }

    /// Each blob is opened once, however many extents name it.
    async fn open_extents(&self, extents: Vec<Extent>) -> Result<Vec<Part>, ObjectError> {
        let mut files = HashMap::new();
        let mut parts = Vec::with_capacity(extents.len());
        for Extent { blob, offset, len } in extents {
            let file = match files.entry(blob) {
                hash_map::Entry::Occupied(known) => Option::clone(known.get()),
                hash_map::Entry::Vacant(new) => {
                    let opened = self.blobs.open(blob).await.map_err(ObjectError::internal)?;
                    new.insert(opened).clone()
                }
            };
            parts.push(match file {
                Some(file) => Part::Blob { file, offset, len },
                None => Part::Inline(self.fetch(Extent { blob, offset, len }).await?),
            });
        }
        Ok(parts)
    }

    /// The bytes of an extent whose blob is no file of this machine.
    async fn fetch(&self, extent: Extent) -> Result<Bytes, ObjectError> {
        let read = self.blobs.read(extent.blob, extent.offset, extent.len);
        let chunks: Vec<Bytes> = read.try_collect().await.map_err(ObjectError::internal)?;
        Ok(chunks.concat().into())
    }
}
