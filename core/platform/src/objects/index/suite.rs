//! The questions for every index. They panic with what was not as promised.
#![expect(clippy::expect_used, reason = "a suite reports by panicking")]

mod settings;
mod uploads;
mod versions;

use bytes::Bytes;
use types::{Id, Timestamp};

use super::{BlobSum, Content, Entry, Extent, Found, Guard, IndexError, ObjectIndex, PartEntry};
use crate::objects::{
    Acl, Bucket, BucketSettings, Checksums, DeleteIf, Deleted, Encryption, ListKeys, ListUploads,
    Listing, ObjectHeaders, ObjectInfo, ObjectName, ObjectPart, Seal, Tags, Upload, UploadName,
    UploadedPart,
};

/// Every question, each on a fresh instance.
pub async fn all<I: ObjectIndex>(fresh: impl AsyncFn() -> I) {
    a_bucket_is_made_once(&fresh().await).await;
    only_an_empty_bucket_goes(&fresh().await).await;
    an_object_comes_back_as_it_was_put(&fresh().await).await;
    keys_are_bytes_and_nothing_else(&fresh().await).await;
    a_guard_decides_in_the_same_commit(&fresh().await).await;
    one_of_many_wins_a_name(&fresh().await).await;
    a_list_folds_and_pages(&fresh().await).await;
    a_blob_is_garbage_when_its_last_name_goes(&fresh().await).await;
    the_extents_of_all_objects_can_be_walked(&fresh().await).await;
    an_upload_becomes_its_object(&fresh().await).await;
    an_upload_that_ends_leaves_its_blobs_as_garbage(&fresh().await).await;
    settings::all(&fresh).await;
    uploads::all(&fresh).await;
    versions::all(&fresh).await;
}

const BUCKET: &str = "data";

/// When deletes are made: after everything else.
const LATER: Timestamp = Timestamp::from_micros(1_700_000_000_000_009);

/// A bucket named `data`.
fn bucket() -> Bucket {
    Bucket {
        name: BUCKET.to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        created: Timestamp::from_micros(1_700_000_000_000_001),
        settings: BucketSettings::default(),
    }
}

async fn with_bucket(index: &dyn ObjectIndex) {
    assert_eq!(index.create_bucket(bucket()).await.expect("made"), None);
}

fn entry(key: &str, etag: &str, content: Content) -> Entry {
    let headers = ObjectHeaders {
        content_type: Some("text/csv".to_owned()),
        metadata: vec![("a".to_owned(), "ü".to_owned())],
        ..ObjectHeaders::default()
    };
    let checksums = Checksums {
        algorithm: Some("crc32".to_owned()),
        value: Some("AAAAAA==".to_owned()),
        full_object: false,
    };
    let size = match &content {
        Content::Inline(bytes) => bytes.len() as u64,
        Content::Extents(extents) => extents.iter().map(|extent| extent.len).sum(),
    };
    let info = ObjectInfo {
        key: key.to_owned(),
        size,
        etag: etag.to_owned(),
        modified: Timestamp::from_micros(1_700_000_000_000_002),
        headers,
        checksums,
        parts: vec![ObjectPart { number: 3, size: 5, checksum: Some("AA==".to_owned()) }],
        tags: vec![("project".to_owned(), "ü".to_owned())],
        acl: public(),
        owner: Some("444455556666".to_owned()),
        version: None,
        encryption: None,
    };
    Entry { info, upload: None, seal: None, content }
}

async fn the_extents_of_all_objects_can_be_walked(index: &impl ObjectIndex) {
    index.create_bucket(bucket()).await.expect("made");
    let blobs: Vec<Id> = (1..=3).map(Id::from_bits).collect();
    for (key, blob) in ["a", "b", "c"].into_iter().zip(&blobs) {
        let content = Content::Extents(extents(&[*blob]));
        index.put(BUCKET, entry(key, "e", content), Guard::Any).await.expect("put");
        index.put(BUCKET, small(&format!("{key}-small"), "e"), Guard::Any).await.expect("put");
    }
    delete(index, at("b")).await;
    let (mut found, mut position) = (Vec::new(), 0);
    while let Some((next, page)) = index.extents(position).await.expect("answered") {
        assert!(next > position);
        position = next;
        found.extend(page);
    }
    assert_eq!(found, extents(&[blobs[0], blobs[2]]));
}

fn public() -> Acl {
    Acl::canned("public-read").expect("a name of S3's")
}

fn small(key: &str, etag: &str) -> Entry {
    entry(key, etag, Content::Inline(Bytes::from_static(b"small")))
}

