//! What S3 promises of uploads in parts.

use platform::objects::{Checksums, ObjectHeaders, PartName, UploadedPart};

use super::*;

const MIB: usize = 1 << 20;

async fn begin(store: &Storage, key: &str, checksums: Checksums) -> String {
    let headers = ObjectHeaders::default();
    store.create_upload(&owner(), BUCKET, key, headers, checksums).await.unwrap().id
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
    store.complete_upload(&owner(), BUCKET, key, upload, parts, &Conditions::default()).await
}

#[tokio::test]
async fn parts_become_one_object_without_being_moved() {
    let (place, stores) = both().await;
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
        assert_eq!(made.part_sizes, [5 * MIB as u64, 100]);
        assert_eq!(complete(store, at, &names).await.unwrap(), made, "repeated");
        store.sweep().await.unwrap();
        assert!(get(store, "k", None).await.unwrap() == whole);
        let edge = ByteRange::From(5 * MIB as u64 - 3, Some(5 * MIB as u64 + 2));
        let seam = get(store, "k", Some(edge)).await.unwrap();
        assert!(seam == whole[5 * MIB - 3..5 * MIB + 3]);
        let (_, opened) = store.open_parts(&owner(), BUCKET, "k").await.unwrap();
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
    let (_place, stores) = both().await;
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
    let (place, stores) = both().await;
    for store in &stores {
        let upload = begin(store, "k", Checksums::default()).await;
        let at = ("k", upload.as_str());
        for number in 1..=3 {
            part(store, at, number, b"x".to_vec()).await;
        }
        assert_eq!(store.uploads(&owner(), BUCKET, "").await.unwrap().len(), 1);
        let (found, parts) = store.parts(&owner(), BUCKET, "k", &upload, 1, 1).await.unwrap();
        assert_eq!((found.id, parts.len(), parts[0].number), (upload.clone(), 1, 2));
        store.abort_upload(&owner(), BUCKET, "k", &upload).await.unwrap();
        assert_eq!(store.uploads(&owner(), BUCKET, "").await.unwrap(), []);
        let put = Put::new(BUCKET, "k", whole("late"));
        let late = store.upload_part(&owner(), &upload, 4, put).await;
        assert!(matches!(late, Err(ObjectError::NoSuchUpload)));
        store.sweep().await.unwrap();
    }
    assert_eq!(files(place.path()), 0);
}

#[tokio::test]
async fn a_range_of_an_object_becomes_a_part() {
    let (_place, stores) = both().await;
    for store in &stores {
        put(store, "small", "0123456789").await;
        put(store, "large", bytes(6 * MIB)).await;
        let upload = begin(store, "k", Checksums::default()).await;
        let none = Conditions::default();
        let copy = async |key: &str, range, number| {
            let target = (BUCKET, "k", upload.as_str(), number);
            store.upload_part_copy(&owner(), (BUCKET, key), range, &none, target).await
        };
        let large = copy("large", Some((10, 5 * MIB as u64 + 9)), 1).await.unwrap();
        let small = copy("small", Some((2, 4)), 2).await.unwrap();
        assert_eq!(small.etag, put(store, "same", "234").await);
        let beyond = copy("small", Some((2, 10)), 3).await;
        assert!(matches!(beyond, Err(ObjectError::InvalidRange { length: 10 })));
        complete(store, ("k", &upload), &[name(&large), name(&small)]).await.unwrap();
        for key in ["small", "large"] {
            store.delete(&owner(), BUCKET, key).await.unwrap();
        }
        store.sweep().await.unwrap();
        let expected = [&bytes(6 * MIB)[10..5 * MIB + 10], b"234"].concat();
        assert!(get(store, "k", None).await.unwrap() == expected);
    }
}

#[tokio::test]
async fn a_part_is_checked_by_the_uploads_algorithm() {
    let (_place, stores) = both().await;
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
    let refused = store.create_upload(&owner(), BUCKET, "k", ObjectHeaders::default(), asked).await;
    assert!(matches!(refused, Err(ObjectError::InvalidArgument(_))));
}
