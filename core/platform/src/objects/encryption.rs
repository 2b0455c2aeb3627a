//! How an object's bytes are encrypted: what is asked for, what is told, and what is stored.
//!
//! Every sealed object has a data key of its own, and what is stored of it is that key, *wrapped*:
//! by the store's own key (SSE-S3), by a named key of the account (SSE-KMS), or by a key that only
//! the customer has (SSE-C). Bytes are never encrypted with any of the three.

use serde::{Deserialize, Serialize};

use crate::sealed::Secret;

/// What a request asks for.
#[derive(Clone, Debug, Default)]
pub enum Protection {
    /// Nothing is said: what the bucket's owner and the store's settings say.
    #[default]
    Unsaid,
    /// With the store's own key.
    S3,
    /// With a named key.
    Kms(KmsAsked),
    /// With this key, which is not kept.
    Customer(Secret),
}

impl Protection {
    /// With a named key: by id, alias or ARN.
    pub fn by_key(name: impl Into<String>) -> Self {
        Self::Kms(KmsAsked { key: Some(name.into()), ..KmsAsked::default() })
    }
}

/// What is asked of SSE-KMS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KmsAsked {
    /// The key's id, alias or ARN; the account's own for S3 (`alias/aws/s3`) where there is none.
    pub key: Option<String>,
    /// Told back, as S3 does; it changes nothing here. Where nothing is said, as the bucket says.
    pub bucket_key: Option<bool>,
    /// The encryption context: JSON, an object of strings. Bound to the data key.
    pub context: Option<String>,
}

/// What is told of an object's encryption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// With the store's own key.
    S3,
    /// With a named key.
    Kms {
        /// Its ARN.
        key: String,
        /// As it was asked for.
        bucket_key: bool,
        /// As it was asked for, JSON.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<String>,
    },
    /// With a key of the customer's, who must bring it along with every request.
    Customer,
}

impl Encryption {
    /// Whether the object's ETag is still the MD5 of its bytes, as it is for SSE-S3 alone.
    #[must_use]
    pub const fn keeps_md5(&self) -> bool {
        match self {
            Self::S3 => true,
            Self::Kms { .. } | Self::Customer => false,
        }
    }
}

/// What is stored with a sealed object, or with an upload that will be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// What is told.
    pub encryption: Encryption,
    /// The data key, wrapped; hexadecimal where it is written down.
    #[serde(with = "hex::serde")]
    pub wrapped: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_again_and_stays_small() {
        let seal = Seal { encryption: Encryption::S3, wrapped: vec![0xab; 2] };
        let text = serde_json::to_string(&seal).unwrap();
        assert_eq!(text, r#"{"encryption":"s3","wrapped":"abab"}"#);
        let kms = Encryption::Kms { key: "arn".to_owned(), bucket_key: true, context: None };
        for encryption in [Encryption::S3, kms, Encryption::Customer] {
            let seal = Seal { encryption, ..seal.clone() };
            let text = serde_json::to_string(&seal).unwrap();
            assert_eq!(serde_json::from_str::<Seal>(&text).unwrap(), seal);
        }
    }
}
