//! What of a form is kept with its object: the fields that would be headers of a PUT.
//!
//! A field of S3's that asks for something else is refused by name, so that nobody is answered as
//! if it had been done. Fields of others are the web page's own.

use http::{HeaderMap, HeaderName, HeaderValue};
use platform::objects::{ObjectHeaders, Tags};
use s3s::{
    dto::Tagging,
    xml::{Deserialize, Deserializer},
};

use super::fields::{Fields, invalid};
use crate::s3::{
    convert,
    digest::HEADER_PREFIX,
    encryption::{Asked, ENCRYPTION},
    errors::Refused,
    served,
    settings::tagging,
};

/// What the names of metadata begin with.
const META: &str = "x-amz-meta-";

/// Fields that are headers of the object, or say what its bytes are.
const HEADERS: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
];

/// Fields of S3's own that are looked at, beside metadata and checksums.
const KNOWN: [&str; 8] = [
    "x-amz-acl",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expected-bucket-owner",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-storage-class",
];

/// Refuses a field that asks for what is not done.
pub(super) fn check(fields: &Fields) -> Result<(), Refused> {
    for (name, value) in fields.iter() {
        served::check_header(name, value)?;
        let known = KNOWN.contains(&name)
            || [META, HEADER_PREFIX, ENCRYPTION].iter().any(|known| name.starts_with(known));
        if name.starts_with("x-amz-") && !known && !value.is_empty() {
            return Err(Refused::not_implemented(&format!("The form field '{name}'")));
        }
    }
    Ok(())
}

/// The fields that would be headers of a PUT, metadata apart.
pub(super) fn headers(fields: &Fields) -> Result<HeaderMap, Refused> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields.iter() {
        if HEADERS.contains(&name) || name.starts_with(HEADER_PREFIX) {
            let header = HeaderName::try_from(name).map_err(|_| invalid(name))?;
            let value = HeaderValue::try_from(value).ok().filter(|value| value.to_str().is_ok());
            headers.insert(header, value.ok_or_else(|| invalid(name))?);
        }
    }
    Ok(headers)
}

/// The fields that say how the object is to be encrypted, as the headers of a PUT would.
pub(super) fn encryption(fields: &Fields, private: bool) -> Result<Asked, Refused> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields.iter().filter(|(name, _)| name.starts_with(ENCRYPTION)) {
        let header = HeaderName::try_from(name).map_err(|_| invalid(name))?;
        headers.insert(header, HeaderValue::try_from(value).map_err(|_| invalid(name))?);
    }
    Asked::take(&mut headers, private)
}

