//! The vault: what opens what, and what does not.

use platform::objects::keys::memory::MemoryShelf;

use super::*;

const PLACE: Place<'_> =
    Place { account: "111122223333", region: "eu-west-1", bucket: "data", key: "a/b.csv" };

fn master(byte: u8) -> Secret {
    Secret::from_bytes([byte; 32])
}

async fn vault() -> Vault {
    Vault::open(Arc::new(MemoryShelf::default()), master(1)).await.unwrap()
}

fn named(key: Option<&str>, context: Option<&str>) -> Method {
    let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
    Method::Named { key: owned(key), bucket_key: false, context: owned(context) }
}

/// What a data key seals, to tell two apart.
fn mark(data: &Secret) -> platform::sealed::BlobKey {
    data.of_inline()
}

#[tokio::test]
async fn a_data_key_opens_where_it_belongs_and_nowhere_else() {
    let vault = vault().await;
    for method in [Method::Own, named(None, None), named(Some("alias/x"), Some(r#"{"a":"b"}"#))] {
        let Sealing { seal, data } = vault.new_data_key(PLACE, method).await.unwrap();
        let opened = vault.unwrap(PLACE, &seal, None).await.unwrap();
        assert_eq!(mark(&opened), mark(&data));
        let elsewhere = Place { key: "a/c.csv", ..PLACE };
        assert!(vault.unwrap(elsewhere, &seal, None).await.is_err());
        let unwanted = vault.unwrap(PLACE, &seal, Some(&master(9))).await.unwrap_err();
        assert!(matches!(unwanted, ObjectError::CustomerKeyNotApplicable));
        if let Encryption::Kms { key, bucket_key, context: Some(_) } = &seal.encryption {
            let (key, bucket_key) = (key.clone(), *bucket_key);
            let encryption = Encryption::Kms { key, bucket_key, context: None };
            let stripped = Seal { encryption, ..seal.clone() };
            assert!(vault.unwrap(PLACE, &stripped, None).await.is_err(), "the context is bound");
        }
    }
}

#[tokio::test]
async fn a_customers_key_is_needed_and_must_be_the_right_one() {
    let vault = vault().await;
    let sealing = vault.new_data_key(PLACE, Method::Customer(master(7))).await.unwrap();
    let opened = |key: Option<Secret>| {
        let (vault, seal) = (&vault, &sealing.seal);
        async move { vault.unwrap(PLACE, seal, key.as_ref()).await }
    };
    assert_eq!(mark(&opened(Some(master(7))).await.unwrap()), mark(&sealing.data));
    assert!(matches!(opened(Some(master(8))).await, Err(ObjectError::WrongCustomerKey)));
    assert!(matches!(opened(None).await, Err(ObjectError::CustomerKeyNeeded)));
}

#[tokio::test]
async fn keys_are_made_once_and_outlive_a_restart() {
    let shelf = Arc::new(MemoryShelf::default());
    assert!(Vault::is_new(&*shelf).await.unwrap());
    let first = Vault::open(shelf.clone(), master(1)).await.unwrap();
    assert!(!Vault::is_new(&*shelf).await.unwrap());
    let arn = |sealing: &Sealing| match &sealing.seal.encryption {
        Encryption::Kms { key, .. } => key.clone(),
        other => panic!("{other:?}"),
    };
    let by_alias = first.new_data_key(PLACE, named(Some("alias/x"), None)).await.unwrap();
    let own = first.new_data_key(PLACE, Method::Own).await.unwrap();
    let second = Vault::open(shelf, master(1)).await.unwrap();
    for sealing in [&by_alias, &own] {
        let opened = second.unwrap(PLACE, &sealing.seal, None).await.unwrap();
        assert_eq!(mark(&opened), mark(&sealing.data));
    }
    let by_arn = second.new_data_key(PLACE, named(Some(&arn(&by_alias)), None)).await.unwrap();
    assert_eq!(arn(&by_arn), arn(&by_alias));
    let other = Place { account: "999999999999", ..PLACE };
    let others = second.new_data_key(other, named(Some("alias/x"), None)).await.unwrap();
    assert_ne!(arn(&others), arn(&by_alias));
}

#[tokio::test]
async fn another_master_key_is_noticed_at_once() {
    let shelf = Arc::new(MemoryShelf::default());
    Vault::open(shelf.clone(), master(1)).await.unwrap();
    assert!(matches!(Vault::open(shelf, master(2)).await, Err(VaultError::WrongMaster)));
}

#[tokio::test]
async fn a_data_key_can_be_carried_over_to_another_place() {
    let vault = vault().await;
    let source = vault.new_data_key(PLACE, Method::Own).await.unwrap();
    let data = vault.unwrap(PLACE, &source.seal, None).await.unwrap();
    let target = Place { bucket: "other", ..PLACE };
    let copied = vault.wrap(target, named(None, None), data).await.unwrap();
    let opened = vault.unwrap(target, &copied.seal, None).await.unwrap();
    assert_eq!(mark(&opened), mark(&source.data));
}
