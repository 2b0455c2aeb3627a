//! The data of models that endpoints serve, kept for as long as they serve it.
//!
//! An endpoint serves what it was created with, also after a restart and whatever became of the
//! object since. So its data is copied, before it is loaded, into a bucket that no account of a user
//! has; the copy shares its blobs with the original. What a crash leaves there is swept at the next
//! start.

use std::sync::Arc;

use api::Fault;
use platform::{
    objects::{
        Acl, Conditions, Copy, CopySource, DeleteIf, ListKeys, ObjectError, ObjectInfo, ObjectName,
        Objects, Protection,
    },
    workload::Part,
};
use tracing::warn;
use types::{Id, Owner};

use super::life::Variant;
use crate::record::S3Uri;

/// Where copies are kept. Accounts of users are twelve digits, so this one's bucket is nobody's.
const ACCOUNT: &str = "sagewright";
/// The region in which a bucket may be made again.
const REGION: &str = "us-east-1";
const BUCKET: &str = "sagewright-models-of-endpoints";
/// How many keys are listed at once.
const PAGE: usize = 1_000;

/// Why a model could not be loaded: for the user, or ours and to be tried again.
pub enum LoadFailure {
    Refused(String),
    Ours(Fault),
    /// The endpoint was deleted meanwhile, or is served already.
    Overtaken,
}

/// The copies, one for each endpoint and each ETag.
pub struct Kept {
    objects: Arc<dyn Objects>,
}

impl Kept {
    /// In this store.
    pub fn new(objects: Arc<dyn Objects>) -> Self {
        Self { objects }
    }

    /// Makes the place of the copies, if it is not there.
    pub async fn prepare(&self) -> Result<(), ObjectError> {
        self.objects.create_bucket(&us(), BUCKET).await.map(drop)
    }

    /// The variant with what it serves: the data that was loaded, else what lies there now.
    pub async fn pinned(&self, owner: &Owner, variant: &Variant) -> Result<Variant, LoadFailure> {
        let mut variant = variant.clone();
        if variant.etag.is_none() {
            variant.etag = Some(self.describe(owner, &variant).await?.etag);
        }
        Ok(variant)
    }

    /// A pinned variant's data, of which a copy is kept from here on. Where none can be made it is
    /// read where it lies, if that is what was pinned.
    pub async fn open(
        &self,
        owner: &Owner,
        endpoint: Id,
        variant: &Variant,
    ) -> Result<Vec<Part>, LoadFailure> {
        let key = key(endpoint, variant.etag.as_deref().unwrap_or_default());
        if let Some(parts) = self.held(variant, &key).await? {
            return Ok(parts);
        }
        let kept = match self.keep(owner, variant, &key).await? {
            Ok(_) => self.held(variant, &key).await?,
            Err(error) => {
                warn!(%endpoint, variant = variant.name, %error, "no copy of a model can be kept");
                None
            }
        };
        match kept {
            Some(parts) => Ok(parts),
            None => self.original(owner, variant).await,
        }
    }

    async fn held(&self, variant: &Variant, key: &str) -> Result<Option<Vec<Part>>, LoadFailure> {
        match self.objects.open_parts(&us(), ObjectName::current(BUCKET, key)).await {
            Ok((_, parts)) => Ok(Some(parts)),
            Err(error @ (ObjectError::Internal(_) | ObjectError::Body(_))) => {
                Err(cannot_read(variant, error))
            }
            Err(_) => Ok(None),
        }
    }

