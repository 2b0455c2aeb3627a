//! From a file to an object.

use std::{fs::File, os::unix::fs::FileExt, path::Path, sync::Arc};

use anyhow::{Context, Result};
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};
use tokio::task::spawn_blocking;

use super::{
    calls::Stored,
    client::Call,
    place::{Local, Object},
    sums::{self, Sum},
    transfer::{PART, Transfers, all, ranges, text_of},
};

/// What parts and wholes are summed by: the one checksum that AWS puts together of parts' by itself.
const CRC: CrcAlgorithm = CrcAlgorithm::Crc64Nvme;
const CRC_HEADER: &str = "x-amz-checksum-crc64nvme";

/// A part that was stored, and its bytes' checksum.
struct Part(Stored, Sum);

impl From<Part> for Stored {
    fn from(Part(stored, _): Part) -> Self {
        stored
    }
}

impl Transfers {
    pub(super) async fn upload(self: &Arc<Self>, from: &Local, to: &Object) -> Result<()> {
        let file = Arc::new(File::open(&from.0)?);
        let size = file.metadata()?.len();
        self.progress.expect(size);
        let headers = content_type(&from.0);
        if size <= PART {
            return Box::pin(self.unless_stopped(self.put(&file, size, to, headers))).await;
        }
        let begun = self.unless_stopped(self.client.create_upload(to, headers, true));
        let upload = Box::pin(begun).await?;
        let (this, target, id) = (Arc::clone(self), to.clone(), upload.clone());
        let parts = all(ranges(size, PART).zip(1..).map(move |(range, number)| {
            let (this, file) = (Arc::clone(&this), Arc::clone(&file));
            let (to, id) = (target.clone(), id.clone());
            async move { this.part(file, range, number, (&to, &id)).await }
        }));
        self.finish(to, &upload, parts, |parts| {
            let sums: Vec<_> = parts.iter().map(|part| part.1).collect();
            Some(sums::text(CRC, sums::together(CRC, &sums)))
        })
        .await
    }

    async fn put(
        &self,
        file: &Arc<File>,
        size: u64,
        to: &Object,
        headers: HeaderMap,
    ) -> Result<()> {
        let _room = self.room(size).await?;
        let call = Call::new("PutObject", Method::PUT, to).headers(headers);
        let (call, _) = filled(call, Arc::clone(file), 0, size).await?;
        self.client.call(call).await?.done().await?;
        self.progress.done(size);
        Ok(())
    }

    async fn part(
        &self,
        file: Arc<File>,
        (first, last): (u64, u64),
        number: u32,
        (to, upload): (&Object, &str),
    ) -> Result<Part> {
        let len = last - first + 1;
        let _room = self.room(len).await?;
        let call = Call::new("UploadPart", Method::PUT, to)
            .query("partNumber", &number.to_string())
            .query("uploadId", upload);
        let (call, sum) = filled(call, file, first, len).await?;
        let answer = self.client.call(call).await?;
        let etag = text_of(&answer.headers, "etag")?.to_owned();
        answer.done().await?;
        self.progress.done(len);
        let crc = Some(sums::text(CRC, sums::together(CRC, &[sum])));
        Ok(Part(Stored { number, etag, crc }, sum))
    }
}

/// The call with so many bytes of the file from `first` on, and their checksum.
async fn filled(call: Call, file: Arc<File>, first: u64, len: u64) -> Result<(Call, Sum)> {
    let read_and_sum = move || {
        let mut bytes = vec![0; usize::try_from(len)?];
        file.read_exact_at(&mut bytes, first).context("the file changed while it was read")?;
        let sum = Sum::of(CRC, &bytes);
        let crc = sums::text(CRC, sums::together(CRC, &[sum]));
        Ok((call.header(CRC_HEADER, &crc)?.body(Bytes::from(bytes)), sum))
    };
    spawn_blocking(read_and_sum).await?
}

/// What the file's extension says it is, of what machine learning deals with.
fn content_type(path: &Path) -> HeaderMap {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let kind = match extension.to_ascii_lowercase().as_str() {
        "csv" => "text/csv",
        "css" => "text/css",
        "gz" | "tgz" => "application/gzip",
        "html" | "htm" => "text/html",
        "jpg" | "jpeg" => "image/jpeg",
        "js" => "text/javascript",
        "json" | "ipynb" => "application/json",
        "md" => "text/markdown",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "py" => "text/x-python",
        "svg" => "image/svg+xml",
        "tar" => "application/x-tar",
        "tsv" => "text/tab-separated-values",
        "txt" | "log" => "text/plain",
        "xml" => "application/xml",
        "zip" => "application/zip",
        _ => return HeaderMap::new(),
    };
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))])
}
