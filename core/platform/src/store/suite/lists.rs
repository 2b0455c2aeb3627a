//! What a list promises: its filters, its order, and pages that neither repeat nor skip.

use types::{Id, Owner, Timestamp};

use super::{KIND, a_tick, create, create_as, created, key, owner, state, stored, update};
use crate::store::{Key, Page, Query, Record, SortBy, Store, Write};

pub(super) async fn run<S: Store, F: AsyncFn() -> S>(fresh: &F) {
    a_list_is_of_one_owner_and_kind(fresh().await).await;
    every_sort_and_direction_orders_the_list(fresh().await).await;
    pages_neither_repeat_nor_skip(fresh().await).await;
    pages_hold_where_all_values_are_equal(fresh().await).await;
    what_comes_and_goes_between_pages_disturbs_no_other(fresh().await).await;
    filters_choose_by_name_status_and_parent(fresh().await).await;
    bounds_on_times_are_exclusive(fresh().await).await;
    a_token_that_the_store_did_not_write_is_an_empty_page(fresh().await).await;
}

const SORTS: [SortBy; 4] = [SortBy::Name, SortBy::Created, SortBy::Modified, SortBy::Status];

fn all() -> Query {
    Query::all(&owner(), KIND)
}

fn names(page: &Page) -> Vec<&str> {
    page.records.iter().map(|record| record.key.name.as_str()).collect()
}

async fn listed(store: &impl Store, query: Query) -> Vec<String> {
    let page = store.list(&query).await.unwrap();
    names(&page).into_iter().map(str::to_owned).collect()
}

async fn paged(store: &impl Store, mut query: Query) -> Vec<Record> {
    let mut records = Vec::new();
    loop {
        let page = store.list(&query).await.unwrap();
        assert!(page.records.len() <= query.limit);
        records.extend(page.records);
        query.after = page.next;
        if query.after.is_none() {
            return records;
        }
    }
}

/// Names, creation, last write and status each give another order.
async fn mixed(store: &impl Store) {
    for (name, status) in [("b", "Stopped"), ("d", "Failed"), ("a", "Failed"), ("c", "Completed")] {
        store.commit(vec![create_as(name, state(status))]).await.unwrap();
        a_tick().await;
    }
    for name in ["d", "b"] {
        let record = stored(store, name).await;
        store.commit(vec![update(&record, &record.status)]).await.unwrap();
        a_tick().await;
    }
}

async fn a_list_is_of_one_owner_and_kind(store: impl Store) {
    let strangers = [
        Key::new(&Owner::new("210987654321", "us-east-1", "x"), KIND, "x"),
        Key::new(&Owner::new("123456789012", "eu-west-1", "x"), KIND, "x"),
        Key::new(&owner(), "model", "x"),
    ];
    for key in strangers {
        let (id, arn, owner, state) = (Id::random(), String::new(), owner(), state("Failed"));
        let write = Write::Create { id, key, arn, owner, parent: None, state };
        store.commit(vec![write]).await.unwrap();
    }
    assert_eq!(listed(&store, all()).await, [""; 0]);
    store.commit(vec![create("a")]).await.unwrap();
    assert_eq!(listed(&store, all()).await, ["a"]);
}

async fn every_sort_and_direction_orders_the_list(store: impl Store) {
    mixed(&store).await;
    let ascending = [
        (SortBy::Name, ["a", "b", "c", "d"]),
        (SortBy::Created, ["b", "d", "a", "c"]),
        (SortBy::Modified, ["a", "c", "d", "b"]),
        (SortBy::Status, ["c", "a", "d", "b"]),
    ];
    for (sort_by, mut expected) in ascending {
        let query = |descending| Query { sort_by, descending, ..all() };
        assert_eq!(listed(&store, query(false)).await, expected, "{sort_by:?}");
        expected.reverse();
        assert_eq!(listed(&store, query(true)).await, expected, "{sort_by:?} descending");
    }
}

async fn pages_neither_repeat_nor_skip(store: impl Store) {
    mixed(&store).await;
    for sort_by in SORTS {
        for descending in [false, true] {
            let whole = Query { sort_by, descending, ..all() };
            let expected = store.list(&whole).await.unwrap();
            assert_eq!(expected.next, None);
            for limit in 1..=5 {
                let pages = paged(&store, Query { limit, ..whole.clone() }).await;
                assert_eq!(pages, expected.records, "{sort_by:?} by {limit}");
            }
        }
    }
}

