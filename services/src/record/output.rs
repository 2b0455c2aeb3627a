//! Where jobs leave what they made: a place in S3, and the named key that it is encrypted with.

use api::{Fault, What};
use platform::objects::{Objects, Protection};
use types::Owner;

use super::S3Uri;

/// Refuses a place that cannot be written to and a key that cannot be used, so that a job does not
/// run for nothing.
pub async fn check(
    owner: &Owner,
    objects: &dyn Objects,
    kind: &'static str,
    place: &S3Uri,
    key: Option<&str>,
) -> Result<(), Fault> {
    objects.bucket(owner, &place.bucket).await.map_err(|error| {
        let message = format!("The S3 output path {place} cannot be written to: {error}.");
        Fault::new(What::Invalid, kind, message)
    })?;
    let Some(key) = named(key) else { return Ok(()) };
    objects.named_key(owner, &place.bucket, key).await.map(drop).map_err(|error| {
        let message = format!("The KMS key {key} cannot be used in {place}: {error}.");
        Fault::new(What::Invalid, kind, message)
    })
}

/// How outputs are encrypted: with `KmsKeyId`, or as their bucket says.
pub fn protection(key: Option<&str>) -> Protection {
    named(key).map_or(Protection::Unsaid, Protection::by_key)
}

/// Clients send an empty key for none.
fn named(key: Option<&str>) -> Option<&str> {
    key.filter(|key| !key.is_empty())
}
