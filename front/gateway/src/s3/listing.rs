//! Lists of keys, in both of S3's versions.
//!
//! With `encoding-type=url` everything that holds (part of) a key is percent-encoded, and the
//! answer says so: clients decode only then.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use platform::objects::{Kept, ListKeys, ListVersions, Listing, ObjectInfo};
use s3s::dto::{
    CommonPrefix, DeleteMarkerEntry, EncodingType, ListObjectVersionsInput,
    ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, ObjectStorageClass, ObjectVersion, ObjectVersionStorageClass,
};
use types::Owner;

use super::{Desk, acl::Owners, ask::Ask, convert, errors::Refused};

/// The most keys of a page (AWS).
const PAGE: usize = 1_000;

/// What S3 leaves as it is in an encoded key.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b'*');

/// How keys are written in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    Plain,
    Url,
}

impl Spelling {
    pub(super) fn of(encoding: Option<&EncodingType>) -> Result<Self, Refused> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self::Plain),
            Some(EncodingType::URL) => Ok(Self::Url),
            Some(_) => Err(Refused::argument("Invalid Encoding Method specified in Request")),
        }
    }

    pub(super) fn write(self, text: String) -> String {
        match self {
            Self::Plain => text,
            Self::Url => utf8_percent_encode(&text, ENCODED).to_string(),
        }
    }

    pub(super) fn prefixes(self, prefixes: Vec<String>) -> Option<Vec<CommonPrefix>> {
        let common = |prefix| CommonPrefix { prefix: Some(self.write(prefix)) };
        (!prefixes.is_empty()).then(|| prefixes.into_iter().map(common).collect())
    }

    fn objects(self, objects: Vec<ObjectInfo>, owners: Option<&Owners<'_>>) -> Option<Vec<Object>> {
        let object = |info: ObjectInfo| Object {
            checksum_algorithm: convert::algorithm(&info.checksums)
                .map(|algorithm| vec![algorithm]),
            checksum_type: convert::kind(&info.checksums),
            e_tag: Some(convert::etag(&info.etag)),
            last_modified: Some(convert::moment(info.modified)),
            owner: owners.map(|owners| owners.shown(info.owner.as_deref())),
            size: Some(convert::size(info.size)),
            storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
            key: Some(self.write(info.key)),
            ..Default::default()
        };
        (!objects.is_empty()).then(|| objects.into_iter().map(object).collect())
    }

    fn versions(
        self,
        kept: Vec<(Kept, bool)>,
        owners: &Owners<'_>,
    ) -> (Vec<ObjectVersion>, Vec<DeleteMarkerEntry>) {
        let (mut versions, mut markers) = (Vec::new(), Vec::new());
        for (kept, latest) in kept {
            let version = Some(kept.version().to_string());
            let modified = Some(convert::moment(kept.modified()));
            match kept {
                Kept::Object(info) => versions.push(ObjectVersion {
                    checksum_algorithm: convert::algorithm(&info.checksums)
                        .map(|algorithm| vec![algorithm]),
                    checksum_type: convert::kind(&info.checksums),
                    e_tag: Some(convert::etag(&info.etag)),
                    is_latest: Some(latest),
                    key: Some(self.write(info.key)),
                    last_modified: modified,
                    owner: Some(owners.shown(info.owner.as_deref())),
                    size: Some(convert::size(info.size)),
                    storage_class: Some(ObjectVersionStorageClass::from_static(
                        ObjectVersionStorageClass::STANDARD,
                    )),
                    version_id: version,
                    ..Default::default()
                }),
                Kept::Marker(marker) => markers.push(DeleteMarkerEntry {
                    is_latest: Some(latest),
                    key: Some(self.write(marker.key)),
                    last_modified: modified,
                    owner: Some(owners.shown(None)),
                    version_id: version,
                }),
            }
        }
        (versions, markers)
    }
}

impl Desk {
    pub(super) async fn list_objects(
        &self,
        input: ListObjectsInput,
        ask: &Ask,
    ) -> Result<ListObjectsOutput, Refused> {
        let owner = &self.allow(ask, "s3:ListBucket", &input.bucket).await?;
        let spelling = Spelling::of(input.encoding_type.as_ref())?;
        let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
        let list = ListKeys {
            bucket: input.bucket.clone(),
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: delimiter.clone(),
            after: input.marker.clone().filter(|marker| !marker.is_empty()),
            limit: convert::limit(input.max_keys, PAGE, "max-keys")?,
        };
        let listing = self.page(owner, &list).await?;
        let owners = self.owners(owner, &list.bucket).await?;
        // Without a delimiter clients go on after the last key.
        let next = listing.last.filter(|_| listing.truncated && delimiter.is_some());
        Ok(ListObjectsOutput {
            name: Some(input.bucket),
            // Clients do not decode this one, of all.
            prefix: Some(list.prefix),
            marker: Some(spelling.write(input.marker.unwrap_or_default())),
            max_keys: Some(convert::count(list.limit)),
            is_truncated: Some(listing.truncated),
            contents: spelling.objects(listing.objects, Some(&owners)),
            common_prefixes: spelling.prefixes(listing.prefixes),
            delimiter: delimiter.map(|delimiter| spelling.write(delimiter)),
            next_marker: next.map(|next| spelling.write(next)),
            encoding_type: input.encoding_type,
            request_charged: None,
        })
    }

