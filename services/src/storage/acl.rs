//! What ACLs let others do, where a bucket has them.
//!
//! They are asked last: of a request that no policy is about, and that does not come from the
//! bucket's own account. Which action needs which permission is S3's table ("Mapping of ACL
//! permissions and access policy permissions" in the user guide), and by it who may write into a
//! bucket may also give up an upload; S3 asks in addition that it began it.

use platform::objects::{Acl, Asked, Bucket, Grantee, ObjectError, Ownership, Permission};
use types::{CanonicalId, Owner};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// Nobody signed.
    Nobody,
    /// Somebody of an account, which may have no canonical id.
    Account(Option<CanonicalId>),
}

impl Asker {
    pub(super) fn of(asked: &Asked<'_>) -> Self {
        match asked.caller {
            None => Self::Nobody,
            Some(_) => Self::Account(asked.circumstances.canonical_id()),
        }
    }
}

/// Whose list decides about an action, and what it must grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needed {
    /// The bucket's.
    OfBucket(Permission),
    /// The object's.
    OfObject(Permission),
}

impl Needed {
    /// What a request to a bucket of that kind needs, if a list can grant it.
    pub(super) fn of(asked: &Asked<'_>, ownership: Ownership) -> Option<Self> {
        match (ownership, Self::by(asked.action)?, asked.new) {
            (Ownership::Enforced, _, _) => None,
            (Ownership::Preferred | Ownership::Writer, needed, false) => Some(needed),
            // What there is now has no say in what it is replaced by.
            (Ownership::Preferred, Self::OfObject(_), true) => None,
            // It will be the writer's own.
            (Ownership::Writer, Self::OfObject(_), true) => Some(Self::OfBucket(Permission::Write)),
            (Ownership::Preferred | Ownership::Writer, needed @ Self::OfBucket(_), true) => {
                Some(needed)
            }
        }
    }

    /// What an action needs; no list ever grants the others.
    fn by(action: &str) -> Option<Self> {
        use Permission::{Read, ReadAcp, Write, WriteAcp};
        Some(match action {
            "s3:ListBucket" | "s3:ListBucketVersions" | "s3:ListBucketMultipartUploads" => {
                Self::OfBucket(Read)
            }
            "s3:PutObject"
            | "s3:DeleteObject"
            | "s3:AbortMultipartUpload"
            | "s3:ListMultipartUploadParts" => Self::OfBucket(Write),
            "s3:GetBucketAcl" => Self::OfBucket(ReadAcp),
            "s3:PutBucketAcl" => Self::OfBucket(WriteAcp),
            "s3:GetObject" | "s3:GetObjectVersion" => Self::OfObject(Read),
            "s3:GetObjectAcl" | "s3:GetObjectVersionAcl" => Self::OfObject(ReadAcp),
            "s3:PutObjectAcl" | "s3:PutObjectVersionAcl" => Self::OfObject(WriteAcp),
            _ => return None,
        })
    }
}

/// Whether a list of `bucket`, or of something in it, grants that.
pub(super) fn grants(bucket: &Bucket, acl: &Acl, asker: Asker, wanted: Permission) -> bool {
    let ignored = bucket.settings.public_access.is_some_and(|block| block.ignore_acls);
    acl.grants().any(|grant| {
        let counts = !(ignored && grant.grantee.is_public());
        counts && is_meant(grant.grantee, asker) && grant.permission.includes(wanted)
    })
}

fn is_meant(grantee: Grantee, asker: Asker) -> bool {
    match (grantee, asker) {
        (Grantee::Everyone, _) | (Grantee::AnyAccount, Asker::Account(_)) => true,
        (Grantee::Canonical(named), Asker::Account(id)) => id == Some(named),
        (Grantee::AnyAccount | Grantee::Canonical(_), Asker::Nobody) => false,
    }
}

/// The account that will own what `owner` writes, where that is not the bucket's. Who is let in
/// from another account acts for the bucket's, under its own name.
pub(super) fn writer(bucket: &Bucket, owner: &Owner) -> Option<String> {
    let account = owner.principal.split(':').nth(4).filter(|account| !account.is_empty())?;
    let owns = bucket.settings.ownership == Ownership::Writer && account != bucket.account;
    owns.then(|| account.to_owned())
}

