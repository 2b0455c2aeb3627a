//! ACLs as requests ask for them: a canned one by its name, grants in headers, or a document.
//!
//! Where the bucket has no ACLs, only what holds anyway is accepted, and nothing else is read: a
//! grantee whom nobody knows is no other mistake there than any grantee.

use std::borrow::Cow;

use platform::{
    access::Access,
    objects::{Acl, Grant, Grantee, Ownership, Permission},
};
use s3s::dto::{self, AccessControlPolicy};
use types::{CanonicalId, Owner};

use super::{Desk, ask::Ask, convert, errors::Refused, facts::Facts, rights::Right};

/// The header with the name of a canned ACL.
const CANNED: &str = "x-amz-acl";

/// The headers with grants.
const GRANTS: [(&str, Permission); 5] = [
    ("x-amz-grant-read", Permission::Read),
    ("x-amz-grant-write", Permission::Write),
    ("x-amz-grant-read-acp", Permission::ReadAcp),
    ("x-amz-grant-write-acp", Permission::WriteAcp),
    ("x-amz-grant-full-control", Permission::FullControl),
];

/// The most grants of one ACL (S3 user guide, "ACL overview").
const LIMIT: usize = 100;

/// S3's names of its two groups.
const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

/// What a request says of an ACL.
#[derive(Debug)]
pub(super) enum Said<'a> {
    /// A canned one, by a name that there is.
    Canned(Cow<'a, str>, Acl),
    /// Headers with grants, as they were written.
    Grants(Vec<(Permission, Cow<'a, str>)>),
    /// A document.
    Document(AccessControlPolicy),
}

impl<'a> Said<'a> {
    /// What the headers say, if they say anything.
    pub(super) fn by(facts: &'a Facts) -> Result<Option<Self>, Refused> {
        let grants =
            GRANTS.iter().filter_map(|&(name, permission)| Some((permission, facts.said(name)?)));
        let grants: Vec<_> = grants.collect();
        match (facts.said(CANNED), grants.is_empty()) {
            (None, true) => Ok(None),
            (None, false) => Ok(Some(Self::Grants(grants))),
            (Some(name), true) => match Acl::canned(&name) {
                Some(acl) => Ok(Some(Self::Canned(name, acl))),
                None => Err(invalid(CANNED, &name)),
            },
            (Some(_), false) => Err(Refused::bad(
                "InvalidRequest",
                "Specifying both Canned ACLs and Header Grants is not allowed",
            )),
        }
    }

    /// The ACL that it asks for, of what `owner` has.
    fn read(self, ownership: Ownership, owner: &Granting<'_>) -> Result<Acl, Refused> {
        if ownership == Ownership::Enforced {
            return if self.holds_anyway(owner) {
                Ok(Acl::default())
            } else {
                Err(not_supported())
            };
        }
        match self {
            Self::Canned(_, acl) => Ok(acl),
            Self::Grants(headers) => owner.of_headers(&headers),
            Self::Document(document) => owner.of_document(document),
        }
    }

    /// Whether it says only that the bucket's owner owns all of it. `private` does not: it is the
    /// word of an account that keeps what it writes to itself, and S3 refuses it.
    fn holds_anyway(&self, owner: &Granting<'_>) -> bool {
        match self {
            Self::Canned(name, _) => &**name == "bucket-owner-full-control",
            Self::Grants(_) => false,
            Self::Document(document) => owner.is_all(document),
        }
    }
}

/// Whose ACL it is, and who knows the accounts.
struct Granting<'a> {
    owner: dto::Owner,
    access: &'a dyn Access,
}

impl Granting<'_> {
    fn of_headers(&self, headers: &[(Permission, Cow<'_, str>)]) -> Result<Acl, Refused> {
        let mut grants = Vec::new();
        for (permission, text) in headers {
            for written in text.split(',') {
                let (kind, name) =
                    written.split_once('=').ok_or_else(|| malformed_grantee(text))?;
                let (kind, name) = (kind.trim(), name.trim().trim_matches('"'));
                let grantee = match kind.to_ascii_lowercase().as_str() {
                    "id" => self.account(name)?,
                    "uri" => group(name)?,
                    "emailaddress" => return Err(by_email()),
                    _ => return Err(malformed_grantee(text)),
                };
                grants.push(Grant { grantee, permission: *permission });
            }
        }
        self.acl(grants)
    }

    fn of_document(&self, document: AccessControlPolicy) -> Result<Acl, Refused> {
        let named = document.owner.and_then(|owner| owner.id);
        if named.is_some_and(|named| !self.is_owner(&named)) {
            return Err(Refused::denied());
        }
        let grants = document.grants.unwrap_or_default().into_iter().map(|grant| {
            let (Some(grantee), Some(permission)) = (grant.grantee, grant.permission) else {
                return Err(malformed());
            };
            Ok(Grant { grantee: self.grantee(&grantee)?, permission: permitted(&permission)? })
        });
        self.acl(grants.collect::<Result<_, _>>()?)
    }

    fn grantee(&self, written: &dto::Grantee) -> Result<Grantee, Refused> {
        match (&written.id, &written.uri, &written.email_address) {
            (Some(id), None, None) => self.account(id),
            (None, Some(uri), None) => group(uri),
            (None, None, Some(_)) => Err(by_email()),
            _ => Err(malformed()),
        }
    }

    fn account(&self, id: &str) -> Result<Grantee, Refused> {
        let known = id.parse().ok().filter(|id: &CanonicalId| {
            self.is_owner(&id.to_string()) || self.access.account_of(id).is_some()
        });
        known.map(Grantee::Canonical).ok_or_else(|| invalid("CanonicalUser/ID", id))
    }

    /// The grants to others.
    fn acl(&self, grants: Vec<Grant>) -> Result<Acl, Refused> {
        if grants.len() > LIMIT {
            return Err(malformed());
        }
        let to_owner = |grant: &Grant| match grant.grantee {
            Grantee::Canonical(id) => self.is_owner(&id.to_string()),
            Grantee::Everyone | Grantee::AnyAccount => false,
        };
        Ok(grants.into_iter().filter(|grant| !to_owner(grant)).collect())
    }

    fn is_owner(&self, id: &str) -> bool {
        self.owner.id.as_deref() == Some(id)
    }

    /// Whether a document grants all to the owner, and to nobody else anything.
    fn is_all(&self, document: &AccessControlPolicy) -> bool {
        let id = |shown: Option<&str>| shown == self.owner.id.as_deref();
        let named = document.owner.as_ref().is_none_or(|named| id(named.id.as_deref()));
        let full = |grant: &dto::Grant| {
            let grantee = grant.grantee.as_ref().and_then(|grantee| grantee.id.as_deref());
            let permission = grant.permission.as_ref().map(dto::Permission::as_str);
            id(grantee) && permission == Some(dto::Permission::FULL_CONTROL)
        };
        named && matches!(document.grants.as_deref(), Some([grant]) if full(grant))
    }
}

fn group(uri: &str) -> Result<Grantee, Refused> {
    match uri {
        ALL_USERS => Ok(Grantee::Everyone),
        AUTHENTICATED => Ok(Grantee::AnyAccount),
        _ => Err(invalid("Group/URI", uri)),
    }
}

fn permitted(written: &dto::Permission) -> Result<Permission, Refused> {
    match written.as_str() {
        dto::Permission::READ => Ok(Permission::Read),
        dto::Permission::WRITE => Ok(Permission::Write),
        dto::Permission::READ_ACP => Ok(Permission::ReadAcp),
        dto::Permission::WRITE_ACP => Ok(Permission::WriteAcp),
        dto::Permission::FULL_CONTROL => Ok(Permission::FullControl),
        _ => Err(malformed()),
    }
}

fn not_supported() -> Refused {
    platform::objects::ObjectError::NoAcls.into()
}

fn by_email() -> Refused {
    Refused::bad(
        "UnresolvableGrantByEmailAddress",
        "The e-mail address you provided does not match any account on record.",
    )
}

fn malformed() -> Refused {
    Refused::bad(
        "MalformedACLError",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

fn malformed_grantee(text: &str) -> Refused {
    Refused::argument("Argument format not recognized").with("ArgumentValue", text)
}

fn invalid(name: &'static str, value: &str) -> Refused {
    Refused::argument(format!("Invalid {name}"))
        .with("ArgumentName", name)
        .with("ArgumentValue", value)
}

/// Who owns what is in a bucket, as answers show it.
pub(super) struct Owners<'a> {
    bucket: dto::Owner,
    pub(super) ownership: Ownership,
    access: &'a dyn Access,
}

impl Owners<'_> {
    /// The account that is kept with an object, where it counts; else the bucket's.
    pub(super) fn shown(&self, account: Option<&str>) -> dto::Owner {
        match account.filter(|_| self.ownership != Ownership::Enforced) {
            Some(account) => convert::owner(self.access.account(account).as_deref()),
            None => self.bucket.clone(),
        }
    }
}

impl Desk {
    /// The ACL that a request's headers ask for, of an object about to be written; none where they
    /// ask for none. Who grants something must also be allowed to.
    pub(super) async fn acl_of_headers(
        &self,
        ask: &Ask,
        owner: &Owner,
        (bucket, key): (&str, &str),
    ) -> Result<Acl, Refused> {
        let Some(said) = Said::by(&ask.facts)? else { return Ok(Acl::default()) };
        let ownership = self.objects.bucket(owner, bucket).await?.settings.ownership;
        let acl = self.acl(said, ownership, self.shown_writer(ask, owner, ownership))?;
        if !acl.is_empty() {
            let right = Right::of_object("s3:PutObjectAcl", bucket, key).of_new();
            self.allow_right(ask, &right).await?;
        }
        Ok(acl)
    }

    /// The ACL that a bucket about to be made asks for. Whether it may have one, the store decides.
    pub(super) fn acl_of_new_bucket(&self, ask: &Ask, owner: &Owner) -> Result<Acl, Refused> {
        let Some(said) = Said::by(&ask.facts)? else { return Ok(Acl::default()) };
        self.acl(said, Ownership::Writer, self.shown(owner))
    }

    /// Who will own what is written, as answers show it.
    fn shown_writer(&self, ask: &Ask, owner: &Owner, ownership: Ownership) -> dto::Owner {
        match (&ask.caller, ownership) {
            (Some(caller), Ownership::Writer) => self.shown(caller.owner()),
            (Some(_) | None, _) => self.shown(owner),
        }
    }

    /// What is asked for, of what `owner` has.
    pub(super) fn acl(
        &self,
        said: Said<'_>,
        ownership: Ownership,
        owner: dto::Owner,
    ) -> Result<Acl, Refused> {
        said.read(ownership, &Granting { owner, access: &*self.access })
    }

    /// How the owners of what is in a bucket are shown.
    pub(super) async fn owners(&self, owner: &Owner, bucket: &str) -> Result<Owners<'_>, Refused> {
        let ownership = self.objects.bucket(owner, bucket).await?.settings.ownership;
        Ok(Owners { bucket: self.shown(owner), ownership, access: &*self.access })
    }

    /// All that is granted: everything to the owner, and what the list says where it counts.
    pub(super) fn shown_grants(
        &self,
        owner: &dto::Owner,
        ownership: Ownership,
        acl: &Acl,
    ) -> Vec<dto::Grant> {
        let all = dto::Grant {
            grantee: Some(canonical(owner.clone())),
            permission: Some(shown_permission(Permission::FullControl)),
        };
        let others = acl.grants().filter(|_| ownership != Ownership::Enforced).map(|grant| {
            let grantee = match grant.grantee {
                Grantee::Everyone => shown_group(ALL_USERS),
                Grantee::AnyAccount => shown_group(AUTHENTICATED),
                Grantee::Canonical(id) => canonical(self.named(id)),
            };
            dto::Grant {
                grantee: Some(grantee),
                permission: Some(shown_permission(grant.permission)),
            }
        });
        std::iter::once(all).chain(others).collect()
    }

    fn named(&self, id: CanonicalId) -> dto::Owner {
        let account = self.access.account_of(&id);
        dto::Owner { id: Some(id.to_string()), ..convert::owner(account.as_deref()) }
    }
}

fn canonical(shown: dto::Owner) -> dto::Grantee {
    dto::Grantee {
        display_name: shown.display_name,
        email_address: None,
        id: shown.id,
        type_: dto::Type::from_static(dto::Type::CANONICAL_USER),
        uri: None,
    }
}

fn shown_group(uri: &str) -> dto::Grantee {
    dto::Grantee {
        display_name: None,
        email_address: None,
        id: None,
        type_: dto::Type::from_static(dto::Type::GROUP),
        uri: Some(uri.to_owned()),
    }
}

fn shown_permission(permission: Permission) -> dto::Permission {
    dto::Permission::from_static(match permission {
        Permission::Read => dto::Permission::READ,
        Permission::Write => dto::Permission::WRITE,
        Permission::ReadAcp => dto::Permission::READ_ACP,
        Permission::WriteAcp => dto::Permission::WRITE_ACP,
        Permission::FullControl => dto::Permission::FULL_CONTROL,
    })
}

#[cfg(test)]
mod tests;
