//! A data folder in one file, and back.
//!
//! The file is a tar archive, and every archive has the same members in the same order: `BACKUP`,
//! which says what it is; the two databases, each as of one commit; every blob that the object index
//! names, in the order of their names; settings, accounts, keys; `MANIFEST`, the checksums of all of
//! it. What is named is copied after what names it (records name objects and accounts, the index
//! names blobs) and objects are committed before the records that name them, so nothing is missing.
//!
//! Only [`restore`] says whether a file is a backup; whatever else unpacks it checks nothing.

mod hold;
mod manifest;
mod member;
mod restore;
mod take;
#[cfg(test)]
mod tests;
mod workshop;

pub use manifest::Summary;
pub use restore::{Source, restore};
pub use take::{Target, take};

/// How much is read and written at once, bytes.
const BLOCK: usize = 1 << 20;
