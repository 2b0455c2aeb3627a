//! The vault as the store uses it: what is sealed, and what opens it.

use platform::{
    objects::{
        Bucket, ObjectError, Protection, Seal, Upload, index::Entry, settings::DefaultEncryption,
    },
    sealed::Secret,
};
use types::Owner;

use super::{Method, Place, Sealing, Vault, asked::resolve, names};
use crate::storage::Storage;

/// The keys of a store.
pub(in crate::storage) struct Keys {
    pub(in crate::storage) vault: Vault,
    /// Whether all that comes in is sealed.
    pub(in crate::storage) everything: bool,
}

fn place<'a>(bucket: &'a Bucket, key: &'a str) -> Place<'a> {
    Place { account: &bucket.account, region: &bucket.region, bucket: &bucket.name, key }
}

impl Storage {
    fn vault(&self) -> Result<&Vault, ObjectError> {
        let keys = self.keys.as_ref();
        keys.map(|keys| &keys.vault).ok_or_else(|| ObjectError::internal("the store has no keys"))
    }

    /// How an object that comes into a bucket is sealed, if it is.
    pub(in crate::storage) fn method(&self, bucket: &Bucket, asked: Protection) -> Option<Method> {
        resolve(asked, self.unsaid(bucket))
    }

    /// How an object is sealed of which nothing is said: as its bucket says, else as the store does.
    pub(in crate::storage) fn unsaid(&self, bucket: &Bucket) -> Option<DefaultEncryption> {
        let everything = self.keys.as_ref().is_some_and(|keys| keys.everything);
        let own = DefaultEncryption { kms: false, key: None, bucket_key: false };
        bucket.settings.encryption.clone().or(everything.then_some(own))
    }

    /// A new data key for an object that comes in, if it is sealed.
    pub(in crate::storage) async fn sealing(
        &self,
        bucket: &Bucket,
        key: &str,
        method: Option<Method>,
    ) -> Result<Option<Sealing>, ObjectError> {
        let Some(method) = method else { return Ok(None) };
        self.vault()?.new_data_key(place(bucket, key), method).await.map(Some)
    }

    /// The same data key for another object.
    pub(in crate::storage) async fn rewrapped(
        &self,
        bucket: &Bucket,
        key: &str,
        method: Method,
        data: Secret,
    ) -> Result<Sealing, ObjectError> {
        self.vault()?.wrap(place(bucket, key), method, data).await
    }

    /// The data key of an object, if it is sealed. `customer` is the key that came along, which must
    /// be the right one, and must not come along for nothing.
    pub(in crate::storage) async fn opened(
        &self,
        bucket: &Bucket,
        entry: &Entry,
        customer: Option<&Secret>,
    ) -> Result<Option<Secret>, ObjectError> {
        self.data_key(bucket, &entry.info.key, entry.seal.as_ref(), customer).await
    }

    /// What the parts of an upload are sealed with, if they are.
    pub(in crate::storage) async fn sealing_of(
        &self,
        bucket: &Bucket,
        upload: &Upload,
        customer: Option<&Secret>,
    ) -> Result<Option<Sealing>, ObjectError> {
        let seal = upload.seal.as_ref();
        let data = self.data_key(bucket, &upload.key, seal, customer).await;
        let data = data.map_err(|error| match error {
            ObjectError::CustomerKeyNeeded | ObjectError::CustomerKeyNotApplicable => {
                ObjectError::UploadKeyNeeded
            }
            ObjectError::WrongCustomerKey => ObjectError::UploadKeyDiffers,
            other => other,
        })?;
        Ok(seal.cloned().zip(data).map(|(seal, data)| Sealing { seal, data }))
    }

    async fn data_key(
        &self,
        bucket: &Bucket,
        key: &str,
        seal: Option<&Seal>,
        customer: Option<&Secret>,
    ) -> Result<Option<Secret>, ObjectError> {
        match (seal, customer) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(ObjectError::CustomerKeyNotApplicable),
            (Some(seal), customer) => {
                self.vault()?.unwrap(place(bucket, key), seal, customer).await.map(Some)
            }
        }
    }

    pub(in crate::storage) async fn find_named_key(
        &self,
        owner: &Owner,
        bucket: &str,
        key: &str,
    ) -> Result<String, ObjectError> {
        let bucket = self.owned(owner, bucket).await?;
        let place = place(&bucket, "");
        let named = self.vault()?.named(place, names::parse(Some(key), place)?).await?;
        Ok(names::arn(place, &named.id))
    }
}