    /// Copies what was pinned.
    async fn keep(
        &self,
        owner: &Owner,
        variant: &Variant,
        key: &str,
    ) -> Result<Result<ObjectInfo, ObjectError>, LoadFailure> {
        let uri = data(variant)?;
        let encrypted = self.describe(owner, variant).await?.encryption.is_some();
        let pinned = Conditions { if_match: variant.etag.clone(), ..Conditions::default() };
        let name = ObjectName::current(&uri.bucket, &uri.key);
        let copy = Copy {
            source: CopySource { owner, name, conditions: &pinned, customer: None },
            target: (BUCKET, key),
            conditions: &Conditions::default(),
            headers: None,
            tags: None,
            acl: Acl::default(),
            checksum: None,
            protection: if encrypted { Protection::S3 } else { Protection::Unsaid },
        };
        Ok(self.objects.copy(&us(), copy).await)
    }

    async fn original(&self, owner: &Owner, variant: &Variant) -> Result<Vec<Part>, LoadFailure> {
        let uri = data(variant)?;
        let opened = self.objects.open_parts(owner, ObjectName::current(&uri.bucket, &uri.key));
        let (info, parts) = opened.await.map_err(|error| cannot_read(variant, error))?;
        match &variant.etag {
            Some(pinned) if *pinned != info.etag => {
                Err(cannot_read(variant, ObjectError::PreconditionFailed))
            }
            Some(_) | None => Ok(parts),
        }
    }

    async fn describe(&self, owner: &Owner, variant: &Variant) -> Result<ObjectInfo, LoadFailure> {
        let uri = data(variant)?;
        let info = self.objects.describe(owner, ObjectName::current(&uri.bucket, &uri.key)).await;
        info.map_err(|error| cannot_read(variant, error))
    }

    /// Removes an endpoint's copies but for those that it needs.
    pub async fn release(
        &self,
        endpoint: Id,
        needs: impl Fn(&str) -> bool + Send,
    ) -> Result<(), ObjectError> {
        for (id, etag) in self.list(&endpoint.to_string()).await? {
            if !needs(&etag) {
                self.remove(&key(id, &etag)).await?;
            }
        }
        Ok(())
    }

    /// Every copy whose endpoint's id begins so: the id, and the ETag.
    pub async fn list(&self, begin: &str) -> Result<Vec<(Id, String)>, ObjectError> {
        let (bucket, prefix) = (BUCKET.to_owned(), begin.to_owned());
        let mut list = ListKeys { bucket, prefix, limit: PAGE, ..ListKeys::default() };
        let mut copies = Vec::new();
        loop {
            let listing = match self.objects.list(&us(), &list).await {
                Err(ObjectError::NoSuchBucket(_)) => return Ok(copies),
                other => other?,
            };
            let parts = |info: &ObjectInfo| {
                let (id, etag) = info.key.split_once('/')?;
                Some((id.parse().ok()?, etag.to_owned()))
            };
            copies.extend(listing.objects.iter().filter_map(parts));
            if !listing.truncated {
                return Ok(copies);
            }
            list.after = listing.last;
        }
    }

    async fn remove(&self, key: &str) -> Result<(), ObjectError> {
        let name = ObjectName::current(BUCKET, key);
        self.objects.delete(&us(), name, &DeleteIf::default()).await.map(drop)
    }
}

fn us() -> Owner {
    Owner::new(ACCOUNT, REGION, "")
}

fn key(endpoint: Id, etag: &str) -> String {
    format!("{endpoint}/{etag}")
}

fn data(variant: &Variant) -> Result<S3Uri, LoadFailure> {
    variant.data.parse().map_err(|error| LoadFailure::Refused(format!("{error}")))
}

fn cannot_read(variant: &Variant, error: ObjectError) -> LoadFailure {
    let Variant { name, data, .. } = variant;
    match error {
        ObjectError::Internal(_) | ObjectError::Body(_) => {
            LoadFailure::Ours(Fault::internal(error))
        }
        ObjectError::PreconditionFailed => LoadFailure::Refused(format!(
            "The model data for variant {name} at {data} was replaced since it was first read, and \
             no copy of it is left."
        )),
        error => LoadFailure::Refused(format!(
            "The model data for variant {name} at {data} cannot be read: {error}."
        )),
    }
}
