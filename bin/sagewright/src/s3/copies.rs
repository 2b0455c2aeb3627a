//! From object to object: the server does it, and no byte comes here.

use std::sync::Arc;

use anyhow::Result;
use http::HeaderMap;

use super::{
    calls::Stored,
    place::Object,
    transfer::{Transfers, all, ranges, size_of, text_of},
};

/// The most bytes that one CopyObject copies (S3 API reference).
const COPY: u64 = 5 << 30;
/// How much of a larger one is a part, bytes.
const COPY_PART: u64 = 512 << 20;

/// Headers that a copy in parts takes along, as CopyObject does.
const KEPT: [&str; 6] = [
    "content-type",
    "content-encoding",
    "content-disposition",
    "content-language",
    "cache-control",
    "expires",
];

impl Transfers {
    pub(super) async fn copy(self: &Arc<Self>, from: &Object, to: &Object) -> Result<()> {
        let headers = self.client.head(from).await?;
        let size = size_of(&headers)?;
        if size <= COPY {
            let _room = self.room(0).await?;
            return self.client.copy(from, to).await;
        }
        let mut kept = HeaderMap::new();
        for (name, value) in &headers {
            if KEPT.contains(&name.as_str()) || name.as_str().starts_with("x-amz-meta-") {
                kept.append(name.clone(), value.clone());
            }
        }
        let etag = text_of(&headers, "etag")?.to_owned();
        let upload = self.client.create_upload(to, kept, false).await?;
        let (this, from, target, id) = (Arc::clone(self), from.clone(), to.clone(), upload.clone());
        let parts = all(ranges(size, COPY_PART).zip(1..).map(move |(range, number)| {
            let (this, from, etag) = (Arc::clone(&this), from.clone(), etag.clone());
            let (to, id) = (target.clone(), id.clone());
            async move {
                let _room = this.room(0).await?;
                this.client.copy_part((&from, &etag), (&to, &id), number, range).await
            }
        }));
        self.finish(to, &upload, parts, |_: &[Stored]| None).await
    }
}