fn extents(blobs: &[Id]) -> Vec<Extent> {
    let sum = Some(BlobSum { crc64nvme: u64::MAX, len: 10 });
    blobs.iter().map(|&blob| Extent { blob, offset: 3, len: 7, sum }).collect()
}

fn part(number: u32, blobs: &[Id]) -> PartEntry {
    let part = UploadedPart {
        number,
        size: 7,
        etag: format!("etag-{number}"),
        modified: Timestamp::from_micros(5),
        checksums: Checksums::default(),
        encryption: None,
    };
    PartEntry { part, extents: extents(blobs) }
}

fn upload(key: &str, id: &str, created: i64) -> Upload {
    Upload {
        key: key.to_owned(),
        id: id.to_owned(),
        created: Timestamp::from_micros(created),
        headers: ObjectHeaders::default(),
        tags: Tags::new(),
        acl: public(),
        owner: Some("444455556666".to_owned()),
        initiator: Some("arn:aws:iam::444455556666:user/ann".to_owned()),
        checksums: Checksums::default(),
        seal: None,
    }
}

/// The same with a data key.
fn sealed(mut entry: Entry, encryption: Encryption) -> Entry {
    entry.info.encryption = Some(encryption.clone());
    entry.seal = Some(Seal { encryption, wrapped: vec![0, 255] });
    entry
}

fn of<'a>(key: &'a str, id: &'a str) -> UploadName<'a> {
    UploadName { bucket: BUCKET, key, id }
}

fn at(key: &str) -> ObjectName<'_> {
    ObjectName::current(BUCKET, key)
}

/// The object of that key, if it stands for one.
async fn get(index: &dyn ObjectIndex, name: ObjectName<'_>) -> Option<Entry> {
    match index.get(name).await.expect("answered") {
        Some(Found::Object(entry)) => Some(*entry),
        Some(Found::Marker(_)) | None => None,
    }
}

async fn delete(index: &dyn ObjectIndex, name: ObjectName<'_>) -> Deleted {
    index.delete(name, &DeleteIf::default(), LATER).await.expect("deleted")
}

async fn uploads(index: &dyn ObjectIndex, prefix: &str) -> Vec<String> {
    let list = ListUploads {
        bucket: BUCKET.to_owned(),
        prefix: prefix.to_owned(),
        limit: 100,
        ..ListUploads::default()
    };
    let found = index.uploads(&list).await.expect("listed");
    found.uploads.into_iter().map(|upload| upload.id).collect()
}

async fn garbage(index: &dyn ObjectIndex) -> Vec<Id> {
    let mut ids = index.garbage(100).await.expect("ids");
    ids.sort();
    ids
}

async fn a_bucket_is_made_once(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    let other = Bucket { account: "999999999999".to_owned(), ..bucket() };
    assert_eq!(index.create_bucket(other).await.expect("answered"), Some(bucket()));
    assert_eq!(index.bucket(BUCKET).await.expect("answered"), Some(bucket()));
    assert_eq!(index.bucket("none").await.expect("answered"), None);
    assert_eq!(index.buckets("111122223333").await.expect("answered"), [bucket()]);
    assert_eq!(index.buckets("999999999999").await.expect("answered"), []);
    let lost = index.put("none", small("k", "e"), Guard::Any).await;
    assert!(matches!(lost, Err(IndexError::NoSuchBucket)));
}

async fn only_an_empty_bucket_goes(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    index.put(BUCKET, small("k", "e"), Guard::Any).await.expect("put");
    assert!(matches!(index.delete_bucket(BUCKET).await, Err(IndexError::BucketNotEmpty)));
    delete(index, at("k")).await;
    index.create_upload(BUCKET, upload("k", "u", 1)).await.expect("begun");
    index.put_part("u", part(1, &[Id::from_bits(1)])).await.expect("put");
    index.delete_bucket(BUCKET).await.expect("deleted");
    assert_eq!(index.bucket(BUCKET).await.expect("answered"), None);
    assert!(matches!(index.delete_bucket(BUCKET).await, Err(IndexError::NoSuchBucket)));
    assert_eq!(garbage(index).await, [Id::from_bits(1)]);
    with_bucket(index).await;
    assert_eq!(get(index, at("k")).await, None);
    assert!(uploads(index, "").await.is_empty());
}

