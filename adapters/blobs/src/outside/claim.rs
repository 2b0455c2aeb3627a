//! `PREFIX/OWNER`: the object that says which data folder's blobs these are.
//!
//! A sweeper removes what its index does not name. So a second server under the same prefix, or an
//! index that came to the wrong bucket by a typing error, would remove everything: before anything
//! else the owner is asked for. The first requests also show what is wrong with address and
//! credentials, while there is somebody to tell.

use futures_util::TryStreamExt as _;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _, PutMode, path::Path};
use types::Id;

use super::Store;
use crate::{begun::Begun, error::OpenError, place::Address};

/// The object below the prefix.
const MARKER: &str = "OWNER";

/// Makes sure that the place is ours, or makes it ours if nothing was stored yet.
pub(super) async fn claim(
    store: &Store,
    address: &Address,
    begun: &Begun,
) -> Result<(), OpenError> {
    let failed = |error| OpenError::of(address, error);
    let marker = store.root.clone().join(MARKER);
    let mut owner = owner(store, &marker).await.map_err(failed)?;
    // A list tells a missing bucket from a missing object, which a get does not.
    let listed = store.objects.list(Some(&store.blobs)).try_next().await;
    listed.map_err(|error| OpenError::unlisted(address, error))?;
    if owner.is_none() && begun.fresh {
        mark(store, &marker, begun.owner).await.map_err(failed)?;
        owner = self::owner(store, &marker).await.map_err(failed)?;
    }
    let (address, marker) = (Box::new(address.clone()), marker.to_string());
    match owner {
        Some(owner) if owner == begun.owner.to_string() => Ok(()),
        Some(_) => Err(OpenError::Foreign { address, marker }),
        None => Err(OpenError::Elsewhere { address, begun: begun.place.clone(), marker }),
    }
}

async fn owner(store: &Store, marker: &Path) -> object_store::Result<Option<String>> {
    let text = match store.objects.get(marker).await {
        Ok(object) => object.bytes().await?,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(String::from_utf8_lossy(&text).trim().to_owned()))
}

/// Where two come at once, one of them stays.
async fn mark(store: &Store, marker: &Path, owner: Id) -> object_store::Result<()> {
    let text = format!("{owner}\n");
    match store.objects.put_opts(marker, text.into(), PutMode::Create.into()).await {
        Ok(_) | Err(Error::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;
    use crate::{outside::journal::Journal, place::Place};

    fn address() -> Address {
        match "s3://b/p".parse().unwrap() {
            Place::Outside(address) => address,
            Place::Folder => panic!("an outside store"),
        }
    }

    fn begun(fresh: bool) -> Begun {
        Begun { place: "s3://b/p".to_owned(), owner: Id::random(), fresh }
    }

    fn store() -> (Store, tempfile::TempDir) {
        let data = tempfile::tempdir().unwrap();
        let journal = Journal::open(data.path()).unwrap();
        (Store::new(InMemory::new(), Path::from("p"), journal), data)
    }

    #[tokio::test]
    async fn the_first_data_folder_has_the_place_for_good() {
        let (store, _data) = store();
        let first = begun(true);
        claim(&store, &address(), &first).await.unwrap();
        claim(&store, &address(), &first).await.unwrap();
        claim(&store, &address(), &Begun { fresh: false, ..first }).await.unwrap();
        for second in [begun(true), begun(false)] {
            let refused = claim(&store, &address(), &second).await.unwrap_err();
            assert!(matches!(&refused, OpenError::Foreign { .. }));
            assert!(refused.to_string().contains("p/OWNER"), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_data_folder_with_objects_does_not_take_an_empty_place_for_its_own() {
        let (store, _data) = store();
        let refused = claim(&store, &address(), &begun(false)).await.unwrap_err();
        assert!(matches!(refused, OpenError::Elsewhere { .. }));
        assert!(owner(&store, &Path::from("p/OWNER")).await.unwrap().is_none());
    }
}
