//! Places that keep blobs. For now one: a folder of this machine.

mod folder;

pub use folder::Folder;