async fn an_object_comes_back_as_it_was_put(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    let inline = small("inline", "one");
    let blobs = [Id::from_bits(7), Id::from_bits(8)];
    let mut spread = entry("spread", "two", Content::Extents(extents(&blobs)));
    spread.upload = Some("u".to_owned());
    let kms = Encryption::Kms {
        key: "arn:aws:kms:eu-west-1:111122223333:key/k".to_owned(),
        bucket_key: true,
        context: Some(r#"{"a":"ü"}"#.to_owned()),
    };
    let by_s3 = sealed(small("sealed", "four"), Encryption::S3);
    let by_kms = sealed(entry("kms", "five", Content::Extents(extents(&blobs))), kms);
    for entry in [&inline, &spread, &by_s3, &by_kms] {
        index.put(BUCKET, entry.clone(), Guard::Any).await.expect("put");
        assert_eq!(get(index, at(&entry.info.key)).await.as_ref(), Some(entry));
    }
    index.put(BUCKET, small("spread", "three"), Guard::Any).await.expect("put");
    assert_eq!(get(index, at("spread")).await, Some(small("spread", "three")));
}

async fn keys_are_bytes_and_nothing_else(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    let keys =
        ["p//q", "../up", "./dot", "a b+c/ü%20&é.txt", "x\ny", "d", "d/x", "D", "é", "e\u{301}"];
    for key in keys {
        index.put(BUCKET, small(key, key), Guard::Any).await.expect("put");
    }
    for key in keys {
        let found = get(index, at(key)).await.expect("there");
        assert_eq!(found.info.etag, key);
    }
    let list = ListKeys { bucket: BUCKET.to_owned(), limit: 100, ..ListKeys::default() };
    let listed: Vec<String> = names(&index.list(&list).await.expect("listed")).0;
    let mut sorted = keys;
    sorted.sort_by_key(|key| key.as_bytes());
    assert_eq!(listed, sorted);
}

async fn a_guard_decides_in_the_same_commit(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    let one_of = |etag: &str| Guard::OneOf(vec![etag.to_owned()]);
    let none_of = |etag: &str| Guard::NoneOf(vec![etag.to_owned()]);
    let put = async |etag, guard| index.put(BUCKET, small("k", etag), guard).await;
    assert!(matches!(put("1", Guard::Present).await, Err(IndexError::NoSuchKey)));
    assert!(matches!(put("1", one_of("x")).await, Err(IndexError::NoSuchKey)));
    put("1", none_of("x")).await.expect("none there");
    assert!(matches!(put("2", Guard::Absent).await, Err(IndexError::Unmet)));
    assert!(matches!(put("2", one_of("x")).await, Err(IndexError::Unmet)));
    assert!(matches!(put("2", none_of("1")).await, Err(IndexError::Unmet)));
    assert_eq!(get(index, at("k")).await, Some(small("k", "1")));
    put("2", one_of("1")).await.expect("as expected");
    put("3", Guard::Present).await.expect("as expected");
}

async fn one_of_many_wins_a_name(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    let attempts = (0..16).map(|n| index.put(BUCKET, small("k", &n.to_string()), Guard::Absent));
    let results = futures_util::future::join_all(attempts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let lost = results.iter().filter(|result| matches!(result, Err(IndexError::Unmet))).count();
    assert_eq!(lost, 15);
}

fn names(listing: &Listing) -> (Vec<String>, Vec<String>) {
    let keys = listing.objects.iter().map(|object| object.key.clone()).collect();
    (keys, listing.prefixes.clone())
}

async fn a_list_folds_and_pages(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    for key in ["a", "b/1", "b/2", "b/c/3", "b0", "c/1", "d"] {
        index.put(BUCKET, small(key, "e"), Guard::Any).await.expect("put");
    }
    let list = |prefix: &str, delimiter: Option<&str>, after: Option<&str>, limit| ListKeys {
        bucket: BUCKET.to_owned(),
        prefix: prefix.to_owned(),
        delimiter: delimiter.map(str::to_owned),
        after: after.map(str::to_owned),
        limit,
    };
    let all = index.list(&list("", Some("/"), None, 10)).await.expect("listed");
    assert_eq!(all.objects.iter().map(|o| o.key.as_str()).collect::<Vec<_>>(), ["a", "b0", "d"]);
    assert_eq!(all.prefixes, ["b/", "c/"]);
    assert!(!all.truncated);
    let first = index.list(&list("", Some("/"), None, 2)).await.expect("listed");
    assert_eq!((first.truncated, first.last.as_deref()), (true, Some("b/")));
    let second = index.list(&list("", Some("/"), Some("b/"), 3)).await.expect("listed");
    assert_eq!(second.last.as_deref(), Some("d"));
    assert!(!second.truncated);
    let below = index.list(&list("b/", Some("/"), Some("b/1"), 10)).await.expect("listed");
    assert_eq!(names(&below), (vec!["b/2".to_owned()], vec!["b/c/".to_owned()]));
    let flat = index.list(&list("b", None, None, 3)).await.expect("listed");
    assert_eq!(flat.objects.len(), 3);
    assert!(flat.truncated);
    let none = index.list(&list("", None, None, 0)).await.expect("listed");
    assert_eq!((none.objects.len(), none.truncated), (0, false));
}

async fn a_blob_is_garbage_when_its_last_name_goes(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    let blob = Id::from_bits(0xb10b);
    let shared = |key: &str| entry(key, "e", Content::Extents(extents(&[blob])));
    index.put(BUCKET, shared("one"), Guard::Any).await.expect("put");
    index.put(BUCKET, shared("two"), Guard::Any).await.expect("put");
    let stranger = Id::from_bits(0x57a6);
    assert_eq!(index.unknown(vec![blob, stranger]).await.expect("answered"), [stranger]);
    delete(index, at("one")).await;
    assert_eq!(garbage(index).await, []);
    index.put(BUCKET, small("two", "e"), Guard::Any).await.expect("put");
    assert_eq!(garbage(index).await, [blob]);
    index.put(BUCKET, shared("three"), Guard::Any).await.expect("put");
    index.forget(&[blob]).await.expect("forgotten");
    assert_eq!(index.unknown(vec![blob]).await.expect("answered"), [], "it is named again");
    delete(index, at("three")).await;
    index.forget(&[blob]).await.expect("forgotten");
    assert_eq!(garbage(index).await, []);
    assert_eq!(index.unknown(vec![blob]).await.expect("answered"), [blob]);
}

async fn an_upload_becomes_its_object(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    let (one, two) = (Id::from_bits(1), Id::from_bits(2));
    for (key, id, created) in [("k", "later", 2), ("k", "u", 1), ("j", "other", 3)] {
        index.create_upload(BUCKET, upload(key, id, created)).await.expect("begun");
    }
    let seal = Some(Seal { encryption: Encryption::Customer, wrapped: vec![1, 2] });
    let sealed = Upload { seal, ..upload("s", "sealed", 4) };
    index.create_upload(BUCKET, sealed.clone()).await.expect("begun");
    assert_eq!(index.upload(of("s", "sealed")).await.expect("answered"), Some(sealed));
    index.abort(of("s", "sealed")).await.expect("aborted");
    assert_eq!(uploads(index, "").await, ["other", "u", "later"]);
    assert_eq!(uploads(index, "k").await, ["u", "later"]);
    assert_eq!(index.upload(of("j", "u")).await.expect("answered"), None);
    index.put_part("u", part(1, &[one])).await.expect("put");
    index.put_part("u", part(2, &[two])).await.expect("put");
    assert_eq!(index.parts("u", 1, 10).await.expect("parts"), [part(2, &[two])]);
    assert_eq!(index.parts("u", 0, 1).await.expect("parts"), [part(1, &[one])]);
    let mut whole = entry("k", "e-1", Content::Extents(extents(&[one])));
    whole.upload = Some("u".to_owned());
    index.complete(BUCKET, whole.clone(), Guard::Any).await.expect("completed");
    assert_eq!(get(index, at("k")).await, Some(whole.clone()));
    assert_eq!(garbage(index).await, [two], "the part that was not used");
    let again = index.complete(BUCKET, whole, Guard::Any).await;
    assert!(matches!(again, Err(IndexError::NoSuchUpload)));
    let late = index.put_part("u", part(3, &[two])).await;
    assert!(matches!(late, Err(IndexError::NoSuchUpload)));
    assert!(matches!(index.parts("u", 0, 10).await, Err(IndexError::NoSuchUpload)));
}

async fn an_upload_that_ends_leaves_its_blobs_as_garbage(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    let blobs = [Id::from_bits(1), Id::from_bits(2)];
    index.create_upload(BUCKET, upload("k", "u", 1)).await.expect("begun");
    index.put_part("u", part(1, &blobs[..1])).await.expect("put");
    index.put_part("u", part(1, &blobs[1..])).await.expect("put");
    assert_eq!(garbage(index).await, &blobs[..1], "the part that was replaced");
    assert!(matches!(index.abort(of("other", "u")).await, Err(IndexError::NoSuchUpload)));
    index.abort(of("k", "u")).await.expect("aborted");
    assert_eq!(garbage(index).await, blobs);
    assert!(matches!(index.abort(of("k", "u")).await, Err(IndexError::NoSuchUpload)));
}
