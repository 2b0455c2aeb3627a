//! What is done with a body's bytes on their way: hashing, and sealing where it is asked for.
//!
//! Both happen piece by piece while the bytes are in the processor's cache, and for large bodies on
//! another thread, beside what is coming in and what is being written.

use std::{io, mem};

use bytes::Bytes;
use platform::{
    objects::ObjectError,
    sealed::{BlobKey, Sealer},
};
use tokio::task::{JoinHandle, spawn_blocking};

use super::checksums::{Digests, Hashes};

/// Bytes that are hashed, and sealed, in one go on another thread.
const PASSED: usize = 1 << 20;
/// Bytes that are hashed and sealed before the next: few enough to stay in a processor's cache.
const IN_CACHE: usize = 64 << 10;
/// Chunks that are gathered for that at most.
const CHUNKS: usize = 1024;

/// A body that is being hashed and sealed.
pub(super) struct Pass {
    hashes: Hashes,
    sealer: Option<Sealer>,
}

impl Pass {
    pub(super) fn new(hashes: Hashes, key: Option<BlobKey>) -> Self {
        Self { hashes, sealer: key.map(Sealer::new) }
    }

    pub(super) fn update(&mut self, chunk: &[u8]) -> io::Result<()> {
        for piece in chunk.chunks(IN_CACHE) {
            self.hashes.update(piece);
            if let Some(sealer) = &mut self.sealer {
                sealer.add(piece)?;
            }
        }
        Ok(())
    }

    /// What was sealed since the last call.
    fn sealed(&mut self) -> Option<Vec<u8>> {
        self.sealer.as_mut().map(Sealer::take)
    }

    pub(super) fn finish(self) -> io::Result<(Digests, Option<Vec<u8>>)> {
        Ok((self.hashes.finish(), self.sealer.map(Sealer::finish).transpose()?))
    }
}

/// Passes large blocks on other threads while the next is coming in. No thread waits for a slow
/// sender.
pub(super) struct Passing {
    state: State,
    gathered: Vec<Bytes>,
    gathered_len: usize,
}

/// Where the pass is.
enum State {
    Here(Box<Pass>),
    Away(JoinHandle<io::Result<Passed>>),
    /// Lost with a thread that failed.
    Gone,
}

/// A pass that came back, and what it sealed.
type Passed = (Box<Pass>, Option<Vec<u8>>);

impl State {
    async fn back(&mut self) -> Result<Passed, ObjectError> {
        match mem::replace(self, Self::Gone) {
            Self::Here(pass) => Ok((pass, None)),
            Self::Away(task) => {
                task.await.map_err(ObjectError::internal)?.map_err(ObjectError::internal)
            }
            Self::Gone => Err(ObjectError::internal("the hashing thread failed")),
        }
    }
}

fn pass_all(mut pass: Box<Pass>, chunks: &[Bytes]) -> io::Result<Passed> {
    for chunk in chunks {
        pass.update(chunk)?;
    }
    let sealed = pass.sealed();
    Ok((pass, sealed))
}

impl Passing {
    pub(super) fn new(hashes: Hashes, key: Option<BlobKey>) -> Self {
        let state = State::Here(Box::new(Pass::new(hashes, key)));
        Self { state, gathered: Vec::new(), gathered_len: 0 }
    }

    /// For bytes that are only looked at.
    pub(super) fn hashing(hashes: Hashes) -> Self {
        Self::new(hashes, None)
    }

    /// Answers what was sealed of earlier chunks, if that is ready.
    pub(super) async fn add(&mut self, chunk: Bytes) -> Result<Option<Vec<u8>>, ObjectError> {
        self.gathered_len += chunk.len();
        self.gathered.push(chunk);
        if self.gathered_len < PASSED && self.gathered.len() < CHUNKS {
            return Ok(None);
        }
        let (pass, sealed) = self.state.back().await?;
        let chunks = mem::take(&mut self.gathered);
        self.gathered_len = 0;
        self.state = State::Away(spawn_blocking(move || pass_all(pass, &chunks)));
        Ok(sealed)
    }

    /// The digests, and all that was sealed and not answered yet, in order.
    pub(super) async fn finish(mut self) -> Result<(Digests, Vec<Vec<u8>>), ObjectError> {
        let (pass, sealed) = self.state.back().await?;
        let chunks = self.gathered;
        let finished = spawn_blocking(move || {
            let (pass, more) = pass_all(pass, &chunks)?;
            let (digests, last) = pass.finish()?;
            Ok((digests, [more, last].into_iter().flatten().collect::<Vec<_>>()))
        });
        let finished: io::Result<_> = finished.await.map_err(ObjectError::internal)?;
        let (digests, rest) = finished.map_err(ObjectError::internal)?;
        Ok((digests, sealed.into_iter().chain(rest).collect()))
    }
}
