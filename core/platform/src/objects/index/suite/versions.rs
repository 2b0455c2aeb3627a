//! Versions, delete markers and tags.

use types::{Id, Timestamp};

use super::{
    BUCKET, Content, LATER, at, delete, entry, extents, garbage, get, public, small, with_bucket,
};
use crate::objects::{
    Acl, DeleteIf, Deleted, Kept, ListKeys, ListVersions, ObjectName, SettingsChange, Version,
    VersionListing,
    index::{Found, Guard, IndexError, ObjectIndex},
    settings::Versioning,
};

pub(super) async fn all<I: ObjectIndex>(fresh: &impl AsyncFn() -> I) {
    a_bucket_with_versions_keeps_what_is_replaced(&fresh().await).await;
    a_marker_hides_and_its_removal_brings_back(&fresh().await).await;
    a_suspended_bucket_replaces_only_its_null_version(&fresh().await).await;
    what_was_there_before_versions_is_the_null_version(&fresh().await).await;
    a_delete_looks_at_what_it_removes(&fresh().await).await;
    a_guard_takes_a_marker_for_nothing(&fresh().await).await;
    tags_change_and_nothing_else_does(&fresh().await).await;
    a_list_of_rights_changes_and_nothing_else_does(&fresh().await).await;
    a_list_of_keys_passes_markers_and_older_versions(&fresh().await).await;
    pages_of_any_size_show_every_version_once(&fresh().await).await;
    a_removed_version_gives_its_blobs_back(&fresh().await).await;
}

async fn turn(index: &dyn ObjectIndex, versioning: Versioning) {
    let change = SettingsChange::Versioning(versioning);
    index.change_bucket(BUCKET, change).await.expect("changed");
}

async fn with_versions(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    turn(index, Versioning::Enabled).await;
}

async fn put(index: &dyn ObjectIndex, key: &str, etag: &str) -> Option<Version> {
    index.put(BUCKET, small(key, etag), Guard::Any).await.expect("put")
}

fn version(key: &str, version: Option<Version>) -> ObjectName<'_> {
    ObjectName { version, ..at(key) }
}

async fn etag(index: &dyn ObjectIndex, name: ObjectName<'_>) -> Option<String> {
    get(index, name).await.map(|entry| entry.info.etag)
}

async fn a_bucket_with_versions_keeps_what_is_replaced(index: &dyn ObjectIndex) {
    with_versions(index).await;
    let one = put(index, "k", "one").await;
    let two = put(index, "k", "two").await;
    assert!(one.is_some() && one != two && one != Some(Version::Null));
    let found = get(index, at("k")).await.expect("there");
    assert_eq!((found.info.etag.as_str(), found.info.version), ("two", two));
    let found = get(index, version("k", one)).await.expect("there");
    assert_eq!((found.info.etag.as_str(), found.info.version), ("one", one));
    assert_eq!(get(index, version("k", Some(Version::Null))).await, None);
    assert_eq!(get(index, version("k", Some(Version::Numbered(7)))).await, None);
    assert_eq!(get(index, version("other", one)).await, None);
    let removed = delete(index, version("k", two)).await;
    assert_eq!(removed, Deleted { version: two, marker: false });
    assert_eq!(etag(index, at("k")).await.as_deref(), Some("one"));
    assert!(matches!(index.delete_bucket(BUCKET).await, Err(IndexError::BucketNotEmpty)));
}

async fn a_marker_hides_and_its_removal_brings_back(index: &dyn ObjectIndex) {
    with_versions(index).await;
    let one = put(index, "k", "one").await;
    let marked = delete(index, at("k")).await;
    assert!(marked.marker && marked.version.is_some() && marked.version != one);
    let version_of_marker = match index.get(at("k")).await.expect("answered") {
        Some(Found::Marker(found)) => Some((Some(found.version), found.modified)),
        Some(Found::Object(_)) | None => None,
    };
    assert_eq!(version_of_marker, Some((marked.version, LATER)));
    assert_eq!(etag(index, version("k", one)).await.as_deref(), Some("one"));
    assert_eq!(delete(index, version("k", marked.version)).await, marked);
    assert_eq!(etag(index, at("k")).await.as_deref(), Some("one"));
    let again = delete(index, at("nothing")).await;
    assert!(again.marker, "also what was never there is marked");
    assert!(matches!(index.delete_bucket(BUCKET).await, Err(IndexError::BucketNotEmpty)));
}

