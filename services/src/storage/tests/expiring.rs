//! What lifecycle rules remove, and what they leave.

use std::time::Duration;

use platform::objects::{
    Kept, ListUploads, ListVersions, NewUpload, Objects as _, SettingsChange,
    settings::{Expiration, LifecycleFilter, LifecycleRule, Noncurrent, Versioning},
};
use types::Timestamp;

use super::{BUCKET, Storage, all, at, delete, head, owner, put};
use crate::storage::{Day, Expired};

fn rule(prefix: &str) -> LifecycleRule {
    LifecycleRule {
        id: prefix.to_owned(),
        enabled: true,
        filter: LifecycleFilter { prefix: Some(prefix.to_owned()), ..LifecycleFilter::default() },
        ..LifecycleRule::default()
    }
}

async fn set(store: &Storage, change: SettingsChange) {
    store.change_bucket(&owner(), BUCKET, change).await.unwrap();
}

async fn expire_after(store: &Storage, days: u64) -> Expired {
    let later = Timestamp::now() + Duration::from_hours(24 * days);
    store.expire(later, Day::REAL).await.unwrap()
}

/// Keys with whether it is a version (`true`) or a marker.
async fn versions(store: &Storage) -> Vec<(String, bool)> {
    let list = ListVersions { bucket: BUCKET.to_owned(), limit: 1000, ..ListVersions::default() };
    let page = store.list_versions(&owner(), &list).await.unwrap();
    let kept = page.versions.into_iter().map(|(kept, _)| kept);
    kept.map(|kept| {
        let object = matches!(kept, Kept::Object(_));
        (kept.key().to_owned(), object)
    })
    .collect()
}

#[tokio::test]
async fn objects_go_when_they_are_due_and_others_stay() {
    let (_place, stores) = all().await;
    for store in stores {
        let rules = vec![LifecycleRule { expiration: Some(Expiration::Days(3)), ..rule("tmp/") }];
        set(&store, SettingsChange::Lifecycle(rules)).await;
        put(&store, "tmp/a", "1").await;
        put(&store, "keep", "1").await;
        assert_eq!(expire_after(&store, 2).await, Expired::default());
        assert_eq!(expire_after(&store, 5).await, Expired { objects: 1, ..Expired::default() });
        assert!(head(&store, at("tmp/a")).await.is_err());
        assert!(head(&store, at("keep")).await.is_ok());
        assert_eq!(versions(&store).await, [("keep".to_owned(), true)]);
    }
}

#[tokio::test]
async fn where_versions_are_kept_a_marker_comes_first_and_then_all_goes() {
    let (_place, stores) = all().await;
    for store in stores {
        set(&store, SettingsChange::Versioning(Versioning::Enabled)).await;
        let rules = vec![LifecycleRule {
            expiration: Some(Expiration::Days(1)),
            noncurrent: Some(Noncurrent { days: 1, keep: None }),
            ..rule("")
        }];
        set(&store, SettingsChange::Lifecycle(rules)).await;
        put(&store, "a", "1").await;
        put(&store, "a", "2").await;
        let first = expire_after(&store, 3).await;
        assert_eq!(first, Expired { objects: 1, versions: 1, ..Expired::default() });
        assert_eq!(versions(&store).await, [("a".to_owned(), false), ("a".to_owned(), true)]);
        let second = expire_after(&store, 3).await;
        assert_eq!(second, Expired { versions: 1, ..Expired::default() });
        let third = expire_after(&store, 3).await;
        assert_eq!(third, Expired { markers: 1, ..Expired::default() });
        assert_eq!(versions(&store).await, []);
    }
}

#[tokio::test]
async fn the_newest_versions_are_kept_where_a_rule_says_so() {
    let (_place, stores) = all().await;
    for store in stores {
        set(&store, SettingsChange::Versioning(Versioning::Enabled)).await;
        let noncurrent = Some(Noncurrent { days: 1, keep: Some(2) });
        set(&store, SettingsChange::Lifecycle(vec![LifecycleRule { noncurrent, ..rule("") }]))
            .await;
        for body in ["1", "2", "3", "4", "5"] {
            put(&store, "a", body).await;
        }
        assert_eq!(expire_after(&store, 3).await, Expired { versions: 2, ..Expired::default() });
        assert_eq!(versions(&store).await.len(), 3);
        assert_eq!(expire_after(&store, 3).await, Expired::default());
    }
}

#[tokio::test]
async fn a_lone_marker_goes_and_one_that_hides_something_stays() {
    let (_place, stores) = all().await;
    for store in stores {
        set(&store, SettingsChange::Versioning(Versioning::Enabled)).await;
        let expiration = Some(Expiration::LoneMarkers);
        set(&store, SettingsChange::Lifecycle(vec![LifecycleRule { expiration, ..rule("") }]))
            .await;
        put(&store, "hidden", "1").await;
        delete(&store, "hidden").await;
        delete(&store, "lone").await;
        assert_eq!(expire_after(&store, 0).await, Expired { markers: 1, ..Expired::default() });
        assert_eq!(versions(&store).await.len(), 2);
    }
}

#[tokio::test]
async fn uploads_that_nobody_completes_end() {
    let (_place, stores) = all().await;
    for store in stores {
        let rule = LifecycleRule { abort_uploads_after: Some(2), ..rule("a/") };
        set(&store, SettingsChange::Lifecycle(vec![rule])).await;
        for key in ["a/x", "b"] {
            let bucket = BUCKET.to_owned();
            let new = NewUpload { bucket, key: key.to_owned(), ..NewUpload::default() };
            store.create_upload(&owner(), new).await.unwrap();
        }
        assert_eq!(expire_after(&store, 1).await, Expired::default());
        assert_eq!(expire_after(&store, 4).await, Expired { uploads: 1, ..Expired::default() });
        let list = ListUploads { bucket: BUCKET.to_owned(), limit: 9, ..ListUploads::default() };
        let left = store.uploads(&owner(), &list).await.unwrap().uploads;
        assert_eq!(left.iter().map(|upload| upload.key.as_str()).collect::<Vec<_>>(), ["b"]);
    }
}

#[tokio::test]
async fn a_rule_that_is_switched_off_removes_nothing() {
    let (_place, stores) = all().await;
    for store in stores {
        let rule =
            LifecycleRule { enabled: false, expiration: Some(Expiration::Days(1)), ..rule("") };
        set(&store, SettingsChange::Lifecycle(vec![rule])).await;
        put(&store, "a", "1").await;
        assert_eq!(expire_after(&store, 9).await, Expired::default());
    }
}
