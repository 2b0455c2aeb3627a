//! The operations that the commands need.

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, Method};
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;
use quick_xml::escape::escape;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{
    client::{Call, Client},
    http::Answer,
    place::Object,
    xml::Element,
};

/// Keys that one DeleteObjects may name (S3 API reference).
const BATCH: usize = 1_000;

/// A bucket.
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// When it was made: ISO 8601, UTC.
    pub created: String,
}

/// An object of a list.
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// ISO 8601, UTC.
    pub modified: String,
    /// Without quotes.
    pub etag: String,
}

/// A page of a list.
pub struct Page {
    /// What is folded.
    pub prefixes: Vec<String>,
    /// Objects by key.
    pub objects: Vec<Listed>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// A part of an upload that is there.
pub struct Stored {
    /// 1 to 10,000.
    pub number: u32,
    /// As it was answered.
    pub etag: String,
    /// CRC64NVME as base64 text, where there is one.
    pub crc: Option<String>,
}

impl Client {
    /// All buckets.
    pub async fn buckets(&self) -> Result<Vec<Bucket>> {
        let answer = self.ask(Call::of_service("ListBuckets", Method::GET)).await?;
        let text = |bucket: &Element, name| bucket.text(name).to_owned();
        let buckets = answer.all("Buckets").flat_map(|buckets| buckets.all("Bucket"));
        Ok(buckets
            .map(|it| Bucket { name: text(it, "Name"), created: text(it, "CreationDate") })
            .collect())
    }

    /// A page of what begins with `prefix`, after the page before.
    pub async fn page(
        &self,
        prefix: &Object,
        delimiter: &str,
        after: Option<&str>,
    ) -> Result<Page> {
        let bucket = prefix.with_key(String::new());
        let mut call = Call::new("ListObjectsV2", Method::GET, &bucket)
            .query("list-type", "2")
            // Keys may hold what XML cannot.
            .query("encoding-type", "url")
            .query("prefix", &prefix.key);
        if !delimiter.is_empty() {
            call = call.query("delimiter", delimiter);
        }
        if let Some(after) = after {
            call = call.query("continuation-token", after);
        }
        read_page(&self.ask(call).await?)
    }

    /// What is known of an object.
    pub async fn head(&self, object: &Object) -> Result<HeaderMap> {
        let call = Call::new("HeadObject", Method::HEAD, object)
            .header("x-amz-checksum-mode", "ENABLED")?;
        let answer = self.call(call).await?;
        let headers = answer.headers.clone();
        answer.done().await?;
        Ok(headers)
    }

    /// The bytes from `first` to `last`, both inclusive, of the object with this ETag.
    pub async fn range(
        &self,
        object: &Object,
        etag: &str,
        first: u64,
        last: u64,
    ) -> Result<Answer> {
        let call = Call::new("GetObject", Method::GET, object)
            .header("range", &format!("bytes={first}-{last}"))?
            .header("if-match", etag)?;
        self.call(call).await
    }

    /// Begins an upload of parts that are kept with their CRC64NVME where `summed`.
    pub async fn create_upload(
        &self,
        object: &Object,
        headers: HeaderMap,
        summed: bool,
    ) -> Result<String> {
        let mut call = Call::new("CreateMultipartUpload", Method::POST, object)
            .query("uploads", "")
            .headers(headers);
        if summed {
            call = call
                .header("x-amz-checksum-algorithm", "CRC64NVME")?
                .header("x-amz-checksum-type", "FULL_OBJECT")?;
        }
        let answer = self.ask(call).await?;
        Ok(answer.text("UploadId").to_owned())
    }

    /// Makes the object of its parts; `crc` is that of the whole, as base64 text.
    pub async fn complete_upload(
        &self,
        object: &Object,
        upload: &str,
        parts: &[Stored],
        crc: Option<&str>,
    ) -> Result<()> {
        let mut call = Call::new("CompleteMultipartUpload", Method::POST, object)
            .query("uploadId", upload)
            .body(Bytes::from(parts_document(parts)));
        if let Some(crc) = crc {
            call = call
                .header("x-amz-checksum-crc64nvme", crc)?
                .header("x-amz-checksum-type", "FULL_OBJECT")?;
        }
        self.ask(call).await.map(drop)
    }

    /// Forgets an upload.
    pub async fn abort_upload(&self, object: &Object, upload: &str) -> Result<()> {
        let call = Call::new("AbortMultipartUpload", Method::DELETE, object);
        self.call(call.query("uploadId", upload)).await?.done().await?;
        Ok(())
    }

    /// Copies an object of at most 5 GiB with all that is kept of it.
    pub async fn copy(&self, from: &Object, to: &Object) -> Result<()> {
        let call = Call::new("CopyObject", Method::PUT, to);
        self.ask(call.header("x-amz-copy-source", &source(from))?).await.map(drop)
    }

