//! What is set about a bucket.

use super::{BUCKET, bucket, public, with_bucket};
use crate::objects::{
    Ownership, SettingsChange,
    index::{IndexError, ObjectIndex},
    settings::{CorsRule, LifecycleRule, Versioning},
};

pub(super) async fn all<I: ObjectIndex>(fresh: &impl AsyncFn() -> I) {
    one_thing_changes_and_the_others_stay(&fresh().await).await;
    buckets_with_rules_are_found(&fresh().await).await;
}

async fn buckets_with_rules_are_found(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    assert_eq!(index.ruled().await.expect("answered"), []);
    let change = SettingsChange::Lifecycle(vec![LifecycleRule::default()]);
    index.change_bucket(BUCKET, change.clone()).await.expect("changed");
    let mut expected = bucket();
    expected.settings.apply(change);
    assert_eq!(index.ruled().await.expect("answered"), [expected]);
    let none = SettingsChange::Lifecycle(Vec::new());
    index.change_bucket(BUCKET, none).await.expect("changed");
    assert_eq!(index.ruled().await.expect("answered"), []);
}

async fn one_thing_changes_and_the_others_stay(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    let rule = CorsRule { origins: vec!["*".to_owned()], ..CorsRule::default() };
    let changes = [
        SettingsChange::Tags(vec![("a".to_owned(), "b".to_owned())]),
        SettingsChange::Cors(vec![rule]),
        SettingsChange::Policy(Some("{}".to_owned())),
        SettingsChange::Versioning(Versioning::Suspended),
        SettingsChange::Policy(None),
        SettingsChange::Ownership(Some(Ownership::Writer)),
        SettingsChange::Acl(public()),
        SettingsChange::Ownership(None),
    ];
    let mut expected = bucket();
    for change in changes {
        expected.settings.apply(change.clone());
        index.change_bucket(BUCKET, change).await.expect("changed");
        assert_eq!(index.bucket(BUCKET).await.expect("answered"), Some(expected.clone()));
    }
    assert_eq!(index.buckets(&expected.account).await.expect("answered"), [expected]);
    let lost = index.change_bucket("none", SettingsChange::Policy(None)).await;
    assert!(matches!(lost, Err(IndexError::NoSuchBucket)));
}
