//! Places that keep blobs: a folder of this machine, or an outside object store.
//!
//! [`open`] is the door: it holds a data folder to the kind of place that it was begun with, for
//! blobs do not move by themselves, and an index beside the wrong blobs loses them to the sweeper.

mod begun;
mod disk;
mod error;
mod folder;
mod outside;
mod place;

use std::{path::Path, sync::Arc};

use platform::objects::blobs::Blobs;

pub use error::{Answer, OpenError};
pub use folder::Folder;
pub use outside::Outside;
pub use place::{Address, Cloud, Place, PlaceError};

use begun::Begun;

/// Holds a data folder whose objects lie below `folder` to the kind of place that it was begun with.
/// One that stores nothing yet begins with this place, under a name of its own: if others' blobs
/// lie there, [`open`] will refuse it.
pub fn settle(folder: &Path, place: &Place) -> Result<(), OpenError> {
    Begun::settle(folder, place).map(drop)
}

/// The blobs of a data folder whose objects lie below `folder` (`objects`), at that place.
pub async fn open(folder: &Path, place: &Place) -> Result<Arc<dyn Blobs>, OpenError> {
    let begun = Begun::settle(folder, place)?;
    Ok(match place {
        Place::Folder => Arc::new(Folder::open(folder)?),
        Place::Outside(address) => Arc::new(Outside::open(folder, address, &begun).await?),
    })
}
