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
        source: object_store::Error,
    },
    /// There is no such bucket.
    #[error("{address} is not there: make the bucket, or set `blobs` to the right one")]
    Missing {
        /// The outside store.
        address: Box<Address>,
        /// Its answer.
        source: object_store::Error,
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
        source: object_store::Error,
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

impl OpenError {
    /// What an outside store's answer to the first requests means.
    pub(crate) fn of(address: &Address, source: object_store::Error) -> Self {
        use object_store::Error;
        let address = Box::new(address.clone());
        match source {
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                Self::Refused { address, source }
            }
            Error::NotFound { .. } => Self::Missing { address, source },
            source => Self::NoAnswer { address, source },
        }
    }
}
