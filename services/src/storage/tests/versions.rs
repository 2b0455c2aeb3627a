//! What S3 promises of versions.

use platform::objects::{SettingsChange, Version, settings::Versioning};

use super::*;

async fn turn(store: &Storage, versioning: Versioning) {
    let change = SettingsChange::Versioning(versioning);
    store.change_bucket(&owner(), BUCKET, change).await.unwrap();
}

fn version(key: &str, version: Option<Version>) -> ObjectName<'_> {
    ObjectName { version, ..at(key) }
}

#[tokio::test]
async fn a_deleted_object_is_brought_back_by_removing_its_marker() {
    let (_place, stores) = all().await;
    for store in &stores {
        turn(store, Versioning::Enabled).await;
        let made = store.put(&owner(), Put::new(BUCKET, "k", whole("one"))).await.unwrap();
        let marked = delete(store, "k").await;
        let gone = head(store, at("k")).await;
        assert!(
            matches!(gone, Err(ObjectError::Removed { version, .. }) if Some(version) == marked.version)
        );
        let asked = head(store, version("k", marked.version)).await;
        assert!(matches!(asked, Err(ObjectError::IsMarker { .. })));
        let missing = head(store, version("k", Some(Version::Numbered(1)))).await;
        assert!(matches!(missing, Err(ObjectError::NoSuchVersion)));
        assert_eq!(head(store, version("k", made.version)).await.unwrap(), made);
        let name = version("k", marked.version);
        store.delete(&owner(), name, &DeleteIf::default()).await.unwrap();
        assert_eq!(get(store, "k", None).await.unwrap(), b"one");
    }
}

#[tokio::test]
async fn versioning_is_known_at_once_and_cannot_be_undone() {
    let (_place, stores) = all().await;
    for store in &stores {
        put(store, "k", "before").await;
        assert_eq!(head(store, at("k")).await.unwrap().version, None);
        turn(store, Versioning::Enabled).await;
        assert_eq!(head(store, at("k")).await.unwrap().version, Some(Version::Null));
        let settings = &store.bucket(&owner(), BUCKET).await.unwrap().settings;
        assert_eq!(settings.versioning, Versioning::Enabled);
        let off = SettingsChange::Versioning(Versioning::Off);
        assert!(store.change_bucket(&owner(), BUCKET, off).await.is_err());
        let foreign = store.change_bucket(&stranger(), BUCKET, SettingsChange::Policy(None)).await;
        assert!(matches!(foreign, Err(ObjectError::AccessDenied)));
    }
}

#[tokio::test]
async fn an_older_version_is_copied_to_be_the_current_one() {
    let (_place, stores) = all().await;
    for store in &stores {
        turn(store, Versioning::Enabled).await;
        let me = owner();
        let old = store.put(&me, Put::new(BUCKET, "k", whole(bytes(20_000)))).await.unwrap();
        put(store, "k", "new").await;
        let none = Conditions::default();
        let source = CopySource {
            owner: &me,
            name: version("k", old.version),
            conditions: &none,
            customer: None,
        };
        let restored = Copy {
            source,
            target: (BUCKET, "k"),
            conditions: &none,
            headers: None,
            tags: Some(vec![("restored".to_owned(), "yes".to_owned())]),
            acl: Acl::default(),
            checksum: Some("crc32c".to_owned()),
            protection: Protection::Unsaid,
        };
        let made = store.copy(&me, restored).await.unwrap();
        assert_ne!(made.version, old.version);
        assert_eq!(made.checksums.algorithm.as_deref(), Some("crc32c"));
        assert_eq!(head(store, at("k")).await.unwrap(), made);
        assert!(get(store, "k", None).await.unwrap() == bytes(20_000));
    }
}