async fn pages_hold_where_all_values_are_equal(store: impl Store) {
    let writes = (0..7).map(|n| create(&format!("n{n}"))).collect();
    store.commit(writes).await.unwrap();
    for sort_by in SORTS {
        for descending in [false, true] {
            let pages = paged(&store, Query { sort_by, descending, limit: 2, ..all() }).await;
            let mut expected: Vec<_> = (0..7).map(|n| format!("n{n}")).collect();
            if descending {
                expected.reverse();
            }
            let names: Vec<_> = pages.into_iter().map(|record| record.key.name).collect();
            assert_eq!(names, expected, "{sort_by:?}");
        }
    }
}

async fn what_comes_and_goes_between_pages_disturbs_no_other(store: impl Store) {
    store.commit(["a", "b", "d", "e"].map(create).to_vec()).await.unwrap();
    let query = Query { sort_by: SortBy::Name, descending: false, limit: 2, ..all() };
    let first = store.list(&query).await.unwrap();
    assert_eq!(names(&first), ["a", "b"]);

    let gone = stored(&store, "b").await;
    store.commit(vec![super::delete(&gone), create("c"), create("A")]).await.unwrap();
    let second = store.list(&Query { after: first.next, ..query.clone() }).await.unwrap();
    assert_eq!(names(&second), ["c", "d"]);
    let third = store.list(&Query { after: second.next, ..query }).await.unwrap();
    assert_eq!((names(&third), &third.next), (vec!["e"], &None));
}

async fn filters_choose_by_name_status_and_parent(store: impl Store) {
    let child = |name: &str, parent: &str| {
        let (id, key, arn) = (Id::random(), key(name), super::arn(name));
        let (parent, state) = (Some(parent.to_owned()), state("InProgress"));
        Write::Create { id, key, arn, owner: owner(), parent, state }
    };
    let writes = vec![
        create_as("churn-1", state("Failed")),
        child("churn-2", "tuning"),
        child("100%_sure", "tuning"),
        child("Churn-3", "other"),
    ];
    store.commit(writes).await.unwrap();
    let by_name = Query { sort_by: SortBy::Name, descending: false, ..all() };

    let name = |part: &str| Query { name_contains: Some(part.into()), ..by_name.clone() };
    assert_eq!(listed(&store, name("hurn-")).await, ["Churn-3", "churn-1", "churn-2"]);
    assert_eq!(listed(&store, name("churn")).await, ["churn-1", "churn-2"]);
    assert_eq!(listed(&store, name("%_")).await, ["100%_sure"]);
    assert_eq!(listed(&store, name("_%")).await, [""; 0]);
    let status = Query { status: Some("Failed".into()), ..by_name.clone() };
    assert_eq!(listed(&store, status).await, ["churn-1"]);
    let parent = Query { parent: Some("tuning".into()), ..by_name.clone() };
    assert_eq!(listed(&store, parent.clone()).await, ["100%_sure", "churn-2"]);
    let both = Query { name_contains: Some("churn".into()), ..parent };
    assert_eq!(listed(&store, both).await, ["churn-2"]);
}

async fn bounds_on_times_are_exclusive(store: impl Store) {
    let mut times = Vec::new();
    for name in ["a", "b", "c"] {
        times.push(created(&store, create(name)).await.created);
        a_tick().await;
    }
    let record = stored(&store, "a").await;
    store.commit(vec![update(&record, "Completed")]).await.unwrap();
    let last = stored(&store, "a").await.modified;
    let by_name = Query { sort_by: SortBy::Name, descending: false, ..all() };

    let created_after = Query { created_after: Some(times[0]), ..by_name.clone() };
    assert_eq!(listed(&store, created_after).await, ["b", "c"]);
    let created_before = Query { created_before: Some(times[2]), ..by_name.clone() };
    assert_eq!(listed(&store, created_before).await, ["a", "b"]);
    let modified_after = Query { modified_after: Some(times[1]), ..by_name.clone() };
    assert_eq!(listed(&store, modified_after).await, ["a", "c"]);
    let modified_before = Query { modified_before: Some(last), ..by_name.clone() };
    assert_eq!(listed(&store, modified_before).await, ["b", "c"]);
    let none = Query { created_after: Some(Timestamp::now()), ..by_name };
    assert_eq!(listed(&store, none).await, [""; 0]);
}

async fn a_token_that_the_store_did_not_write_is_an_empty_page(store: impl Store) {
    store.commit(["a", "b", "c"].map(create).to_vec()).await.unwrap();
    let first = store.list(&Query { limit: 1, ..all() }).await.unwrap();
    let cut = first.next.clone().map(|token| token[..token.len() - 1].to_owned());
    let strangers = [Some(String::new()), Some("a".into()), Some("{}".into()), cut];
    for after in strangers {
        let page = store.list(&Query { after, ..all() }).await.unwrap();
        assert_eq!((page.records, page.next), (vec![], None));
    }
    let of_another_order = Query { after: first.next, descending: false, ..all() };
    assert_eq!(listed(&store, of_another_order).await, [""; 0]);
}