/// What the object is served with. `headers` are those of the form.
pub(super) fn object_headers(
    fields: &Fields,
    headers: &HeaderMap,
) -> Result<ObjectHeaders, Refused> {
    let text = |name| {
        let value = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        value.filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let expires = text("expires").map(|at| {
        convert::expires(convert::expires_at(Some(&at))).ok_or_else(|| invalid("expires"))
    });
    Ok(ObjectHeaders {
        content_type: text("content-type"),
        content_encoding: text("content-encoding"),
        content_disposition: text("content-disposition"),
        content_language: text("content-language"),
        cache_control: text("cache-control"),
        expires: expires.transpose()?,
        metadata: metadata(fields)?,
    })
}

/// Names and values that can be told in headers again.
fn metadata(fields: &Fields) -> Result<Vec<(String, String)>, Refused> {
    let mut metadata = s3s::dto::Metadata::new();
    for (name, value) in fields.iter() {
        let Some(short) = name.strip_prefix(META).filter(|short| !short.is_empty()) else {
            continue;
        };
        if HeaderName::try_from(name).is_err() || HeaderValue::from_bytes(value.as_bytes()).is_err()
        {
            return Err(invalid(name));
        }
        metadata.insert(short.to_owned(), value.to_owned());
    }
    convert::metadata(Some(metadata))
}

/// The object's tags, which are written as the document of PutObjectTagging.
pub(super) fn tags(fields: &Fields) -> Result<Tags, Refused> {
    let Some(document) = fields.get("tagging").filter(|document| !document.is_empty()) else {
        return Ok(Tags::new());
    };
    let mut reader = Deserializer::new(document.as_bytes());
    let tagging = Tagging::deserialize(&mut reader).map_err(|_| Refused::malformed())?;
    reader.expect_eof().map_err(|_| Refused::malformed())?;
    tagging::read(tagging.tag_set)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::s3::form::fields::tests::fields;

    fn kept(pairs: &[(&str, &str)]) -> Result<ObjectHeaders, Refused> {
        let fields = fields(pairs);
        object_headers(&fields, &headers(&fields)?)
    }

    #[test]
    fn fields_become_the_headers_of_a_put() {
        let kept = kept(&[
            ("Content-Type", "text/csv"),
            ("Cache-Control", ""),
            ("expires", "Thu, 01 Jan 1970 00:00:01 GMT"),
            ("X-Amz-Meta-By", "mé"),
            ("name", "of the page"),
        ]);
        let wanted = ObjectHeaders {
            content_type: Some("text/csv".to_owned()),
            expires: Some("Thu, 01 Jan 1970 00:00:01 GMT".to_owned()),
            metadata: vec![("by".to_owned(), "mé".to_owned())],
            ..Default::default()
        };
        assert_eq!(kept.unwrap(), wanted);
    }

    #[test]
    fn what_could_not_be_told_again_is_refused() {
        for (name, value) in [
            ("content-type", "text\r\nx: y"),
            ("content-disposition", "ü"),
            ("x-amz-meta-a", "1\n2"),
            ("x-amz-meta-a b", "1"),
            ("expires", "soon"),
        ] {
            assert_eq!(kept(&[(name, value)]).unwrap_err().code, "InvalidArgument", "{name}");
        }
        let large = "m".repeat(2_048);
        assert_eq!(kept(&[("x-amz-meta-a", &large)]).unwrap_err().code, "MetadataTooLarge");
    }

    #[test]
    fn what_is_asked_for_and_not_done_is_refused() {
        let code = |name, value| check(&fields(&[(name, value)])).map_err(|refused| refused.code);
        assert_eq!(code("x-amz-storage-class", "GLACIER"), Err("InvalidStorageClass"));
        for name in ["x-amz-object-lock-mode", "x-amz-tagging", "x-amz-of-tomorrow"] {
            assert_eq!(code(name, "1"), Err("NotImplemented"), "{name}");
            assert_eq!(code(name, ""), Ok(()), "{name}");
        }
        for name in ["x-amz-meta-a", "x-amz-checksum-crc32", ENCRYPTION, "submit"] {
            assert_eq!(code(name, "1"), Ok(()), "{name}");
        }
    }

    fn tagged(document: &str) -> Result<Tags, &'static str> {
        tags(&fields(&[("tagging", document)])).map_err(|refused| refused.code)
    }

    #[test]
    fn tags_are_read_from_their_document() {
        let document = "<Tagging><TagSet><Tag><Key>a&amp;b</Key><Value>1</Value></Tag>\
                        <Tag><Key>c</Key><Value/></Tag></TagSet></Tagging>";
        let wanted = [("a&b", "1"), ("c", "")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(tagged(document), Ok(wanted.to_vec()));
        assert_eq!(tagged(""), Ok(Tags::new()));
        for bad in
            ["a=1", "<Tagging/>x<", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>"]
        {
            assert_eq!(tagged(bad), Err("MalformedXML"), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_readers(name in ".{0,20}", value in ".{0,40}") {
            let _ = kept(&[(&name, &value)]);
            let _ = kept(&[(&format!("{META}{name}"), &value)]);
            let _ = tagged(&value);
        }
    }
}
