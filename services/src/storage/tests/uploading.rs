//! What S3 promises of uploads in parts.

use platform::objects::{
    Checksums, Completion, ListUploads, NewUpload, PartName, UploadName, UploadedPart,
};

use super::*;

const MIB: usize = 1 << 20;

fn new(key: &str, checksums: Checksums) -> NewUpload {
    let (bucket, key) = (BUCKET.to_owned(), key.to_owned());
    NewUpload { bucket, key, checksums, ..NewUpload::default() }
}

fn upload_at<'a>(key: &'a str, id: &'a str) -> UploadName<'a> {
    UploadName { bucket: BUCKET, key, id }
}

async fn listed(store: &Storage) -> usize {
    let list = ListUploads { bucket: BUCKET.to_owned(), limit: 9, ..ListUploads::default() };
    store.uploads(&owner(), &list).await.unwrap().uploads.len()
}

async fn begin(store: &Storage, key: &str, checksums: Checksums) -> String {
    store.create_upload(&owner(), new(key, checksums)).await.unwrap().id
}

async fn part(
    store: &Storage,
    (key, upload): (&str, &str),
    number: u32,
    bytes: Vec<u8>,
) -> UploadedPart {
    let put = Put::new(BUCKET, key, whole(bytes));
    store.upload_part(&owner(), upload, number, put).await.unwrap()
}

fn name(part: &UploadedPart) -> PartName {
    let UploadedPart { number, etag, checksums, .. } = part.clone();
    PartName { number, etag, checksum: checksums.value }
}

async fn complete(
    store: &Storage,
    (key, upload): (&str, &str),
    parts: &[PartName],
) -> Result<platform::objects::ObjectInfo, ObjectError> {
    let conditions = &Conditions::default();
    let completion = Completion { parts, checksum: None, size: None, conditions, customer: None };
    store.complete_upload(&owner(), upload_at(key, upload), completion).await
}

#[tokio::test]
async fn parts_become_one_object_without_being_moved() {
    let (place, stores) = all().await;
    for store in &stores {
        let crc32 = Checksums { algorithm: Some("crc32".to_owned()), ..Checksums::default() };
        let upload = begin(store, "k", crc32).await;
        let at = ("k", upload.as_str());
        let whole = bytes(5 * MIB + 100);
        part(store, at, 7, b"not used".to_vec()).await;
        let tail = part(store, at, 2, whole[5 * MIB..].to_vec()).await;
        part(store, at, 1, b"replaced".to_vec()).await;
        let head = part(store, at, 1, whole[..5 * MIB].to_vec()).await;
        let names = [name(&head), name(&tail)];
        let made = complete(store, at, &names).await.unwrap();
        assert!(
            made.etag.ends_with("-2") && made.checksums.value.as_ref().unwrap().ends_with("-2")
        );
        let sizes: Vec<u64> = made.parts.iter().map(|part| part.size).collect();
        assert_eq!(sizes, [5 * MIB as u64, 100]);
        assert_eq!(made.parts[1].checksum, tail.checksums.value);
        assert_eq!(complete(store, at, &names).await.unwrap(), made, "repeated");
        store.sweep().await.unwrap();
        assert!(get(store, "k", None).await.unwrap() == whole);
        let edge = ByteRange::From(5 * MIB as u64 - 3, Some(5 * MIB as u64 + 2));
        let seam = get(store, "k", Some(edge)).await.unwrap();
        assert!(seam == whole[5 * MIB - 3..5 * MIB + 3]);
        let (_, opened) =
            store.open_parts(&owner(), ObjectName::current(BUCKET, "k")).await.unwrap();
        assert_eq!(opened.len(), 2);
        put(store, "k", "another").await;
        let late = complete(store, at, &names).await;
        assert!(matches!(late, Err(ObjectError::NoSuchUpload)));
        store.sweep().await.unwrap();
    }
    assert_eq!(files(place.path()), 0);
}

#[tokio::test]
async fn a_list_of_parts_must_be_right() {
    let (_place, stores) = all().await;
    for store in &stores {
        let upload = begin(store, "k", Checksums::default()).await;
        let at = ("k", upload.as_str());
        let one = name(&part(store, at, 1, b"one".to_vec()).await);
        let two = name(&part(store, at, 2, b"two".to_vec()).await);
        let wrong = PartName { etag: two.etag.clone(), ..one.clone() };
        let missing = PartName { number: 3, ..one.clone() };
        let refused = complete(store, at, &[wrong]).await;
        assert!(matches!(refused, Err(ObjectError::InvalidPart)));
        let refused = complete(store, at, &[missing]).await;
        assert!(matches!(refused, Err(ObjectError::InvalidPart)));
        let refused = complete(store, at, &[two.clone(), one.clone()]).await;
        assert!(matches!(refused, Err(ObjectError::InvalidPartOrder)));
        let refused = complete(store, at, &[one.clone(), two]).await;
        assert!(matches!(refused, Err(ObjectError::EntityTooSmall)));
        let refused = complete(store, at, &[]).await;
        assert!(matches!(refused, Err(ObjectError::InvalidArgument(_))));
        let refused = complete(store, ("other", &upload), std::slice::from_ref(&one)).await;
        assert!(matches!(refused, Err(ObjectError::NoSuchUpload)));
        complete(store, at, &[one]).await.unwrap();
    }
}

