//! Writing an outside blob: in one put, or in parts that are sent beside the sender's next bytes.
//!
//! Bytes are copied into the part that is being gathered: a sender's chunks may be small slices of
//! large buffers, and memory must stay bounded by what is counted here.

use std::{collections::BTreeMap, io, mem, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use object_store::{MultipartId, ObjectStoreExt as _, multipart::PartId};
use platform::objects::blobs::BlobWriter;
use tokio::{runtime::Handle, task::JoinSet};
use types::Id;

use super::Store;

/// A blob on its way out.
pub(super) struct OutsideBlob {
    id: Id,
    store: Arc<Store>,
    /// What is gathered of the next part.
    gathered: Vec<u8>,
    /// Parts, once there is more than one.
    upload: Option<Upload>,
}

impl OutsideBlob {
    /// Nothing is sent before a part is full.
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { id: Id::random(), store, gathered: Vec::new(), upload: None }
    }

    /// Sends what is gathered as the next part.
    async fn send(&mut self) -> io::Result<()> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(Upload::begin(self.store.clone(), self.id).await?),
        };
        upload.send(mem::take(&mut self.gathered).into()).await
    }
}

#[async_trait]
impl BlobWriter for OutsideBlob {
    fn id(&self) -> Id {
        self.id
    }

    /// A part is sent when more than it is there, so that a blob of exactly one is a single put.
    async fn write(&mut self, mut bytes: Bytes) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.gathered.len() == self.store.part {
                self.send().await?;
                self.gathered.reserve_exact(self.store.part);
            }
            let room = self.store.part - self.gathered.len();
            let taken = bytes.split_to(room.min(bytes.len()));
            self.gathered.extend_from_slice(&taken);
        }
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> io::Result<()> {
        if self.upload.is_some() {
            self.send().await?;
        }
        if let Some(upload) = self.upload {
            return upload.complete().await;
        }
        let path = self.store.path(self.id);
        self.store.objects.put(&path, self.gathered.into()).await?;
        Ok(())
    }
}

/// An upload in parts; aborted when it is dropped before it is complete.
struct Upload {
    blob: Id,
    store: Arc<Store>,
    /// The store's name for it.
    name: MultipartId,
    complete: bool,
    sending: JoinSet<io::Result<(usize, PartId)>>,
    sent: BTreeMap<usize, PartId>,
    begun: usize,
}

impl Upload {
    async fn begin(store: Arc<Store>, blob: Id) -> io::Result<Self> {
        let name = store.uploads.create_multipart(&store.path(blob)).await?;
        let upload = Self {
            blob,
            store,
            name: name.clone(),
            complete: false,
            sending: JoinSet::new(),
            sent: BTreeMap::new(),
            begun: 0,
        };
        upload.store.journal.note(blob, name).await?;
        Ok(upload)
    }

    /// Sends a part as soon as fewer than the allowed number are on their way. Fails where one
    /// before it failed.
    async fn send(&mut self, bytes: Bytes) -> io::Result<()> {
        while let Some(sent) = self.sending.try_join_next() {
            let (number, part) = sent.map_err(io::Error::other)??;
            self.sent.insert(number, part);
        }
        let permit = self.store.in_flight.clone().acquire_owned().await;
        let permit = permit.map_err(io::Error::other)?;
        let (store, blob, number) = (self.store.clone(), self.blob, self.begun);
        let name = self.name.clone();
        self.begun += 1;
        self.sending.spawn(async move {
            let path = store.path(blob);
            let part = store.uploads.put_part(&path, &name, number, bytes.into()).await?;
            drop(permit);
            Ok((number, part))
        });
        Ok(())
    }

    /// Waits for every part, and asks the store for its word.
    async fn complete(mut self) -> io::Result<()> {
        while let Some(sent) = self.sending.join_next().await {
            let (number, part) = sent.map_err(io::Error::other)??;
            self.sent.insert(number, part);
        }
        let parts = mem::take(&mut self.sent).into_values().collect();
        let path = self.store.path(self.blob);
        self.store.uploads.complete_multipart(&path, &self.name, parts).await?;
        self.complete = true;
        self.store.journal.forget(self.blob).await
    }
}

impl Drop for Upload {
    /// Without a runtime there is no time either: the next start aborts it.
    fn drop(&mut self) {
        let (false, Ok(runtime)) = (self.complete, Handle::try_current()) else { return };
        let (store, blob, name) = (self.store.clone(), self.blob, mem::take(&mut self.name));
        let mut sending = mem::take(&mut self.sending);
        runtime.spawn(async move {
            sending.shutdown().await;
            if let Err(error) = store.abort(blob, &name).await {
                tracing::warn!(%blob, %error, "an upload stays until the next start");
            }
        });
    }
}
