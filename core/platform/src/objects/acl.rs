//! Access control lists: who else may, said of a bucket or of one version of an object.
//!
//! A list names only others: the owner of a bucket or an object needs no grant. Who owns a bucket
//! has all rights to what is in it, also to what others wrote and own. Lists and other owners count
//! only where [`Ownership`] lets them.

use serde::{Deserialize, Serialize};
use types::CanonicalId;

/// Whether a bucket has ACLs, in S3's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// There are none: only policies let others in.
    #[default]
    #[serde(rename = "BucketOwnerEnforced")]
    Enforced,
    /// There are, and whoever writes an object, it is the bucket's owner's.
    #[serde(rename = "BucketOwnerPreferred")]
    Preferred,
    /// There are, and an object is also its writer's.
    #[serde(rename = "ObjectWriter")]
    Writer,
}

/// To whom something is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grantee {
    /// Everybody, also who does not sign (`AllUsers`).
    Everyone,
    /// Whoever signs with a key of any account (`AuthenticatedUsers`).
    AnyAccount,
    /// The account with that canonical id.
    Canonical(CanonicalId),
}

/// What is granted. What it means depends on whether it is said of a bucket or of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    /// To list a bucket, to read an object.
    Read,
    /// To put into a bucket and remove from it; nothing of an object.
    Write,
    /// To read the list.
    ReadAcp,
    /// To change the list.
    WriteAcp,
    /// All of these.
    FullControl,
}

/// One permission for one grantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// To whom.
    pub grantee: Grantee,
    /// What.
    pub permission: Permission,
}

/// All that is granted to others; nothing is what S3 calls `private`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Acl(Vec<Grant>);

impl Acl {
    /// The list of a canned ACL. Those about the bucket's owner grant nothing that it has not.
    #[must_use]
    pub fn canned(name: &str) -> Option<Self> {
        use Grantee::{AnyAccount, Everyone};
        use Permission::{Read, Write};
        let grants: &[(Grantee, Permission)] = match name {
            "private" | "bucket-owner-read" | "bucket-owner-full-control" => &[],
            "public-read" => &[(Everyone, Read)],
            "public-read-write" => &[(Everyone, Read), (Everyone, Write)],
            "authenticated-read" => &[(AnyAccount, Read)],
            _ => return None,
        };
        Some(grants.iter().map(|&(grantee, permission)| Grant { grantee, permission }).collect())
    }

    /// Whether nothing is granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The grants, in the order in which they were written.
    #[must_use]
    pub fn grants(&self) -> impl ExactSizeIterator<Item = Grant> {
        self.0.iter().copied()
    }

    /// Whether people get something whom the list does not name.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.0.iter().any(|grant| grant.grantee.is_public())
    }
}

/// Each grant once.
impl FromIterator<Grant> for Acl {
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        let mut list = Vec::new();
        for grant in grants {
            if !list.contains(&grant) {
                list.push(grant);
            }
        }
        Self(list)
    }
}

impl Grantee {
    /// Whether it names nobody in particular.
    #[must_use]
    pub fn is_public(self) -> bool {
        match self {
            Self::Everyone | Self::AnyAccount => true,
            Self::Canonical(_) => false,
        }
    }
}

impl Permission {
    /// Whether who has this may do what needs `wanted`.
    #[must_use]
    pub fn includes(self, wanted: Self) -> bool {
        self == Self::FullControl || self == wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canned_list_says_who_else_may() {
        let grants = |name| Acl::canned(name).map(|acl| acl.grants().len());
        assert_eq!(grants("private"), Some(0));
        assert_eq!(grants("bucket-owner-read"), Some(0));
        assert_eq!(grants("bucket-owner-full-control"), Some(0));
        assert_eq!(grants("public-read"), Some(1));
        assert_eq!(grants("public-read-write"), Some(2));
        assert_eq!(grants("authenticated-read"), Some(1));
        assert_eq!(grants("Private"), None);
        assert!(Acl::canned("authenticated-read").is_some_and(|acl| acl.is_public()));
        assert!(Acl::canned("private").is_some_and(|acl| acl.is_empty() && !acl.is_public()));
    }

    #[test]
    fn a_grant_counts_once_and_survives_being_written_down() {
        let named = Grantee::Canonical(CanonicalId::random());
        let grants = [
            Grant { grantee: named, permission: Permission::FullControl },
            Grant { grantee: Grantee::Everyone, permission: Permission::Read },
            Grant { grantee: named, permission: Permission::FullControl },
        ];
        let acl: Acl = grants.into_iter().collect();
        assert_eq!(acl.grants().collect::<Vec<_>>(), grants[..2]);
        let text = serde_json::to_string(&acl).unwrap();
        assert_eq!(serde_json::from_str::<Acl>(&text).unwrap(), acl);
        assert_eq!(serde_json::from_str::<Acl>("[]").unwrap(), Acl::default());
    }
}