/// Refuses a list that the bucket lets nobody set.
pub(super) fn check(bucket: &Bucket, acl: &Acl) -> Result<(), ObjectError> {
    if acl.is_empty() {
        return Ok(());
    }
    if bucket.settings.ownership == Ownership::Enforced {
        return Err(ObjectError::NoAcls);
    }
    let blocked = bucket.settings.public_access.is_some_and(|block| block.block_acls);
    if blocked && acl.is_public() { Err(ObjectError::AccessDenied) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use platform::objects::{BucketSettings, Context, Grant, settings::PublicAccessBlock};
    use types::Timestamp;

    use super::*;

    fn bucket(ownership: Ownership, public_access: Option<PublicAccessBlock>) -> Bucket {
        Bucket {
            name: "data".to_owned(),
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            created: Timestamp::default(),
            settings: BucketSettings { ownership, public_access, ..BucketSettings::default() },
        }
    }

    fn one(grantee: Grantee, permission: Permission) -> Acl {
        [Grant { grantee, permission }].into_iter().collect()
    }

    #[test]
    fn each_grant_lets_in_whom_it_means_for_what_it_says() {
        use Permission::{FullControl, Read, ReadAcp, Write, WriteAcp};
        let (you, she) = (CanonicalId::random(), CanonicalId::random());
        let askers = [
            Asker::Nobody,
            Asker::Account(None),
            Asker::Account(Some(you)),
            Asker::Account(Some(she)),
        ];
        let meant = [
            (Grantee::Everyone, [true, true, true, true]),
            (Grantee::AnyAccount, [false, true, true, true]),
            (Grantee::Canonical(you), [false, false, true, false]),
        ];
        let allowed = [
            (Read, [true, false, false, false]),
            (Write, [false, true, false, false]),
            (ReadAcp, [false, false, true, false]),
            (WriteAcp, [false, false, false, true]),
            (FullControl, [true; 4]),
        ];
        let bucket = bucket(Ownership::Writer, None);
        for (grantee, lets_in) in meant {
            for (permission, covers) in allowed {
                let acl = one(grantee, permission);
                for (asker, included) in askers.into_iter().zip(lets_in) {
                    for (wanted, covered) in
                        [Read, Write, ReadAcp, WriteAcp].into_iter().zip(covers)
                    {
                        let granted = grants(&bucket, &acl, asker, wanted);
                        assert_eq!(granted, included && covered, "{acl:?} {asker:?} {wanted:?}");
                    }
                }
            }
        }
        assert!(!grants(&bucket, &Acl::default(), Asker::Account(Some(you)), Read));
    }

    #[test]
    fn each_action_asks_its_own_list() {
        use Needed::{OfBucket, OfObject};
        for (action, needed) in [
            ("s3:ListBucket", Some(OfBucket(Permission::Read))),
            ("s3:ListBucketVersions", Some(OfBucket(Permission::Read))),
            ("s3:PutObject", Some(OfBucket(Permission::Write))),
            ("s3:DeleteObject", Some(OfBucket(Permission::Write))),
            ("s3:GetBucketAcl", Some(OfBucket(Permission::ReadAcp))),
            ("s3:PutBucketAcl", Some(OfBucket(Permission::WriteAcp))),
            ("s3:GetObject", Some(OfObject(Permission::Read))),
            ("s3:GetObjectVersion", Some(OfObject(Permission::Read))),
            ("s3:GetObjectAcl", Some(OfObject(Permission::ReadAcp))),
            ("s3:PutObjectAcl", Some(OfObject(Permission::WriteAcp))),
            ("s3:DeleteObjectVersion", None),
            ("s3:DeleteBucket", None),
            ("s3:PutBucketPolicy", None),
            ("s3:GetObjectTagging", None),
        ] {
            assert_eq!(Needed::by(action), needed, "{action}");
        }
    }

    #[test]
    fn what_is_about_to_be_written_is_shared_by_its_writer_where_it_will_own_it() {
        let circumstances = Context::default();
        let asked = |action, new| Asked {
            caller: None,
            action,
            bucket: "data",
            key: Some("k"),
            version: None,
            new,
            expected_owner: None,
            circumstances: &circumstances,
        };
        let (there, new) = (asked("s3:PutObjectAcl", false), asked("s3:PutObjectAcl", true));
        let write_acp = Some(Needed::OfObject(Permission::WriteAcp));
        assert_eq!(Needed::of(&there, Ownership::Enforced), None);
        assert_eq!(Needed::of(&there, Ownership::Preferred), write_acp);
        assert_eq!(Needed::of(&there, Ownership::Writer), write_acp);
        assert_eq!(Needed::of(&new, Ownership::Enforced), None);
        assert_eq!(Needed::of(&new, Ownership::Preferred), None);
        let write = Some(Needed::OfBucket(Permission::Write));
        assert_eq!(Needed::of(&new, Ownership::Writer), write);
    }

    #[test]
    fn only_another_account_owns_what_it_writes_and_only_where_writers_do() {
        let of = |ownership, principal| {
            let owner = Owner::new("111122223333", "eu-west-1", principal);
            writer(&bucket(ownership, None), &owner)
        };
        let stranger = "arn:aws:iam::444455556666:user/ann";
        assert_eq!(of(Ownership::Writer, stranger).as_deref(), Some("444455556666"));
        assert_eq!(of(Ownership::Preferred, stranger), None);
        assert_eq!(of(Ownership::Enforced, stranger), None);
        assert_eq!(of(Ownership::Writer, "arn:aws:sts::111122223333:assumed-role/R/s"), None);
        assert_eq!(of(Ownership::Writer, "anonymous"), None);
    }

    #[test]
    fn a_block_refuses_public_lists_or_does_not_hear_them() {
        let public = one(Grantee::AnyAccount, Permission::Read);
        let named = one(Grantee::Canonical(CanonicalId::random()), Permission::Read);
        let block = |block_acls, ignore_acls| {
            let block = PublicAccessBlock { block_acls, ignore_acls, ..Default::default() };
            bucket(Ownership::Preferred, Some(block))
        };
        let refused = check(&block(true, false), &public);
        assert!(matches!(refused, Err(ObjectError::AccessDenied)));
        check(&block(true, false), &named).unwrap();
        check(&block(false, true), &public).unwrap();
        let you = Asker::Account(None);
        assert!(grants(&block(true, false), &public, you, Permission::Read));
        assert!(!grants(&block(false, true), &public, you, Permission::Read));
    }

    #[test]
    fn a_bucket_without_lists_takes_only_an_empty_one() {
        let enforced = bucket(Ownership::Enforced, None);
        check(&enforced, &Acl::default()).unwrap();
        let refused = check(&enforced, &one(Grantee::Everyone, Permission::Read));
        assert!(matches!(refused, Err(ObjectError::NoAcls)));
    }
}
