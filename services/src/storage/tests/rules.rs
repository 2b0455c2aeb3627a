//! What S3 promises of buckets and objects.

use futures_util::stream;
use platform::{
    objects::{Checksums, ListKeys, ObjectHeaders},
    workload::Part,
};

use super::*;

#[tokio::test]
async fn a_bucket_belongs_to_the_account_that_made_it() {
    let (_place, stores) = all().await;
    for store in &stores {
        let again = store.create_bucket(&owner(), BUCKET).await;
        assert!(matches!(again, Err(ObjectError::BucketAlreadyOwnedByYou)));
        let taken = store.create_bucket(&stranger(), BUCKET).await;
        assert!(matches!(taken, Err(ObjectError::BucketAlreadyExists)));
        let foreign = store.bucket(&stranger(), BUCKET).await;
        assert!(matches!(foreign, Err(ObjectError::AccessDenied)));
        assert_eq!(store.buckets(&stranger()).await.unwrap(), []);
        assert_eq!(store.buckets(&owner()).await.unwrap().len(), 1);
        let put = Put::new(BUCKET, "k", whole("x"));
        assert!(matches!(store.put(&stranger(), put).await, Err(ObjectError::AccessDenied)));
    }
}

#[tokio::test]
async fn making_ones_own_bucket_again_succeeds_in_us_east_1_alone() {
    let store = in_memory(false).await;
    let home = Owner { region: "us-east-1".into(), ..owner() };
    let first = store.create_bucket(&home, BUCKET).await.unwrap();
    assert_eq!(store.create_bucket(&home, BUCKET).await.unwrap(), first);
    let elsewhere = store.create_bucket(&owner(), BUCKET).await;
    assert!(matches!(elsewhere, Err(ObjectError::BucketAlreadyOwnedByYou)));
}

#[tokio::test]
async fn objects_of_every_size_come_back_whole_and_in_ranges() {
    let (_place, stores) = all().await;
    for store in &stores {
        for size in [0, 1, 16 * 1024, 16 * 1024 + 1, 3_000_000] {
            let bytes = bytes(size);
            put(store, "k", bytes.clone()).await;
            assert!(get(store, "k", None).await.unwrap() == bytes);
            if size > 1 {
                let middle = ByteRange::From(1, Some(size as u64 - 2));
                assert!(get(store, "k", Some(middle)).await.unwrap() == bytes[1..size - 1]);
                let tail = get(store, "k", Some(ByteRange::Suffix(2))).await.unwrap();
                assert!(tail == bytes[size - 2..]);
            }
            let beyond = get(store, "k", Some(ByteRange::From(size as u64, None))).await;
            assert!(matches!(beyond, Err(ObjectError::InvalidRange { .. })));
        }
    }
}

#[tokio::test]
async fn an_etag_is_the_md5_of_the_bytes() {
    let (_place, stores) = all().await;
    for store in &stores {
        assert_eq!(put(store, "k", "").await, "d41d8cd98f00b204e9800998ecf8427e");
        // `md5sum` of a hundred thousand letters `a`.
        let long = put(store, "k", vec![b'a'; 100_000]).await;
        assert_eq!(long, "1af6d6f2f682f76f80e606aeaaee1680");
    }
}

