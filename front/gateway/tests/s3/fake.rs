//! An object store in memory, as strict about bodies as a real one: what ends in an error is not
//! kept. Conditions are the simplest that the tests need.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use md5::{Digest, Md5};
use platform::{
    objects::{
        Bucket, ByteRange, ByteStream, Checksums, Conditions, ListKeys, Listing, ObjectError,
        ObjectHeaders, ObjectInfo, Objects, PartName, Put, Read, Upload, UploadedPart,
        index::common_prefix, whole,
    },
    workload::Part,
};
use types::{Owner, Timestamp};

type Answer<T> = Result<T, ObjectError>;

type Parts = BTreeMap<u32, (UploadedPart, Bytes)>;

#[derive(Default)]
struct State {
    buckets: BTreeMap<String, Bucket>,
    objects: BTreeMap<(String, String), (ObjectInfo, Bytes)>,
    uploads: BTreeMap<String, (Upload, Parts)>,
}

#[derive(Default)]
pub struct Fake(Mutex<State>);

impl Fake {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn own(&self, owner: &Owner, name: &str) -> Answer<Bucket> {
        let bucket = self.state().buckets.get(name).cloned();
        let bucket = bucket.ok_or_else(|| ObjectError::NoSuchBucket(name.to_owned()))?;
        if *bucket.account == *owner.account { Ok(bucket) } else { Err(ObjectError::AccessDenied) }
    }

    fn object(&self, owner: &Owner, bucket: &str, key: &str) -> Answer<(ObjectInfo, Bytes)> {
        self.own(owner, bucket)?;
        let found = self.state().objects.get(&(bucket.to_owned(), key.to_owned())).cloned();
        found.ok_or_else(|| ObjectError::NoSuchKey(key.to_owned()))
    }

    fn keep(&self, bucket: &str, info: ObjectInfo, bytes: Bytes) -> ObjectInfo {
        let name = (bucket.to_owned(), info.key.clone());
        self.state().objects.insert(name, (info.clone(), bytes));
        info
    }
}

async fn read(body: ByteStream) -> Answer<Bytes> {
    let pieces: Vec<Bytes> = body.try_collect().await.map_err(ObjectError::Body)?;
    Ok(pieces.concat().into())
}

