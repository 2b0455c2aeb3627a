//! Pages of keys.

use super::ObjectInfo;

/// Which keys to list.
#[derive(Clone, Debug, Default)]
pub struct ListKeys {
    /// The bucket's name.
    pub bucket: String,
    /// Only keys that begin with this.
    pub prefix: String,
    /// Folds what follows the prefix up to it into one common prefix.
    pub delimiter: Option<String>,
    /// Only what sorts after this (a key, or a common prefix of the last page).
    pub after: Option<String>,
    /// At most so many keys and common prefixes.
    pub limit: usize,
}

/// A page of keys, in binary order.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Objects.
    pub objects: Vec<ObjectInfo>,
    /// Common prefixes.
    pub prefixes: Vec<String>,
    /// Whether there is more after [`Listing::last`].
    pub truncated: bool,
    /// The last key or common prefix of the page.
    pub last: Option<String>,
}