async fn a_suspended_bucket_replaces_only_its_null_version(index: &dyn ObjectIndex) {
    with_versions(index).await;
    let kept = put(index, "k", "kept").await;
    turn(index, Versioning::Suspended).await;
    assert_eq!(put(index, "k", "null one").await, Some(Version::Null));
    assert_eq!(put(index, "k", "null two").await, Some(Version::Null));
    assert_eq!(etag(index, at("k")).await.as_deref(), Some("null two"));
    assert_eq!(etag(index, version("k", kept)).await.as_deref(), Some("kept"));
    turn(index, Versioning::Enabled).await;
    put(index, "k", "newest").await;
    turn(index, Versioning::Suspended).await;
    let marked = delete(index, at("k")).await;
    assert_eq!(marked, Deleted { version: Some(Version::Null), marker: true });
    let list = ListVersions { bucket: BUCKET.to_owned(), limit: 9, ..ListVersions::default() };
    let found = index.list_versions(&list).await.expect("listed");
    assert_eq!(names(&found), ["k marker", "k newest", "k kept"]);
}

async fn what_was_there_before_versions_is_the_null_version(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    assert_eq!(put(index, "k", "before").await, None);
    assert_eq!(get(index, at("k")).await.expect("there").info.version, None);
    let null = version("k", Some(Version::Null));
    assert_eq!(etag(index, null).await.as_deref(), Some("before"));
    turn(index, Versioning::Enabled).await;
    assert_eq!(get(index, at("k")).await.expect("there").info.version, Some(Version::Null));
    let after = put(index, "k", "after").await;
    assert_eq!(etag(index, null).await.as_deref(), Some("before"));
    assert_eq!(delete(index, null).await, Deleted { version: null.version, marker: false });
    assert_eq!(etag(index, null).await, None);
    assert_eq!(etag(index, version("k", after)).await.as_deref(), Some("after"));
}

async fn a_delete_looks_at_what_it_removes(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    put(index, "k", "one").await;
    let etag = |etag: &str| DeleteIf { etag: Some(etag.to_owned()), ..DeleteIf::default() };
    let refused = index.delete(at("k"), &etag("two"), LATER).await;
    assert!(matches!(refused, Err(IndexError::Unmet)));
    let size = DeleteIf { size: Some(4), ..DeleteIf::default() };
    assert!(matches!(index.delete(at("k"), &size, LATER).await, Err(IndexError::Unmet)));
    index.delete(at("k"), &etag("one"), LATER).await.expect("deleted");
    assert_eq!(get(index, at("k")).await, None);
    index.delete(at("k"), &etag("one"), LATER).await.expect("nothing there");
}

async fn a_guard_takes_a_marker_for_nothing(index: &dyn ObjectIndex) {
    with_versions(index).await;
    put(index, "k", "one").await;
    let refused = index.put(BUCKET, small("k", "two"), Guard::Absent).await;
    assert!(matches!(refused, Err(IndexError::Unmet)));
    delete(index, at("k")).await;
    let refused = index.put(BUCKET, small("k", "two"), Guard::Present).await;
    assert!(matches!(refused, Err(IndexError::NoSuchKey)));
    index.put(BUCKET, small("k", "two"), Guard::Absent).await.expect("nothing there");
}

async fn tags_change_and_nothing_else_does(index: &dyn ObjectIndex) {
    with_versions(index).await;
    let one = put(index, "k", "one").await;
    let two = put(index, "k", "two").await;
    let tags = vec![("a".to_owned(), String::new())];
    let set = index.set_tags(version("k", one), tags.clone()).await.expect("set");
    assert_eq!(set, one);
    assert_eq!(get(index, version("k", one)).await.expect("there").info.tags, tags);
    let mut expected = small("k", "two");
    expected.info.version = two;
    assert_eq!(get(index, at("k")).await, Some(expected));
    assert_eq!(index.set_tags(at("k"), Vec::new()).await.expect("set"), two);
    assert!(get(index, at("k")).await.expect("there").info.tags.is_empty());
    delete(index, at("k")).await;
    for name in [at("k"), at("none")] {
        let lost = index.set_tags(name, tags.clone()).await;
        assert!(matches!(lost, Err(IndexError::NoSuchKey)));
    }
}