    /// Makes a part of a range of another object with this ETag, both ends inclusive.
    pub async fn copy_part(
        &self,
        from: (&Object, &str),
        to: (&Object, &str),
        number: u32,
        (first, last): (u64, u64),
    ) -> Result<Stored> {
        let call = Call::new("UploadPartCopy", Method::PUT, to.0)
            .query("partNumber", &number.to_string())
            .query("uploadId", to.1)
            .header("x-amz-copy-source", &source(from.0))?
            .header("x-amz-copy-source-if-match", from.1)?
            .header("x-amz-copy-source-range", &format!("bytes={first}-{last}"))?;
        let answer = self.ask(call).await?;
        Ok(Stored { number, etag: answer.text("ETag").to_owned(), crc: None })
    }

    /// Removes an object.
    pub async fn delete(&self, object: &Object) -> Result<()> {
        self.call(Call::new("DeleteObject", Method::DELETE, object)).await?.done().await?;
        Ok(())
    }

    /// Removes objects of one bucket, and tells of each key that was not why.
    pub async fn delete_all(
        &self,
        bucket: &Object,
        keys: &[String],
    ) -> Result<Vec<(String, String)>> {
        let mut refused = Vec::new();
        for keys in keys.chunks(BATCH) {
            let document = keys_document(keys);
            let call = Call::new("DeleteObjects", Method::POST, &bucket.with_key(String::new()))
                .query("delete", "")
                .header("content-md5", &BASE64.encode(Md5::digest(&document)))?
                .body(Bytes::from(document));
            let answer = self.ask(call).await?;
            let why =
                |error: &Element| format!("({}) {}", error.text("Code"), error.text("Message"));
            refused.extend(answer.all("Error").map(|it| (it.text("Key").to_owned(), why(it))));
        }
        Ok(refused)
    }
}

fn source(object: &Object) -> String {
    let encode = |text: &str| aws::escape::encode_path(text);
    format!("{}/{}", encode(&object.bucket), encode(&object.key))
}

fn read_page(answer: &Element) -> Result<Page> {
    let decoded = |text: &str| -> Result<String> {
        let text = percent_decode_str(text).decode_utf8().context("a key is no UTF-8")?;
        Ok(text.into_owned())
    };
    let object = |it: &Element| -> Result<Listed> {
        Ok(Listed {
            key: decoded(it.text("Key"))?,
            size: it.text("Size").parse().context("an object's size is no number")?,
            modified: it.text("LastModified").to_owned(),
            etag: it.text("ETag").trim_matches('"').to_owned(),
        })
    };
    let prefixes = answer.all("CommonPrefixes").map(|it| decoded(it.text("Prefix")));
    let next = answer.text("NextContinuationToken").to_owned();
    Ok(Page {
        prefixes: prefixes.collect::<Result<_>>()?,
        objects: answer.all("Contents").map(object).collect::<Result<_>>()?,
        next: (answer.text("IsTruncated") == "true").then_some(next),
    })
}

fn parts_document(parts: &[Stored]) -> String {
    let crc = |part: &Stored| {
        let crc = part.crc.as_deref();
        crc.map_or(String::new(), |crc| format!("<ChecksumCRC64NVME>{crc}</ChecksumCRC64NVME>"))
    };
    let part = |part: &Stored| {
        let (number, etag) = (part.number, escape(&part.etag));
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{}</Part>", crc(part))
    };
    let parts: String = parts.iter().map(part).collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

fn keys_document(keys: &[String]) -> String {
    let object = |key: &String| format!("<Object><Key>{}</Key></Object>", escaped(key));
    let objects: String = keys.iter().map(object).collect();
    format!("<Delete><Quiet>true</Quiet>{objects}</Delete>")
}

/// Line ends are written by number, for a reader of XML takes a carriage return for a line feed.
fn escaped(key: &str) -> String {
    escape(key).replace('\r', "&#13;").replace('\n', "&#10;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_xml_cannot_hold_come_back_as_they_are() {
        let answer = "<R><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>\
             <Contents><Key>a%0Ab%26</Key><Size>7</Size><LastModified>2026-11-23T10:00:00.000Z</LastModified>\
             <ETag>&quot;e&quot;</ETag></Contents><CommonPrefixes><Prefix>p%20/</Prefix></CommonPrefixes></R>";
        let page = read_page(&Element::read(answer.as_bytes()).unwrap()).unwrap();
        assert_eq!((&*page.objects[0].key, page.objects[0].size), ("a\nb&", 7));
        assert_eq!(page.objects[0].etag, "e");
        assert_eq!((&*page.prefixes[0], page.next.as_deref()), ("p /", Some("t")));
    }

    #[test]
    fn a_document_names_keys_as_they_are() {
        let document = keys_document(&["a<&>\"\r\n".to_owned()]);
        let read = Element::read(document.as_bytes()).unwrap();
        assert_eq!(read.all("Object").next().unwrap().text("Key"), "a<&>\"\r\n");
    }
}
