//! Where blobs lie, as one line of the settings says it:
//!
//! - `folder`
//! - `s3://BUCKET[/PREFIX][?region=REGION][&endpoint=URL]`
//! - `gs://BUCKET[/PREFIX][?endpoint=URL]`
//! - `az://CONTAINER[/PREFIX][?account=ACCOUNT][&endpoint=URL]`
//!
//! A line holds no secret: it is printed, logged and kept in the data folder. Credentials come from
//! the environment, and a line that brings one is refused. Plain HTTP is spoken to an endpoint that
//! says `http://`, and to no other.

use std::{fmt, str::FromStr};

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// The word for the data folder itself.
const FOLDER: &str = "folder";
/// The end of the names of S3's directory buckets, which list their keys in no order.
const DIRECTORY_BUCKET: &str = "--x-s3";

/// Where blobs lie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Place {
    /// In the data folder.
    #[default]
    Folder,
    /// In an outside store.
    Outside(Address),
}

/// A part of an outside store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Whose protocol it speaks.
    pub cloud: Cloud,
    /// The bucket; Azure's container.
    pub bucket: String,
    /// What all names begin with, without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
    /// Its address, where it is not the cloud's own.
    pub endpoint: Option<Url>,
}

/// A protocol of outside stores, and what only it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// S3, of Amazon or of any other.
    S3 {
        /// The bucket's region, where the environment does not say it.
        region: Option<String>,
    },
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure {
        /// The storage account, where the environment does not say it.
        account: Option<String>,
    },
}

/// Why a line names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// It begins with nothing known.
    #[error("blobs lie in \"folder\", or at s3://…, gs://… or az://…; {0:?} is none of these")]
    Unknown(String),
    /// A name that no bucket has.
    #[error("{0:?} is no bucket's name: letters, digits, `.`, `_` and `-`, and nothing secret")]
    Bucket(String),
    /// A bucket that cannot be listed in order.
    #[error("{0:?} is a directory bucket, which lists its keys in no order: take another")]
    DirectoryBucket(String),
    /// A prefix with something special in it.
    #[error("{0:?} is no prefix: letters, digits, `.`, `_` and `-` between single slashes")]
    Prefix(String),
    /// Something after the `?` that this cloud does not know.
    #[error("{name:?} is not known after the `?`; there {}", known_ones(known))]
    Option {
        /// What was found.
        name: String,
        /// What is known.
        known: &'static [&'static str],
    },
    /// A region or account with something special in it.
    #[error("{name} is {value:?}: letters, digits and `-`")]
    Value {
        /// The option.
        name: &'static str,
        /// What it says.
        value: String,
    },
    /// Not the address of a server, or one that brings a secret.
    #[error("{0:?} is no endpoint: https://HOST[:PORT], or http:// for plain HTTP, nothing secret")]
    Endpoint(String),
}

fn known_ones(known: &[&str]) -> String {
    let is = if known.len() == 1 { "is" } else { "are" };
    format!("{is} {}", known.join(" and "))
}

impl Address {
    /// What to do about credentials.
    pub(crate) fn advice(&self) -> &'static str {
        match self.cloud {
            Cloud::S3 { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the server's environment to a \
                 key that may list, get, put and delete there"
            }
            Cloud::Google => {
                "set GOOGLE_APPLICATION_CREDENTIALS in the server's environment to the key file of \
                 a service account that may list, get, put and delete there"
            }
            Cloud::Azure { .. } => {
                "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or AZURE_CLIENT_ID, \
                 AZURE_CLIENT_SECRET and AZURE_TENANT_ID) in the server's environment to ones that \
                 may list, get, put and delete there"
            }
        }
    }
}

impl Cloud {
    fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "s3" => Some(Self::S3 { region: None }),
            "gs" => Some(Self::Google),
            "az" => Some(Self::Azure { account: None }),
            _ => None,
        }
    }

    fn scheme(&self) -> &'static str {
        match self {
            Self::S3 { .. } => "s3",
            Self::Google => "gs",
            Self::Azure { .. } => "az",
        }
    }

    /// What may stand after the `?`.
    fn options(&self) -> &'static [&'static str] {
        match self {
            Self::S3 { .. } => &["endpoint", "region"],
            Self::Google => &["endpoint"],
            Self::Azure { .. } => &["endpoint", "account"],
        }
    }

    /// The option that only this cloud has.
    fn own_option(&mut self) -> Option<(&'static str, &mut Option<String>)> {
        match self {
            Self::S3 { region } => Some(("region", region)),
            Self::Google => None,
            Self::Azure { account } => Some(("account", account)),
        }
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && text.bytes().all(plain) && text != "." && text != ".."
}

fn bucket(name: &str) -> Result<String, PlaceError> {
    if !is_name(name) {
        return Err(PlaceError::Bucket(name.to_owned()));
    }
    if name.ends_with(DIRECTORY_BUCKET) {
        return Err(PlaceError::DirectoryBucket(name.to_owned()));
    }
    Ok(name.to_owned())
}

fn prefix(path: &str) -> Result<String, PlaceError> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if !path.is_empty() && !path.split('/').all(is_name) {
        return Err(PlaceError::Prefix(path.to_owned()));
    }
    Ok(path.to_owned())
}

