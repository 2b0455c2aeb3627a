//! Pages of uploads.

use super::{BUCKET, upload, with_bucket};
use crate::objects::{ListUploads, UploadListing, index::ObjectIndex};

pub(super) async fn all<I: ObjectIndex>(fresh: &impl AsyncFn() -> I) {
    pages_of_any_size_show_every_upload_once(&fresh().await).await;
}

fn shown(page: &UploadListing) -> Vec<String> {
    let ids = page.uploads.iter().map(|upload| upload.id.clone());
    ids.chain(page.prefixes.iter().cloned()).collect()
}

async fn pages_of_any_size_show_every_upload_once(index: &dyn ObjectIndex) {
    with_bucket(index).await;
    let begun = [("a", "z", 1), ("a", "y", 2), ("b/1", "x", 3), ("b/2", "w", 4), ("c", "v", 5)];
    for (key, id, created) in begun {
        index.create_upload(BUCKET, upload(key, id, created)).await.expect("begun");
    }
    for limit in 1..6 {
        let mut seen = Vec::new();
        let mut list = ListUploads {
            bucket: BUCKET.to_owned(),
            delimiter: Some("/".to_owned()),
            limit,
            ..ListUploads::default()
        };
        loop {
            let page = index.uploads(&list).await.expect("listed");
            assert!(page.uploads.len() + page.prefixes.len() <= limit);
            seen.extend(shown(&page));
            if !page.truncated {
                break;
            }
            list.after = page.last;
        }
        seen.sort_unstable();
        assert_eq!(seen, ["b/", "v", "y", "z"], "{limit} a page");
    }
    let list = ListUploads {
        bucket: BUCKET.to_owned(),
        after: Some(("a".to_owned(), None)),
        limit: 9,
        ..ListUploads::default()
    };
    assert_eq!(shown(&index.uploads(&list).await.expect("listed")), ["x", "w", "v"]);
}
