//! What becomes of bytes that come in: what was asked, else what holds where nothing is.

use platform::{
    objects::{KmsAsked, Protection, settings::DefaultEncryption},
    sealed::Secret,
};

/// How an object will be sealed.
#[derive(Clone, Debug)]
pub(in crate::storage) enum Method {
    /// With the store's own key.
    Own,
    /// With a named key.
    Named {
        /// As it was written; the account's own for S3 where there is none.
        key: Option<String>,
        /// As it is told.
        bucket_key: bool,
        /// The encryption context, JSON.
        context: Option<String>,
    },
    /// With a customer's key.
    Customer(Secret),
}

/// What a request gets: what it asks for, else `default`, if there is one.
pub(in crate::storage) fn resolve(
    asked: Protection,
    default: Option<DefaultEncryption>,
) -> Option<Method> {
    match asked {
        Protection::S3 => Some(Method::Own),
        Protection::Customer(key) => Some(Method::Customer(key)),
        Protection::Kms(KmsAsked { key, bucket_key, context }) => {
            let by_default = default.is_some_and(|default| default.kms && default.bucket_key);
            Some(Method::Named { key, bucket_key: bucket_key.unwrap_or(by_default), context })
        }
        Protection::Unsaid => default.map(|default| match default {
            DefaultEncryption { kms: true, key, bucket_key } => {
                Method::Named { key, bucket_key, context: None }
            }
            DefaultEncryption { kms: false, .. } => Method::Own,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default(kms: bool, key: Option<&str>) -> DefaultEncryption {
        DefaultEncryption { kms, key: key.map(ToOwned::to_owned), bucket_key: true }
    }

    #[test]
    fn a_request_wins_over_the_default() {
        let (kms, own) = (default(true, Some("k")), default(false, None));
        assert!(resolve(Protection::Unsaid, None).is_none());
        assert!(matches!(resolve(Protection::S3, Some(kms.clone())), Some(Method::Own)));
        assert!(matches!(resolve(Protection::Unsaid, Some(own)), Some(Method::Own)));
        let by_default = resolve(Protection::Unsaid, Some(kms.clone()));
        assert!(matches!(
            by_default,
            Some(Method::Named { key: Some(key), bucket_key: true, context: None }) if key == "k"
        ));
        // As on AWS: the bucket's key is for requests that say nothing.
        let unnamed = resolve(Protection::Kms(KmsAsked::default()), Some(kms));
        assert!(matches!(unnamed, Some(Method::Named { key: None, bucket_key: true, .. })));
    }
}