#[tokio::test]
async fn what_came_with_an_object_goes_out_with_it() {
    let (_place, stores) = all().await;
    for store in &stores {
        let headers = ObjectHeaders {
            content_type: Some("text/csv".to_owned()),
            metadata: vec![("b".to_owned(), "1".to_owned()), ("a".to_owned(), String::new())],
            ..ObjectHeaders::default()
        };
        let put = Put { headers: headers.clone(), ..Put::new(BUCKET, "k", whole("x")) };
        let answer = store.put(&owner(), put).await.unwrap();
        let found = head(store, at("k")).await.unwrap();
        assert_eq!(found, answer);
        assert_eq!(found.headers, headers);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_or_lies_leaves_nothing() {
    let (place, stores) = all().await;
    let broken = || {
        let cut = std::io::Error::other("the connection was lost");
        let chunk = Bytes::from(bytes(100_000));
        Box::pin(stream::iter([Ok(chunk.clone()), Ok(chunk), Err(cut)]))
    };
    let lie = Checksums {
        algorithm: Some("crc32".to_owned()),
        value: Some("AAAAAA==".to_owned()),
        full_object: true,
    };
    let md5 = Some("1B2M2Y8AsgTpgAmY7PhCfg==".to_owned());
    for store in &stores {
        let cut = store.put(&owner(), Put::new(BUCKET, "k", broken())).await;
        assert!(matches!(cut, Err(ObjectError::Body(_))));
        for size in [10, 100_000] {
            let plain = || Put::new(BUCKET, "k", whole(bytes(size)));
            let lied = Put { checksums: lie.clone(), ..plain() };
            let lied = store.put(&owner(), lied).await;
            assert!(matches!(lied, Err(ObjectError::BadDigest(what)) if what == "CRC32"));
            let lied = Put { content_md5: md5.clone(), ..plain() };
            let lied = store.put(&owner(), lied).await;
            assert!(matches!(lied, Err(ObjectError::BadDigest(_))));
            let lied = Put { content_sha256: Some("0".repeat(64)), ..plain() };
            let lied = store.put(&owner(), lied).await;
            assert!(matches!(lied, Err(ObjectError::ContentHash)));
            let only_new = Conditions { if_match: Some("x".to_owned()), ..Conditions::default() };
            let refused = Put { conditions: only_new, ..plain() };
            let refused = store.put(&owner(), refused).await;
            assert!(matches!(refused, Err(ObjectError::NoSuchKey(key)) if key == "k"));
        }
        assert!(matches!(get(store, "k", None).await, Err(ObjectError::NoSuchKey(_))));
    }
    assert_eq!(files(place.path()), 0);
}

#[tokio::test]
async fn conditions_on_a_read_are_answered() {
    let (_place, stores) = all().await;
    for store in &stores {
        let etag = put(store, "k", "x").await;
        let matching = |if_match: Option<&str>, if_none_match: Option<&str>| Conditions {
            if_match: if_match.map(str::to_owned),
            if_none_match: if_none_match.map(str::to_owned),
            ..Conditions::default()
        };
        let known = matching(None, Some(&etag));
        assert!(store.get(&owner(), at("k"), None, &known, None).await.unwrap().is_none());
        assert!(store.head(&owner(), at("k"), &known, None).await.unwrap().is_none());
        let changed = matching(Some("other"), None);
        let failed = store.get(&owner(), at("k"), None, &changed, None).await;
        assert!(matches!(failed, Err(ObjectError::PreconditionFailed)));
        let failed = copy(store, "k", &known, "l").await;
        assert!(matches!(failed, Err(ObjectError::PreconditionFailed)));
    }
}

#[tokio::test]
async fn one_of_many_creates_an_object_that_must_be_new() {
    let (_place, stores) = all().await;
    for store in &stores {
        let me = owner();
        let attempts = (0..16).map(|n: usize| {
            let conditions =
                Conditions { if_none_match: Some("*".to_owned()), ..Conditions::default() };
            let size = if n.is_multiple_of(2) { 10 } else { 20_000 };
            store.put(&me, Put { conditions, ..Put::new(BUCKET, "k", whole(bytes(size))) })
        });
        let results = futures_util::future::join_all(attempts).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(results.iter().all(|r| matches!(r, Ok(_) | Err(ObjectError::PreconditionFailed))));
    }
}

#[tokio::test]
async fn a_copy_shares_bytes_and_outlives_its_source() {
    let (place, stores) = all().await;
    for store in &stores {
        put(store, "small", "small").await;
        put(store, "large", bytes(50_000)).await;
        for key in ["small", "large"] {
            let target = format!("copy-of-{key}");
            let none = Conditions::default();
            let source = head(store, at(key)).await.unwrap();
            let copied = copy(store, key, &none, &target).await.unwrap();
            assert_eq!((copied.etag, copied.size), (source.etag, source.size));
            delete(store, key).await;
        }
        store.sweep().await.unwrap();
        assert_eq!(get(store, "copy-of-small", None).await.unwrap(), b"small");
        assert!(get(store, "copy-of-large", None).await.unwrap() == bytes(50_000));
    }
    assert_eq!(files(place.path()), 1);
}

#[tokio::test]
async fn a_list_is_bounded_and_an_empty_delimiter_is_none() {
    let store = in_memory(false).await;
    store.create_bucket(&owner(), BUCKET).await.unwrap();
    for n in 0..1001 {
        put(&store, &format!("a/{n:04}"), "").await;
    }
    let list = ListKeys {
        bucket: BUCKET.to_owned(),
        delimiter: Some(String::new()),
        limit: usize::MAX,
        ..ListKeys::default()
    };
    let page = store.list(&owner(), &list).await.unwrap();
    assert_eq!((page.objects.len(), page.prefixes.len(), page.truncated), (1000, 0, true));
    assert_eq!(page.last.as_deref(), Some("a/0999"));
}

#[tokio::test]
async fn parts_are_opened_in_place_and_stay_when_the_object_goes() {
    let (_place, stores) = all().await;
    let [_, store, ..] = &stores;
    put(store, "small", "small").await;
    put(store, "large", bytes(50_000)).await;
    let (_, small) = store.open_parts(&owner(), at("small")).await.unwrap();
    assert!(matches!(&small[..], [Part::Inline(bytes)] if bytes == "small"));
    let (info, large) = store.open_parts(&owner(), at("large")).await.unwrap();
    delete(store, "large").await;
    assert_eq!(store.sweep().await.unwrap().garbage, 1);
    let [Part::Blob { file, offset: 0, len }] = &large[..] else { panic!("{large:?}") };
    assert_eq!(*len, info.size);
    let mut read = vec![0; 50_000];
    std::os::unix::fs::FileExt::read_exact_at(file.as_ref(), &mut read, 0).unwrap();
    assert!(read == bytes(50_000));
}
