//! The question whether somebody may.

use types::{Caller, CanonicalId};

use super::{Context, Version};

/// Under which circumstances something is asked for. Asked only where a policy might depend on it.
pub trait Circumstances: Send + Sync {
    /// What conditions may ask.
    fn context(&self) -> Context<'_>;
    /// The canonical id of the caller's account.
    fn canonical_id(&self) -> Option<CanonicalId>;
}

impl Circumstances for Context<'_> {
    fn context(&self) -> Context<'_> {
        self.clone()
    }

    fn canonical_id(&self) -> Option<CanonicalId> {
        None
    }
}

/// What somebody asks for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Who signed; nobody where the request is unsigned.
    pub caller: Option<&'a Caller>,
    /// `s3:GetObject`.
    pub action: &'a str,
    /// The bucket's name.
    pub bucket: &'a str,
    /// The key, where it is about an object.
    pub key: Option<&'a str>,
    /// Which version of it; the current one where there is none.
    pub version: Option<Version>,
    /// Whether it is about an object that the asker is about to write, whatever the key names now.
    pub new: bool,
    /// The account that the caller takes the bucket's owner for; another is refused.
    pub expected_owner: Option<&'a str>,
    /// What else there is to know.
    pub circumstances: &'a dyn Circumstances,
}
