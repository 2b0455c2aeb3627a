//! What is encrypted, who opens it, and that nothing of it lies plain.

use std::{fs, io::Read as _};

use platform::{
    objects::{
        Checksums, Completion, Encryption, KmsAsked, NewUpload, PartName, SettingsChange,
        UploadName, settings::DefaultEncryption,
    },
    parts::PartReader,
    workload::Part,
};

use super::*;

const MIB: usize = 1 << 20;
/// Stands in every body, in each of its blocks.
const CANARY: &[u8] = b"this canary must not be found in any file";

fn customer(byte: u8) -> Secret {
    Secret::from_bytes([byte; 32])
}

/// Each way to ask for encryption, and none.
fn ways() -> [Protection; 5] {
    let context = Some(r#"{"a":"b"}"#.to_owned());
    [
        Protection::Unsaid,
        Protection::S3,
        Protection::Kms(KmsAsked { context, ..KmsAsked::default() }),
        Protection::by_key("alias/mine"),
        Protection::Customer(customer(7)),
    ]
}

/// What a request must bring along to read what was written so.
fn key_of(protection: &Protection) -> Option<Secret> {
    match protection {
        Protection::Customer(key) => Some(key.clone()),
        Protection::Unsaid | Protection::S3 | Protection::Kms(_) => None,
    }
}

fn canaries(len: usize) -> Vec<u8> {
    CANARY.iter().copied().cycle().take(len).collect()
}

async fn put_as(store: &Storage, key: &str, bytes: Vec<u8>, protection: Protection) -> ObjectInfo {
    let put = Put { protection, ..Put::new(BUCKET, key, whole(bytes)) };
    store.put(&owner(), put).await.unwrap()
}

async fn read_as(
    store: &Storage,
    key: &str,
    range: Option<ByteRange>,
    customer: Option<&Secret>,
) -> Result<Vec<u8>, ObjectError> {
    let none = Conditions::default();
    let read = store.get(&owner(), at(key), range, &none, customer).await?.unwrap();
    let chunks: Vec<Bytes> = read.body.try_collect().await.map_err(ObjectError::internal)?;
    Ok(chunks.concat())
}

/// Whether the bytes stand in any file below.
fn is_found(bytes: &[u8], place: &Path) -> bool {
    fs::read_dir(place).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_found(bytes, &path);
        }
        fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes)
    })
}

fn told(info: &ObjectInfo) -> &'static str {
    match info.encryption {
        None => "plain",
        Some(Encryption::S3) => "s3",
        Some(Encryption::Kms { .. }) => "kms",
        Some(Encryption::Customer) => "customer",
    }
}