fn etag(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// `Ok(false)`: not modified.
fn holds(conditions: &Conditions, etag: Option<&str>) -> Answer<bool> {
    let named = |list: &str| {
        etag.is_some_and(|etag| list.split(',').any(|one| one == "*" || one.trim() == etag))
    };
    if conditions.if_match.as_deref().is_some_and(|list| !named(list)) {
        return Err(ObjectError::PreconditionFailed);
    }
    Ok(!conditions.if_none_match.as_deref().is_some_and(named))
}

fn info(key: &str, bytes: &Bytes, headers: ObjectHeaders, checksums: Checksums) -> ObjectInfo {
    ObjectInfo {
        key: key.to_owned(),
        size: bytes.len() as u64,
        etag: etag(bytes),
        modified: Timestamp::from_millis(1_700_000_000_000),
        headers,
        checksums,
        part_sizes: Vec::new(),
    }
}

#[async_trait]
impl Objects for Fake {
    async fn create_bucket(&self, owner: &Owner, name: &str) -> Answer<Bucket> {
        let bucket = Bucket {
            name: name.to_owned(),
            account: owner.account.to_string(),
            region: owner.region.to_string(),
            created: Timestamp::default(),
        };
        match self.state().buckets.insert(name.to_owned(), bucket.clone()) {
            None => Ok(bucket),
            Some(_) => Err(ObjectError::BucketAlreadyOwnedByYou),
        }
    }

    async fn delete_bucket(&self, owner: &Owner, name: &str) -> Answer<()> {
        self.own(owner, name)?;
        let mut state = self.state();
        if state.objects.keys().any(|(bucket, _)| bucket == name) {
            return Err(ObjectError::BucketNotEmpty);
        }
        state.buckets.remove(name);
        Ok(())
    }

    async fn bucket(&self, owner: &Owner, name: &str) -> Answer<Bucket> {
        self.own(owner, name)
    }

    async fn buckets(&self, owner: &Owner) -> Answer<Vec<Bucket>> {
        let state = self.state();
        Ok(state.buckets.values().filter(|it| *it.account == *owner.account).cloned().collect())
    }

    async fn put(&self, owner: &Owner, put: Put) -> Answer<ObjectInfo> {
        self.own(owner, &put.bucket)?;
        let bytes = read(put.body).await?;
        let there = self.object(owner, &put.bucket, &put.key).ok().map(|(info, _)| info.etag);
        if !holds(&put.conditions, there.as_deref())? {
            return Err(ObjectError::PreconditionFailed);
        }
        Ok(self.keep(&put.bucket, info(&put.key, &bytes, put.headers, put.checksums), bytes))
    }

    async fn head(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        conditions: &Conditions,
    ) -> Answer<Option<ObjectInfo>> {
        let (info, _) = self.object(owner, bucket, key)?;
        Ok(holds(conditions, Some(&info.etag))?.then_some(info))
    }

    async fn get(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        range: Option<ByteRange>,
        conditions: &Conditions,
    ) -> Answer<Option<Read>> {
        let (info, bytes) = self.object(owner, bucket, key)?;
        if !holds(conditions, Some(&info.etag))? {
            return Ok(None);
        }
        let length = info.size;
        let range = match range {
            None => None,
            Some(ByteRange::Suffix(len)) => Some((length.saturating_sub(len), len.min(length))),
            Some(ByteRange::From(first, last)) if first < length => {
                Some((first, last.unwrap_or(u64::MAX).min(length - 1) - first + 1))
            }
            Some(ByteRange::From(..)) => return Err(ObjectError::InvalidRange { length }),
        };
        let (first, len) = range.unwrap_or((0, length));
        let (first, len) = (usize::try_from(first).unwrap(), usize::try_from(len).unwrap());
        Ok(Some(Read { info, range, body: whole(bytes.slice(first..first + len)) }))
    }

    async fn delete(&self, owner: &Owner, bucket: &str, key: &str) -> Answer<()> {
        self.own(owner, bucket)?;
        self.state().objects.remove(&(bucket.to_owned(), key.to_owned()));
        Ok(())
    }

    async fn copy(
        &self,
        owner: &Owner,
        source: (&str, &str),
        conditions: &Conditions,
        target: (&str, &str),
        headers: Option<ObjectHeaders>,
    ) -> Answer<ObjectInfo> {
        let (mut info, bytes) = self.object(owner, source.0, source.1)?;
        if !holds(conditions, Some(&info.etag))? {
            return Err(ObjectError::PreconditionFailed);
        }
        target.1.clone_into(&mut info.key);
        info.headers = headers.unwrap_or(info.headers);
        Ok(self.keep(target.0, info, bytes))
    }

    async fn list(&self, owner: &Owner, list: &ListKeys) -> Answer<Listing> {
        self.own(owner, &list.bucket)?;
        let mut page = Listing::default();
        for ((bucket, key), (info, _)) in &self.state().objects {
            let folded = common_prefix(&list.prefix, list.delimiter.as_deref(), key);
            let name = folded.unwrap_or(key).to_owned();
            let seen = list.after.as_ref().is_some_and(|after| name <= *after);
            if *bucket != list.bucket
                || !key.starts_with(&list.prefix)
                || seen
                || page.prefixes.last() == Some(&name)
            {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == list.limit {
                page.truncated = true;
                break;
            }
            match folded {
                Some(_) => page.prefixes.push(name.clone()),
                None => page.objects.push(info.clone()),
            }
            page.last = Some(name);
        }
        Ok(page)
    }

    async fn open_parts(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
    ) -> Answer<(ObjectInfo, Vec<Part>)> {
        Ok((self.object(owner, bucket, key)?.0, Vec::new()))
    }

    async fn create_upload(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        headers: ObjectHeaders,
        checksums: Checksums,
    ) -> Answer<Upload> {
        self.own(owner, bucket)?;
        let mut state = self.state();
        let id = format!("upload-{}", state.uploads.len());
        let (key, created) = (key.to_owned(), Timestamp::default());
        let upload = Upload { key, id: id.clone(), created, headers, checksums };
        state.uploads.insert(id, (upload.clone(), BTreeMap::new()));
        Ok(upload)
    }

    async fn upload_part(
        &self,
        owner: &Owner,
        upload: &str,
        number: u32,
        put: Put,
    ) -> Answer<UploadedPart> {
        self.own(owner, &put.bucket)?;
        let bytes = read(put.body).await?;
        let part = UploadedPart {
            number,
            size: bytes.len() as u64,
            etag: etag(&bytes),
            modified: Timestamp::default(),
            checksums: put.checksums,
        };
        let mut state = self.state();
        let (_, parts) = state.uploads.get_mut(upload).ok_or(ObjectError::NoSuchUpload)?;
        parts.insert(number, (part.clone(), bytes));
        Ok(part)
    }

    async fn upload_part_copy(
        &self,
        owner: &Owner,
        source: (&str, &str),
        range: Option<(u64, u64)>,
        conditions: &Conditions,
        target: (&str, &str, &str, u32),
    ) -> Answer<UploadedPart> {
        let range = range.map(|(first, last)| ByteRange::From(first, Some(last)));
        let read = self.get(owner, source.0, source.1, range, conditions).await?;
        let body = read.ok_or(ObjectError::PreconditionFailed)?.body;
        self.upload_part(owner, target.2, target.3, Put::new(target.0, target.1, body)).await
    }

    async fn complete_upload(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
        upload: &str,
        parts: &[PartName],
        _conditions: &Conditions,
    ) -> Answer<ObjectInfo> {
        self.own(owner, bucket)?;
        let removed = self.state().uploads.remove(upload);
        let (upload, there) = removed.ok_or(ObjectError::NoSuchUpload)?;
        let mut pieces = Vec::new();
        for named in parts {
            match there.get(&named.number) {
                Some((part, bytes)) if part.etag == named.etag => pieces.push(bytes.clone()),
                _ => return Err(ObjectError::InvalidPart),
            }
        }
        let bytes = Bytes::from(pieces.concat());
        let mut whole = info(key, &bytes, upload.headers, upload.checksums);
        whole.part_sizes = pieces.iter().map(|piece| piece.len() as u64).collect();
        whole.etag = format!("{}-{}", whole.etag, parts.len());
        Ok(self.keep(bucket, whole, bytes))
    }

    async fn abort_upload(&self, _: &Owner, _: &str, _: &str, upload: &str) -> Answer<()> {
        self.state().uploads.remove(upload).map(drop).ok_or(ObjectError::NoSuchUpload)
    }

    async fn parts(
        &self,
        _: &Owner,
        _: &str,
        _: &str,
        upload: &str,
        after: u32,
        limit: usize,
    ) -> Answer<(Upload, Vec<UploadedPart>)> {
        let state = self.state();
        let (upload, parts) = state.uploads.get(upload).ok_or(ObjectError::NoSuchUpload)?;
        let parts = parts.range(after + 1..).take(limit).map(|(_, (part, _))| part.clone());
        Ok((upload.clone(), parts.collect()))
    }

    async fn uploads(&self, _: &Owner, _: &str, prefix: &str) -> Answer<Vec<Upload>> {
        let state = self.state();
        let uploads = state.uploads.values().map(|(upload, _)| upload.clone());
        let mut uploads: Vec<_> = uploads.filter(|it| it.key.starts_with(prefix)).collect();
        uploads.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(uploads)
    }
}
