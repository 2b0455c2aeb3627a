//! What requests say of ACLs, and what is refused.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderMap, HeaderName};
use platform::access::{Account, Denied, Identity, Unidentified};
use proptest::prelude::*;
use types::Caller;

use super::*;

const ME: &str = "00000000000000000000000000000000000000000000000000000000000000aa";
const YOU: &str = "00000000000000000000000000000000000000000000000000000000000000bb";
const NOBODY: &str = "00000000000000000000000000000000000000000000000000000000000000cc";

/// Knows one account beside the owner's.
struct Known;

impl Access for Known {
    fn identify(&self, _: &str, _: Option<&str>) -> Result<Identity, Unidentified> {
        Err(Unidentified::UnknownKey)
    }

    fn allow(&self, _: &Caller, _: &str, _: &str, _: &Owner) -> Result<(), Denied> {
        Ok(())
    }

    fn account_of(&self, id: &CanonicalId) -> Option<Arc<Account>> {
        let account = Account { id: "1".into(), canonical_id: *id, name: "you".into() };
        (id.to_string() == YOU).then(|| Arc::new(account))
    }
}

fn read(said: Said<'_>, ownership: Ownership) -> Result<Acl, &'static str> {
    let owner = dto::Owner { display_name: None, id: Some(ME.to_owned()) };
    said.read(ownership, &Granting { owner, access: &Known }).map_err(|refused| refused.code)
}

fn facts(headers: &[(&str, &str)]) -> Facts {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    Facts::of(&map, "", SocketAddr::from(([127, 0, 0, 1], 1)), false)
}

fn by_headers(ownership: Ownership, headers: &[(&str, &str)]) -> Result<Acl, &'static str> {
    let facts = facts(headers);
    let said = Said::by(&facts).map_err(|refused| refused.code)?;
    said.map_or(Ok(Acl::default()), |said| read(said, ownership))
}

fn full_control(id: &str) -> dto::Grant {
    dto::Grant {
        grantee: Some(canonical(dto::Owner { display_name: None, id: Some(id.to_owned()) })),
        permission: Some(shown_permission(Permission::FullControl)),
    }
}

fn document(grants: Vec<dto::Grant>) -> Said<'static> {
    let owner = dto::Owner { display_name: None, id: Some(ME.to_owned()) };
    Said::Document(AccessControlPolicy { grants: Some(grants), owner: Some(owner) })
}

fn to_you(permission: Permission) -> Grant {
    Grant { grantee: Grantee::Canonical(YOU.parse().unwrap()), permission }
}

#[test]
fn a_bucket_without_acls_accepts_what_holds_anyway_and_nothing_else() {
    let said = |headers| by_headers(Ownership::Enforced, headers);
    let refused = Err("AccessControlListNotSupported");
    assert_eq!(said(&[]), Ok(Acl::default()));
    assert_eq!(said(&[("x-amz-acl", "private")]), refused);
    assert_eq!(said(&[("x-amz-acl", "bucket-owner-full-control")]), Ok(Acl::default()));
    assert_eq!(said(&[("x-amz-acl", "bucket-owner-read")]), refused);
    assert_eq!(said(&[("x-amz-acl", "public-read")]), refused);
    assert_eq!(said(&[("x-amz-grant-read", "id=1")]), refused);
    assert_eq!(said(&[("x-amz-acl", "public")]), Err("InvalidArgument"));
    let written = |grants| read(document(grants), Ownership::Enforced);
    assert_eq!(written(vec![full_control(ME)]), Ok(Acl::default()));
    for grants in [vec![], vec![full_control(YOU)], vec![full_control(ME), full_control(YOU)]] {
        assert_eq!(written(grants), refused);
    }
}

#[test]
fn grants_are_read_from_headers() {
    let said = |name: &str, value: &str| by_headers(Ownership::Writer, &[(name, value)]);
    let all = format!("uri=\"{ALL_USERS}\", id=\"{YOU}\" ,ID={ME}");
    let read = said("x-amz-grant-read", &all).unwrap();
    let everyone = Grant { grantee: Grantee::Everyone, permission: Permission::Read };
    assert_eq!(read.grants().collect::<Vec<_>>(), [everyone, to_you(Permission::Read)]);
    for (name, permission) in GRANTS {
        let one = said(name, &format!("id={YOU}")).unwrap();
        assert_eq!(one.grants().collect::<Vec<_>>(), [to_you(permission)]);
    }
    for (value, code) in [
        (format!("id={NOBODY}"), "InvalidArgument"),
        ("id=me".to_owned(), "InvalidArgument"),
        ("uri=http://example.org".to_owned(), "InvalidArgument"),
        ("everybody".to_owned(), "InvalidArgument"),
        (String::new(), "InvalidArgument"),
        ("emailAddress=\"you@example.org\"".to_owned(), "UnresolvableGrantByEmailAddress"),
        (vec![format!("id={YOU}"); LIMIT + 1].join(","), "MalformedACLError"),
    ] {
        assert_eq!(said("x-amz-grant-write", &value), Err(code), "{value}");
    }
    let both = [("x-amz-acl", "private"), ("x-amz-grant-read", "id=1")];
    assert_eq!(by_headers(Ownership::Writer, &both), Err("InvalidRequest"));
}

#[test]
fn grants_are_read_from_a_document_of_the_owner() {
    let written = |said| read(said, Ownership::Preferred);
    let acl = written(document(vec![full_control(ME), full_control(YOU)])).unwrap();
    assert_eq!(acl.grants().collect::<Vec<_>>(), [to_you(Permission::FullControl)]);
    assert_eq!(written(document(Vec::new())), Ok(Acl::default()));
    assert_eq!(written(document(vec![full_control(NOBODY)])), Err("InvalidArgument"));
    let nothing = dto::Grant { permission: None, ..full_control(YOU) };
    assert_eq!(written(document(vec![nothing])), Err("MalformedACLError"));
    let unknown = dto::Grant {
        permission: Some(dto::Permission::from_static("READ_SOME")),
        ..full_control(YOU)
    };
    assert_eq!(written(document(vec![unknown])), Err("MalformedACLError"));
    let owner = dto::Owner { display_name: None, id: Some(YOU.to_owned()) };
    let theirs = Said::Document(AccessControlPolicy { grants: None, owner: Some(owner) });
    assert_eq!(written(theirs), Err("AccessDenied"));
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "[ -~]{0,80}") {
        drop(by_headers(Ownership::Writer, &[("x-amz-grant-read", &text)]));
        drop(by_headers(Ownership::Writer, &[("x-amz-acl", &text)]));
    }
}