fn endpoint(text: &str) -> Result<Url, PlaceError> {
    let wrong = || PlaceError::Endpoint(text.to_owned());
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_secret = !url.username().is_empty() || url.password().is_some();
    let has_more = url.query().is_some() || url.fragment().is_some();
    if is_web && !is_secret && !has_more { Ok(url) } else { Err(wrong()) }
}

fn value(name: &'static str, text: &str) -> Result<String, PlaceError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if text.is_empty() || !text.bytes().all(plain) {
        return Err(PlaceError::Value { name, value: text.to_owned() });
    }
    Ok(text.to_owned())
}

impl Address {
    fn set(&mut self, name: &str, text: &str) -> Result<(), PlaceError> {
        if name == "endpoint" {
            self.endpoint = Some(endpoint(text)?);
            return Ok(());
        }
        match self.cloud.own_option() {
            Some((own, held)) if own == name => *held = Some(value(own, text)?),
            Some(_) | None => {
                let (name, known) = (name.to_owned(), self.cloud.options());
                return Err(PlaceError::Option { name, known });
            }
        }
        Ok(())
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        if text == FOLDER {
            return Ok(Self::Folder);
        }
        let unknown = || PlaceError::Unknown(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(unknown)?;
        let cloud = Cloud::of(scheme).ok_or_else(unknown)?;
        let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (name, path) = path.split_once('/').unwrap_or((path, ""));
        let (bucket, prefix) = (bucket(name)?, prefix(path)?);
        let mut address = Address { cloud, bucket, prefix, endpoint: None };
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, text) = option.split_once('=').unwrap_or((option, ""));
            address.set(name, text)?;
        }
        Ok(Self::Outside(address))
    }
}

impl TryFrom<String> for Place {
    type Error = PlaceError;

    fn try_from(text: String) -> Result<Self, PlaceError> {
        text.parse()
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => f.write_str(FOLDER),
            Self::Outside(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.cloud.scheme(), self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        let own = match &self.cloud {
            Cloud::S3 { region } => region.as_ref().map(|region| ("region", region.as_str())),
            Cloud::Google => None,
            Cloud::Azure { account } => account.as_ref().map(|name| ("account", name.as_str())),
        };
        let endpoint = self.endpoint.as_ref().map(|url| ("endpoint", url.as_str()));
        for (number, (name, text)) in own.into_iter().chain(endpoint).enumerate() {
            write!(f, "{}{name}={text}", if number == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Place>().unwrap_err().to_string()
    }

    #[test]
    fn each_cloud_is_named_in_one_line() {
        let Place::Outside(s3) =
            "s3://b.ucket/a/b/?endpoint=http://127.0.0.1:8333&region=eu-west-1".parse().unwrap()
        else {
            panic!("an outside store")
        };
        assert_eq!((&*s3.bucket, &*s3.prefix), ("b.ucket", "a/b"));
        assert_eq!(s3.endpoint.unwrap().as_str(), "http://127.0.0.1:8333/");
        assert_eq!(s3.cloud, Cloud::S3 { region: Some("eu-west-1".to_owned()) });
        let Place::Outside(azure) = "az://c?account=me".parse().unwrap() else {
            panic!("an outside store")
        };
        assert_eq!((azure.prefix, azure.endpoint), (String::new(), None));
        assert_eq!(azure.cloud, Cloud::Azure { account: Some("me".to_owned()) });
        assert!(matches!("gs://b/p".parse(), Ok(Place::Outside(_))));
        assert_eq!("folder".parse(), Ok(Place::Folder));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_would_be_right() {
        assert!(refusal("minio://b").contains("s3://"));
        assert!(refusal("").contains("folder"));
        assert!(refusal("s3:///p").contains("no bucket's name"));
        assert!(refusal("s3://b/a//b").contains("no prefix"));
        assert!(refusal("s3://b/../c").contains("no prefix"));
        assert!(refusal("s3://b?regoin=x").contains("are endpoint and region"));
        assert!(refusal("gs://b?region=x").contains("is endpoint"));
        assert!(refusal("s3://b?region=eu west").contains("region is"));
        assert!(refusal("s3://b?endpoint=127.0.0.1:1").contains("https://HOST"));
        assert!(refusal("s3://fast--use1-az4--x-s3").contains("in no order"));
    }

    #[test]
    fn a_line_that_brings_a_secret_is_refused() {
        assert!(refusal("s3://key:secret@b/p").contains("nothing secret"));
        assert!(refusal("s3://b?endpoint=http://key:secret@h").contains("nothing secret"));
        assert!(refusal("s3://b?secret_access_key=x").contains("not known"));
    }

    proptest! {
        #[test]
        fn a_line_that_is_read_is_read_back_the_same(text in "(s3|gs|az)://[a-z./?=&:-]{0,40}") {
            if let Ok(place) = text.parse::<Place>() {
                prop_assert_eq!(place.to_string().parse(), Ok(place));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            if let Ok(place) = text.parse::<Place>() {
                prop_assert_eq!(place.to_string().parse(), Ok(place));
            }
        }

        #[test]
        fn every_option_survives(
            region in "[a-z0-9-]{1,20}", port in 1_u16.., prefix in "[a-z]{1,5}(/[a-z0-9_.-]{3,9}){0,3}",
        ) {
            let text = format!("s3://b/{prefix}?region={region}&endpoint=http://h:{port}/");
            let place: Place = text.parse().unwrap();
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }
    }
}