#[tokio::test]
async fn an_upload_is_listed_until_it_ends_and_leaves_nothing_when_aborted() {
    let (place, stores) = all().await;
    for store in &stores {
        let upload = begin(store, "k", Checksums::default()).await;
        let at = ("k", upload.as_str());
        for number in 1..=3 {
            part(store, at, number, b"x".to_vec()).await;
        }
        assert_eq!(listed(store).await, 1);
        let (found, parts) = store.parts(&owner(), upload_at("k", &upload), 1, 1).await.unwrap();
        assert_eq!((found.id, parts.len(), parts[0].number), (upload.clone(), 1, 2));
        store.abort_upload(&owner(), upload_at("k", &upload)).await.unwrap();
        assert_eq!(listed(store).await, 0);
        let put = Put::new(BUCKET, "k", whole("late"));
        let late = store.upload_part(&owner(), &upload, 4, put).await;
        assert!(matches!(late, Err(ObjectError::NoSuchUpload)));
        store.sweep().await.unwrap();
    }
    assert_eq!(files(place.path()), 0);
}

#[tokio::test]
async fn a_range_of_an_object_becomes_a_part() {
    let (_place, stores) = all().await;
    for store in &stores {
        put(store, "small", "0123456789").await;
        put(store, "large", bytes(6 * MIB)).await;
        let upload = begin(store, "k", Checksums::default()).await;
        let none = Conditions::default();
        let copy = async |key: &str, range, number| {
            let source =
                CopySource { owner: &owner(), name: at(key), conditions: &none, customer: None };
            let target = upload_at("k", &upload);
            store.upload_part_copy(&owner(), source, range, target, number, None).await
        };
        let large = copy("large", Some((10, 5 * MIB as u64 + 9)), 1).await.unwrap();
        let small = copy("small", Some((2, 4)), 2).await.unwrap();
        assert_eq!(small.etag, put(store, "same", "234").await);
        let beyond = copy("small", Some((2, 10)), 3).await;
        assert!(matches!(beyond, Err(ObjectError::InvalidRange { length: 10 })));
        complete(store, ("k", &upload), &[name(&large), name(&small)]).await.unwrap();
        for key in ["small", "large"] {
            delete(store, key).await;
        }
        store.sweep().await.unwrap();
        let expected = [&bytes(6 * MIB)[10..5 * MIB + 10], b"234"].concat();
        assert!(get(store, "k", None).await.unwrap() == expected);
    }
}

#[tokio::test]
async fn a_part_is_checked_by_the_uploads_algorithm() {
    let (_place, stores) = all().await;
    for store in &stores {
        let nvme = Checksums { algorithm: Some("crc64nvme".to_owned()), ..Checksums::default() };
        let upload = begin(store, "k", nvme).await;
        let sha = Checksums { algorithm: Some("sha256".to_owned()), ..Checksums::default() };
        let put = Put { checksums: sha, ..Put::new(BUCKET, "k", whole("x")) };
        let other = store.upload_part(&owner(), &upload, 1, put).await;
        assert!(matches!(other, Err(ObjectError::InvalidArgument(_))));
        let kept = part(store, ("k", &upload), 1, b"123456789".to_vec()).await;
        let made = complete(store, ("k", &upload), &[name(&kept)]).await.unwrap();
        assert_eq!(made.checksums.value.as_deref(), Some("rosUhgp5mIg="));
        assert!(made.checksums.full_object);
    }
    let store = &stores[0];
    let asked = Checksums { algorithm: Some("sha1".to_owned()), value: None, full_object: true };
    let refused = store.create_upload(&owner(), new("k", asked)).await;
    assert!(matches!(refused, Err(ObjectError::InvalidArgument(_))));
}

#[tokio::test]
async fn what_a_client_says_of_the_whole_must_be_so() {
    let (_place, stores) = all().await;
    for store in &stores {
        let nvme = Checksums { algorithm: Some("crc64nvme".to_owned()), ..Checksums::default() };
        let upload = begin(store, "k", nvme).await;
        let parts = [name(&part(store, ("k", &upload), 1, b"123456789".to_vec()).await)];
        let say = async |checksum, size| {
            let conditions = &Conditions::default();
            let completion =
                Completion { parts: &parts, checksum, size, conditions, customer: None };
            store.complete_upload(&owner(), upload_at("k", &upload), completion).await
        };
        let refused = say(Some("AAAAAAAAAAA="), None).await;
        assert!(matches!(refused, Err(ObjectError::BadDigest(_))));
        assert!(matches!(say(None, Some(8)).await, Err(ObjectError::InvalidRequest(_))));
        say(Some("rosUhgp5mIg="), Some(9)).await.unwrap();
    }
}
