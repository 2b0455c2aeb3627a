//! Why a place of blobs does not open. A sentence each, that says what to do about it.

use std::io;

use crate::place::Address;

/// Why a data folder's blobs cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The setting names another kind of place than the data folder was begun with.
    #[error(
        "the blobs of this data folder lie in {begun:?}, and the setting `blobs` says {asked:?}: \
         set it back, or begin another data folder; blobs do not move by themselves"
    )]
    Changed {
        /// Where they lie.
        begun: String,
        /// What the setting says.
        asked: String,
    },
    /// The outside store knows us, or does not, and will not serve us.
    #[error("{address} refuses this server's credentials: {}", address.advice())]
    Refused {
        /// The outside store.
        address: Box<Address>,
        /// Its answer.
        source: Answer,
    },
    /// It knows us, and shows us nothing.
    #[error(
        "{address} cannot be listed: make the bucket if it is not there, or set `blobs` to the \
         right one; {}",
        address.advice()
    )]
    Unlisted {
        /// The outside store.
        address: Box<Address>,
        /// Its answer.
        source: Answer,
    },
    /// It gave no answer, or none that helps.
    #[error(
        "{address} gives no usable answer: check that it runs, and that the setting `blobs` has \
         its bucket, region and endpoint; {}",
        address.advice()
    )]
    NoAnswer {
        /// The outside store.
        address: Box<Address>,
        /// What was seen instead.
        source: Answer,
    },
    /// Blobs of another data folder lie there, which our sweeper would take for orphans.
    #[error(
        "{address} keeps the blobs of another data folder: give this one a prefix of its own; \
         or, if that data folder is gone for good, delete the object {marker} there"
    )]
    Foreign {
        /// The outside store.
        address: Box<Address>,
        /// The object that says whose it is.
        marker: String,
    },
    /// This data folder has blobs, and they do not lie there.
    #[error(
        "{address} does not keep the blobs of this data folder, which was begun with {begun:?}: \
         set `blobs` back, or copy everything there first, the object {marker} included"
    )]
    Elsewhere {
        /// The outside store.
        address: Box<Address>,
        /// Where they lay at first.
        begun: String,
        /// The object that says whose it is.
        marker: String,
    },
    /// Something of the data folder itself.
    #[error("the data folder's blobs cannot be opened")]
    Io(#[from] io::Error),
}

/// What an outside store answered. It tells its own causes, so it has no source.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Answer(object_store::Error);

impl OpenError {
    /// What the answer to the very first request means.
    pub(crate) fn of(address: &Address, answer: object_store::Error) -> Self {
        use object_store::Error;
        let address = Box::new(address.clone());
        match answer {
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                Self::Refused { address, source: Answer(answer) }
            }
            answer => Self::NoAnswer { address, source: Answer(answer) },
        }
    }

    /// What a refused list means to who was let in.
    pub(crate) fn unlisted(address: &Address, answer: object_store::Error) -> Self {
        Self::Unlisted { address: Box::new(address.clone()), source: Answer(answer) }
    }
}