async fn a_list_of_rights_changes_and_nothing_else_does(index: &dyn ObjectIndex) {
    with_versions(index).await;
    let one = put(index, "k", "one").await;
    let two = put(index, "k", "two").await;
    let set = index.set_acl(version("k", one), Acl::default()).await.expect("set");
    assert_eq!(set, one);
    let mut expected = small("k", "one");
    (expected.info.version, expected.info.acl) = (one, Acl::default());
    assert_eq!(get(index, version("k", one)).await, Some(expected));
    assert_eq!(get(index, at("k")).await.expect("there").info.acl, public());
    let authenticated = Acl::canned("authenticated-read").expect("a name of S3's");
    assert_eq!(index.set_acl(at("k"), authenticated.clone()).await.expect("set"), two);
    assert_eq!(get(index, at("k")).await.expect("there").info.acl, authenticated);
    delete(index, at("k")).await;
    for name in [at("k"), at("none")] {
        let lost = index.set_acl(name, Acl::default()).await;
        assert!(matches!(lost, Err(IndexError::NoSuchKey)));
    }
}

async fn a_list_of_keys_passes_markers_and_older_versions(index: &dyn ObjectIndex) {
    with_versions(index).await;
    for round in 0..40 {
        put(index, "many", &round.to_string()).await;
    }
    for key in ["a", "gone", "folder/gone", "folder/there", "lost/gone", "z"] {
        put(index, key, "e").await;
    }
    for key in ["gone", "folder/gone", "lost/gone"] {
        delete(index, at(key)).await;
    }
    let mut list = ListKeys {
        bucket: BUCKET.to_owned(),
        delimiter: Some("/".to_owned()),
        limit: 4,
        ..ListKeys::default()
    };
    let page = index.list(&list).await.expect("listed");
    let keys: Vec<&str> = page.objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!((keys, page.truncated), (vec!["a", "many", "z"], false));
    assert_eq!(page.prefixes, ["folder/"]);
    list.limit = 3;
    assert!(index.list(&list).await.expect("listed").truncated);
    list.after = Some("many".to_owned());
    let page = index.list(&list).await.expect("listed");
    assert_eq!((page.objects.len(), page.last.as_deref()), (1, Some("z")));
}

/// Key and ETag of each version.
fn names(page: &VersionListing) -> Vec<String> {
    let name = |(kept, _): &(Kept, bool)| match kept {
        Kept::Object(info) => format!("{} {}", info.key, info.etag),
        Kept::Marker(marker) => format!("{} marker", marker.key),
    };
    page.versions.iter().map(name).chain(page.prefixes.iter().cloned()).collect()
}

async fn pages_of_any_size_show_every_version_once(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    put(index, "k", "null").await;
    turn(index, Versioning::Enabled).await;
    for (key, etag) in [("k", "1"), ("k", "2"), ("a", "1"), ("p/x", "1"), ("p/y", "1")] {
        put(index, key, etag).await;
    }
    delete(index, at("k")).await;
    for limit in 1..8 {
        let (mut seen, mut current) = (Vec::new(), 0);
        let mut list = ListVersions {
            bucket: BUCKET.to_owned(),
            delimiter: Some("/".to_owned()),
            limit,
            ..ListVersions::default()
        };
        loop {
            let page = index.list_versions(&list).await.expect("listed");
            assert!(page.versions.len() + page.prefixes.len() <= limit);
            seen.extend(names(&page));
            current += page.versions.iter().filter(|(_, current)| *current).count();
            if !page.truncated {
                break;
            }
            list.after = page.last;
        }
        seen.sort_by_key(|name| name == "p/");
        assert_eq!(seen, ["a 1", "k marker", "k 2", "k 1", "k null", "p/"], "{limit} a page");
        assert_eq!(current, 2);
    }
    let list = ListVersions {
        bucket: BUCKET.to_owned(),
        prefix: "k".to_owned(),
        after: Some(("k".to_owned(), None)),
        limit: 9,
        ..ListVersions::default()
    };
    assert!(names(&index.list_versions(&list).await.expect("listed")).is_empty());
}

async fn a_removed_version_gives_its_blobs_back(index: &dyn ObjectIndex) {
    with_versions(index).await;
    let (one, two) = (Id::from_bits(1), Id::from_bits(2));
    let mut made = Vec::new();
    for (n, blob) in [one, two].into_iter().enumerate() {
        let mut large = entry("k", &n.to_string(), Content::Extents(extents(&[blob])));
        large.info.modified = Timestamp::from_micros(5);
        made.push(index.put(BUCKET, large, Guard::Any).await.expect("put"));
    }
    delete(index, at("k")).await;
    assert_eq!(garbage(index).await, []);
    delete(index, version("k", made[0])).await;
    assert_eq!(garbage(index).await, [one]);
    delete(index, version("k", made[1])).await;
    assert_eq!(garbage(index).await, [one, two]);
}