#[tokio::test]
async fn what_is_encrypted_comes_back_whole_and_in_ranges() {
    let (_place, stores) = all().await;
    for store in &stores[..2] {
        for (n, way) in ways().into_iter().enumerate() {
            for size in [0, 5, 16 * 1024, 16 * 1024 + 1, 65_536, 200_001, 2 * MIB + 3] {
                let (key, data) = (format!("{n}-{size}"), bytes(size));
                let made = put_as(store, &key, data.clone(), way.clone()).await;
                let expected = ["plain", "s3", "kms", "kms", "customer"][n];
                assert_eq!((told(&made), made.size), (expected, size as u64));
                let secret = key_of(&way);
                let none = Conditions::default();
                let headed = store.head(&owner(), at(&key), &none, secret.as_ref()).await.unwrap();
                assert_eq!(headed.unwrap(), made);
                assert!(read_as(store, &key, None, secret.as_ref()).await.unwrap() == data);
                for (from, to) in [(0, 1), (65_530, 65_545), (size / 2, size)] {
                    let to = to.min(size);
                    if from >= to {
                        continue;
                    }
                    let range = ByteRange::From(from as u64, Some(to as u64 - 1));
                    let read = read_as(store, &key, Some(range), secret.as_ref()).await.unwrap();
                    assert!(read == data[from..to], "{key} {from}..{to}");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_etag_is_the_md5_only_of_what_is_plain_or_the_stores_own() {
    let (_place, stores) = all().await;
    let store = &stores[1];
    let mut tags = Vec::new();
    for size in [10, 100_000] {
        for way in ways() {
            tags.push(put_as(store, "k", bytes(size), way).await.etag);
        }
        let [plain, own, others @ ..] = &tags[..] else { panic!() };
        assert_eq!(plain, own);
        assert!(others.iter().all(|tag| tag != plain && tag.len() == 32));
        tags.clear();
    }
    let put = Put {
        content_md5: Some("AAAAAAAAAAAAAAAAAAAAAA==".to_owned()),
        protection: Protection::by_key("k"),
        ..Put::new(BUCKET, "k", whole("x"))
    };
    assert!(matches!(store.put(&owner(), put).await, Err(ObjectError::BadDigest(_))));
}

#[tokio::test]
async fn nothing_of_it_lies_plain_in_any_file() {
    let (place, stores) = all().await;
    let store = &stores[1];
    for (n, way) in ways().into_iter().skip(1).enumerate() {
        put_as(store, &format!("small-{n}"), canaries(1_000), way.clone()).await;
        put_as(store, &format!("large-{n}"), canaries(300_000), way.clone()).await;
        uploaded(store, &format!("parts-{n}"), &canaries(5 * MIB + 500), way).await;
    }
    assert!(!is_found(CANARY, place.path()));
    assert!(!is_found(&[7; 32], place.path()), "a customer's key is kept nowhere");
    put_as(store, "plain", canaries(300_000), Protection::Unsaid).await;
    assert!(is_found(CANARY, place.path()), "the search would have found it");
}

/// An object of two parts.
async fn uploaded(store: &Storage, key: &str, data: &[u8], way: Protection) -> ObjectInfo {
    let upload = begun(store, key, way.clone()).await;
    let mut parts = Vec::new();
    for (number, piece) in (1..).zip([&data[..5 * MIB], &data[5 * MIB..]]) {
        let part = part_as(store, (key, &upload), number, piece, key_of(&way)).await.unwrap();
        parts.push(part);
    }
    completed(store, (key, &upload), &parts).await
}

async fn begun(store: &Storage, key: &str, protection: Protection) -> String {
    let (bucket, key) = (BUCKET.to_owned(), key.to_owned());
    let new = NewUpload { bucket, key, protection, ..NewUpload::default() };
    store.create_upload(&owner(), new).await.unwrap().id
}

async fn part_as(
    store: &Storage,
    (key, upload): (&str, &str),
    number: u32,
    bytes: &[u8],
    secret: Option<Secret>,
) -> Result<PartName, ObjectError> {
    let mut put = Put::new(BUCKET, key, whole(bytes.to_vec()));
    put.protection = secret.map_or(Protection::Unsaid, Protection::Customer);
    let part = store.upload_part(&owner(), upload, number, put).await?;
    Ok(PartName { number, etag: part.etag, checksum: None })
}

async fn completed(store: &Storage, (key, id): (&str, &str), parts: &[PartName]) -> ObjectInfo {
    let conditions = &Conditions::default();
    let completion = Completion { parts, checksum: None, size: None, conditions, customer: None };
    let name = UploadName { bucket: BUCKET, key, id };
    store.complete_upload(&owner(), name, completion).await.unwrap()
}

#[tokio::test]
async fn a_customers_key_is_asked_for_everywhere() {
    let (_place, stores) = all().await;
    for store in &stores[..2] {
        let (right, wrong) = (customer(7), customer(8));
        put_as(store, "k", bytes(40_000), Protection::Customer(right.clone())).await;
        put_as(store, "plain", bytes(10), Protection::Unsaid).await;
        put_as(store, "own", bytes(10), Protection::S3).await;
        let none = Conditions::default();
        for (key, secret) in
            [("k", None), ("k", Some(&wrong)), ("plain", Some(&right)), ("own", Some(&right))]
        {
            let head = store.head(&owner(), at(key), &none, secret).await.unwrap_err();
            let get = read_as(store, key, None, secret).await.unwrap_err();
            for error in [head, get] {
                let fits = match (key, secret) {
                    ("k", None) => matches!(error, ObjectError::CustomerKeyNeeded),
                    ("k", Some(_)) => matches!(error, ObjectError::WrongCustomerKey),
                    _ => matches!(error, ObjectError::CustomerKeyNotApplicable),
                };
                assert!(fits, "{key}: {error:?}");
            }
        }
        let opened = store.open_parts(&owner(), at("k")).await;
        assert!(matches!(opened, Err(ObjectError::AccessDenied)), "a job has no key");
        assert_eq!(delete(store, "k").await, Deleted::default(), "to remove it takes none");
    }
}

#[tokio::test]
async fn parts_come_with_the_key_of_their_upload() {
    let (_place, stores) = all().await;
    for store in &stores[..2] {
        let upload = begun(store, "k", Protection::Customer(customer(7))).await;
        let place = ("k", upload.as_str());
        for (secret, needed) in [(None, true), (Some(customer(8)), false)] {
            let refused = part_as(store, place, 1, b"x", secret).await.unwrap_err();
            let fits = match refused {
                ObjectError::UploadKeyNeeded => needed,
                ObjectError::UploadKeyDiffers => !needed,
                _ => false,
            };
            assert!(fits, "{refused:?}");
        }
        let right = part_as(store, place, 1, b"x", Some(customer(7))).await.unwrap();
        let again = part_as(store, place, 1, b"x", Some(customer(7))).await.unwrap();
        assert_eq!(right, again, "a part that is sent again is the same");
        let wrong = customer(8);
        let conditions = &Conditions::default();
        let completion = Completion {
            parts: &[right],
            checksum: None,
            size: None,
            conditions,
            customer: Some(&wrong),
        };
        let name = UploadName { bucket: BUCKET, key: "k", id: &upload };
        let refused = store.complete_upload(&owner(), name, completion).await;
        assert!(matches!(refused, Err(ObjectError::UploadKeyDiffers)));
        let plain = begun(store, "p", Protection::Unsaid).await;
        let refused = part_as(store, ("p", &plain), 1, b"x", Some(customer(7))).await;
        assert!(matches!(refused, Err(ObjectError::UploadKeyNeeded)));
    }
}

#[tokio::test]
async fn an_object_of_sealed_parts_is_read_across_them() {
    let (_place, stores) = all().await;
    for store in &stores[..2] {
        for way in ways() {
            let data = bytes(5 * MIB + 70_000);
            let made = uploaded(store, "k", &data, way.clone()).await;
            assert!(made.etag.ends_with("-2"));
            let secret = key_of(&way);
            let edge = ByteRange::From(5 * MIB as u64 - 3, Some(5 * MIB as u64 + 2));
            let seam = read_as(store, "k", Some(edge), secret.as_ref()).await.unwrap();
            assert!(seam == data[5 * MIB - 3..5 * MIB + 3]);
            assert!(read_as(store, "k", None, secret.as_ref()).await.unwrap() == data);
        }
    }
}

#[tokio::test]
async fn a_copy_is_encrypted_as_it_is_asked_for_whatever_its_source_is() {
    let (_place, stores) = all().await;
    let me = owner();
    for store in &stores[..2] {
        for size in [10, 100_000] {
            for from in ways() {
                put_as(store, "from", bytes(size), from.clone()).await;
                for to in ways() {
                    let secret = key_of(&from);
                    let none = Conditions::default();
                    let source = CopySource {
                        owner: &me,
                        name: at("from"),
                        conditions: &none,
                        customer: secret.as_ref(),
                    };
                    let copy = Copy {
                        source,
                        target: (BUCKET, "to"),
                        conditions: &none,
                        headers: None,
                        tags: None,
                        acl: Acl::default(),
                        checksum: None,
                        protection: to.clone(),
                    };
                    let made = store.copy(&me, copy).await.unwrap();
                    let asked = put_as(store, "asked", bytes(size), to.clone()).await;
                    assert_eq!(made.encryption, asked.encryption, "{from:?} {to:?}");
                    if made.encryption.as_ref().is_none_or(Encryption::keeps_md5) {
                        assert_eq!(made.etag, asked.etag, "{from:?} {to:?}");
                    }
                    let secret = key_of(&to);
                    let read = read_as(store, "to", None, secret.as_ref()).await.unwrap();
                    assert!(read == bytes(size), "{from:?} {to:?}");
                }
            }
        }
        store.sweep().await.unwrap();
    }
}

#[tokio::test]
async fn sealed_copies_share_their_blob_and_outlive_each_other() {
    let (place, stores) = all().await;
    let store = &stores[1];
    put_as(store, "from", bytes(100_000), Protection::S3).await;
    copy_to(store, "to", Protection::by_key("mine")).await;
    assert_eq!(files(place.path()), 1);
    delete(store, "from").await;
    store.sweep().await.unwrap();
    assert!(get(store, "to", None).await.unwrap() == bytes(100_000));
}

async fn copy_to(store: &Storage, to: &str, protection: Protection) -> ObjectInfo {
    let (me, none) = (owner(), Conditions::default());
    let source = CopySource { owner: &me, name: at("from"), conditions: &none, customer: None };
    let copy = Copy {
        source,
        target: (BUCKET, to),
        conditions: &none,
        headers: None,
        tags: None,
        acl: Acl::default(),
        checksum: Some("sha256".to_owned()),
        protection,
    };
    store.copy(&me, copy).await.unwrap()
}

#[tokio::test]
async fn a_copied_part_is_sealed_with_its_uploads_key() {
    let (place, stores) = all().await;
    let (store, me) = (&stores[1], owner());
    for from in ways() {
        for to in ways() {
            put_as(store, "from", canaries(6 * MIB), from.clone()).await;
            let upload = begun(store, "to", to.clone()).await;
            let (secret, none) = (key_of(&from), Conditions::default());
            let source = CopySource {
                owner: &me,
                name: at("from"),
                conditions: &none,
                customer: secret.as_ref(),
            };
            let target = UploadName { bucket: BUCKET, key: "to", id: &upload };
            let (range, key) = (Some((100, 6 * MIB as u64 - 1)), key_of(&to));
            let copied = store.upload_part_copy(&me, source, range, target, 1, key.as_ref()).await;
            let part = PartName { number: 1, etag: copied.unwrap().etag, checksum: None };
            completed(store, ("to", &upload), &[part]).await;
            let read = read_as(store, "to", None, key.as_ref()).await.unwrap();
            assert!(read == canaries(6 * MIB)[100..], "{from:?} {to:?}");
            if !matches!(to, Protection::Unsaid) {
                delete(store, "from").await;
                store.sweep().await.unwrap();
                assert!(!is_found(CANARY, &place.path().join("blobs")), "{from:?} {to:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_bucket_says_what_happens_where_nothing_is_asked() {
    let (_place, stores) = all().await;
    let store = &stores[1];
    let set = async |default: Option<DefaultEncryption>| {
        let change = SettingsChange::Encryption(default);
        store.change_bucket(&owner(), BUCKET, change).await.unwrap();
    };
    set(Some(DefaultEncryption { kms: true, key: Some("mine".to_owned()), bucket_key: true }))
        .await;
    let made = put_as(store, "k", bytes(10), Protection::Unsaid).await;
    let key = "arn:aws:kms:eu-west-1:111122223333:key/mine".to_owned();
    assert_eq!(made.encryption, Some(Encryption::Kms { key, bucket_key: true, context: None }));
    let upload = begun(store, "u", Protection::Unsaid).await;
    let part = part_as(store, ("u", &upload), 1, b"x", None).await.unwrap();
    assert_eq!(told(&completed(store, ("u", &upload), &[part]).await), "kms");
    put_as(store, "from", bytes(10), Protection::S3).await;
    assert_eq!(told(&copy_to(store, "copy", Protection::Unsaid).await), "kms");
    assert_eq!(told(&put_as(store, "k", bytes(10), Protection::S3).await), "s3");
    set(None).await;
    assert_eq!(told(&put_as(store, "k", bytes(10), Protection::Unsaid).await), "plain");
    assert_eq!(told(&put_as(&stores[3], "k", bytes(10), Protection::Unsaid).await), "s3");
}

#[tokio::test]
async fn jobs_read_sealed_objects_in_place() {
    let (_place, stores) = all().await;
    for store in &stores[..2] {
        for way in &ways()[1..4] {
            put_as(store, "small", canaries(500), way.clone()).await;
            uploaded(store, "large", &canaries(5 * MIB + 9), way.clone()).await;
            for (key, size) in [("small", 500), ("large", 5 * MIB + 9)] {
                let (_, parts) = store.open_parts(&owner(), at(key)).await.unwrap();
                assert!(parts.iter().all(|part| matches!(part, Part::Sealed { .. })));
                let mut read = Vec::new();
                PartReader::new(parts).read_to_end(&mut read).unwrap();
                assert!(read == canaries(size));
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_was_opened_again_reads_what_it_encrypted() {
    let place = tempfile::tempdir().unwrap();
    let store = on_disk(place.path(), false).await;
    store.create_bucket(&owner(), BUCKET).await.unwrap();
    for (n, way) in ways().into_iter().enumerate() {
        put_as(&store, &n.to_string(), bytes(70_000), way).await;
    }
    drop(store);
    let store = on_disk(place.path(), false).await;
    for (n, way) in ways().into_iter().enumerate() {
        let read = read_as(&store, &n.to_string(), None, key_of(&way).as_ref()).await;
        assert!(read.unwrap() == bytes(70_000));
    }
}

#[tokio::test]
async fn a_damaged_blob_is_an_error_and_never_other_bytes() {
    let place = tempfile::tempdir().unwrap();
    let store = on_disk(place.path(), true).await;
    store.create_bucket(&owner(), BUCKET).await.unwrap();
    put(&store, "k", bytes(300_000)).await;
    let shards = fs::read_dir(place.path().join("blobs")).unwrap();
    let mut blobs = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
    let blob = blobs.next().unwrap().unwrap().path();
    let mut sealed = fs::read(&blob).unwrap();
    sealed[200_000] ^= 1;
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, sealed).unwrap();
    assert!(read_as(&store, "k", None, None).await.is_err());
    let clean = ByteRange::From(0, Some(65_535));
    assert!(read_as(&store, "k", Some(clean), None).await.unwrap() == bytes(65_536));
}

#[tokio::test]
async fn an_encrypted_objects_checksum_is_that_of_its_plain_bytes() {
    let (_place, stores) = all().await;
    let crc32 = Checksums { algorithm: Some("crc32".to_owned()), ..Checksums::default() };
    for size in [10, 200_000] {
        let mut values = Vec::new();
        for protection in ways() {
            let put = Put::new(BUCKET, "k", whole(bytes(size)));
            let put = Put { checksums: crc32.clone(), protection, ..put };
            values.push(stores[1].put(&owner(), put).await.unwrap().checksums.value);
        }
        assert!(values.iter().all(|value| value.is_some() && *value == values[0]));
    }
}

#[tokio::test]
async fn a_bucket_says_how_it_encrypts_as_its_owner_or_else_the_store_would_have_it() {
    let (_place, stores) = all().await;
    let by_s3 = DefaultEncryption { kms: false, key: None, bucket_key: false };
    let by_key = DefaultEncryption { kms: true, key: None, bucket_key: true };
    for (store, unsaid) in stores.iter().zip([None, None, Some(&by_s3), Some(&by_s3)]) {
        let told = async || store.default_encryption(&owner(), BUCKET).await.unwrap();
        assert_eq!(told().await.as_ref(), unsaid);
        for (set, wanted) in [(Some(by_key.clone()), Some(&by_key)), (None, unsaid)] {
            let change = SettingsChange::Encryption(set);
            store.change_bucket(&owner(), BUCKET, change).await.unwrap();
            assert_eq!(told().await.as_ref(), wanted);
        }
    }
}