    pub(super) async fn list_objects_v2(
        &self,
        input: ListObjectsV2Input,
        ask: &Ask,
    ) -> Result<ListObjectsV2Output, Refused> {
        let owner = &self.allow(ask, "s3:ListBucket", &input.bucket).await?;
        let spelling = Spelling::of(input.encoding_type.as_ref())?;
        let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
        let token = input.continuation_token.as_deref().filter(|token| !token.is_empty());
        let after = match token {
            Some(token) => Some(convert::read_token(token)?),
            None => input.start_after.clone().filter(|after| !after.is_empty()),
        };
        let list = ListKeys {
            bucket: input.bucket.clone(),
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: delimiter.clone(),
            after,
            limit: convert::limit(input.max_keys, PAGE, "max-keys")?,
        };
        let listing = self.page(owner, &list).await?;
        let next = listing.last.as_deref().filter(|_| listing.truncated);
        let owners = match input.fetch_owner {
            Some(true) => Some(self.owners(owner, &list.bucket).await?),
            Some(false) | None => None,
        };
        Ok(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(spelling.write(list.prefix)),
            max_keys: Some(convert::count(list.limit)),
            key_count: Some(convert::count(listing.objects.len() + listing.prefixes.len())),
            continuation_token: input.continuation_token,
            is_truncated: Some(listing.truncated),
            next_continuation_token: next.map(convert::token),
            contents: spelling.objects(listing.objects, owners.as_ref()),
            common_prefixes: spelling.prefixes(listing.prefixes),
            delimiter: delimiter.map(|delimiter| spelling.write(delimiter)),
            encoding_type: input.encoding_type,
            start_after: input.start_after.map(|after| spelling.write(after)),
            request_charged: None,
        })
    }

    pub(super) async fn list_object_versions(
        &self,
        input: ListObjectVersionsInput,
        ask: &Ask,
    ) -> Result<ListObjectVersionsOutput, Refused> {
        let owner = &self.allow(ask, "s3:ListBucketVersions", &input.bucket).await?;
        let spelling = Spelling::of(input.encoding_type.as_ref())?;
        let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
        let key = input.key_marker.clone().filter(|key| !key.is_empty());
        let version = convert::version(input.version_id_marker.as_deref())?;
        if version.is_some() && key.is_none() {
            return Err(Refused::argument(
                "A version-id marker cannot be specified without a key marker.",
            ));
        }
        let list = ListVersions {
            bucket: input.bucket.clone(),
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: delimiter.clone(),
            after: key.map(|key| (key, version)),
            limit: convert::limit(input.max_keys, PAGE, "max-keys")?,
        };
        let page = self.objects.list_versions(owner, &list).await?;
        let owners = self.owners(owner, &list.bucket).await?;
        let (next_key, next_version) = page.last.filter(|_| page.truncated).unzip();
        let (versions, markers) = spelling.versions(page.versions, &owners);
        Ok(ListObjectVersionsOutput {
            name: Some(input.bucket),
            prefix: Some(spelling.write(list.prefix)),
            key_marker: Some(spelling.write(input.key_marker.unwrap_or_default())),
            version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
            next_key_marker: next_key.map(|key| spelling.write(key)),
            next_version_id_marker: next_version.and_then(convert::told),
            max_keys: Some(convert::count(list.limit)),
            is_truncated: Some(page.truncated),
            versions: Some(versions).filter(|versions| !versions.is_empty()),
            delete_markers: Some(markers).filter(|markers| !markers.is_empty()),
            common_prefixes: spelling.prefixes(page.prefixes),
            delimiter: delimiter.map(|delimiter| spelling.write(delimiter)),
            encoding_type: input.encoding_type,
            request_charged: None,
        })
    }

    /// A page; one of no keys says only whether the bucket is there.
    async fn page(&self, owner: &Owner, list: &ListKeys) -> Result<Listing, Refused> {
        if list.limit == 0 {
            self.objects.bucket(owner, &list.bucket).await?;
            return Ok(Listing::default());
        }
        Ok(self.objects.list(owner, list).await?)
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_encoded_as_s3_encodes_them() {
        assert_eq!(Spelling::Url.write("a b+c/ü%.t~*".to_owned()), "a%20b%2Bc/%C3%BC%25.t~*");
        assert_eq!(Spelling::Plain.write("a b".to_owned()), "a b");
    }

    proptest! {
        #[test]
        fn an_encoded_key_is_decoded_to_itself(key in ".*") {
            let encoded = Spelling::Url.write(key.clone());
            prop_assert!(!encoded.contains('+'));
            prop_assert_eq!(percent_decode_str(&encoded).decode_utf8().unwrap(), key);
        }

        #[test]
        fn a_token_is_read_back_and_no_text_breaks_the_reader(key in ".+", text in ".*") {
            prop_assert_eq!(convert::read_token(&convert::token(&key)).unwrap(), key);
            let _ = convert::read_token(&text);
        }
    }
}
